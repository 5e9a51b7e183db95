//! `impasto visualize`: what its pictures do to the network, what is refused, and pictures that are made again.

use crate::workshop::{Workshop, source};
use impasto::image::Picture;

/// Small, shallow and short.
const QUICK: [&str; 8] = [
    "visualize",
    "--layer",
    "relu3_1",
    "--size",
    "40",
    "--iterations",
    "24",
    "--output=out.png",
];

fn quick<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&QUICK[..], more].concat()
}

/// The mean over all places of each channel of relu3_1.
fn means(workshop: &Workshop, picture: &str) -> Vec<f32> {
    let look = [
        "inspect", "features", picture, "--layer", "relu3_1", "-o", "f.npy",
    ];
    workshop.succeed(&look);
    let maps = workshop.array("f.npy");
    let plane = maps.shape[1] * maps.shape[2];
    let mean = |map: &[f32]| map.iter().sum::<f32>() / plane as f32;
    maps.values.chunks_exact(plane).map(mean).collect()
}

fn noise() -> Picture {
    let value = |at: u64| 0.5 + 0.3 * impasto::reference::samples::sample(1, at) as f32;
    Picture {
        width: 40,
        height: 40,
        rgb: (0..3 * 40 * 40).map(value).collect(),
    }
}

#[test]
fn a_channel_answers_to_its_picture_more_than_to_noise_and_to_pictures_of_others() {
    let workshop = Workshop::new();
    noise().save(&workshop.path("noise.png")).unwrap();
    let of_noise = means(&workshop, "noise.png");
    workshop.succeed(&quick(&["--channel", "9"]));
    let of_nine = means(&workshop, "out.png");
    let first = workshop.read("out.png");
    workshop.succeed(&quick(&["--channel", "20"]));
    let of_twenty = means(&workshop, "out.png");
    for (channel, own, other) in [(9, &of_nine, &of_twenty), (20, &of_twenty, &of_nine)] {
        let [own, other, noise] = [own, other, &of_noise].map(|means| means[channel]);
        assert!(
            own > 3.0 * noise && own > 2.0 * other,
            "{channel}: {own}, {other}, {noise}"
        );
    }
    // In a direction a channel of negative weight answers less than without.
    workshop.succeed(&quick(&["--channel", "9", "--channel", "20:-1"]));
    let mixed = means(&workshop, "out.png");
    assert!(mixed[9] > 3.0 * of_noise[9] && mixed[20] < 0.75 * of_nine[20]);
    workshop.succeed(&quick(&["--channel", "9"]));
    assert_eq!(workshop.read("out.png"), first);
    workshop.succeed(&quick(&["--channel", "9", "--seed", "1"]));
    assert_ne!(workshop.read("out.png"), first);
    for flag in [
        "--no-transforms",
        "--decorrelate=false",
        "--parametrisation=pixels",
        "--decay=0.5",
    ] {
        workshop.succeed(&quick(&["--channel", "9", flag]));
        let own = means(&workshop, "out.png")[9];
        assert!(own > 3.0 * of_noise[9], "{flag}: {own}");
        assert_ne!(workshop.read("out.png"), first, "{flag}");
    }
}

/// Where the neuron sees nothing the picture stays as grey as it began.
#[test]
fn a_neuron_moves_its_surroundings_alone() {
    let workshop = Workshop::new();
    let neuron = [
        "visualize",
        "--layer",
        "relu2_1",
        "--channel",
        "9",
        "--objective",
        "neuron",
        "--parametrisation",
        "pixels",
        "--size",
        "40",
        "--iterations",
        "24",
        "-o",
        "out.png",
    ];
    let contrast = |workshop: &Workshop, columns: std::ops::Range<usize>| {
        let picture = workshop.picture("out.png");
        let far = |at: &usize| columns.contains(&(at % 40));
        let moved = (0..picture.rgb.len())
            .filter(far)
            .map(|at| (picture.rgb[at] - 0.5).abs());
        moved.fold(0.0, f32::max)
    };
    workshop.succeed(&neuron);
    assert!(contrast(&workshop, 14..26) > 0.05 && contrast(&workshop, 0..4) < 0.02);
    workshop.succeed(&[&neuron[..], &["--at", "4,20"]].concat());
    assert!(contrast(&workshop, 0..8) > 0.05 && contrast(&workshop, 30..40) < 0.02);
}

