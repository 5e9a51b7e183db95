//! `impasto style --checkpoint` and `--resume`: nothing is lost, and nothing wrong is gone on from.

use std::fs;

use crate::workshop::Workshop;
use impasto::paint::{Checkpoint, RunOrigin};
use sha2::{Digest, Sha256};

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 11] = [
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
    "--recipe=gatys",
];

const KEEP: [&str; 2] = ["--checkpoint", "run.checkpoint"];
const RESUME: [&str; 3] = ["style", "--resume", "run.checkpoint"];

/// The trace without its seconds, after a look at whether those go on too.
fn trace(workshop: &Workshop) -> Vec<String> {
    let text = String::from_utf8(workshop.read("t.csv")).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let mut before = 0.0;
    let without_seconds = |(index, line): (usize, &str)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        let seconds = cells.remove(1);
        if index > 0 {
            let seconds: f64 = seconds.parse().unwrap();
            assert!(seconds >= before, "{text}");
            before = seconds;
        }
        cells.join(",")
    };
    text.lines().enumerate().map(without_seconds).collect()
}

/// Starts a run of `cut` steps and goes on with it to seven; everything must be as after seven at once.
fn assert_seamless(flags: &[&str], cuts: &[&str]) {
    let workshop = Workshop::with_pictures();
    let flags = [&STYLE, flags, &KEEP, &["--trace", "t.csv"]].concat();
    let start = |steps: &str| {
        let _ = fs::remove_file(workshop.path("run.checkpoint"));
        workshop.succeed(&[&flags[..], &["--iterations", steps]].concat());
    };
    start("7");
    let picture = workshop.read("out.png");
    let checkpoint = workshop.checkpoint("run.checkpoint");
    let rows = trace(&workshop);
    assert_eq!(rows.len(), 8);
    for cut in cuts {
        start(cut);
        workshop.succeed(&[&RESUME[..], &["--iterations", "7"]].concat());
        assert!(workshop.read("out.png") == picture, "cut after {cut}");
        let resumed = workshop.checkpoint("run.checkpoint");
        assert!(resumed.standing == checkpoint.standing, "cut after {cut}");
        assert!(resumed.optimiser == checkpoint.optimiser, "cut after {cut}");
        assert_eq!(trace(&workshop), rows, "cut after {cut}");
    }
    let names = ["content.png", "out.png", "run.checkpoint", "style.png"];
    assert_eq!(workshop.names(), [&names[..], &["t.csv"]].concat());
}

#[test]
fn adam_goes_on_as_if_it_had_never_stopped() {
    assert_seamless(&["--optimizer", "adam"], &["0", "1", "4", "7"]);
}

/// Two pairs are full after three steps, and the fourth goes round the ring.
#[test]
fn lbfgs_goes_on_as_if_it_had_never_stopped() {
    assert_seamless(&["--history", "2"], &["0", "1", "2", "3", "6"]);
}

/// From noise, on every layer of the recipe, with a history that is never full.
#[test]
fn the_whole_recipe_goes_on_as_if_it_had_never_stopped() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--init",
        "noise",
        "--seed",
        "3",
        "--tv-weight",
        "2",
        "--recipe",
        "gatys",
    ];
    let style = [&STYLE[..6], &flags, &KEEP].concat();
    workshop.succeed(&[&style[..], &["--iterations", "5"]].concat());
    let picture = workshop.read("out.png");
    fs::remove_file(workshop.path("run.checkpoint")).unwrap();
    workshop.succeed(&[&style[..], &["--iterations", "2"]].concat());
    workshop.succeed(&[&RESUME[..], &["--iterations", "4"]].concat());
    workshop.succeed(&[&RESUME[..], &["--iterations", "5"]].concat());
    assert!(workshop.read("out.png") == picture);
}

