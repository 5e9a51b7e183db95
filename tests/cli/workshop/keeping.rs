//! Runs that keep a checkpoint, are killed, and go on.

use std::fs;
use std::process::{Child, Command};

use super::{Outcome, Workshop};

/// Flags with which every step is kept.
pub const KEEP: [&str; 2] = ["--checkpoint=run.checkpoint", "--checkpoint-every=1"];

/// A run that paints `out.png`, by its command without [`KEEP`].
pub struct Kept<'a> {
    pub workshop: &'a Workshop,
    pub run: &'a [&'a str],
}

impl Kept<'_> {
    /// Makes the run in one go and reads what it painted.
    pub fn whole(&self) -> Vec<u8> {
        self.workshop.succeed(self.run);
        self.workshop.read("out.png")
    }

    fn begin(&self, step: usize) -> Child {
        self.workshop.begin(&[self.run, &KEEP].concat(), step)
    }

    /// Goes on and reads what was painted.
    pub fn resume(&self) -> Vec<u8> {
        self.workshop
            .succeed(&[self.run[0], "--resume=run.checkpoint"]);
        self.workshop.read("out.png")
    }

    /// Kills the run of so many `steps` at each of `cuts`, or soon after, and expects that it goes on as if nothing had
    /// been.
    pub fn assert_goes_on_after_kills(&self, steps: usize, cuts: &[usize]) {
        let picture = self.whole();
        for cut in cuts {
            let mut child = self.begin(*cut);
            child.kill().unwrap();
            child.wait().unwrap();
            fs::remove_file(self.workshop.path("out.png")).unwrap();
            assert!(self.resume() == picture, "killed after {cut}");
            let checkpoint = self.workshop.checkpoint("run.checkpoint");
            assert_eq!(checkpoint.standing.step, steps);
            assert_eq!(checkpoint.position.is_finished, Some(true));
            // What is finished gives its picture again, and may be replaced.
            fs::remove_file(self.workshop.path("out.png")).unwrap();
            assert!(self.resume() == picture);
        }
    }

    /// Presses Ctrl-C after `step`, or soon after, and expects these `words`.
    pub fn assert_says_how_to_go_on(&self, step: usize, words: &str) {
        let child = self.begin(step);
        let id = child.id().to_string();
        let status = Command::new("kill").args(["-INT", &id]).status();
        assert!(status.unwrap().success());
        let outcome = Outcome::of(child.wait_with_output().unwrap(), self.run);
        let advice = "`--resume run.checkpoint` goes on from step";
        outcome.refused(130, &[words, advice]);
    }
}
