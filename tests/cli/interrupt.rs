//! Ctrl-C while `impasto style` paints.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::workshop::{Outcome, Workshop};

const STYLE: [&str; 9] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--recipe=gatys",
    "--style-layer=relu2_1",
    "--content-layer=relu2_1",
];

fn start(workshop: &Workshop, flags: &[&str]) -> Child {
    let endless = ["--iterations", "1000000", "--trace", "t.csv"];
    workshop
        .command(&[&STYLE[..], &endless, flags].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until(child: &mut Child, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        if started.elapsed() > Duration::from_secs(60) || child.try_wait().unwrap().is_some() {
            let _ = child.kill();
            panic!("the run ended or took too long before {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(status.success());
}

fn paint_and_stop(workshop: &Workshop, signal: &str) -> Outcome {
    let mut child = start(workshop, &[]);
    let path = workshop.path("t.csv");
    wait_until(&mut child, "its third step", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.lines().count() > 3)
    });
    send(signal, &child);
    Outcome::of(child.wait_with_output().unwrap(), &STYLE)
}

#[test]
fn what_was_painted_so_far_is_saved_whole() {
    // A terminal that is closed sends the last one.
    for signal in ["-INT", "-TERM", "-HUP"] {
        if signal == "-HUP" && hang_up_is_ignored() {
            println!("skipped: these tests run under nohup, and so do the runs that they start");
            continue;
        }
        let workshop = Workshop::with_pictures();
        workshop.write("out.png", b"what was here before");
        let [content, style] = ["content.png", "style.png"].map(|name| workshop.read(name));
        let outcome = paint_and_stop(&workshop, signal);
        outcome.refused(130, &["interrupted after step", "`out.png`", "saved"]);
        let picture = workshop.picture("out.png");
        assert_eq!((picture.width, picture.height), (40, 32));
        assert!(picture.rgb != workshop.picture("content.png").rgb);
        let trace = String::from_utf8(workshop.read("t.csv")).unwrap();
        assert!(trace.ends_with('\n'), "{trace}");
        let steps = trace.lines().count() - 1;
        let said = format!("after step {steps};");
        assert!(outcome.stderr.contains(&said), "{steps} rows, {outcome:?}");
        assert!(workshop.read("content.png") == content);
        assert!(workshop.read("style.png") == style);
        assert_eq!(
            workshop.names(),
            ["content.png", "out.png", "style.png", "t.csv"]
        );
    }
}

/// Whether SIGHUP, the signal of number 1, is among those that Linux says this process ignores.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.unwrap_or(0) & 1 == 1
}

/// The step that the last sentence names after `before`.
fn step_after(outcome: &Outcome, before: &str) -> usize {
    let rest = outcome.stderr.rsplit(before).next().unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no step in {outcome:?}"))
}

/// Though the next checkpoint would be due only in an hour.
#[test]
fn an_interrupted_run_goes_on_from_the_step_it_stopped_at() {
    let workshop = Workshop::with_pictures();
    let keep = ["--checkpoint", "run.checkpoint", "--checkpoint-every", "1h"];
    let mut child = start(&workshop, &keep);
    let path = workshop.path("t.csv");
    wait_until(&mut child, "its third step", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.lines().count() > 3)
    });
    send("-INT", &child);
    let outcome = Outcome::of(child.wait_with_output().unwrap(), &STYLE);
    outcome.refused(130, &["`out.png` is saved", "`--resume run.checkpoint`"]);
    let step = step_after(&outcome, "interrupted after step ");
    assert_eq!(step_after(&outcome, "goes on from step "), step);
    assert_eq!(workshop.checkpoint("run.checkpoint").standing.step, step);

    let steps = (step + 2).to_string();
    let more = [
        "style",
        "--resume",
        "run.checkpoint",
        "--iterations",
        &steps,
    ];
    workshop.succeed(&more);
    let resumed = workshop.read("out.png");
    workshop.succeed(&[&STYLE[..], &["--iterations", &steps]].concat());
    assert!(workshop.read("out.png") == resumed);
}

/// Whatever it was doing: nothing is waited for, and nothing is left torn.
#[test]
fn a_second_one_leaves_at_once() {
    for round in 0..4 {
        let workshop = Workshop::with_pictures();
        let keep = ["--checkpoint", "run.checkpoint", "--checkpoint-every", "1"];
        let mut child = start(&workshop, &keep);
        let path = workshop.path("run.checkpoint");
        wait_until(&mut child, "its first checkpoint", || path.exists());
        send("-INT", &child);
        std::thread::sleep(Duration::from_millis(3 * round));
        send("-INT", &child);
        let sent = Instant::now();
        let status = child.wait().unwrap();
        // The first one may have been enough, if the process was quick.
        assert_eq!(status.code(), Some(130), "round {round}");
        assert!(sent.elapsed() < Duration::from_secs(5), "round {round}");
        workshop.checkpoint("run.checkpoint");
        if workshop.path("out.png").exists() {
            assert_eq!(workshop.picture("out.png").width, 40);
        }
    }
}