#[test]
fn a_finished_run_gives_its_picture_again() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "2"]].concat());
    let picture = workshop.read("out.png");
    fs::remove_file(workshop.path("out.png")).unwrap();
    for more in [&[][..], &["--iterations", "1"]] {
        let outcome = workshop.succeed(&[&RESUME[..], more].concat());
        assert!(outcome.stderr.contains("no step was left"), "{outcome:?}");
        assert!(workshop.read("out.png") == picture);
        assert_eq!(workshop.checkpoint("run.checkpoint").standing.step, 2);
    }
}

/// From another folder, to another output, with pictures that have moved.
#[test]
fn flags_that_agree_or_change_no_step_are_taken() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "3"]].concat());
    let picture = workshop.read("out.png");
    let shorter = || {
        fs::remove_file(workshop.path("run.checkpoint")).unwrap();
        workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "1"]].concat());
    };
    shorter();
    fs::create_dir(workshop.path("folder")).unwrap();
    let elsewhere = workshop
        .command(&["style", "--resume", "../run.checkpoint", "--iterations=3"])
        .current_dir(workshop.path("folder"))
        .output();
    assert!(elsewhere.unwrap().status.success());
    assert!(workshop.read("out.png") == picture);
    assert_eq!(fs::read_dir(workshop.path("folder")).unwrap().count(), 0);

    shorter();
    fs::rename(workshop.path("content.png"), workshop.path("c.png")).unwrap();
    fs::rename(workshop.path("style.png"), workshop.path("s.png")).unwrap();
    let agreeing = "c.png --style s.png:1.0 -o other.png --style-weight 1.0 --iterations 3 \
        --save-every 1 --trace t.csv --checkpoint other.checkpoint --checkpoint-every 1 -q";
    let agreeing: Vec<&str> = agreeing.split_whitespace().collect();
    let outcome = workshop.succeed(&[&RESUME[..], &agreeing].concat());
    assert_eq!(outcome.stderr, "");
    assert!(workshop.read("other.png") == picture);
    assert!(workshop.read("other_0003.png") == picture);
    assert_eq!(workshop.checkpoint("run.checkpoint").standing.step, 1);
    assert_eq!(workshop.checkpoint("other.checkpoint").standing.step, 3);
    // The trace begins where this part of the run did.
    assert!(trace(&workshop)[1].starts_with("2,"));
}

#[test]
fn flags_that_disagree_are_refused() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "1"]].concat());
    for flags in [
        &["--style-weight", "3"][..],
        &["--size", "32"],
        &["--seed", "5"],
        &["--optimizer", "adam"],
        &["--history", "7"],
        &["--learning-rate", "0.5"],
        &["--pooling", "avg"],
        &["--init", "noise"],
        &["--variant", "plain"],
        &["--style-layer", "relu1_1"],
        &["--style", "style.png:2"],
        &["--style", "style.png", "--style", "style.png"],
    ] {
        let words = [flags[0], "`run.checkpoint`", "does not agree"];
        workshop.refuse(&[&RESUME[..], flags].concat(), 2, &words);
    }
    let without = [&STYLE[..], &["--checkpoint-every", "5"]].concat();
    workshop.refuse(&without, 2, &["--checkpoint-every", "--checkpoint"]);
    // Where --checkpoint itself is refused it is no remedy.
    let folder = ["style", "content.png", "--style=style.png", "--out-dir=all"];
    let sheet = [
        "sweep",
        "content.png",
        "--style=style.png",
        "--vary=iterations=1,2",
        "-o",
        "sheet.png",
    ];
    let zoom = ["dream", "content.png", "--zoom=2", "-o", "z.png"];
    for command in [&folder[..], &sheet, &zoom] {
        let outcome = workshop.run(&[command, &["--checkpoint-every=5"]].concat());
        outcome.refused(2, &["--checkpoint-every", "leave it out"]);
        assert!(!outcome.stderr.contains("--checkpoint;"), "{outcome:?}");
        assert!(!outcome.stderr.contains("with --checkpoint"), "{outcome:?}");
    }
    for bad in ["0", "5 apples", "10d", "-1m"] {
        let every = format!("--checkpoint-every={bad}");
        let arguments = [&STYLE[..], &KEEP, &[&*every]].concat();
        workshop.refuse(&arguments, 2, &["--checkpoint-every", bad]);
    }
}

