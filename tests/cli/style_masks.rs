//! `--style-mask`: the part of a style picture that is looked at.

use crate::workshop::Workshop;
use impasto::image::Picture;

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 12] = [
    "style",
    "content.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--content-weight=0.01",
    "--optimizer=adam",
    "--iterations=40",
    "-o",
    "out.png",
    "--depth=16",
    "-q",
    "--recipe=gatys",
];

const SIZE: [usize; 2] = [64, 40];

/// The style is of another size and other proportions than the content.
const STYLE_SIZE: [usize; 2] = [60, 50];

/// A folder with a grey content; a style that is red on the left and blue on the right; masks of its halves and of those of
/// the content.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let content = crate::workshop::pattern(SIZE[0], SIZE[1], 0).in_grey();
    content.save(&workshop.path("content.png")).unwrap();
    let mut style = crate::workshop::pattern(STYLE_SIZE[0], STYLE_SIZE[1], 1).in_grey();
    let pixels = style.pixels();
    for at in 0..pixels {
        let weak = if at % STYLE_SIZE[0] < STYLE_SIZE[0] / 2 {
            2
        } else {
            0
        };
        style.rgb[weak * pixels + at] *= 0.2;
        style.rgb[pixels + at] *= 0.2;
    }
    style.save(&workshop.path("style.png")).unwrap();
    for (name, size) in [("", SIZE), ("style_", STYLE_SIZE)] {
        mask(&workshop, &format!("{name}left.png"), size, |x| {
            x < size[0] / 2
        });
        mask(&workshop, &format!("{name}right.png"), size, |x| {
            x >= size[0] / 2
        });
    }
    workshop
}

fn mask(workshop: &Workshop, name: &str, [width, height]: [usize; 2], at: impl Fn(usize) -> bool) {
    let white = |pixel: usize| if at(pixel % width) { 1.0 } else { 0.0 };
    let picture = Picture {
        width,
        height,
        rgb: (0..3 * width * height).map(white).collect(),
    };
    picture.save(&workshop.path(name)).unwrap();
}

/// The mean of R − B over columns.
fn redness(picture: &Picture, columns: std::ops::Range<usize>) -> f32 {
    let (pixels, number) = (picture.pixels(), columns.len() * picture.height);
    let at = |x: usize, y: usize| {
        let pixel = y * picture.width + x;
        picture.rgb[pixel] - picture.rgb[2 * pixels + pixel]
    };
    let all = (0..picture.height).flat_map(|y| columns.clone().map(move |x| (x, y)));
    all.map(|(x, y)| at(x, y)).sum::<f32>() / number as f32
}

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

#[test]
fn a_style_is_that_of_the_part_that_is_looked_at() {
    let workshop = workshop();
    for loss in ["--style-loss=gram", "--style-loss=wasserstein"] {
        let of = |flags: &[&str]| {
            let style = ["--style=style.png", loss];
            redness(
                &painted(&workshop, &[&style[..], flags].concat()),
                0..SIZE[0],
            )
        };
        let [left, right] =
            ["left", "right"].map(|half| of(&[&format!("--style-mask=style_{half}.png")]));
        let whole = of(&[]);
        assert!(left > 0.1 && right < -0.1, "{loss}: {left} {right}");
        assert!(
            left > whole + 0.1 && right < whole - 0.1,
            "{loss}: {whole} is not between {left} and {right}"
        );
    }
}

/// Sky in the manner of the sky, ground in that of the ground: parts of one painting in regions of the picture.
#[test]
fn regions_take_parts_of_one_style() {
    let workshop = workshop();
    let crossed = [
        "--style=style.png",
        "--style-mask=style_left.png",
        "--mask=right.png",
        "--style=style.png",
        "--style-mask=style_right.png",
        "--mask=left.png",
    ];
    let picture = painted(&workshop, &crossed);
    let (left, right) = (redness(&picture, 0..28), redness(&picture, 36..64));
    assert!(left < -0.1 && right > 0.1, "{left} {right}");
    // By the record of the picture it is the same run.
    let once = workshop.read("out.png");
    workshop.succeed(&["style", "--from=out.png", "-o=again.png", "-q"]);
    assert!(workshop.read("again.png") == once);
}

#[test]
fn colours_are_matched_to_those_of_the_part() {
    let workshop = workshop();
    let spread = |flags: &[&str]| {
        let matched = ["--style=style.png", "--color=match"];
        let picture = painted(&workshop, &[&matched[..], flags].concat());
        redness(&picture, 0..SIZE[0])
    };
    // The content is grey, and so is a style of one hue that is matched to it; of two hues one is made of the other.
    let part = spread(&["--style-mask=style_left.png"]);
    assert!(part.abs() < 0.05, "{part}");
    // Whoever starts in the colours of the style starts in those of the part.
    let start = [
        "--style=style.png",
        "--init=style",
        "--style-mask=style_right.png",
    ];
    let words = STYLE.map(|word| {
        if word == "--iterations=40" {
            "--iterations=0"
        } else {
            word
        }
    });
    workshop.succeed(&[&words[..], &start].concat());
    let blue = redness(&workshop.picture("out.png"), 0..SIZE[0]);
    let of_style = redness(&workshop.picture("style.png"), 30..60);
    assert!((blue - of_style).abs() < 0.02, "{blue} {of_style}");
}

