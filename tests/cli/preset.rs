//! `impasto style --preset`, and how long a run is said to take.

use std::fs;

use crate::workshop::{Outcome, Workshop};
use serde_json::{Value, json};

/// On a layer near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 8] = [
    "style",
    "content.png",
    "--style=style.png",
    "--recipe=gatys",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "-o",
    "out.png",
];

fn workshop(longer: usize) -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("content.png", longer, longer / 2, 0);
    workshop.paint("style.png", 64, 64, 1);
    workshop
}

fn run(workshop: &Workshop, flags: &[&str]) -> Outcome {
    workshop.succeed(&[&STYLE[..], flags].concat())
}

fn record(workshop: &Workshop) -> Value {
    let outcome = workshop.succeed(&["inspect", "record", "out.png", "--json"]);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// The seconds that follow `words`.
fn seconds(outcome: &Outcome, words: &str) -> f64 {
    let rest = outcome.stderr.split(words).nth(1);
    let number = rest.and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no seconds after `{words}` in {outcome:?}"))
}

#[test]
fn a_finer_preset_is_larger_and_none_is_larger_than_the_content() {
    // Two steps take next to no time, so the limits of the presets decide.
    let workshop = workshop(600);
    let two = ["--iterations=2"];
    let draft = run(&workshop, &[&two[..], &["--preset=draft"]].concat());
    assert!(
        draft.stderr.contains("preset draft: --size 512, about "),
        "{draft:?}"
    );
    let record = record(&workshop);
    assert_eq!(record["size"], json!([512, 256]));
    assert_eq!(record["options"]["size"], json!(["512"]));
    assert_eq!(record["options"]["iterations"], json!(["2"]));
    assert!(record["options"]["preset"].is_null());
    let fine = run(
        &workshop,
        &[&two[..], &["--preset=fine", "--scales=1"]].concat(),
    );
    assert!(
        fine.stderr.contains("preset fine: --size 600, about "),
        "{fine:?}"
    );
    assert_eq!(workshop.picture("out.png").width, 600);
}

#[test]
fn presets_are_flags_that_others_go_before() {
    let workshop = workshop(48);
    let draft = run(&workshop, &["--preset=draft"]);
    assert!(
        draft
            .stderr
            .contains("preset draft: --size 48 --iterations 100, about "),
        "{draft:?}"
    );
    assert!(
        draft.stderr.contains("painting 48×24, 100 steps"),
        "{draft:?}"
    );
    let size = run(&workshop, &["--preset=standard", "--size=40"]);
    let words = "preset standard: --iterations 300 --smallest 256\n";
    assert!(size.stderr.contains(words), "{size:?}");
    assert!(
        size.stderr.contains("painting 40×20, 300 steps"),
        "{size:?}"
    );
    // The same run by what its record says, and without a preset.
    let picture = workshop.read("out.png");
    run(&workshop, &["--size=40", "--scales=1"]);
    assert!(workshop.read("out.png") == picture);
    fs::copy(workshop.path("out.png"), workshop.path("first.png")).unwrap();
    workshop.succeed(&["style", "--from=first.png", "-o", "out.png"]);
    assert!(workshop.read("out.png") == picture);
    // A preset is a wish for other flags than those of the record.
    let again = [
        "style",
        "--from=first.png",
        "--preset=draft",
        "-o",
        "out.png",
    ];
    workshop.succeed(&again);
    assert_eq!(record(&workshop)["options"]["iterations"], json!(["100"]));
    let flags = ["--preset=draft", "--recipe=painterly", "--size=40"];
    let painterly = workshop.succeed(&[&STYLE[..3], &STYLE[4..], &flags].concat());
    assert!(
        painterly.stderr.contains("--iterations 150\n"),
        "{painterly:?}"
    );
    workshop.refuse(
        &[&STYLE[..], &["--preset=best"]].concat(),
        2,
        &["--preset", "best"],
    );
}

/// The pace is measured once and kept, so a busy machine changes no size.
#[test]
fn a_preset_goes_by_the_pace_that_was_kept() {
    let workshop = workshop(300);
    let flags = ["--preset=draft", "--iterations=1"];
    let first = run(&workshop, &flags);
    assert!(first.stderr.contains("--size 300,"), "{first:?}");
    let paces = workshop.cached("paces.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&paces).unwrap()).unwrap();
    // Twice the pixels, for a step and for the look at the pictures before it.
    for (per_pixel, size) in [(8e-4, 256), (1.5e-3, 181), (1.0, 128)] {
        for pace in kept.as_object_mut().unwrap().values_mut() {
            *pace = json!({"fixed": 0.0, "per_pixel": per_pixel});
        }
        fs::write(&paces, kept.to_string()).unwrap();
        let outcome = run(&workshop, &flags);
        let words = format!("--size {size},");
        assert!(
            outcome.stderr.contains(&words),
            "no `{words}` in {outcome:?}"
        );
        // Nothing was measured anew.
        let now: Value = serde_json::from_slice(&fs::read(&paces).unwrap()).unwrap();
        assert_eq!(now, kept);
    }
    // A damaged file is measured anew.
    fs::write(&paces, b"{").unwrap();
    let outcome = run(&workshop, &flags);
    assert!(outcome.stderr.contains("--size 300,"), "{outcome:?}");
}

/// On one scale and on several, where the cost of a step grows.
#[test]
fn the_time_that_is_said_is_the_time_that_is_taken() {
    let workshop = workshop(128);
    let deeper = ["--style-layer=relu3_1", "--content-layer=relu2_1"];
    let style = [&STYLE[..3], &STYLE[6..], &deeper, &["--recipe=gatys"]].concat();
    for (scales, words) in [
        ("--scales=1", "for 128×64, 40 steps"),
        ("--scales=3", "for 3 scales up to 128×64, 40 steps"),
    ] {
        let ratio = || {
            let outcome = workshop.succeed(&[&style[..], &["--iterations=40", scales]].concat());
            assert!(
                outcome.stderr.contains(words),
                "no `{words}` in {outcome:?}"
            );
            seconds(&outcome, "about ") / seconds(&outcome, "after 40 steps in ")
        };
        // What other processes do in between is no matter of the estimate.
        let mut ratios = Vec::new();
        while !ratios.iter().any(|ratio| (1.0 / 1.5..1.5).contains(ratio)) {
            assert!(ratios.len() < 4, "{scales}: {ratios:?}");
            ratios.push(ratio());
        }
    }
    let quiet = run(&workshop, &["--iterations=4", "-q"]);
    assert_eq!(quiet.stderr, "");
}

/// Once steps of its kinds have been timed; a finish goes at a pace of its own.
#[test]
fn the_time_is_said_before_the_first_step() {
    let workshop = workshop(128);
    let flags = [
        "--recipe=painterly",
        "--iterations=10",
        "--finish=4",
        "--scales=1",
    ];
    let style = [&STYLE[..3], &STYLE[4..], &flags].concat();
    let untimed = workshop.succeed(&style);
    assert!(
        untimed.stderr.contains("time: said after the first steps"),
        "{untimed:?}"
    );
    workshop.succeed(&[&style[..], &["--preset=draft"]].concat());
    let paces = workshop.cached("paces.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&paces).unwrap()).unwrap();
    assert_eq!(kept.as_object().unwrap().len(), 2);
    for (key, pace) in kept.as_object_mut().unwrap() {
        // Seconds of a step of 128×64.
        let step = if key.contains("Gram") { 2.0 } else { 1.0 };
        *pace = json!({"fixed": 0.0, "per_pixel": step / 8192.0});
    }
    fs::write(&paces, kept.to_string()).unwrap();
    let outcome = workshop.succeed(&style);
    // A look at the pictures before each of the two takes as long as a step.
    assert_eq!(seconds(&outcome, "time: about "), 7.0 + 5.0 * 2.0);
    let places = ["time: about", "finish: 128×64"].map(|words| outcome.stderr.find(words));
    assert!(places[0].is_some() && places[0] < places[1], "{outcome:?}");
    let dry = workshop.succeed(&[&style[..], &["--dry-run"]].concat());
    assert!(dry.stdout.contains("time: about 17 s"), "{dry:?}");
}

/// Where there is little memory, steps are timed within it before a run that is long enough.
#[test]
fn the_time_is_said_first_in_little_memory_too() {
    let workshop = workshop(128);
    let flags = [
        "--style-layer=relu1_2",
        "--content-layer=relu1_2",
        "--scales=1",
        "--iterations=700",
        "--tolerance=10",
        "--memory=16MiB",
    ];
    let outcome = workshop.succeed(&[&STYLE[..4], &STYLE[6..], &flags].concat());
    let places = ["memory: ", "time: about ", "painting 128×64"].map(|words| {
        let place = outcome.stderr.find(words);
        place.unwrap_or_else(|| panic!("no `{words}` in {outcome:?}"))
    });
    assert!(places.is_sorted(), "{outcome:?}");
    let paces = fs::read(workshop.cached("paces.json")).unwrap();
    let kept: Value = serde_json::from_slice(&paces).unwrap();
    let mut kinds = kept.as_object().unwrap().keys();
    assert!(
        kinds.all(|kind| kind.contains("in little memory")),
        "{kept}"
    );
}
