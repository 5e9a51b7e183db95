//! Colours given from one picture to another: against numpy, by their effect, and where there is nothing to give.

use std::path::Path;
use std::str::FromStr;

use impasto::image::{ColourSpace, ColourStatistics, Matching, Picture, Recolouring};
use serde_json::Value;

const MATCHINGS: [&str; 3] = ["pca", "chol", "ot"];

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn picture(name: &str) -> Picture {
    Picture::load(&golden(name)).unwrap()
}

fn flat(width: usize, height: usize, colour: [f32; 3]) -> Picture {
    let planes = colour.map(|value| vec![value; width * height]);
    Picture {
        width,
        height,
        rgb: planes.concat(),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{found} {expected} {tolerance:e}"
        );
    }
}

fn statistics(picture: &Picture, space: ColourSpace) -> ColourStatistics {
    ColourStatistics::of(picture, None, space)
}

fn matched(style: &Picture, content: &Picture, matching: &str) -> Picture {
    let of = |picture| statistics(picture, ColourSpace::Srgb);
    let matching = Matching::from_str(matching).unwrap();
    Recolouring::between(&of(style), &of(content), matching).apply(style)
}

#[test]
fn statistics_and_maps_are_those_of_numpy() {
    let text = std::fs::read(golden("recolour.json")).unwrap();
    let golden: Value = serde_json::from_slice(&text).unwrap();
    let colours = numbers(&golden["colours"]);
    for name in ["srgb", "linear"] {
        let space = ColourSpace::from_str(name).unwrap();
        let of = |file: &str| statistics(&picture(&format!("{file}.png")), space);
        let (style, content) = (of("style"), of("content"));
        for (found, file) in [(&style, "style"), (&content, "content")] {
            let expected = &golden[name][file];
            // The pixels here are f32.
            assert_near(&found.mean, &numbers(&expected["mean"]), 1e-7);
            let covariance = numbers(&expected["covariance"]);
            assert_near(found.covariance.as_flattened(), &covariance, 1e-8);
        }
        for matching in MATCHINGS {
            let recolouring =
                Recolouring::between(&style, &content, Matching::from_str(matching).unwrap());
            let (colours, _) = colours.as_chunks::<3>();
            let moved: Vec<f64> = colours
                .iter()
                .flat_map(|&colour| recolouring.colour(colour))
                .collect();
            assert_near(&moved, &numbers(&golden[name][matching]), 1e-6);
        }
    }
}

/// T·Σ·Tᵀ = Σ′ before anything is clamped, and nearly so after it.
#[test]
fn the_style_takes_mean_and_covariance_of_the_content() {
    let (style, content) = (picture("style.png"), picture("content.png"));
    for space in [ColourSpace::Srgb, ColourSpace::Linear] {
        let (from, to) = (statistics(&style, space), statistics(&content, space));
        for matching in MATCHINGS {
            let matching = Matching::from_str(matching).unwrap();
            let recolouring = Recolouring::between(&from, &to, matching);
            assert_near(&recolouring.colour(from.mean), &to.mean, 1e-14);
            // Columns of T from where the axes go.
            let column = |axis: usize| -> [f64; 3] {
                let mut colour = from.mean;
                colour[axis] += 1.0;
                let moved = recolouring.colour(colour);
                std::array::from_fn(|c| moved[c] - to.mean[c])
            };
            let columns: [[f64; 3]; 3] = std::array::from_fn(column);
            for (row, line) in to.covariance.iter().enumerate() {
                for (other, expected) in line.iter().enumerate() {
                    let mut found = 0.0;
                    for (j, left) in columns.iter().enumerate() {
                        for (k, right) in columns.iter().enumerate() {
                            found += left[row] * from.covariance[j][k] * right[other];
                        }
                    }
                    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
                }
            }
            let clamped = statistics(&recolouring.apply(&style), space);
            assert_near(&clamped.mean, &to.mean, 0.03);
        }
    }
}

#[test]
fn the_three_ways_differ_as_they_should() {
    let (style, content) = (picture("style.png"), picture("content.png"));
    let moves = |matching: &str| -> f64 {
        let to = matched(&style, &content, matching);
        let pairs = style.rgb.iter().zip(&to.rgb);
        pairs.map(|(a, b)| f64::from((a - b) * (a - b))).sum()
    };
    let [pca, cholesky, transport] = MATCHINGS.map(moves);
    assert!(
        transport < 0.999 * pca && transport < 0.999 * cholesky,
        "{transport} {pca} {cholesky}"
    );
    // Cholesky's red depends on red alone.
    let of = |picture| statistics(picture, ColourSpace::Srgb);
    let triangle = Recolouring::between(&of(&style), &of(&content), Matching::Cholesky);
    let red = |colour| triangle.colour(colour)[0];
    assert_eq!(red([0.3, 0.1, 0.9]), red([0.3, 0.8, 0.2]));
}

#[test]
fn colours_of_its_own_leave_a_picture_as_it_is() {
    let style = picture("style.png");
    for matching in MATCHINGS {
        let same = matched(&style, &style, matching);
        for (a, b) in same.rgb.iter().zip(&style.rgb) {
            assert!((a - b).abs() < 1e-6, "{matching}: {a} {b}");
        }
    }
}

