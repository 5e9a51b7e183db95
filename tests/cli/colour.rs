//! `impasto style --color`: whose colours a result has.

use crate::workshop::Workshop;
use impasto::image::{ColourSpace, ColourStatistics, Picture};

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 12] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--iterations=6",
    "-o",
    "out.png",
    "--depth=16",
    "-q",
    "--recipe=gatys",
];

/// A folder with a reddish content and a greenish style.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    tint(&workshop, "content.png", 0, [0.9, 0.5, 0.4]);
    tint(&workshop, "style.png", 1, [0.3, 0.8, 0.6]);
    workshop
}

fn tint(workshop: &Workshop, name: &str, kind: usize, shares: [f32; 3]) {
    let mut picture = crate::workshop::pattern(40, 34, kind);
    let pixels = picture.pixels();
    for (plane, share) in picture.rgb.chunks_mut(pixels).zip(shares) {
        plane.iter_mut().for_each(|value| *value *= share);
    }
    picture.save(&workshop.path(name)).unwrap();
}

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

/// R − Y and B − Y of every pixel.
fn chroma(picture: &Picture) -> Vec<f64> {
    let pixels = picture.pixels();
    let luminance = picture.luminance();
    let away = |channel: usize| {
        let plane = &picture.rgb[channel * pixels..][..pixels];
        let pairs = plane.iter().zip(&luminance);
        pairs
            .map(|(&value, y)| f64::from(value) - y)
            .collect::<Vec<_>>()
    };
    [away(0), away(2)].concat()
}

/// The largest difference, and the mean one.
fn differences(one: &[f64], other: &[f64]) -> (f64, f64) {
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(other).map(|(a, b)| (a - b).abs());
    let sum: f64 = pairs.clone().sum();
    (pairs.fold(0.0, f64::max), sum / one.len() as f64)
}

#[test]
fn results_and_pictures_on_the_way_keep_the_chroma_of_the_content() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let plain = painted(&workshop, &[]);
    let (_, usual) = differences(&chroma(&plain), &chroma(&content));
    assert!(usual > 0.01, "{usual}");
    let steps = ["--color", "content", "--save-every", "3"];
    let kept = painted(&workshop, &steps);
    // The content has no colour so strong that a luminance lacks room for it, but for a few pixels.
    for picture in [&kept, &workshop.picture("out_0003.png")] {
        let (_, mean) = differences(&chroma(picture), &chroma(&content));
        assert!(mean < 1e-3, "{mean}");
    }
    // The run is the usual one, and its luminance stays.
    let (most, _) = differences(&kept.luminance(), &plain.luminance());
    assert!(most < 2.0 / 65_535.0, "{most}");
    let (most, _) = differences(&kept.luminance(), &content.luminance());
    assert!(most > 0.02, "{most}");
}

#[test]
fn luminance_alone_is_painted() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let blotches = ["--color=luminance", "--init=style"];
    let from_blotches = painted(&workshop, &blotches);
    let result = painted(&workshop, &["--color", "luminance"]);
    let (_, mean) = differences(&chroma(&result), &chroma(&content));
    assert!(mean < 1e-3, "{mean}");
    let by_content = painted(&workshop, &["--color", "content"]);
    let (most, _) = differences(&result.luminance(), &by_content.luminance());
    assert!(most > 0.01, "another run: {most}");
    // What colours the style has is nothing to it, as long as its luminance is the same.
    workshop
        .picture("style.png")
        .in_grey()
        .save(&workshop.path("style.png"))
        .unwrap();
    let from_grey = painted(&workshop, &["--color", "luminance"]);
    let (_, mean) = differences(&result.luminance(), &from_grey.luminance());
    assert!(mean < 4e-3, "{mean}");
    let from_grey = painted(&workshop, &blotches);
    let (_, mean) = differences(&from_blotches.luminance(), &from_grey.luminance());
    assert!(mean < 4e-3, "{mean}");
    // A grey content stays grey.
    content
        .in_grey()
        .save(&workshop.path("content.png"))
        .unwrap();
    let grey = painted(&workshop, &["--color", "luminance"]);
    let all = chroma(&grey);
    assert!(all.iter().all(|away| away.abs() < 2.0 / 65_535.0));
}

#[test]
fn a_matched_style_paints_in_the_colours_of_the_content() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let far = |picture: &Picture| {
        let mean = |picture| ColourStatistics::of(picture, None, ColourSpace::Srgb).mean;
        let (one, other) = (mean(picture), mean(&content));
        (0..3)
            .map(|c| (one[c] - other[c]).abs())
            .fold(0.0, f64::max)
    };
    let plain = painted(&workshop, &["--content-weight=0.001"]);
    let mut seen = Vec::new();
    for flags in [
        &["--color=match:pca"][..],
        &["--color=match:chol"],
        &["--color=match:ot"],
        &["--color=match", "--color-space=linear"],
    ] {
        let matched = painted(&workshop, &[flags, &["--content-weight=0.001"]].concat());
        assert!(
            far(&matched) < 0.5 * far(&plain),
            "{flags:?} {} {}",
            far(&matched),
            far(&plain)
        );
        assert!(!seen.contains(&matched), "{flags:?}");
        seen.push(matched);
    }
    // Optimal transport is the default, and each style is matched by itself.
    let default = painted(&workshop, &["--color=match", "--content-weight=0.001"]);
    assert!(default == seen[2]);
    let two = ["--style=content.png", "--color=match"];
    assert!(painted(&workshop, &two) != default);
}

