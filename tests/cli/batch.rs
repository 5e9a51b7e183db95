//! `impasto style … --out-dir`: several contents and styles in one go.

use std::fs;

use crate::workshop::Workshop;

/// On layers near the picture, because the depth of the network is nothing but time here.
const FLAGS: [&str; 6] = [
    "--out-dir=out",
    "--recipe=gatys",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--iterations=2",
    "--seed=3",
];

/// Contents `a` and `b`, styles `s` and `t`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    for (kind, name) in ["a.png", "b.jpg", "s.png", "t.png"].into_iter().enumerate() {
        workshop.paint(name, 40 - kind, 32, kind);
    }
    workshop
}

fn batch<'a>(pictures: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&["style"], pictures, &FLAGS, more].concat()
}

/// What lies in the folder of results.
fn painted(workshop: &Workshop) -> Vec<String> {
    let entries = fs::read_dir(workshop.path("out")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

const FOUR: [&str; 6] = ["a.png", "b.jpg", "--style", "s.png", "--style", "t.png:2"];

#[test]
fn every_content_meets_every_style() {
    let workshop = workshop();
    let outcome = workshop.succeed(&batch(&FOUR, &["--each-style"]));
    assert_eq!(
        painted(&workshop),
        ["a_s.png", "a_t.png", "b_s.png", "b_t.png"]
    );
    assert_eq!(
        outcome.stderr.matches("adapter: ").count(),
        1,
        "{outcome:?}"
    );
    // Bit for bit what a run of its own paints, record included.
    for (content, style, name) in [("a.png", "s.png", "a_s"), ("b.jpg", "t.png:2", "b_t")] {
        let alone = [
            &["style", content, "--style", style, "-o", "out/alone.png"],
            &FLAGS[1..],
        ]
        .concat();
        workshop.succeed(&alone);
        let name = format!("out/{name}.png");
        assert!(
            workshop.read(&name) == workshop.read("out/alone.png"),
            "{name}"
        );
    }
}

#[test]
fn styles_are_blended_unless_each_is_asked_for() {
    let workshop = workshop();
    workshop.succeed(&batch(&FOUR, &["--format=webp", "-q"]));
    assert_eq!(painted(&workshop), ["a_s+t.webp", "b_s+t.webp"]);
    let alone = [
        &["style"],
        &FOUR[1..],
        &FLAGS[1..],
        &["-o", "out/alone.webp"],
    ]
    .concat();
    workshop.succeed(&alone);
    assert!(workshop.read("out/b_s+t.webp") == workshop.read("out/alone.webp"));
}

#[test]
fn what_one_result_lacks_costs_the_others_nothing() {
    let workshop = workshop();
    workshop.write("broken.png", b"no picture");
    let pictures = ["broken.png", "a.png", "none.png", "--style", "s.png"];
    let outcome = workshop.run(&batch(&pictures, &[]));
    let words = ["2 of 3 pictures failed", "`out/broken_s.png`", "broken.png"];
    outcome.refused(4, &words);
    assert!(
        outcome.stderr.contains("note: `out/none_s.png` fails: "),
        "{outcome:?}"
    );
    // It was known before anything was painted.
    let [note, first] = ["note: `out/none_s.png` fails", "out/a_s.png after"]
        .map(|words| outcome.stderr.find(words));
    assert!(note < first, "{outcome:?}");
    assert_eq!(painted(&workshop), ["a_s.png"]);
    // Nothing is said on the way but what the last word has no room for: every name and reason is there.
    let silent = workshop.run(&batch(&pictures, &["-q"]));
    let words = ["`out/broken_s.png`: ", "; the other is `out/none_s.png`"];
    silent.refused(4, &words);
    let notes: Vec<&str> = silent.stderr.lines().collect();
    let [note, _] = notes[..] else {
        panic!("{silent:?}");
    };
    assert!(note.starts_with("note: `out/none_s.png` fails: "), "{note}");
    assert!(note.contains("none.png` does not exist"), "{note}");
    // Without any there is no folder.
    workshop.refuse(
        &["style", "broken.png", "--style=s.png", "--out-dir=other"],
        4,
        &["1 of 1 pictures failed"],
    );
}

#[test]
fn no_result_replaces_another_or_a_picture() {
    let workshop = workshop();
    fs::create_dir(workshop.path("more")).unwrap();
    workshop.fetch("tests/golden/content.png", "more/a.png");
    workshop.fetch("tests/golden/content.png", "a_s.png");
    workshop.fetch("tests/golden/content.png", "A.png");
    for (words, code, expected) in [
        (
            &["a.png", "more/a.png", "--style=s.png", "--out-dir=out"][..],
            2,
            &["`a.png`", "`more/a.png`", "`a_s.png`"][..],
        ),
        (
            &["a.png", "A.png", "--style=s.png", "--out-dir=out"],
            2,
            &["`A.png`", "both"],
        ),
        (
            &["a.png", "a_s.png", "--style=s.png", "--out-dir=."],
            4,
            &["a_s.png"],
        ),
        (
            &["a.png", "b.jpg", "--style=s.png", "-o", "out.png"],
            2,
            &["`b.jpg`", "--out-dir"],
        ),
        (
            &["a.png", "--style=s.png", "-o", "out.png", "--out-dir=out"],
            2,
            &["--out-dir", "--output"],
        ),
        (
            &["a.png", "--style=s.png", "-o", "out.png", "--each-style"],
            2,
            &["--out-dir"],
        ),
        (&["a.png", "--style=s.png"], 2, &["--output"]),
        (
            &[
                "a.png",
                "--style=s.png",
                "--out-dir=out",
                "--checkpoint=run",
            ],
            2,
            &["--out-dir", "--checkpoint"],
        ),
        (
            &["--resume=run", "--out-dir=out"],
            2,
            &["--out-dir", "--resume"],
        ),
        (
            &["--from=a.png", "--out-dir=out"],
            2,
            &["--out-dir", "--from"],
        ),
        (
            &["a.png", "--style=s.png", "--out-dir=out", "--trace=t.csv"],
            2,
            &["--out-dir", "--trace"],
        ),
        (
            &["-", "--style=s.png", "--out-dir=out"],
            2,
            &["`-`", "read once"],
        ),
        (
            &[
                "a.png",
                "--style=s.png",
                "--out-dir=out",
                "--style-layer=relu9_9",
            ],
            2,
            &["relu9_9"],
        ),
        (
            &[
                "a.png",
                "--style=s.png",
                "--mask=a.png",
                "--out-dir=out",
                "--each-style",
            ],
            2,
            &["--mask", "--each-style"],
        ),
        (
            &["a.png", "--style=s.png", "--out-dir=b.jpg"],
            4,
            &["--out-dir", "b.jpg"],
        ),
    ] {
        workshop.refuse(&[&["style"], words].concat(), code, expected);
    }
}