#[test]
fn other_pictures_and_weights_are_refused() {
    let workshop = Workshop::with_pictures();
    workshop.paint("other.png", 36, 33, 2);
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "1"]].concat());
    let refuse = |flags: &[&str], words: &[&str]| {
        let words = [words, &["run.checkpoint`"]].concat();
        workshop.refuse(&[&RESUME[..], flags].concat(), 4, &words);
    };
    refuse(
        &["--style", "other.png"],
        &["other.png`", "not the picture"],
    );
    refuse(&["other.png"], &["other.png`", "not the picture"]);
    refuse(&["--model", "vgg16"], &["other weights", "`vgg16`"]);
    workshop.paint("content.png", 40, 32, 3);
    refuse(&[], &["content.png`", "not the picture"]);
    fs::remove_file(workshop.path("content.png")).unwrap();
    workshop.refuse(&RESUME, 4, &["content.png`", "does not exist"]);
}

#[test]
fn another_adapter_or_version_is_said_and_allowed() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "1"]].concat());
    let sound = workshop.checkpoint("run.checkpoint");
    let resume = |change: &dyn Fn(&mut RunOrigin)| {
        let mut checkpoint = sound.clone();
        change(&mut checkpoint.origin);
        let mut bytes = Vec::new();
        checkpoint.write_to(&mut bytes).unwrap();
        workshop.write("run.checkpoint", &bytes);
        let outcome = workshop.succeed(&[&RESUME[..], &["--iterations", "2"]].concat());
        let notes: Vec<_> = outcome.stderr.lines().collect();
        let said = |note: &&&str| note.contains("bit for bit");
        notes.iter().find(said).map(|note| note.to_string())
    };
    assert_eq!(resume(&|_| {}), None);
    let adapter = resume(&|origin| origin.adapter = "a \"card\"".to_string()).unwrap();
    assert!(
        adapter.contains("the adapter was `a \"card\"`"),
        "{adapter}"
    );
    let version = resume(&|origin| origin.impasto = "0.0.9".to_string()).unwrap();
    assert!(version.contains("the version was `0.0.9`"), "{version}");
    let driver = resume(&|origin| origin.driver.clear()).unwrap();
    assert!(driver.contains("the driver"), "{driver}");
    let kernels = resume(&|origin| origin.kernels.clear()).unwrap();
    assert!(kernels.contains("other kernels"), "{kernels}");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&[&STYLE[..], &KEEP, &["--iterations", "2"]].concat());
    let sound = workshop.read("run.checkpoint");
    let refuse = |bytes: &[u8], words: &[&str]| {
        workshop.write("run.checkpoint", bytes);
        let words = [words, &["`run.checkpoint`"]].concat();
        workshop.refuse(&RESUME, 4, &words);
    };
    for at in [100, sound.len() / 2, sound.len() - 1] {
        let mut flipped = sound.clone();
        flipped[at] ^= 4;
        refuse(&flipped, &["damaged"]);
        refuse(&sound[..at], &["damaged"]);
    }
    for other in [&sound[..5], b"", &workshop.read("content.png")] {
        refuse(other, &["is no checkpoint"]);
    }
    // A later version with another idea of what a run is, sealed as this one is.
    let (data, _) = sound.split_last_chunk::<32>().unwrap();
    let old = br#""version":"1""#;
    let at = data.windows(old.len()).position(|text| text == old);
    let mut newer = data.to_vec();
    newer[at.unwrap() + old.len() - 2] = b'2';
    let seal = Sha256::digest(&newer);
    newer.extend_from_slice(&seal);
    refuse(&newer, &["version 2", "reads 1"]);
    fs::remove_file(workshop.path("run.checkpoint")).unwrap();
    workshop.refuse(&RESUME, 4, &["`run.checkpoint`", "cannot be read"]);
}

