//! `--proof`: pictures are painted as they would be seen in print.

use crate::workshop::{Workshop, pattern};
use impasto::image::{ColourSpace, ColourStatistics, Picture, Proof};

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 11] = [
    "style",
    "content.png",
    "--style=style.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "-o",
    "out.png",
    "--depth=16",
    "-q",
    "--recipe=gatys",
    "--proof=press.icc",
];

/// A folder with a blue content, a green style, and the profile of a press that has neither.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    tint(&workshop, "content.png", 0, [0.1, 0.2, 1.0]);
    tint(&workshop, "style.png", 1, [0.1, 1.0, 0.2]);
    workshop.fetch("tests/pictures/proof/press.icc", "press.icc");
    workshop
}

fn tint(workshop: &Workshop, name: &str, kind: usize, shares: [f32; 3]) {
    let mut picture = pattern(40, 34, kind);
    let pixels = picture.pixels();
    for (plane, share) in picture.rgb.chunks_mut(pixels).zip(shares) {
        plane
            .iter_mut()
            .for_each(|value| *value = share * (0.5 + 0.5 * *value));
    }
    picture.save(&workshop.path(name)).unwrap();
}

fn proofed(workshop: &Workshop, name: &str) -> Picture {
    let mut picture = workshop.picture(name);
    let proof = Proof::load(&workshop.path("press.icc")).unwrap();
    proof.apply(&mut picture);
    picture
}

fn mean(picture: &Picture) -> [f64; 3] {
    ColourStatistics::of(picture, None, ColourSpace::Srgb).mean
}

fn furthest(one: impl Iterator<Item = f64>, other: impl Iterator<Item = f64>) -> f64 {
    let pairs = one.zip(other);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

#[test]
fn content_and_style_are_what_a_press_can_print() {
    let workshop = workshop();
    let content = proofed(&workshop, "content.png");
    let [_, _, before] = mean(&workshop.picture("content.png"));
    let [_, _, after] = mean(&content);
    assert!(after < before - 0.2, "{before} {after}");
    let values = |picture: &Picture| picture.rgb.clone().into_iter().map(f64::from);
    let shown = painted(&workshop, &["--iterations=0"]);
    let away = furthest(values(&shown), values(&content));
    assert!(away < 1.0 / 65_535.0, "{away}");
    // The noise of --init style has the colours of the style.
    let style = mean(&proofed(&workshop, "style.png"));
    let canvas = mean(&painted(&workshop, &["--iterations=0", "--init=style"]));
    let away = furthest(canvas.into_iter(), style.into_iter());
    assert!(away < 0.03, "{canvas:?} {style:?}");
    let [_, green, _] = mean(&workshop.picture("style.png"));
    assert!(canvas[1] < green - 0.1, "{canvas:?} {green}");
    // A picture that is named to start from is nobody's content.
    let sketch = painted(&workshop, &["--iterations=0", "--init=style.png"]);
    let away = furthest(values(&sketch), values(&workshop.picture("style.png")));
    assert!(away < 1.0 / 65_535.0, "{away}");
}

#[test]
fn a_texture_is_made_of_colours_in_print() {
    let workshop = workshop();
    let texture = [
        "texture",
        "style.png",
        "-o",
        "out.png",
        "--iterations=0",
        "-q",
    ];
    workshop.succeed(&[&texture[..], &["--proof=press.icc"]].concat());
    let style = mean(&proofed(&workshop, "style.png"));
    let found = mean(&workshop.picture("out.png"));
    let away = furthest(found.into_iter(), style.into_iter());
    assert!(away < 0.03, "{found:?} {style:?}");
}

#[test]
fn opacity_is_left_alone() {
    let workshop = workshop();
    workshop.fetch("tests/pictures/transparent.png", "content.png");
    painted(&workshop, &["--iterations=0"]);
    let alpha = |name: &str| {
        let file = impasto::image::PictureFile::load(&workshop.path(name)).unwrap();
        file.attachments.alpha.unwrap()
    };
    assert!(alpha("out.png") == alpha("content.png"));
}

#[test]
fn the_profile_is_found_again_or_a_sentence_says_so() {
    let workshop = workshop();
    painted(&workshop, &["--iterations=2"]);
    let once = workshop.read("out.png");
    let record = workshop.succeed(&["inspect", "record", "out.png"]).stdout;
    assert!(record.contains("press.icc"), "{record}");
    let again = ["style", "--from", "out.png", "-o", "again.png", "-q"];
    workshop.succeed(&again);
    assert!(workshop.read("again.png") == once);

    let begin = ["--iterations=1", "--checkpoint=run"];
    painted(&workshop, &begin);
    let resume = ["style", "--resume", "run", "--iterations=2", "-q"];
    let profile = workshop.read("press.icc");
    workshop.write("moved.icc", &profile);
    let mut other = profile.clone();
    *other.last_mut().unwrap() ^= 1;
    workshop.write("press.icc", &other);
    let words = ["press.icc` is not the profile", "bring that one back"];
    workshop.refuse(&resume, 4, &words);
    workshop.write("out.png", &once);
    workshop.refuse(
        &again,
        4,
        &["press.icc` has changed since", "bring that one back"],
    );
    workshop.succeed(&[&resume[..], &["--proof=moved.icc"]].concat());
    assert!(workshop.picture("out.png").rgb == workshop.picture("again.png").rgb);
}

#[test]
fn several_results_are_proofed_alike() {
    let workshop = workshop();
    let sweep = [&STYLE[..10], &["--vary=proof=press.icc", "--iterations=0"]].concat();
    workshop.succeed(&[&["sweep"], &sweep[1..], &["--keep=kept"]].concat());
    let kept = std::fs::read_dir(workshop.path("kept")).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path()).next().unwrap();
    let expected = mean(&proofed(&workshop, "content.png"));
    let found = mean(&Picture::load(&kept).unwrap());
    assert!(furthest(found.into_iter(), expected.into_iter()) < 1e-3);
    let series = [
        "style",
        "content.png",
        "--style=style.png",
        "--out-dir=series",
    ];
    let flags = ["--proof=press.icc", "--iterations=0", "-q"];
    workshop.succeed(&[&series[..], &flags].concat());
    let found = mean(&workshop.picture("series/content_style.png"));
    assert!(furthest(found.into_iter(), expected.into_iter()) < 2e-3);
}

#[test]
fn what_is_no_profile_is_refused() {
    let workshop = workshop();
    workshop.write("text.icc", b"no profile");
    let style = |flags: &[&str], code: i32, words: &[&str]| {
        workshop.refuse(&[&STYLE[..10], flags].concat(), code, words);
    };
    style(
        &["--proof=missing.icc"],
        4,
        &["`missing.icc` cannot be read", "check the path"],
    );
    style(
        &["--proof=text.icc"],
        4,
        &["`text.icc` is no sound ICC profile", "give the .icc file"],
    );
    style(
        &["--proof=content.png"],
        4,
        &["`content.png` is no sound ICC profile"],
    );
    style(&["--proof=."], 4, &["`.` cannot be read"]);
    style(&["--proof=-"], 2, &["--proof", "name a profile"]);
    // It is an input, and no output replaces one.
    let same = ["`press.icc`", "same file"];
    style(&["--proof=press.icc", "--trace=press.icc"], 4, &same);
    std::fs::rename(workshop.path("press.icc"), workshop.path("out.png")).unwrap();
    style(&["--proof=out.png"], 4, &["`out.png`", "same file"]);
    let texture = ["texture", "style.png", "-o", "out.png", "--proof=out.png"];
    workshop.refuse(&texture, 4, &["`out.png`", "same file"]);
}