/// Each cell is, to the pixel, the picture of its channel.
#[test]
fn a_grid_shows_every_channel() {
    let workshop = Workshop::new();
    workshop.succeed(&quick(&["--grid", "9,20..22"]));
    let sheet = workshop.picture("out.png");
    workshop.succeed(&quick(&["--channel", "21"]));
    let single = workshop.picture("out.png");
    // Two columns: channel 21 stands in the second row at the left.
    let [left, top] = [8, 32 + 40 + 16 + 8];
    for (at, &value) in single.rgb.iter().enumerate() {
        let (c, i, j) = (at / 1600, at / 40 % 40, at % 40);
        let there = (c * sheet.height + top + i) * sheet.width + left + j;
        assert_eq!(sheet.rgb[there], value, "{c} {i} {j}");
    }
    assert_eq!([sheet.width, sheet.height], [8 + 2 * 48, 32 + 2 * 64]);
}

#[test]
fn an_inversion_has_the_features_of_its_picture_and_a_caricature_more_of_them() {
    let workshop = Workshop::new();
    let photo = Picture::load(&source("tests/golden/content.png")).unwrap();
    let photo = photo.fit_longer_side(48, false);
    photo.save(&workshop.path("photo.png")).unwrap();
    let features = |picture: &str| {
        let look = [
            "inspect", "features", picture, "--layer", "relu3_1", "-o", "f.npy",
        ];
        workshop.succeed(&look);
        workshop.array("f.npy").values
    };
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let wanted = features("photo.png");
    let missing = |steps: &str| {
        let invert = [
            "--layer",
            "relu3_1",
            "--invert",
            "photo.png",
            "-o",
            "out.png",
        ];
        let steps = ["--iterations", steps];
        workshop.succeed(&[&["visualize"], &invert[..], &steps].concat());
        let picture = workshop.picture("out.png");
        assert_eq!([picture.width, picture.height], [photo.width, photo.height]);
        let inverted = features("out.png");
        let pairs = inverted.iter().zip(&wanted);
        let missing: Vec<f32> = pairs.map(|(a, b)| a - b).collect();
        dot(&missing, &missing) / dot(&wanted, &wanted)
    };
    let (grey, inverted) = (missing("0"), missing("60"));
    assert!(inverted < 0.25 * grey, "{inverted} of {grey}");
    workshop.succeed(&[
        "visualize",
        "--layer",
        "relu3_1",
        "--caricature",
        "photo.png",
        "--iterations",
        "40",
        "--no-transforms",
        "-o",
        "out.png",
    ]);
    let exaggerated = features("out.png");
    let along = dot(&exaggerated, &wanted) / dot(&wanted, &wanted);
    let cosine = dot(&exaggerated, &wanted)
        / (dot(&wanted, &wanted) * dot(&exaggerated, &exaggerated)).sqrt();
    assert!(along > 1.1 && cosine > 0.6, "{along} {cosine}");
}

#[test]
fn a_picture_says_how_it_was_made_and_is_made_again() {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&quick(&[
        "--channel",
        "9:2",
        "--channel",
        "4:-1",
        "--seed",
        "3",
    ]));
    let first = workshop.read("out.png");
    workshop.succeed(&["visualize", "--from", "out.png", "-o", "again.png"]);
    assert_eq!(workshop.read("again.png"), first);
    let told = workshop.succeed(&["inspect", "record", "out.png"]).stdout;
    for line in [
        "steps      24",
        "--channel 9:2",
        "--channel 4:-1",
        "seed       3",
        "loss       relu3_1",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    workshop.succeed(&quick(&["--channel", "9", "--no-record"]));
    workshop.refuse(&["inspect", "record", "out.png"], 4, &["out.png"]);
    workshop.succeed(&quick(&["--caricature", "content.png"]));
    workshop.succeed(&["visualize", "--from", "out.png", "-o", "again.png"]);
    assert_eq!(workshop.read("again.png"), workshop.read("out.png"));
    workshop.paint("content.png", 40, 32, 3);
    workshop.refuse(
        &["visualize", "--from", "out.png", "-o", "third.png"],
        4,
        &["content.png", "changed"],
    );
}

