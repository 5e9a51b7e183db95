//! `impasto visualize --checkpoint` and `--resume`: a sheet that was stopped or killed is finished as if it had not been.
#![cfg(unix)]

use crate::workshop::Workshop;
use crate::workshop::keeping::{KEEP, Kept};

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
const RESUME: [&str; 2] = ["visualize", "--resume=run.checkpoint"];

fn kept(workshop: &Workshop) -> Kept<'_> {
    Kept {
        workshop,
        run: &VISUALIZE,
    }
}

#[test]
fn a_killed_sheet_goes_on_as_if_it_had_not_been() {
    let workshop = Workshop::new();
    // In the first picture, about where the second begins, and in the last.
    kept(&workshop).assert_goes_on_after_kills(120, &[1, 38, 41, 100]);
}

#[test]
fn an_interrupted_sheet_says_how_to_go_on() {
    let workshop = Workshop::new();
    let kept = kept(&workshop);
    kept.assert_says_how_to_go_on(45, "with 2 of 3 pictures");
    let refused = |flags: &[&str], words: &[&str]| {
        workshop.refuse(&[&RESUME[..], flags].concat(), 2, words);
    };
    refused(&["--iterations=50"], &["--iterations", "40"]);
    refused(&["--grid=3"], &["--grid", "17"]);
    let anew = [&VISUALIZE[..], &KEEP].concat();
    workshop.refuse(&anew, 4, &["unfinished", "--resume"]);
    let other = ["dream", "--resume=run.checkpoint"];
    workshop.refuse(&other, 2, &["no run of `impasto dream`"]);
    let resumed = kept.resume();
    assert!(resumed == kept.whole());
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
