//! Flags of an earlier run and flags that are given now: what is refused names the latter, and what the former has need
//! not be said again.

use crate::workshop::Workshop;

/// On a layer near the picture, because the depth of the network is nothing but time here.
const DREAM: [&str; 6] = [
    "dream",
    "content.png",
    "--layer=relu1_2",
    "--octaves=1",
    "--iterations=1",
    "-q",
];
const STYLE: [&str; 7] = [
    "style",
    "content.png",
    "--style=style.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--iterations=1",
    "-q",
];

/// The run of `first.png` once more.
fn again<'a>(command: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    let again = [command, "--from", "first.png", "-o", "again.png"];
    [&again[..], flags].concat()
}

#[test]
fn a_guide_that_the_record_has_need_not_be_given_again() {
    let workshop = Workshop::with_pictures();
    let guided = ["--guide=style.png", "--checkpoint=run.checkpoint"];
    workshop.succeed(&[&DREAM[..], &guided, &["-o", "first.png"]].concat());
    for flag in ["--guide-size=30", "--guide-power=2", "--guide-mode=match"] {
        workshop.succeed(&again("dream", &[flag, "-q"]));
        // Of the run that is gone on with the guide is known too, and no other.
        let resume = ["dream", "--resume=run.checkpoint", flag];
        workshop.refuse(&resume, 2, &["does not agree with the run", "leave"]);
        // Its flags go with the guide.
        workshop.succeed(&[
            "dream",
            "--from=again.png",
            "-o",
            "third.png",
            "--channel=3",
        ]);
        let plain = [&DREAM[..], &["-o", "out.png", flag]].concat();
        let name = flag.split('=').next().unwrap();
        workshop.refuse(&plain, 2, &[name, "--guide IMAGE", "leave it out"]);
    }
}

#[test]
fn frames_of_a_zoom_that_the_record_has_are_made_again() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&DREAM[..], &["--zoom=3", "-o", "z.png"]].concat());
    let frames = ["--frames=1..2", "-o", "y.png", "-q"];
    workshop.succeed(&[&["dream", "--from=z-0001.png"], &frames[..]].concat());
    assert!(workshop.read("y-0002.png") == workshop.read("z-0002.png"));
    assert!(!workshop.path("y-0003.png").exists());
}

#[test]
fn idle_flags_are_refused_beside_a_record_too() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&DREAM[..], &["-o", "first.png"]].concat());
    for flag in ["--rotate=3", "--fps=3", "--zoom-factor=2", "--frames=1..2"] {
        let name = flag.split('=').next().unwrap();
        let words = [name, "--zoom N", "leave it out"];
        workshop.refuse(&again("dream", &[flag]), 2, &words);
        let plain = [&DREAM[..], &["-o", "out.png", flag]].concat();
        workshop.refuse(&plain, 2, &words);
    }
    let channel = ["visualize", "--layer=relu1_1", "--channel=3", "-q"];
    let small = ["--size=32", "--iterations=1", "-o", "first.png"];
    workshop.succeed(&[&channel[..], &small].concat());
    let words = ["--cosine-power", "--caricature IMAGE", "leave it out"];
    workshop.refuse(&again("visualize", &["--cosine-power=3"]), 2, &words);
    workshop.succeed(&again("visualize", &["-q"]));
}

#[test]
fn a_space_of_colours_goes_with_the_match() {
    let workshop = Workshop::with_pictures();
    let matched = ["--color=match", "--color-space=linear", "-o", "first.png"];
    workshop.succeed(&[&STYLE[..], &matched].concat());
    workshop.succeed(&again("style", &["--color=style", "-q"]));
    workshop.succeed(&[&STYLE[..], &["-o", "direct.png"]].concat());
    assert!(workshop.read("again.png") == workshop.read("direct.png"));
}

#[test]
fn the_later_of_two_wishes_for_the_record_counts() {
    let workshop = Workshop::with_pictures();
    let keep = ["--checkpoint=run.checkpoint", "-o", "out.png"];
    workshop.succeed(&[&STYLE[..], &keep, &["--recipe=gatys"]].concat());
    let resume = |flags: &[&str]| {
        let resume = ["style", "--resume=run.checkpoint", "-q"];
        workshop.succeed(&[&resume[..], flags].concat());
        workshop.run(&["inspect", "record", "out.png"])
    };
    let more = |steps| resume(&["--no-record", steps]);
    assert_ne!(more("--iterations=2").code, Some(0));
    let dated = resume(&["--record-time", "--iterations=3"]);
    assert!(
        dated.code == Some(0) && dated.stdout.contains("painted"),
        "{dated:?}"
    );
    assert_ne!(more("--iterations=4").code, Some(0));
    let both = [
        "style",
        "--resume=run.checkpoint",
        "--no-record",
        "--record-time",
    ];
    workshop.refuse(&both, 2, &["--record-time", "--no-record"]);
}

#[test]
fn sixteen_bits_give_way_to_a_file_that_has_eight() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &["--depth=16", "-o", "first.png"]].concat());
    let shallow = ["style", "--from", "first.png", "-o", "again.jpg"];
    let outcome = workshop.succeed(&shallow);
    let note = "again.jpg` cannot hold the 16 bits per channel of `first.png`, so it gets 8";
    assert!(outcome.stderr.contains(note), "{outcome:?}");
    let deep = [&shallow[..], &["--depth=16"]].concat();
    workshop.refuse(&deep, 2, &["--depth 16", "again.jpg"]);
}

#[test]
fn a_run_that_is_made_again_has_one_result() {
    let workshop = Workshop::with_pictures();
    let blended = ["--style=content.png", "-o", "first.png"];
    let keep = ["--checkpoint=run.checkpoint"];
    workshop.succeed(&[&STYLE[..], &blended, &keep].concat());
    let words = ["--each-style", "leave it out"];
    workshop.refuse(&again("style", &["--each-style"]), 2, &words);
    let resume = ["style", "--resume=run.checkpoint", "--each-style"];
    workshop.refuse(&resume, 2, &words);
}
