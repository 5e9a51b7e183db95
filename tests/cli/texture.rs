//! `impasto texture`: sizes, what is refused, and runs that go on; and `style` with a border that wraps around.

use std::time::{Duration, Instant};

use crate::workshop::Workshop;
use impasto::paint::canvas;

const TEXTURE: [&str; 8] = [
    "texture",
    "style.png",
    "-o",
    "out.png",
    "--style-layer",
    "relu1_1",
    "--style-layer",
    "relu2_1",
];

fn size(workshop: &Workshop) -> [usize; 2] {
    let picture = workshop.picture("out.png");
    [picture.width, picture.height]
}

#[test]
fn what_no_file_of_the_format_can_hold_is_refused_before_it_is_painted() {
    let workshop = Workshop::with_pictures();
    let texture = ["texture", "style.png", "--style-layer=relu1_1", "--dry-run"];
    let flags = ["-o", "out.webp", "--size", "16384x16"];
    let words = ["out.webp", "16383", "try .png"];
    workshop.refuse(&[&texture[..], &flags].concat(), 2, &words);
}

/// Such a canvas would take gigabytes and minutes.
#[test]
fn a_result_larger_than_what_is_read_is_refused_before_anything_is_drawn() {
    let workshop = Workshop::with_pictures();
    let begun = Instant::now();
    let texture = ["texture", "style.png", "-o", "out.png", "--dry-run"];
    for (size, advice) in [
        ("65536x65536", "--size 10000x10000"),
        ("16384", "--size 10000x10000"),
        ("20000x200", "--size 16384x163"),
    ] {
        let arguments = [&texture[..], &["--size", size]].concat();
        workshop.refuse(&arguments, 2, &["16384", "100 megapixels", advice]);
    }
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    let dream = ["dream", "content.png", "-o", "out.png"];
    for command in [&style[..], &dream] {
        let arguments = [command, &["--size=16384"]].concat();
        let words = ["16384×13107", "100 megapixels", "--size 11180"];
        workshop.refuse(&arguments, 2, &words);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// Drawing it takes far longer than finding that it fits into no memory.
#[test]
fn a_texture_is_planned_before_its_canvas_is_drawn() {
    let workshop = Workshop::with_pictures();
    let begun = Instant::now();
    let texture = ["texture", "style.png", "-o", "out.png", "--dry-run"];
    let flags = ["--size=10000x10000", "--memory=1GiB"];
    let arguments = [&texture[..], &flags].concat();
    workshop.refuse(&arguments, 5, &["10000×10000", "--memory"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_texture_too_small_for_its_layers_is_refused_by_its_own_name() {
    let workshop = Workshop::with_pictures();
    let texture = ["texture", "style.png", "-o", "out.png", "--dry-run"];
    let arguments = [&texture[..], &["--size=15x200"]].concat();
    workshop.refuse(&arguments, 4, &["`out.png`", "15×200", "relu5_1", "--size"]);
}

#[test]
fn no_iterations_give_the_canvas_at_any_size() {
    let workshop = Workshop::with_pictures();
    let none = ["--iterations", "0", "--seed", "4", "--size", "70x33"];
    workshop.succeed(&[&TEXTURE[..], &none].concat());
    assert_eq!(size(&workshop), [70, 33]);
    let expected = canvas(&[(workshop.picture("style.png"), 1.0)], &[], [70, 33], 4);
    let found = workshop.picture("out.png");
    for (found, expected) in found.rgb.iter().zip(&expected.rgb) {
        assert!((found - expected).abs() < 0.6 / 255.0);
    }
    let style = workshop.picture("style.png");
    // Finer strokes are not a smaller texture.
    for flags in [&[][..], &["--style-size", "18"]] {
        workshop.succeed(&[&TEXTURE[..], &["--iterations", "0"], flags].concat());
        assert_eq!(size(&workshop), [style.width, style.height]);
    }
}

/// Broader strokes are those of a larger picture, as far as the file has one.
#[test]
fn a_style_is_looked_at_as_large_as_its_scale_wants_it() {
    let workshop = Workshop::with_pictures();
    let texture = |flags: &[&str]| {
        let few = ["--iterations=2", "--size=40x40", "--no-record"];
        let outcome = workshop.succeed(&[&TEXTURE[..], &few, flags].concat());
        (
            workshop.read("out.png"),
            outcome.stderr.contains("not enlarged"),
        )
    };
    let broad = texture(&["--style-size=18", "--style-scale=2"]);
    assert!(broad == texture(&["--style-size=36"]));
    assert!(broad.0 != texture(&["--style-size=18"]).0);
    let small = texture(&["--style-size=36", "--style-scale=2"]);
    assert!(small == (broad.0, true));
    assert!(!texture(&[]).1, "a small picture is no mistake by itself");
}

#[test]
fn what_tiles_has_sides_that_poolings_halve() {
    let workshop = Workshop::with_pictures();
    let tileable = [&TEXTURE[..], &["--tileable", "--iterations", "1"]].concat();
    let ill = [&tileable[..], &["--size", "100x64"]].concat();
    workshop.refuse(&ill, 2, &["--size 100x64", "16", "96x64"]);
    workshop.succeed(&[&tileable[..], &["--size", "96x64"]].concat());
    assert_eq!(size(&workshop), [96, 64]);
    let outcome = workshop.succeed(&tileable);
    let [width, height] = size(&workshop);
    assert!(width % 16 == 0 && height % 16 == 0, "{width}x{height}");
    assert!(
        outcome.stderr.contains("multiples of 16"),
        "{}",
        outcome.stderr
    );

    let style = [
        "style",
        "content.png",
        "--style",
        "style.png",
        "-o",
        "out.png",
        "--size",
        "50",
    ];
    let layers = [
        "--content-layer",
        "relu2_1",
        "--style-layer",
        "relu2_1",
        "--iterations",
        "1",
    ];
    workshop.succeed(&[&style[..], &layers, &["--border", "wrap"]].concat());
    let [width, height] = size(&workshop);
    assert!(width.max(height) == 48 && width % 16 == 0 && height % 16 == 0);
    workshop.refuse(
        &[&style[..], &["--border", "round"]].concat(),
        2,
        &["round", "wrap"],
    );
}

/// In two runs what one gives, to the byte; a run of another command or with other flags is not gone on with.
#[test]
fn a_texture_goes_on_where_it_stood() {
    let workshop = Workshop::with_pictures();
    let flags = ["--tileable", "--size", "48x32", "--seed", "2"];
    let texture = [&TEXTURE[..], &flags].concat();
    workshop.succeed(&[&texture[..], &["--iterations", "6", "--trace", "whole.csv"]].concat());
    let whole = workshop.read("out.png");
    let keep = ["--iterations", "3", "--checkpoint", "run.checkpoint"];
    workshop.succeed(&[&texture[..], &keep].concat());
    assert_ne!(workshop.read("out.png"), whole);
    let resume = ["texture", "--resume", "run.checkpoint"];
    workshop.refuse(
        &["style", "--resume", "run.checkpoint"],
        2,
        &["run.checkpoint", "style"],
    );
    workshop.refuse(
        &[&resume[..], &["--seed", "3"]].concat(),
        2,
        &["--seed `3`", "`2`"],
    );
    workshop.refuse(
        &[&resume[..], &["--tileable=false"]].concat(),
        2,
        &["--tileable"],
    );
    workshop.succeed(&[&resume[..], &["--iterations", "6"]].concat());
    assert_eq!(workshop.read("out.png"), whole);

    let trace = String::from_utf8(workshop.read("whole.csv")).unwrap();
    let style = |line: &str| line.split(',').nth(4).unwrap().parse::<f64>().unwrap();
    let losses: Vec<f64> = trace.lines().skip(1).map(style).collect();
    // Single steps of L-BFGS may lead up, and are judged afterwards.
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(losses.len() == 6 && best < 0.95 * losses[0], "{trace}");
}
