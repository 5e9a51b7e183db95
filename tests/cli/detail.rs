//! `impasto style --detail`: what only the next size can show of the content comes into the picture there.

use crate::workshop::Workshop;
use impasto::image::Picture;

/// Three scales, which paint for so short a while that what a scale begins with is seen.
const STYLE: [&str; 12] = [
    "style",
    "content.png",
    "--style=style.png",
    "--content-layer=relu2_1",
    "--style-layer=relu1_1",
    "--style-layer=relu2_1",
    "--iterations=8",
    "--scales=3",
    "--finish=0",
    "--depth=16",
    "--no-record",
    "-q",
];

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], &["-o", "out.png"], flags].concat());
    workshop.picture("out.png")
}

/// Correlation of the differences of neighbours across in `picture` and in `content`, of the pixels whose column is in
/// `columns`: whether edges are in the same places.
fn edges_alike(picture: &Picture, content: &Picture, columns: std::ops::Range<usize>) -> f64 {
    let edges = |picture: &Picture| -> Vec<f64> {
        let across = picture.rgb.windows(2).enumerate();
        let inside = across.filter(|(at, _)| {
            let column = at % picture.width;
            columns.contains(&column) && column + 1 < picture.width
        });
        inside
            .map(|(_, pair)| f64::from(pair[1] - pair[0]))
            .collect()
    };
    let (one, other) = (edges(picture), edges(content));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(&one, &other) / (product(&one, &one) * product(&other, &other)).sqrt()
}

#[test]
fn fine_shapes_of_the_content_are_there_when_the_picture_grows() {
    let workshop = Workshop::with_pictures();
    let content = workshop.picture("content.png");
    let alike = |flags: &[&str]| edges_alike(&painted(&workshop, flags), &content, 0..40);
    let [none, half, all] = ["0", "0.5", "1"].map(|part| alike(&["--detail", part]));
    println!("{none} {half} {all}");
    assert!(
        none + 0.1 < half && half + 0.05 < all,
        "{none} {half} {all}"
    );
    assert_eq!(alike(&[]), all, "painterly has all of it");
    let gatys = ["--recipe", "gatys"];
    let without = [&gatys[..], &["--detail", "0"]].concat();
    assert!(painted(&workshop, &gatys) == painted(&workshop, &without));
}

/// A picture that is not to show the content gets nothing of it by the back door.
#[test]
fn the_less_the_content_counts_the_less_of_its_detail_is_there() {
    let workshop = Workshop::with_pictures();
    for (weight, part) in [
        ("0.001", "0.001"),
        ("0.25", "0.25"),
        ("1", "1"),
        ("10", "1"),
    ] {
        let flags = ["--content-weight", weight];
        let told = [&flags[..], &["--detail", part]].concat();
        assert!(
            painted(&workshop, &flags) == painted(&workshop, &told),
            "{weight}"
        );
    }
}

#[test]
fn a_content_mask_keeps_detail_away() {
    let workshop = Workshop::with_pictures();
    let content = workshop.picture("content.png");
    let [width, height] = [content.width, content.height];
    let white_on_the_left = |at: usize| if at % width < width / 2 { 1.0 } else { 0.0 };
    let mask = Picture {
        width,
        height,
        rgb: (0..3 * width * height).map(white_on_the_left).collect(),
    };
    mask.save(&workshop.path("left.png")).unwrap();
    let picture = painted(&workshop, &["--content-mask", "left.png"]);
    let without = ["--content-mask", "left.png", "--detail", "0"];
    let without = painted(&workshop, &without);
    let [left, right] = [0..width / 2 - 2, width / 2 + 2..width];
    let gain = |columns: std::ops::Range<usize>| {
        edges_alike(&picture, &content, columns.clone()) - edges_alike(&without, &content, columns)
    };
    let (left, right) = (gain(left), gain(right));
    println!("{left} {right}");
    assert!(left > 0.15 && right.abs() < 0.05, "{left} {right}");
}

#[test]
fn a_part_is_a_part_and_a_texture_has_no_content() {
    let workshop = Workshop::with_pictures();
    let much = [&STYLE[..], &["-o", "out.png", "--detail", "1.5"]].concat();
    workshop.refuse(&much, 2, &["--detail", "1.5"]);
    let texture = ["texture", "style.png", "-o", "out.png", "--detail", "1"];
    workshop.refuse(&texture, 2, &["--detail"]);
}
