//! Records: what pictures say of their making, and runs that are made again by it.

use std::fs;

use crate::workshop::Workshop;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 10] = [
    "style",
    "content.png",
    "--style=style.png:2",
    "--style-layer=relu2_1",
    "--content-layer=relu1_1:3",
    "--iterations=3",
    "--seed=7",
    "--init=noise",
    "-q",
    "--recipe=gatys",
];

/// Paints `content.png` to `output` and gives its record.
fn paint(workshop: &Workshop, output: &str, flags: &[&str]) -> Value {
    workshop.succeed(&[&STYLE[..], &["-o", output], flags].concat());
    record(workshop, output)
}

fn record(workshop: &Workshop, picture: &str) -> Value {
    let outcome = workshop.succeed(&["inspect", "record", picture, "--json"]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"))
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn pictures_say_how_they_were_made() {
    let workshop = Workshop::with_pictures();
    let expected = paint(&workshop, "out.png", &[]);
    assert_eq!(expected["impasto"], env!("CARGO_PKG_VERSION"));
    assert_eq!(expected["size"], serde_json::json!([40, 32]));
    assert_eq!(expected["steps"], 3);
    assert_eq!(expected["seed"], 7);
    assert_eq!(expected["options"]["iterations"][0], "3");
    assert_eq!(expected["options"]["pooling"][0], "max");
    assert_eq!(expected["options"]["style"][0], "./style.png:2");
    assert!(expected["options"]["output"].is_null());
    assert!(!expected["adapter"].as_str().unwrap().is_empty());
    assert!(expected["resolved"]["optimiser"]["lbfgs"]["history"].is_u64());
    assert_eq!(expected["resolved"]["content_layers"]["relu1_1"], 3.0);
    for (input, name) in [(0, "content.png"), (1, "style.png")] {
        let input = &expected["inputs"][input];
        assert_eq!(input["path"], format!("./{name}"));
        assert_eq!(input["sha256"], sha256(&workshop.read(name)));
    }
    // In every format, and for people.
    for output in ["out.jpg", "out.webp", "out.tiff"] {
        assert_eq!(paint(&workshop, output, &[]), expected, "{output}");
    }
    let words = workshop.succeed(&["inspect", "record", "out.webp"]).stdout;
    for word in [
        "40×32",
        "steps      3",
        "./content.png",
        "relu2_1",
        "--seed 7",
    ] {
        assert!(words.contains(word), "{word}: {words}");
    }
}

/// The loss of a step is that of the picture before it moved, and of L-BFGS beyond black and white.
#[test]
fn losses_are_those_of_the_picture_that_is_saved() {
    let workshop = Workshop::with_pictures();
    let steps = ["--recipe=gatys", "--iterations=4", "--depth=16", "-q"];
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    workshop.succeed(&[&style[..], &steps, &["--trace", "t.csv"]].concat());
    let told = record(&workshop, "out.png")["losses"].clone();
    let measure = ["inspect", "gradient", "content.png", "--style=style.png"];
    let at = ["--at=out.png", "-o", "g.npy", "--json", "losses.json", "-q"];
    workshop.succeed(&[&measure[..], &at].concat());
    let measured: Value = serde_json::from_slice(&workshop.read("losses.json")).unwrap();
    let told = told.as_object().unwrap();
    assert_eq!(told.len(), 6, "{told:?}");
    for (name, told) in told {
        // There is one content layer, which has no name there.
        let name = name.strip_suffix(":relu4_2").unwrap_or(name);
        let (told, measured) = (told.as_f64().unwrap(), measured[name].as_f64().unwrap());
        assert!(
            (told / measured - 1.0).abs() < 2e-3,
            "{name}: {told} {measured}"
        );
    }
    let trace = String::from_utf8(workshop.read("t.csv")).unwrap();
    let last = trace.lines().last().unwrap().split(',').nth(2).unwrap();
    let last: f64 = last.parse().unwrap();
    let total = measured["total"].as_f64().unwrap();
    assert!((last / total - 1.0).abs() > 0.05, "{last} {total}");
}

/// The steps of a run over several sizes are shared among them, so a shorter run would be another one.
#[test]
fn a_picture_on_the_way_says_so_when_it_is_made_again() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "style",
        "content.png",
        "--style=style.png",
        "-o",
        "out.png",
        "--style-layer=relu1_1",
        "--content-layer=relu1_1",
        "--scales=2",
        "--iterations=4",
        "--save-every=3",
    ];
    workshop.succeed(&flags);
    let words = workshop.succeed(&["style", "--from", "out_0003.png", "-o", "again.png"]);
    assert!(
        words.stderr.contains("stands after step 3"),
        "{}",
        words.stderr
    );
    assert!(workshop.picture("again.png") == workshop.picture("out.png"));
    let words = workshop.succeed(&["style", "--from", "out.png", "-o", "again.png"]);
    assert!(!words.stderr.contains("stands after"), "{}", words.stderr);
}

