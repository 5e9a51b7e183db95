//! `impasto style` over several scales: flags, what is said, what is kept.

use std::fs;

use crate::workshop::Workshop;

/// On layers near the picture, because the depth of the network is nothing but time here; 20, 28 and 40 pixels wide.
const STYLE: [&str; 14] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--style-layer",
    "relu2_1",
    "--content-layer",
    "relu2_1",
    "--recipe",
    "painterly",
    "--smallest",
    "20",
];
const KEEP: [&str; 4] = ["--checkpoint", "run.checkpoint", "--checkpoint-every", "1"];
const RESUME: [&str; 3] = ["style", "--resume", "run.checkpoint"];

/// The steps in the first column of a trace.
fn steps(workshop: &Workshop) -> Vec<usize> {
    let text = String::from_utf8(workshop.read("t.csv")).unwrap();
    let rows = text.lines().skip(1);
    rows.map(|row| row.split(',').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn every_scale_is_announced_and_every_step_counted() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--iterations",
        "16",
        "--finish",
        "8",
        "--trace",
        "t.csv",
        "--save-every",
        "5",
    ];
    let outcome = workshop.succeed(&[&STYLE[..], &flags].concat());
    for words in [
        "painting 40×32 in 3 scales from 20, 16 steps, 8 of them the finish",
        "scale 1 of 3: 20×16, 4 steps",
        "scale 2 of 3: 28×22, 2 steps",
        "scale 3 of 3: 40×32, 2 steps",
        "finish: 40×32, 8 steps",
        "out.png after 16 steps",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "no `{words}` in {outcome:?}"
        );
    }
    assert_eq!(steps(&workshop), (1..=16).collect::<Vec<_>>());
    // All of one size, so that they can be shown one after the other.
    for name in ["out.png", "out_0005.png", "out_0010.png", "out_0015.png"] {
        let picture = workshop.picture(name);
        assert_eq!((picture.width, picture.height), (40, 32), "{name}");
    }
}

#[test]
fn without_steps_the_result_is_the_content() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &["--iterations", "0"]].concat());
    assert!(workshop.picture("out.png") == workshop.picture("content.png"));
}

/// Recipe gatys stays on one scale, and takes several where they are asked for, with L-BFGS and without a mean.
#[test]
fn scales_are_for_every_recipe() {
    let workshop = Workshop::with_pictures();
    let gatys = ["--recipe", "gatys", "--iterations", "6"];
    let gatys = [&STYLE[..10], &gatys].concat();
    let one = workshop.succeed(&gatys);
    assert!(one.stderr.contains("painting 40×32, 6 steps"), "{one:?}");
    assert!(!one.stderr.contains("scale"), "{one:?}");
    let picture = workshop.picture("out.png");
    workshop.succeed(&[&gatys[..], &["--scales", "1"]].concat());
    assert!(workshop.picture("out.png") == picture);
    let three = workshop.succeed(&[&gatys[..], &["--scales", "3"]].concat());
    assert!(
        three.stderr.contains("scale 3 of 3: 40×32, 2 steps"),
        "{three:?}"
    );
    assert!(workshop.picture("out.png") != picture);
    // Deep layers need 16 pixels a side: of 28×22, 20×16 and 14×11 the last is left out.
    let deep = ["--recipe", "gatys", "--smallest", "10", "--iterations", "3"];
    let deep = workshop.succeed(&[&STYLE[..6], &deep].concat());
    assert!(deep.stderr.contains("scale 1 of 3: 20×16"), "{deep:?}");
    // The style too is looked at in another size.
    workshop.succeed(&[&gatys[..], &["--style-scale", "0.5"]].concat());
    assert!(workshop.picture("out.png") != picture);
}