#[test]
fn colours_go_with_transparency_depth_and_resuming() {
    let workshop = workshop();
    workshop.fetch("tests/pictures/hygiene/alpha_16.png", "content.png");
    for color in ["content", "luminance", "match"] {
        let file = |workshop: &Workshop| image::open(workshop.path("out.png")).unwrap();
        painted(&workshop, &["--color", color]);
        let found = file(&workshop).into_rgba16();
        let expected = image::open(workshop.path("content.png"))
            .unwrap()
            .into_rgba16();
        assert_eq!(found.dimensions(), expected.dimensions());
        for (found, expected) in found.pixels().zip(expected.pixels()) {
            assert!(found.0[3].abs_diff(expected.0[3]) <= 1);
        }
        let whole = workshop.read("out.png");
        let keep = ["--color", color, "--checkpoint", "run", "--iterations=2"];
        let words: Vec<&str> = STYLE
            .into_iter()
            .filter(|word| *word != "--iterations=6")
            .collect();
        workshop.succeed(&[&words[..], &keep].concat());
        workshop.succeed(&["style", "--resume", "run", "--iterations=6", "-q"]);
        assert!(workshop.read("out.png") == whole, "{color}");
        let other = ["style", "--resume", "run", "--color", "style"];
        workshop.refuse(&other, 2, &["--color", "does not agree"]);
        std::fs::remove_file(workshop.path("run")).unwrap();
    }
}

#[test]
fn a_run_may_start_in_the_colours_of_the_style() {
    let workshop = workshop();
    let mean = |picture: &Picture| ColourStatistics::of(picture, None, ColourSpace::Srgb).mean;
    let style = mean(&workshop.picture("style.png"));
    let away = |picture: &Picture| {
        let found = mean(picture);
        let distances = (0..3).map(|c| (found[c] - style[c]).abs());
        distances.fold(0.0, f64::max)
    };
    let nothing_painted: Vec<&str> = STYLE
        .into_iter()
        .map(|word| match word {
            "--iterations=6" => "--iterations=0",
            word => word,
        })
        .collect();
    let start = |flags: &[&str]| {
        workshop.succeed(&[&nothing_painted[..], flags].concat());
        workshop.picture("out.png")
    };
    assert!(away(&start(&[])) > 0.1);
    let canvas = start(&["--init=style", "--seed=7"]);
    assert!(away(&canvas) < 0.02, "{}", away(&canvas));
    assert!(start(&["--init=style", "--seed=7"]) == canvas);
    assert!(start(&["--init=style", "--seed=8"]) != canvas);
    // Of two styles it takes the blend.
    let two = start(&["--init=style", "--style=content.png:3"]);
    assert!(away(&two) > 0.1);
    // The record knows that it is no file, and so does a run that goes on.
    painted(&workshop, &["--init=style", "--checkpoint=run"]);
    let once = workshop.read("out.png");
    workshop.succeed(&["style", "--from", "out.png", "-o", "again.png", "-q"]);
    assert!(workshop.read("again.png") == once);
    workshop.succeed(&["style", "--resume", "run", "--iterations=7", "-q"]);
    assert!(workshop.read("out.png") != once);
}

#[test]
fn colours_that_make_no_sense_are_refused() {
    let workshop = workshop();
    let refuse = |flags: &[&str], words: &[&str]| {
        workshop.refuse(&[&STYLE[..], flags].concat(), 2, words);
    };
    refuse(&["--color", "red"], &["--color", "red", "luminance"]);
    refuse(&["--color", "match:x"], &["--color", "pca, chol or ot"]);
    refuse(
        &["--color-space", "linear"],
        &["--color-space", "--color match"],
    );
    refuse(
        &["--color=match", "--color-space=xyz"],
        &["--color-space", "srgb or linear"],
    );
    let grey = Picture {
        width: 40,
        height: 32,
        rgb: vec![0.5; 3 * 40 * 32],
    };
    grey.save(&workshop.path("content.png")).unwrap();
    for color in ["match", "match:chol", "luminance"] {
        let flags = ["--color", color];
        let words = ["one colour only", "--color content"];
        workshop.refuse(&[&STYLE[..], &flags].concat(), 4, &words);
    }
    workshop.succeed(&[&STYLE[..], &["--color=content"]].concat());
}