#[test]
fn a_record_can_be_left_out() {
    let workshop = Workshop::with_pictures();
    let refuse = |picture: &str| {
        workshop.refuse(&["inspect", "record", picture], 4, &[picture, "no record"]);
        workshop.refuse(
            &["style", "--from", picture, "-o", "again.png"],
            4,
            &[picture, "no record"],
        );
    };
    workshop.succeed(&[&STYLE[..], &["-o", "out.png", "--no-record"]].concat());
    refuse("out.png");
    let folder = workshop.path("").display().to_string();
    let folder = folder.trim_end_matches('/').as_bytes();
    let has_path = |name: &str| {
        workshop
            .read(name)
            .windows(folder.len())
            .any(|part| part == folder)
    };
    assert!(!has_path("out.png"));
    // A run that goes on leaves it out too.
    let keep = ["-o", "out.png", "--no-record", "--checkpoint", "run"];
    workshop.succeed(&[&STYLE[..], &keep].concat());
    workshop.succeed(&["style", "--resume", "run", "--iterations=4"]);
    refuse("out.png");
    // The record of the content is not that of the result.
    paint(&workshop, "first.png", &[]);
    let second = [
        "style",
        "first.png",
        "--style=style.png",
        "--iterations=0",
        "-o",
        "out.tiff",
        "--no-record",
    ];
    workshop.succeed(&second);
    refuse("out.tiff");
    // BMP has no place.
    let outcome = workshop.run(&[&STYLE[..8], &["-v", "-o", "out.bmp"]].concat());
    assert!(
        outcome.stderr.contains("no place for a record"),
        "{outcome:?}"
    );
    refuse("out.bmp");
    workshop.refuse(
        &["inspect", "record", "nothing.png"],
        4,
        &["`nothing.png`", "does not exist"],
    );
}

#[test]
fn notes_of_the_camera_stay_beside_the_record() {
    let workshop = Workshop::with_pictures();
    workshop.fetch("tests/pictures/hygiene/rotated_exif.jpg", "content.png");
    for output in ["out.png", "out.jpg", "out.webp", "out.tiff"] {
        let record = paint(&workshop, output, &[]);
        assert_eq!(record["steps"], 3, "{output}");
        let file = workshop.read(output);
        let says = |words: &[u8]| file.windows(words.len()).any(|part| part == words);
        // PNG compresses the profile and names it before that.
        let profile = says(b"acsp") || says(b"iCCP");
        assert!(says(b"Pinhole 1") && profile, "{output}");
    }
}