/// What Gram matrices leave open of more than 320 pixels is smoothed in the finish, and the trace says so.
#[test]
fn the_finish_of_a_large_picture_has_a_total_variation() {
    let workshop = Workshop::with_pictures();
    let flags = ["--iterations=2", "--finish=1", "--smallest=300", "-q"];
    for (size, is_smoothed) in [("320", false), ("336", true)] {
        let sized = ["--size", size, "--trace", "t.csv"];
        let style: Vec<&str> = STYLE
            .iter()
            .copied()
            .filter(|word| !["--smallest", "20"].contains(word))
            .collect();
        workshop.succeed(&[&style[..], &flags, &sized].concat());
        let trace = String::from_utf8(workshop.read("t.csv")).unwrap();
        let smoothed: Vec<bool> = trace
            .lines()
            .skip(1)
            .map(|row| !row.ends_with(",0"))
            .collect();
        assert_eq!(smoothed, [false, is_smoothed], "{trace}");
    }
}

/// A run that ends in Gram matrices has a lower objective of them than one that does not, and its trace tells.
#[test]
fn the_finish_descends_another_objective() {
    let workshop = Workshop::with_pictures();
    let flags = ["--iterations", "30", "-q", "--trace", "t.csv"];
    let style = [&STYLE[..], &flags].concat();
    workshop.succeed(&[&style[..], &["--finish", "15"]].concat());
    let finished = workshop.picture("out.png");
    let losses: Vec<f64> = String::from_utf8(workshop.read("t.csv"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(2).unwrap().parse().unwrap())
        .collect();
    assert!(losses[29] < 0.5 * losses[15], "{losses:?}");
    workshop.succeed(&[&style[..], &["--finish", "0"]].concat());
    let unfinished = workshop.picture("out.png");
    assert!(unfinished != finished);
    // Who says how to descend has it so until the end.
    let told = ["--style-loss", "wasserstein"];
    workshop.succeed(&[&style[..], &told].concat());
    assert!(workshop.picture("out.png") == unfinished);
    // All of it is L-BFGS on Gram matrices at full size.
    let all = workshop.succeed(&[&STYLE[..], &["--iterations", "3", "--finish", "3"]].concat());
    assert!(all.stderr.contains("L-BFGS remembers"), "{all:?}");
    assert!(!all.stderr.contains("scale"), "{all:?}");
}

/// Half of the steps in a picture that has values enough for its Gram matrices, and fewer below.
#[test]
fn the_finish_is_shorter_in_a_small_picture() {
    let workshop = Workshop::new();
    workshop.paint("content.png", 400, 300, 0);
    workshop.paint("style.png", 64, 64, 1);
    for (flags, finish) in [
        (&["--size=400"][..], Some("400×300, 150 steps")),
        (&["--size=256"], Some("256×192, 150 steps")),
        (&["--size=128"], Some("128×96, 27 steps")),
        (&["--size=128", "--finish=150"], Some("128×96, 150 steps")),
        (&["--size=80"], Some("80×60, 8 steps")),
    ] {
        let dry_run = ["--iterations=300", "--dry-run"];
        let outcome = workshop.succeed(&[&STYLE[..12], &dry_run, flags].concat());
        let told = outcome
            .stdout
            .lines()
            .find(|line| line.starts_with("finish: "));
        let told = told.map(|line| line.trim_start_matches("finish: "));
        let told = told.map(|line| line.trim_end_matches(", everything kept"));
        assert_eq!(told, finish, "{flags:?} {outcome:?}");
    }
}

/// Wherever it is killed.
#[test]
fn a_killed_run_goes_on_as_if_nothing_had_been() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--iterations",
        "60",
        "--finish",
        "30",
        "--average",
        "0.9",
        "-q",
    ];
    let flags = [&STYLE[..], &KEEP, &flags].concat();
    workshop.succeed(&flags);
    let picture = workshop.read("out.png");
    let whole = workshop.checkpoint("run.checkpoint");
    // Scales of 15, 7 and 8 steps, and the finish.
    assert_eq!(whole.position.scale.scale, 3);
    for least in [1, 17, 24, 41] {
        fs::remove_file(workshop.path("run.checkpoint")).unwrap();
        let mut child = workshop.command(&flags).spawn().unwrap();
        while !workshop.path("run.checkpoint").exists()
            || workshop.checkpoint("run.checkpoint").standing.step < least
        {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let step = workshop.checkpoint("run.checkpoint").standing.step;
        workshop.succeed(&RESUME);
        assert!(workshop.read("out.png") == picture, "cut after {step}");
        let resumed = workshop.checkpoint("run.checkpoint");
        assert!(resumed.standing == whole.standing, "cut after {step}");
        assert!(resumed.optimiser == whole.optimiser, "cut after {step}");
    }
}