#[test]
fn a_new_run_replaces_a_finished_one_and_nothing_else() {
    let workshop = Workshop::with_pictures();
    let keep = [&STYLE[..], &KEEP, &["--iterations", "1"]].concat();
    workshop.succeed(&keep);
    workshop.succeed(&keep);
    workshop.succeed(&[&RESUME[..], &["--iterations", "1", "-o", "two.png"]].concat());
    let refuse = |words: &[&str]| {
        let words = [words, &["--checkpoint `run.checkpoint`"]].concat();
        workshop.refuse(&keep, 4, &words);
    };
    workshop.write("run.checkpoint", b"a letter");
    refuse(&["no sound checkpoint"]);
    fs::remove_file(workshop.path("run.checkpoint")).unwrap();
    // What is left of a run that was interrupted after its first step.
    interrupted(&workshop);
    refuse(&["unfinished", "--resume run.checkpoint"]);
    for taken in ["content.png", "style.png", "out.png"] {
        let arguments = [&STYLE[..], &["--checkpoint", taken]].concat();
        workshop.refuse(&arguments, 4, &[taken, "same file"]);
    }
}

/// A sound file may say what it likes.
#[test]
fn numbers_that_no_run_has_are_no_ruin() {
    let workshop = Workshop::with_pictures();
    let keep = [&STYLE[..], &KEEP, &["--iterations", "1"]].concat();
    workshop.succeed(&keep);
    let sound = workshop.checkpoint("run.checkpoint");
    let forge = |change: &dyn Fn(&mut Checkpoint)| {
        let mut forged = sound.clone();
        change(&mut forged);
        let mut bytes = Vec::new();
        forged.write_to(&mut bytes).unwrap();
        workshop.write("run.checkpoint", &bytes);
    };
    forge(&|forged| {
        let scales = vec![u64::MAX.to_string()];
        forged.origin.options.insert("scales".to_string(), scales);
    });
    workshop.refuse(&RESUME, 2, &["--scales", "1 to 24"]);
    // It may be taken for finished or not.
    let again = workshop.run(&keep);
    assert!(again.code == Some(0) || again.code == Some(4), "{again:?}");
    forge(&|forged| forged.position.scale.first_step = usize::MAX);
    let dry = workshop.run(&[&RESUME[..], &["--dry-run"]].concat());
    assert!(dry.code == Some(0) || dry.code == Some(4), "{dry:?}");
}

/// Leaves the checkpoint of a run of 1000 steps that was killed after a few.
fn interrupted(workshop: &Workshop) {
    let flags = ["--iterations", "1000", "--checkpoint-every", "1", "-q"];
    let mut child = workshop
        .command(&[&STYLE[..], &KEEP, &flags].concat())
        .spawn()
        .unwrap();
    while !workshop.path("run.checkpoint").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The temporary file of a write that never ended goes with the next run.
#[test]
fn leftovers_of_a_killed_run_go() {
    let workshop = Workshop::with_pictures();
    interrupted(&workshop);
    let name = Sha256::digest(b"run.checkpoint");
    let leftover = format!(
        ".impasto-{:02x}{:02x}{:02x}{:02x}-a1B2c3",
        name[0], name[1], name[2], name[3]
    );
    workshop.write(&leftover, b"half of a checkpoint");
    let step = workshop.checkpoint("run.checkpoint").standing.step;
    let steps = (step + 1).to_string();
    workshop.succeed(&[&RESUME[..], &["--iterations", &steps]].concat());
    assert_eq!(
        workshop.names(),
        ["content.png", "out.png", "run.checkpoint", "style.png"]
    );
}
