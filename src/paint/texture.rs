//! Texture synthesis (Gatys, Ecker & Bethge, arXiv 1505.07376): a picture of any size that has the statistics of the
//! style and shows nothing.
//!
//! It is a style transfer without content terms, of whose content only the size is looked at; the run starts from a
//! canvas in the colours of the style.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::noise::{bell, blotches};
use super::recipe::gatys;
use crate::image::{ColourSpace, ColourStatistics, Picture};
use crate::net::Architecture;
use crate::objective::{Mask, StyleTerms};
use crate::shape::Border;

/// The style terms of [`gatys`] alone. With [`Border::Wrap`] copies of the result side by side have no seam.
pub fn texture(architecture: Architecture, border: Border) -> StyleTerms {
    StyleTerms {
        content: Vec::new(),
        content_weight: 0.0,
        border,
        ..gatys(architecture)
    }
}

/// Blotches on `width`×`height` pixels whose colours have the mean and the covariance of those of `styles`, which are
/// blended by their weights; clipped to \[0, 1\]. Of each style those colours count that its mask in `parts` lets be
/// seen, or all if there is none. The same on every machine.
pub fn canvas(
    styles: &[(Picture, f32)],
    parts: &[Mask],
    [width, height]: [usize; 2],
    seed: u64,
) -> Picture {
    let colours = colours(styles, parts);
    let spread = colours.spread();
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let pixels = width * height;
    let mut drawn: Vec<[f64; 3]> = (0..pixels)
        .map(|_| [0; 3].map(|_| bell(&mut source)))
        .collect();
    blotches(&mut drawn, width);
    let mut rgb = vec![0.0; 3 * pixels];
    for (at, drawn) in drawn.iter().enumerate() {
        for c in 0..3 {
            let sum: f64 = (0..3).map(|k| spread[c][k] * drawn[k]).sum();
            rgb[c * pixels + at] = (colours.mean[c] + sum).clamp(0.0, 1.0) as f32;
        }
    }
    Picture { width, height, rgb }
}

/// Those of `styles`, as far as `parts` show them.
fn colours(styles: &[(Picture, f32)], parts: &[Mask]) -> ColourStatistics {
    let of_style = |(number, (style, weight)): (usize, &(Picture, f32))| {
        let part = parts.get(number).map(|part| part.opacity(style));
        let colours = ColourStatistics::of(style, part.as_deref(), ColourSpace::Srgb);
        (colours, f64::from(*weight))
    };
    let all: Vec<_> = styles.iter().enumerate().map(of_style).collect();
    ColourStatistics::blended(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gradient from dark blue to light orange with some green across it.
    fn style() -> Picture {
        let (width, height) = (32, 24);
        let value = |at: usize| {
            let (x, y) = (
                (at % width) as f32 / 32.0,
                (at / width % height) as f32 / 24.0,
            );
            match at / (width * height) {
                0 => 0.3 + 0.4 * x,
                1 => 0.3 + 0.2 * x + 0.2 * y,
                _ => 0.6 - 0.3 * x,
            }
        };
        Picture {
            width,
            height,
            rgb: (0..3 * width * height).map(value).collect(),
        }
    }

    #[test]
    fn a_canvas_has_the_colours_of_the_styles() {
        let dark = Picture {
            rgb: style().rgb.iter().map(|value| 0.6 * value).collect(),
            ..style()
        };
        let styles = [(style(), 2.0), (dark, 1.0)];
        let painted = canvas(&styles, &[], [160, 130], 7);
        assert_eq!(painted.rgb.len(), 3 * 160 * 130);
        let (expected, found) = (
            colours(&styles, &[]),
            colours(&[(painted.clone(), 1.0)], &[]),
        );
        for c in 0..3 {
            assert!((expected.mean[c] - found.mean[c]).abs() < 0.005);
            for k in 0..3 {
                let (expected, found) = (expected.covariance[c][k], found.covariance[c][k]);
                assert!((expected - found).abs() < 0.002, "{expected} {found}");
            }
        }
        assert_eq!(canvas(&styles, &[], [160, 130], 7), painted);
        assert_ne!(canvas(&styles, &[], [160, 130], 8), painted);
    }

    #[test]
    fn a_canvas_of_one_colour_is_that_colour() {
        let grey = Picture {
            width: 2,
            height: 2,
            rgb: vec![0.5; 12],
        };
        let painted = canvas(&[(grey, 1.0)], &[], [5, 4], 1);
        assert!(painted.rgb.iter().all(|value| (value - 0.5).abs() < 1e-6));
    }
}