#[test]
fn a_texture_is_that_of_the_part() {
    let workshop = workshop();
    let texture = |flags: &[&str]| {
        let words = [
            "texture",
            "style.png",
            "-o=out.png",
            "--size=48",
            "--style-layer=relu1_1",
            "-q",
        ];
        workshop.succeed(&[&words[..], flags].concat());
        redness(&workshop.picture("out.png"), 0..48)
    };
    for iterations in ["--iterations=0", "--iterations=30"] {
        let [left, right] = ["style_left", "style_right"].map(|half| {
            let mask = format!("--style-mask={half}.png");
            texture(&[&mask, iterations])
        });
        assert!(left > 0.1 && right < -0.1, "{iterations}: {left} {right}");
    }
    let keep = [
        "--style-mask=style_left.png",
        "--iterations=2",
        "--checkpoint=run",
    ];
    texture(&keep);
    workshop.succeed(&["texture", "--resume=run", "--iterations=4", "-q"]);
    let on = workshop.read("out.png");
    texture(&["--style-mask=style_left.png", "--iterations=4"]);
    let pictures = [workshop.picture("out.png"), {
        std::fs::write(workshop.path("on.png"), on).unwrap();
        workshop.picture("on.png")
    }];
    assert!(pictures[0] == pictures[1]);
    let other = [
        "texture",
        "--resume=run",
        "--iterations=5",
        "--style-mask=style_right.png",
        "-q",
    ];
    workshop.refuse(&other, 4, &["style_right.png", "run"]);
}

/// One for each style, each with its own part.
#[test]
fn a_series_of_styles_has_a_part_of_each() {
    let workshop = workshop();
    std::fs::copy(workshop.path("style.png"), workshop.path("other.png")).unwrap();
    let words: Vec<&str> = STYLE
        .into_iter()
        .filter(|word| !["-o", "out.png"].contains(word))
        .collect();
    let styles = [
        "--style=style.png",
        "--style=other.png",
        "--style-mask=style_left.png",
        "--style-mask=style_right.png",
        "--style-scale=1",
        "--style-scale=0.8",
        "--out-dir=.",
        "--each-style",
    ];
    workshop.succeed(&[&words[..], &styles].concat());
    let of = |name: &str| redness(&workshop.picture(name), 0..SIZE[0]);
    let [left, right] = ["content_style.png", "content_other.png"].map(of);
    assert!(left > 0.1 && right < -0.1, "{left} {right}");
}

#[test]
fn parts_that_make_no_sense_are_refused() {
    let workshop = workshop();
    mask(&workshop, "black.png", STYLE_SIZE, |_| false);
    let refuse = |flags: &[&str], code, words: &[&str]| {
        let style = [&STYLE[..], &["--style=style.png"], flags].concat();
        workshop.refuse(&style, code, words);
    };
    refuse(
        &["--style-mask=black.png"],
        4,
        &["--style-mask `black.png` is black all over"],
    );
    refuse(
        &["--style-mask=left.png"],
        4,
        &["`left.png` is 64×40", "style 60×50"],
    );
    let twice = [
        "--style-mask=style_left.png",
        "--style-mask=style_right.png",
    ];
    refuse(
        &twice,
        2,
        &["--style-mask is given 2 times for 1 times --style"],
    );
    refuse(&["--style-mask=nowhere.png"], 4, &["nowhere.png"]);
    // No input is written over.
    let over = [
        "texture",
        "style.png",
        "--style-mask=style_left.png",
        "-o=style_left.png",
    ];
    workshop.refuse(&over, 4, &["style_left.png"]);
    // Another style has other parts, or none.
    painted(
        &workshop,
        &["--style=style.png", "--style-mask=style_left.png"],
    );
    let red = redness(&workshop.picture("out.png"), 0..SIZE[0]);
    std::fs::copy(workshop.path("style.png"), workshop.path("other.png")).unwrap();
    workshop.succeed(&[
        "style",
        "--from=out.png",
        "--style=other.png",
        "-o=again.png",
        "-q",
    ]);
    let whole = redness(&workshop.picture("again.png"), 0..SIZE[0]);
    assert!(whole < 0.5 * red, "{whole} {red}");
}

/// Better said than found out.
#[test]
fn a_layer_that_sees_no_part_by_itself_is_told() {
    let workshop = workshop();
    mask(&workshop, "spot.png", STYLE_SIZE, |x| x < 6);
    let note = |mask: &str| {
        let mask = format!("--style-mask={mask}");
        let words = [
            "style",
            "content.png",
            "--style=style.png",
            &mask,
            "--dry-run",
            "-o=out.png",
        ];
        let layers = ["--style-layer=relu1_1", "--style-layer=relu4_1"];
        let told = workshop.succeed(&[&words[..], &layers].concat()).stderr;
        let lost = told.lines().find(|line| line.contains("what lies beside"));
        lost.map(str::to_string)
    };
    assert_eq!(note("style_left.png"), None);
    let lost = note("spot.png").unwrap();
    assert!(
        lost.contains("`spot.png` too little is left at relu4_1 in 60×50"),
        "{lost}"
    );
}