#[test]
fn the_run_of_a_picture_is_made_again_to_the_bit() {
    let workshop = Workshop::with_pictures();
    paint(
        &workshop,
        "out.png",
        &["--save-every=2", "--color=match", "--tv-weight=3"],
    );
    workshop.succeed(&["style", "--from", "out.png", "-o", "again.png"]);
    assert!(workshop.read("again.png") == workshop.read("out.png"));
    // A picture on the way is that of a shorter run.
    let outcome = workshop.succeed(&["style", "--from", "out_0002.png", "-o", "half.png"]);
    assert!(
        outcome.stderr.contains("half.png after 2 steps"),
        "{outcome:?}"
    );
    assert!(workshop.read("half.png") == workshop.read("out_0002.png"));
    // The folder may move, and another format is no other run.
    fs::create_dir(workshop.path("far")).unwrap();
    for name in ["content.png", "style.png", "out.png"] {
        fs::rename(workshop.path(name), workshop.path(&format!("far/{name}"))).unwrap();
    }
    let outcome = workshop.succeed(&["style", "--from", "far/out.png", "-o", "far/b.png"]);
    assert!(!outcome.stderr.contains("bit for bit"), "{outcome:?}");
    assert!(workshop.read("far/b.png") == workshop.read("again.png"));
    workshop.succeed(&["style", "--from", "far/out.png", "-o", "b.tiff"]);
    assert!(workshop.picture("b.tiff") == workshop.picture("again.png"));
    // Whose inputs lie elsewhere now, and are found nevertheless.
    let elsewhere = record(&workshop, "b.tiff");
    let path = elsewhere["inputs"][0]["path"].as_str().unwrap();
    assert!(path.ends_with("far/content.png"), "{path}");
    workshop.succeed(&["style", "--from", "b.tiff", "-o", "c.png"]);
    assert!(workshop.picture("c.png") == workshop.picture("again.png"));
}

#[test]
fn other_flags_go_before_those_of_the_record() {
    let workshop = Workshop::with_pictures();
    paint(&workshop, "out.png", &[]);
    let from = ["style", "--from", "out.png", "-o", "b.png"];
    workshop.succeed(&[&from[..], &["--size=60", "--style-layer=relu1_1"]].concat());
    let larger = record(&workshop, "b.png");
    assert_eq!(larger["size"], serde_json::json!([60, 48]));
    assert_eq!(larger["seed"], 7);
    assert_eq!(
        larger["options"]["style-layer"],
        serde_json::json!(["relu1_1"])
    );
    // The same command by hand.
    let by_hand: Vec<&str> = STYLE
        .into_iter()
        .filter(|word| !word.starts_with("--style-layer"))
        .collect();
    workshop.succeed(
        &[
            &by_hand[..],
            &["--size=60", "--style-layer=relu1_1", "-o", "c.png"],
        ]
        .concat(),
    );
    assert!(workshop.read("b.png") == workshop.read("c.png"));
    // Another content is not compared with what was there.
    workshop.paint("other.png", 40, 36, 5);
    workshop.succeed(&[&from[..], &["other.png"]].concat());
    assert_eq!(
        record(&workshop, "b.png")["inputs"][0]["path"],
        "./other.png"
    );
}

#[test]
fn what_has_changed_or_would_be_lost_is_refused() {
    let workshop = Workshop::with_pictures();
    paint(&workshop, "out.png", &[]);
    let from = ["style", "--from", "out.png"];
    workshop.refuse(&from, 2, &["--from `out.png`", "-o"]);
    workshop.refuse(
        &[&from[..], &["-o", "out.png"]].concat(),
        4,
        &["`out.png`", "same file"],
    );
    // Nor by a picture on the way.
    fs::copy(workshop.path("out.png"), workshop.path("b_0002.png")).unwrap();
    let over = "style --from b_0002.png -o b.png --save-every 1";
    let over: Vec<&str> = over.split(' ').collect();
    workshop.refuse(&over, 4, &["`b_0002.png`", "same file"]);
    let again = [&from[..], &["-o", "b.png"]].concat();
    workshop.refuse(
        &[&again[..], &["--resume", "run"]].concat(),
        2,
        &["--resume"],
    );
}

#[test]
fn changed_inputs_are_named() {
    let workshop = Workshop::with_pictures();
    workshop.paint("start.png", 40, 32, 3);
    let start = ["--init=start.png", "-o", "out.png"];
    let flags: Vec<&str> = STYLE
        .into_iter()
        .filter(|word| !word.starts_with("--init"))
        .collect();
    workshop.succeed(&[&flags[..], &start].concat());
    let again = ["style", "--from", "out.png", "-o", "b.png"];
    for name in ["content.png", "style.png", "start.png"] {
        let before = workshop.read(name);
        workshop.paint(name, 40, 33, 6);
        workshop.refuse(&again, 4, &[&format!("{name}` has changed"), "`out.png`"]);
        fs::remove_file(workshop.path(name)).unwrap();
        workshop.refuse(
            &again,
            4,
            &[name, "the record of `out.png`", "does not exist"],
        );
        workshop.write(name, &before);
    }
    workshop.succeed(&again);
    assert!(workshop.read("b.png") == workshop.read("out.png"));
}