#[test]
fn what_was_shared_among_scales_cannot_be_changed_later() {
    let workshop = Workshop::with_pictures();
    let flags = ["--iterations", "6"];
    workshop.succeed(&[&STYLE[..], &KEEP, &flags].concat());
    for flags in [
        ["--scales", "2"],
        ["--smallest", "28"],
        ["--average", "0.5"],
        ["--detail", "0.5"],
        ["--tolerance", "0.5"],
        ["--beta2", "0.999"],
        ["--style-scale", "2"],
        ["--finish", "2"],
        ["--recipe", "gatys"],
    ] {
        let words = [flags[0], "`run.checkpoint`", "does not agree"];
        workshop.refuse(&[&RESUME[..], &flags].concat(), 2, &words);
    }
    let longer = [&RESUME[..], &["--iterations", "9"]].concat();
    workshop.refuse(&longer, 2, &["--iterations 9", "6 steps are shared"]);
    // What is said again agrees, defaults of the recipe included.
    let same = ["--iterations", "6", "--scales", "3", "--average", "0.99"];
    let outcome = workshop.succeed(&[&RESUME[..], &same, &["--tv-weight", "0"]].concat());
    assert!(outcome.stderr.contains("no step was left"), "{outcome:?}");
}

#[test]
fn a_loss_that_no_longer_changes_ends_the_run_and_is_said() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--scales",
        "1",
        "--iterations",
        "100",
        "--finish",
        "50",
        "--tolerance",
        "1e6",
    ];
    let style = [&STYLE[..12], &flags, &KEEP].concat();
    let outcome = workshop.succeed(&style);
    // The scale leaves 10 of its 50 steps to the finish, which is judged at its 20th and ended at its 40th.
    for words in [
        "finish: 40×32, 60 steps",
        "out.png after 80 steps",
        "20 of 100 steps were left out",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "no `{words}` in {outcome:?}"
        );
    }
    // It is finished: another run may take its place.
    workshop.succeed(&style);
}

#[test]
fn bad_combinations_are_refused() {
    let workshop = Workshop::with_pictures();
    for (flags, words) in [
        (&["--scales", "3"][..], &["--smallest 20", "--scales 3"][..]),
        (&["--scales", "0"], &["--scales", "auto or a number"]),
        (&["--scales", "some"], &["--scales", "some"]),
        (&["--average", "1"], &["--average", "below 1"]),
        (&["--tolerance", "-1"], &["--tolerance", "below 0"]),
        (&["--beta1", "1.5"], &["--beta1", "below 1"]),
        (&["--epsilon", "0"], &["--epsilon", "above 0"]),
        (&["--style-scale", "0"], &["--style-scale", "above 0"]),
        (&["--finish", "301"], &["--finish 301", "300 steps"]),
        (
            &["--optimizer", "lbfgs", "--beta2", "0.9"],
            &["--beta2 0.9", "--optimizer adam"],
        ),
    ] {
        workshop.refuse(&[&STYLE[..], flags].concat(), 2, words);
    }
    // Asked for by number, a scale that is too small for a layer is no longer left out but refused.
    let deep = [&STYLE[..6], &["--scales", "5"]].concat();
    workshop.refuse(&deep, 4, &["content.png", "10×8", "relu5_1"]);
}