#[test]
fn pictures_without_colour_give_and_take_numbers() {
    let colourful = picture("content.png");
    let grey = colourful.in_grey();
    let (plain, black) = (flat(9, 7, [0.8, 0.2, 0.1]), flat(4, 4, [0.0; 3]));
    let pixel = flat(1, 1, [0.1, 0.5, 0.9]);
    let pictures = [&colourful, &grey, &plain, &black, &pixel];
    for matching in MATCHINGS {
        for style in pictures {
            for content in pictures {
                let to = matched(style, content, matching);
                assert!(to.rgb.iter().all(|value| (0.0..=1.0).contains(value)));
                let content = statistics(content, ColourSpace::Srgb);
                let to = statistics(&to, ColourSpace::Srgb);
                // Of grey, rounding in f32 is stretched at most to that of 8 bits.
                assert_near(&to.mean, &content.mean, 0.03);
            }
        }
        // After a grey picture everything is grey.
        let to = matched(&colourful, &grey, matching);
        let pixels = to.pixels();
        for i in 0..pixels {
            let spread = (to.rgb[i] - to.rgb[pixels + i]).abs();
            assert!(spread < 1e-5, "{matching}: {spread}");
        }
    }
}

#[test]
fn what_opacity_hides_is_not_counted() {
    let mut halves = flat(2, 1, [1.0; 3]);
    for channel in 0..3 {
        halves.rgb[2 * channel] = 0.25;
    }
    let mean =
        |opacity: &[f32]| ColourStatistics::of(&halves, Some(opacity), ColourSpace::Srgb).mean[1];
    assert_eq!(mean(&[1.0, 0.0]), 0.25);
    assert_eq!(mean(&[0.5, 1.0]), 0.75);
    // Where nothing is seen, or the size is another, everything counts.
    assert_eq!(mean(&[0.0, 0.0]), 0.625);
    assert_eq!(mean(&[1.0]), 0.625);
}

#[test]
fn luminance_of_one_and_chroma_of_the_other() {
    let content = picture("content.png");
    let result = picture("at.png");
    let joined = result.with_chroma_of(&content);
    assert_near(&joined.luminance(), &result.luminance(), 2e-7);
    let pixels = content.pixels();
    let chroma = |picture: &Picture, pixel: usize| {
        let y = picture.luminance()[pixel];
        [0, 2].map(|c| f64::from(picture.rgb[c * pixels + pixel]) - y)
    };
    let mut whole = 0;
    // A picture's luminance is computed as a whole, so a few pixels will do.
    for pixel in (0..pixels).step_by(397) {
        let (found, wanted) = (chroma(&joined, pixel), chroma(&content, pixel));
        let colour = [0, 1, 2].map(|c| joined.rgb[c * pixels + pixel]);
        if colour.iter().all(|&value| value > 0.0 && value < 1.0) {
            assert_near(&found, &wanted, 2e-7);
            whole += 1;
        } else {
            // The same hue, and no more of it.
            let cross = found[0] * wanted[1] - found[1] * wanted[0];
            assert!(cross.abs() < 1e-6, "{found:?} {wanted:?}");
            let length = |[u, v]: [f64; 2]| u.hypot(v);
            assert!(length(found) <= length(wanted) + 1e-6);
        }
    }
    assert!(whole > 10, "{whole}");
    // White and black have no room for chroma, and a grey content has none.
    let [white, black] = [1.0, 0.0].map(|value| flat(131, 97, [value; 3]));
    assert_near(
        &white.with_chroma_of(&content).luminance(),
        &white.luminance(),
        1e-6,
    );
    let dark = black.with_chroma_of(&content);
    assert!(dark.rgb.iter().all(|&value| value < 1e-12));
    let grey = result.with_chroma_of(&content.in_grey());
    let (red, blue) = (&grey.rgb[..pixels], &grey.rgb[2 * pixels..]);
    for (red, blue) in red.iter().zip(blue) {
        assert!((red - blue).abs() < 1e-6);
    }
}

#[test]
fn grey_pictures_take_mean_and_spread() {
    let (style, content) = (picture("style.png"), picture("content.png"));
    let wanted = statistics(&content, ColourSpace::Srgb);
    let mean_and_spread = |picture: &Picture| {
        let all = statistics(picture, ColourSpace::Srgb);
        [all.mean[0], all.covariance[0][0].sqrt()]
    };
    // wᵀμ and √(wᵀΣw) are those of the plane Y.
    let expected = mean_and_spread(&content.in_grey());
    let (mean, spread) = wanted.luminance();
    assert_near(&[mean, spread], &expected, 1e-6);
    let grey = style.in_grey_like(&wanted, None);
    let pixels = grey.pixels();
    assert_eq!(grey.rgb[..pixels], grey.rgb[pixels..2 * pixels]);
    // But for what is clamped.
    assert_near(&mean_and_spread(&grey), &expected, 0.02);
    let plain = flat(5, 5, [0.2, 0.9, 0.4]).in_grey_like(&wanted, None);
    assert_near(&mean_and_spread(&plain), &[expected[0], 0.0], 1e-6);
}
