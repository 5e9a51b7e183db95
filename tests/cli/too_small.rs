//! Pictures of which nothing would be left at a layer: who is named, and the flag that mends it.

use crate::workshop::Workshop;

/// `impasto style` with good inputs, to which each test adds something bad.
const STYLE: [&str; 8] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--iterations=1",
    "--recipe=gatys",
];

fn refuse_style(workshop: &Workshop, extra: &[&str], code: i32, words: &[&str]) {
    workshop.refuse(&[&STYLE[..], extra].concat(), code, words);
}

#[test]
fn a_picture_too_small_for_a_layer_is_named_with_the_size_it_needs() {
    let workshop = Workshop::with_pictures();
    workshop.paint("tiny.png", 8, 8, 2);
    workshop.paint("flat.png", 40, 7, 2);
    let words = ["`tiny.png`", "8×8", "relu5_1", "16", "use a larger picture"];
    let features = [
        "inspect", "features", "tiny.png", "-o", "f.npy", "--layer", "relu5_1",
    ];
    workshop.refuse(&features, 4, &words);
    let dream = [
        "inspect", "dream", "tiny.png", "-o", "f.npy", "--layer", "relu5_1",
    ];
    workshop.refuse(&dream, 4, &words);
    let gradient = [
        "inspect",
        "gradient",
        "content.png",
        "--at",
        "content.png",
        "-o",
        "f.npy",
    ];
    workshop.refuse(
        &[&gradient[..], &["--style", "tiny.png"]].concat(),
        4,
        &words,
    );
    refuse_style(&workshop, &["--style", "tiny.png"], 4, &words);
    refuse_style(
        &workshop,
        &["--style", "flat.png"],
        4,
        &["`flat.png`", "40×7", "relu5_1"],
    );
    // What counts is the size at which the picture is shown to the network.
    refuse_style(
        &workshop,
        &["--size", "8"],
        4,
        &["`content.png`", "8×6", "relu5_1", "--size"],
    );
    let layers = ["--style-layer", "relu1_1", "--content-layer", "pool5"];
    workshop.paint("low.png", 40, 31, 2);
    let mut low = STYLE;
    low[1] = "low.png";
    let words = ["`low.png`", "40×31", "pool5", "32"];
    workshop.refuse(&[&low[..], &layers].concat(), 4, &words);
}

/// The remedy begins with `remedy` and names no other flag.
fn refuse(workshop: &Workshop, arguments: &str, name: &str, remedy: &str) {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let outcome = workshop.run(&arguments);
    outcome.refused(4, &[&format!("`{name}` is too small"), remedy]);
    let (_, told) = outcome.stderr.rsplit_once("; use ").unwrap();
    assert!(told.starts_with(remedy), "{outcome:?}");
    let flags = told.matches("--").count();
    assert_eq!(flags, remedy.matches("--").count(), "{outcome:?}");
}

#[test]
fn the_flag_that_would_mend_it_is_named() {
    let workshop = Workshop::with_pictures();
    workshop.paint("tiny.png", 8, 8, 2);
    let refuse = |arguments: &str, name, remedy| refuse(&workshop, arguments, name, remedy);

    let dream = "dream tiny.png -o out.png --layer relu5_1";
    refuse(dream, "tiny.png", "a larger picture or --size");
    let guided = "dream content.png -o out.png --layer relu5_2 --guide";
    let small = format!("{guided} tiny.png");
    refuse(&small, "tiny.png", "a larger picture");
    let shrunk = format!("{guided} style.png --guide-size 16");
    refuse(&shrunk, "style.png", "a larger --guide-size");

    let look = "inspect features tiny.png -o f.npy --layer relu5_1";
    refuse(look, "tiny.png", "a larger picture");
    let gradient = "inspect gradient tiny.png --style style.png --at tiny.png -o f.npy";
    refuse(gradient, "tiny.png", "a larger picture");
    let tensor = "inspect tensor tiny.png --style style.png --list";
    refuse(tensor, "tiny.png", "a larger picture");

    let texture = "texture style.png -o out.png";
    let shrunk = format!("{texture} --style-size 16");
    refuse(&shrunk, "style.png", "a larger --style-size");
    let fine = format!("{texture} --style-scale 1e-30");
    refuse(&fine, "style.png", "a larger --style-scale");
    let coarse = format!("{texture} --scales 6");
    refuse(&coarse, "out.png", "fewer --scales");
    let flat = format!("{texture} --size 64x8");
    refuse(&flat, "out.png", "a larger --size");
    refuse(
        "texture tiny.png -o out.png",
        "tiny.png",
        "a larger picture",
    );

    let style = "style content.png -o out.png --style";
    let small = format!("{style} tiny.png");
    refuse(&small, "tiny.png", "a larger picture");
    let fine = format!("{style} style.png --style-scale 0.1");
    refuse(&fine, "style.png", "a larger --size or --style-scale");
    let fine = format!("{style} style.png --style-size 16 --style-scale 0.1");
    refuse(&fine, "style.png", "a larger --style-size or --style-scale");
    let coarse = format!("{style} style.png --scales 6");
    refuse(&coarse, "content.png", "fewer --scales");
}
