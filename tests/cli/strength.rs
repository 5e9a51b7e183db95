//! `impasto style --strength`, `--style-part`, `--style-size` and `--style-scale` for each style: what they do to the picture.

use crate::workshop::Workshop;
use impasto::image::Picture;

const STYLE: [&str; 8] = [
    "style",
    "content.png",
    "--content-layer=relu2_1",
    "-o",
    "out.png",
    "--depth=16",
    "--no-record",
    "-q",
];

fn workshop() -> Workshop {
    let workshop = Workshop::with_pictures();
    workshop.paint("other.png", 50, 44, 5);
    workshop
}

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

/// Root of the mean squared difference.
fn distance(one: &Picture, other: &Picture) -> f64 {
    let pairs = one.rgb.iter().zip(&other.rgb);
    let sum: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / one.rgb.len() as f64).sqrt()
}

#[test]
fn strength_moves_a_picture_evenly_away_from_its_content() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    for recipe in ["gatys", "painterly"] {
        let layers = [
            "--style=style.png",
            "--style-layer=relu1_1",
            "--style-layer=relu2_1",
        ];
        let usual = [&layers[..], &["--iterations=30", "--recipe", recipe]].concat();
        let at =
            |strength: &str| painted(&workshop, &[&usual[..], &["--strength", strength]].concat());
        let distances =
            ["0", "0.25", "0.5", "0.75", "1"].map(|strength| distance(&at(strength), &content));
        println!("{recipe}: {distances:?}");
        // Half a step of 16 bits.
        assert!(distances[0] < 1e-5, "{recipe} {distances:?}");
        // Four even steps would be a quarter of the way each.
        for step in distances.windows(2) {
            let share = (step[1] - step[0]) / distances[4];
            assert!((0.1..0.5).contains(&share), "{recipe} {distances:?}");
        }
        assert!(painted(&workshop, &usual) == at("1"), "{recipe}");
    }
}

#[test]
fn a_style_is_seen_at_its_part_of_the_layers_alone() {
    let workshop = workshop();
    let two = [
        "--style=style.png",
        "--style=other.png:3",
        "--iterations=6",
        "--recipe=gatys",
    ];
    let parts = ["--style-part", "coarse", "--style-part", "fine"];
    let both = painted(&workshop, &[&two[..], &parts].concat());
    assert!(both != painted(&workshop, &two));
    let turned = ["--style-part", "fine", "--style-part", "coarse"];
    assert!(both != painted(&workshop, &[&two[..], &turned].concat()));
    // At fine layers the first is as if it were not there, at coarse ones the second, weights and all.
    for (layer, alone) in [
        ("relu1_1", "--style=other.png"),
        ("relu3_1", "--style=style.png"),
    ] {
        let layer = ["--style-layer", layer];
        let found = painted(&workshop, &[&two[..], &parts, &layer].concat());
        let expected = painted(
            &workshop,
            &[&[alone, "--iterations=6", "--recipe=gatys"][..], &layer].concat(),
        );
        assert!(found == expected, "{layer:?}");
    }
    // Layers without a style have no term.
    let one = ["--style=style.png", "--iterations=6", "--recipe=gatys"];
    let found = painted(
        &workshop,
        &[&one[..], &["--style-part=relu1_1..relu2_1"]].concat(),
    );
    let layers = ["--style-layer=relu1_1", "--style-layer=relu2_1"];
    assert!(found == painted(&workshop, &[&one[..], &layers].concat()));
}

#[test]
fn each_style_has_its_scale() {
    let workshop = workshop();
    let two = [
        "--style=style.png",
        "--style=other.png",
        "--iterations=6",
        "--style-layer=relu2_1",
    ];
    let at = |scales: &[&str]| painted(&workshop, &[&two[..], scales].concat());
    let both = at(&["--style-scale=0.5"]);
    assert!(both == at(&["--style-scale=0.5", "--style-scale=0.5"]));
    let first = at(&["--style-scale=0.5", "--style-scale=1"]);
    assert!(first != both && first != at(&["--style-scale=1", "--style-scale=0.5"]));
}

/// A size of its own is that of a scale at one scale, and stays what it is at those before and at other sizes.
#[test]
fn a_style_may_have_one_size_at_every_scale() {
    let workshop = workshop();
    let at = |flags: &str| {
        let run = "--style=style.png --style-layer=relu2_1 --recipe=gatys --iterations=4";
        let words: Vec<&str> = run.split(' ').chain(flags.split(' ')).collect();
        painted(&workshop, &words)
    };
    let one = at("--size=40 --style-scale=0.5");
    assert!(one == at("--size=40 --style-size=20"));
    assert!(one == at("--size=40 --style-size=40 --style-scale=0.5"));
    // All of its 36 pixels, at the scale of 28 too.
    let whole = at("--size=40 --scales=2 --style-size=36");
    assert!(whole == at("--size=40 --scales=2 --style-scale=2"));
    assert!(whole != at("--size=40 --scales=2"));
}

#[test]
fn a_style_that_is_too_small_for_its_scale_is_told() {
    let workshop = workshop();
    let said = |flags: &[&str]| {
        let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
        let outcome = workshop.succeed(&[&style[..], &["--dry-run"], flags].concat());
        let note = |line: &&str| line.contains("not enlarged");
        outcome.stderr.lines().find(note).map(str::to_string)
    };
    assert_eq!(said(&[]), None);
    assert_eq!(said(&["--size=32", "--style-scale=1.2"]), None);
    for (flags, wanted) in [
        (["--style-scale=2", "--size=40"], "80"),
        (["--style-scale=1", "--size=64"], "64"),
        (["--style-size=50", "--size=32"], "50"),
    ] {
        let note = said(&flags).expect("too small");
        let words = [
            "`style.png` is 36×33",
            &format!("a longer side of {wanted},"),
        ];
        assert!(words.iter().all(|word| note.contains(word)), "{note}");
    }
}

#[test]
fn bad_combinations_are_refused() {
    let workshop = workshop();
    let two = ["--style=style.png", "--style=other.png"];
    for (flags, words) in [
        (
            &["--strength=1.5"][..],
            &["--strength", "1.5", "above 1"][..],
        ),
        (&["--strength=-1"], &["--strength", "below 0"]),
        (
            &["--style-part=fine"],
            &["--style-part", "1 times for 2 times --style"],
        ),
        (
            &["--style-part=x", "--style-part=all"],
            &["--style-part", "fine, coarse"],
        ),
        (
            &["--style-part=relu3_1..relu1_1", "--style-part=all"],
            &["relu3_1..relu1_1", "write relu1_1..relu3_1"],
        ),
        (
            &["--style-part=relu1_1..relu9_9", "--style-part=all"],
            &["relu9_9"],
        ),
        (
            &["--style-scale=1", "--style-scale=2", "--style-scale=3"],
            &["--style-scale", "3 times for 2 times --style"],
        ),
    ] {
        workshop.refuse(&[&STYLE[..], &two, flags].concat(), 2, words);
    }
}