/// A name that no record can hold costs the record alone, and what a killed run left beside the picture goes.
#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_costs_the_record_alone() {
    use crate::workshop::Outcome;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let workshop = Workshop::with_pictures();
    let odd = OsStr::from_bytes(b"odd\xff.png");
    let content = workshop.path("content.png");
    std::fs::rename(&content, content.with_file_name(odd)).unwrap();
    // It begins with the checksum of `out.png`.
    let leftover = ".impasto-4921e4cb-a1B2c3";
    workshop.write(leftover, b"half a picture");
    let words = quick(&["--iterations=1", "--caricature"]);
    let words = [&words[..5], &words[7..]].concat();
    let output = workshop.command(&words).arg(odd).output().unwrap();
    let outcome = Outcome::of(output, &words);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stderr.contains("note: no record is kept: "),
        "{outcome:?}"
    );
    assert!(!workshop.path(leftover).exists());
    workshop.refuse(&["inspect", "record", "out.png"], 4, &["no record"]);
}

#[test]
fn what_cannot_be_shown_is_refused_in_a_sentence() {
    let workshop = Workshop::with_pictures();
    let cases: [(&str, &[&str]); 13] = [
        (
            "",
            &[
                "--channel K",
                "--grid",
                "--invert IMAGE",
                "--caricature IMAGE",
            ],
        ),
        ("--channel 256", &["--channel 256", "relu3_1", "0 to 255"]),
        ("--grid 250..260", &["--grid 256", "0 to 255"]),
        ("--channel x", &["--channel", "x"]),
        ("--channel 1:0", &["1:0"]),
        ("--grid 5..5", &["5..5", "0..16"]),
        ("--channel 1 --grid", &["--grid"]),
        ("--channel 1 --at 3,3", &["--at", "--objective neuron"]),
        (
            "--channel 1 --objective neuron --at 40,3",
            &["--at 40,3", "39,39"],
        ),
        (
            "--invert content.png --objective neuron",
            &["--invert", "neuron"],
        ),
        (
            "--channel 1 --parametrisation pixels --decay 2",
            &["--decay", "pixels"],
        ),
        (
            "--channel 1 --cosine-power 2",
            &["--cosine-power", "add --caricature"],
        ),
        ("--caricature content.png --invert style.png", &["--invert"]),
    ];
    for (flags, words) in cases {
        let flags: Vec<&str> = flags.split_whitespace().collect();
        workshop.refuse(&quick(&flags), 2, words);
    }
}

#[test]
fn what_no_layer_can_show_is_refused_in_a_sentence() {
    let workshop = Workshop::with_pictures();
    workshop.paint("tiny.png", 12, 9, 0);
    let refuse = |flags: &str, code, words: &[&str]| {
        let flags = ["visualize", "-o"]
            .into_iter()
            .chain(flags.split_whitespace());
        workshop.refuse(&flags.collect::<Vec<_>>(), code, words);
    };
    let deep = "out.png --layer relu5_1";
    refuse(
        &format!("{deep} --size 8 --channel 1"),
        2,
        &["--size", "16"],
    );
    let words = ["12×9", "relu5_1", "16 pixels"];
    refuse(&format!("{deep} --invert tiny.png"), 2, &words);
    refuse("out.png --layer relu9_1 --channel 1", 2, &["relu9_1"]);
    let over = "content.png --layer relu3_1 --invert content.png";
    refuse(over, 4, &["content.png"]);
}