/// Half by one process and half by another: the record is that of the run in one go.
#[test]
fn a_resumed_run_has_the_record_of_the_whole() {
    let workshop = Workshop::with_pictures();
    paint(&workshop, "whole.png", &[]);
    let keep = ["-o", "out.png", "--checkpoint", "run", "--iterations=1"];
    let flags: Vec<&str> = STYLE
        .into_iter()
        .filter(|word| !word.starts_with("--iter"))
        .collect();
    workshop.succeed(&[&flags[..], &keep].concat());
    workshop.succeed(&["style", "--resume", "run", "--iterations=3"]);
    assert!(workshop.read("out.png") == workshop.read("whole.png"));
    // With no step left to make, too.
    workshop.succeed(&["style", "--resume", "run", "-o", "third.png"]);
    assert!(workshop.read("third.png") == workshop.read("whole.png"));
}

#[test]
fn damaged_and_newer_records_are_told() {
    let workshop = Workshop::with_pictures();
    paint(&workshop, "out.tiff", &[]);
    let whole = workshop.read("out.tiff");
    let change = |from: &[u8], to: &[u8]| {
        let mut bytes = whole.clone();
        let at = bytes
            .windows(from.len())
            .position(|part| part == from)
            .unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        workshop.write("bad.tiff", &bytes);
    };
    let again = ["style", "--from", "bad.tiff", "-o", "b.png"];
    change(b"\"record\":1", b"\"record\":9");
    workshop.refuse(&again, 4, &["`bad.tiff`", "form 9"]);
    change(b"\"record\":1", b"\"retort\":1");
    workshop.refuse(&again, 4, &["`bad.tiff`", "damaged"]);
    change(b"\"tv-weight\"", b"\"tv-height\"");
    workshop.refuse(&again, 4, &["`bad.tiff`", "does not take"]);
}

#[test]
fn the_time_is_recorded_where_it_is_asked_for() {
    let workshop = Workshop::with_pictures();
    let plain = paint(&workshop, "out.png", &[]);
    assert!(plain["painted"].is_null());
    let timed = paint(&workshop, "timed.png", &["--record-time"]);
    let (at, seconds) = (&timed["painted"]["at"], &timed["painted"]["seconds"]);
    // 2026-11-26T18:07:00Z
    let at = at.as_str().unwrap();
    assert_eq!(at.len(), 20, "{at}");
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    assert!(seconds.as_f64().unwrap() < 60.0, "{timed}");
    assert!(timed["options"]["record-time"].is_null());
    let told = workshop.succeed(&["inspect", "record", "timed.png"]);
    assert!(told.stdout.contains(&format!("painted    {at}, in ")));
    assert_eq!(workshop.picture("timed.png"), workshop.picture("out.png"));
    // The time is nothing that is made again.
    workshop.succeed(&["style", "--from", "timed.png", "-o", "again.png"]);
    assert!(workshop.read("again.png") == workshop.read("out.png"));
    let both = ["--record-time", "--no-record", "-o", "none.png"];
    workshop.refuse(&[&STYLE[..], &both].concat(), 2, &["--no-record"]);
    for run in [
        "dream content.png --layer relu1_2 --octaves 1 --iterations 1",
        "visualize --layer relu1_2 --channel 1 --size 24 --iterations 1",
        "sweep content.png --style style.png --recipe gatys --iterations 1 --vary seed=1,2",
    ] {
        let words: Vec<&str> = run.split(' ').collect();
        workshop.succeed(&[&words[..], &["--record-time", "-o", "run.png"]].concat());
        let made = record(&workshop, "run.png");
        let runs = made["runs"].as_array();
        let last = runs.map_or(&made, |runs| runs.last().unwrap());
        assert!(last["painted"]["at"].is_string(), "{made}");
    }
}
