//! `impasto dream --checkpoint` and `--resume`: a dream that was stopped or killed goes on as if it had not been.
#![cfg(unix)]

use crate::workshop::Workshop;
use crate::workshop::keeping::{KEEP, Kept};

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
const RESUME: [&str; 2] = ["dream", "--resume=run.checkpoint"];

fn kept(workshop: &Workshop) -> Kept<'_> {
    Kept {
        workshop,
        run: &DREAM,
    }
}

#[test]
fn a_killed_dream_goes_on_as_if_it_had_not_been() {
    let workshop = Workshop::with_pictures();
    // In the first octave, about where the second begins, and in that.
    kept(&workshop).assert_goes_on_after_kills(120, &[1, 25, 58, 90]);
}

#[test]
fn an_interrupted_dream_says_how_to_go_on() {
    let workshop = Workshop::with_pictures();
    let kept = kept(&workshop);
    kept.assert_says_how_to_go_on(2, "`out.png` is saved");
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
    let resumed = kept.resume();
    assert!(resumed == kept.whole());
    // The record is that of the dream, so that it can be made again.
    workshop.succeed(&["dream", "--from=out.png", "-o", "again.png"]);
    assert!(workshop.read("again.png") == resumed);
}
