//! `impasto visualize --checkpoint` and `--resume`: a sheet that was stopped or killed is finished as if it had not been.
#![cfg(unix)]

mod cli_support;

use std::fs;
use std::process::{Child, Command};

use cli_support::{Outcome, Workshop};

/// A sheet of three pictures, on a layer near them.
const VISUALIZE: [&str; 7] = [
    "visualize",
    "--layer=relu2_1",
    "--grid=3,17,40",
    "--size=32",
    "--iterations=40",
    "-o",
    "out.png",
];
const KEEP: [&str; 2] = ["--checkpoint=run.checkpoint", "--checkpoint-every=1"];
const RESUME: [&str; 2] = ["visualize", "--resume=run.checkpoint"];

fn begin(workshop: &Workshop, step: usize) -> Child {
    workshop.begin(&[&VISUALIZE[..], &KEEP].concat(), step)
}

fn whole(workshop: &Workshop) -> Vec<u8> {
    workshop.succeed(&VISUALIZE);
    workshop.read("out.png")
}

#[test]
fn a_killed_sheet_goes_on_as_if_it_had_not_been() {
    let workshop = Workshop::new();
    let picture = whole(&workshop);
    // In the first picture, about where the second begins, and in the last.
    for step in [1, 38, 41, 100] {
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
fn an_interrupted_sheet_says_how_to_go_on() {
    let workshop = Workshop::new();
    let child = begin(&workshop, 45);
    let id = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &id]).status();
    assert!(status.unwrap().success());
    let outcome = Outcome::of(child.wait_with_output().unwrap(), &VISUALIZE);
    let words = [
        "with 2 of 3 pictures",
        "`--resume run.checkpoint` goes on from step",
    ];
    outcome.refused(130, &words);
    let refused = |flags: &[&str], words: &[&str]| {
        workshop.refuse(&[&RESUME[..], flags].concat(), 2, words);
    };
    refused(&["--iterations=50"], &["--iterations", "40"]);
    refused(&["--grid=3"], &["--grid", "17"]);
    let anew = [&VISUALIZE[..], &KEEP].concat();
    workshop.refuse(&anew, 4, &["unfinished", "--resume"]);
    let other = ["dream", "--resume=run.checkpoint"];
    workshop.refuse(&other, 2, &["no run of `impasto dream`"]);
    workshop.succeed(&RESUME);
    let resumed = workshop.read("out.png");
    assert!(resumed == whole(&workshop));
}

/// What an inversion is made from must be there.
#[test]
fn an_inversion_goes_on_with_its_picture_only() {
    let workshop = Workshop::with_pictures();
    let invert = [
        "--invert=content.png",
        "--layer=relu2_1",
        "--size=32",
        "--iterations=6",
    ];
    let command = [&["visualize", "-o", "out.png"], &invert[..]].concat();
    workshop.succeed(&[&command[..], &KEEP].concat());
    let picture = workshop.read("out.png");
    workshop.succeed(&RESUME);
    assert!(workshop.read("out.png") == picture);
    workshop.paint("content.png", 40, 32, 9);
    workshop.refuse(&RESUME, 4, &["content.png", "not the picture"]);
}
