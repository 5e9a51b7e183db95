//! `impasto dream --checkpoint` and `--resume`: a dream that was stopped or killed goes on as if it had not been.
#![cfg(unix)]

mod cli_support;

use std::fs;
use std::process::{Child, Command};

use cli_support::{Outcome, Workshop};

/// Two octaves on layers near the picture.
const DREAM: [&str; 9] = [
    "dream",
    "content.png",
    "--layer=relu2_1",
    "--octaves=2",
    "--octave-scale=1.5",
    "--iterations=60",
    "--smooth=gaussian",
    "-o",
    "out.png",
];
const KEEP: [&str; 2] = ["--checkpoint=run.checkpoint", "--checkpoint-every=1"];
const RESUME: [&str; 2] = ["dream", "--resume=run.checkpoint"];

fn begin(workshop: &Workshop, step: usize) -> Child {
    workshop.begin(&[&DREAM[..], &KEEP].concat(), step)
}

fn whole(workshop: &Workshop) -> Vec<u8> {
    workshop.succeed(&DREAM);
    workshop.read("out.png")
}

#[test]
fn a_killed_dream_goes_on_as_if_it_had_not_been() {
    let workshop = Workshop::with_pictures();
    let picture = whole(&workshop);
    // In the first octave, about where the second begins, and in that.
    for step in [1, 25, 58, 90] {
        let mut child = begin(&workshop, step);
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(workshop.path("out.png")).unwrap();
        workshop.succeed(&RESUME);
        assert!(workshop.read("out.png") == picture, "killed after {step}");
        let checkpoint = workshop.checkpoint("run.checkpoint");
        assert_eq!(checkpoint.standing.step, 120);
        assert_eq!(checkpoint.position.is_finished, Some(true));
        // What is finished gives its picture again, and may be replaced.
        fs::remove_file(workshop.path("out.png")).unwrap();
        workshop.succeed(&RESUME);
        assert!(workshop.read("out.png") == picture);
    }
}

#[test]
fn an_interrupted_dream_says_how_to_go_on() {
    let workshop = Workshop::with_pictures();
    let child = begin(&workshop, 2);
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let outcome = Outcome::of(child.wait_with_output().unwrap(), &DREAM);
    outcome.refused(
        130,
        &[
            "`out.png` is saved",
            "`--resume run.checkpoint` goes on from step",
        ],
    );
    let refused = |flags: &[&str], code, words: &[&str]| {
        workshop.refuse(&[&RESUME[..], flags].concat(), code, words);
    };
    // Another dream is not gone on with, nor one of another picture, and none is lost to a new run.
    refused(&["--iterations=70"], 2, &["--iterations", "60"]);
    refused(&["--layer=relu1_1"], 2, &["--layer", "relu2_1"]);
    workshop.refuse(
        &[&DREAM[..], &KEEP].concat(),
        4,
        &["unfinished", "--resume"],
    );
    workshop.refuse(
        &["style", "--resume=run.checkpoint"],
        2,
        &["no run of `impasto style`"],
    );
    workshop.refuse(
        &[&DREAM[..], &KEEP, &["--zoom=3"]].concat(),
        2,
        &["--zoom", "--checkpoint"],
    );
    let content = workshop.read("content.png");
    workshop.paint("content.png", 40, 32, 9);
    refused(&[], 4, &["content.png", "not the picture"]);
    workshop.write("content.png", &content);
    let dry = workshop.succeed(&[&RESUME[..], &["--dry-run"]].concat());
    for words in [
        "goes on from step",
        "run.checkpoint",
        "every 1 steps and at the end",
    ] {
        assert!(dry.stdout.contains(words), "no `{words}` in {dry:?}");
    }
    workshop.succeed(&RESUME);
    let resumed = workshop.read("out.png");
    assert!(resumed == whole(&workshop));
    // The record is that of the dream, so that it can be made again.
    workshop.succeed(&["dream", "--from=out.png", "-o", "again.png"]);
    assert!(workshop.read("again.png") == resumed);
}
