//! Runs that are killed (SIGKILL, as a power cut or the system's own out-of-memory killer) at random
//! moments, gone on with, and killed again: nothing on disk is ever torn, and the picture in the end is that
//! of a run in one go.
#![cfg(unix)]

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::workshop::Workshop;
use sha2::{Digest, Sha256};

/// Kills in a row before a run may end in peace.
const IN_A_ROW: usize = 4;

struct Run {
    workshop: Workshop,
    flags: Vec<&'static str>,
    /// What an uninterrupted run took.
    seconds: f64,
    picture: Vec<u8>,
    rows: Vec<String>,
    /// State of the random numbers.
    random: u64,
    /// The step of the last checkpoint that was looked at.
    step: usize,
    /// Kills that hit a run between its first step and its last.
    mid_run: usize,
}

impl Run {
    /// Paints once without a disturbance.
    fn new(more: &[&'static str]) -> Self {
        let workshop = Workshop::in_memory();
        workshop.paint("content.png", 80, 64, 0);
        workshop.paint("style.png", 72, 66, 1);
        let flags = "style content.png --style style.png -o out.png --trace t.csv --save-every 3 \
            --checkpoint run.checkpoint --checkpoint-every 1 --iterations 60 -q";
        let mut flags: Vec<&str> = flags.split_whitespace().collect();
        flags.extend(more);
        // Once for the cache of compiled kernels, once for the time.
        workshop.succeed(&flags);
        fs::remove_file(workshop.path("run.checkpoint")).unwrap();
        let started = Instant::now();
        workshop.succeed(&flags);
        let seconds = started.elapsed().as_secs_f64();
        let picture = workshop.read("out.png");
        let rows = rows(&workshop);
        Self {
            workshop,
            flags,
            seconds,
            picture,
            rows,
            // Another sequence for every kind of run.
            random: 0x9e37_79b9_7f4a_7c15 ^ (more.len() as u64) << 32,
            step: 0,
            mid_run: 0,
        }
    }

    /// A number in 0..1 (xorshift).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Kills a run and its continuations `kills` times, lets it end, and looks at what is there.
    fn endure(&mut self, kills: usize) {
        self.step = 0;
        for name in self.workshop.names() {
            if name.starts_with("out") || name == "run.checkpoint" || name == "t.csv" {
                fs::remove_file(self.workshop.path(&name)).unwrap();
            }
        }
        for _ in 0..kills {
            let moment = Duration::from_secs_f64(self.seconds * self.random());
            let mut child = self.command().stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment);
            child.kill().unwrap();
            child.wait().unwrap();
            self.look(moment);
        }
        let output = self.command().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(self.workshop.read("out.png") == self.picture);
        assert_eq!(rows(&self.workshop), self.rows);
        for name in ["run.checkpoint", "out.png"] {
            let name = Sha256::digest(name.as_bytes());
            let start = format!(".impasto-{:02x}{:02x}", name[0], name[1]);
            let left = |name: &String| name.starts_with(&start);
            assert!(!self.workshop.names().iter().any(left));
        }
    }

    /// The run from its checkpoint, or from the start if there is none yet.
    fn command(&self) -> std::process::Command {
        match self.workshop.path("run.checkpoint").exists() {
            true => self
                .workshop
                .command(&["style", "--resume", "run.checkpoint", "-q"]),
            false => self.workshop.command(&self.flags),
        }
    }

    /// Whatever is there is whole.
    fn look(&mut self, moment: Duration) {
        for name in self.workshop.names() {
            if name.ends_with(".png") && !name.starts_with('.') {
                self.workshop.picture(&name);
            }
        }
        if self.workshop.path("run.checkpoint").exists() {
            let step = self.workshop.checkpoint("run.checkpoint").standing.step;
            println!("killed after {moment:.1?}, the checkpoint is of step {step}");
            assert!(step >= self.step, "step {} was lost", self.step);
            self.mid_run += usize::from(step > self.step && step + 1 < self.rows.len());
            self.step = step;
        }
    }
}

/// The trace without its seconds.
fn rows(workshop: &Workshop) -> Vec<String> {
    let text = String::from_utf8(workshop.read("t.csv")).unwrap();
    let without_seconds = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(1);
        cells.join(",")
    };
    text.lines().map(without_seconds).collect()
}

fn kill(kills: usize, layers: &[&'static str]) {
    let (mut done, mut mid_run) = (0, 0);
    for (optimiser, share) in [
        (&["--optimizer", "adam"][..], kills / 2),
        (&["--history", "3", "--finish", "30"], kills),
    ] {
        let mut run = Run::new(&[optimiser, layers].concat());
        while done < share {
            let more = IN_A_ROW.min(share - done);
            run.endure(more);
            done += more;
        }
        mid_run += run.mid_run;
    }
    println!("{done} kills, {mid_run} of them after a first step and before the last");
    assert!(mid_run > 0, "no kill hit a run on its way");
}

/// Layers near the picture save time before the first step, so that more kills hit the steps.
const NEAR: [&str; 4] = ["--style-layer", "relu2_1", "--content-layer", "relu2_1"];

#[test]
fn eight_kills_lose_nothing() {
    kill(8, &NEAR);
}

/// Run with `cargo test --release --test cli kill:: -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn fifty_kills_lose_nothing() {
    kill(50, &NEAR);
}

/// The same on the whole recipe.
#[test]
#[ignore = "takes more than half an hour on two slow cores"]
fn fifty_kills_of_the_whole_recipe_lose_nothing() {
    kill(50, &[]);
}
