//! Random numbers that are the same on every machine.
//!
//! ChaCha counts blocks, so the same seed gives the same numbers everywhere and for ever; and what is made of them takes
//! no logarithms or cosines, which differ from machine to machine in the last bit.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A picture of [`blotches`], planar (3, H, W), around middle grey with a deviation of 0.144: bright enough to have
/// gradients everywhere, far enough from black and white that hardly anything is clipped.
pub(super) fn grey(seed: u64, [width, height]: [usize; 2]) -> Vec<f32> {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || f64::from(source.next_u32() >> 8) / f64::from(1 << 24) - 0.5;
    let mut drawn: Vec<[f64; 3]> = (0..width * height)
        .map(|_| [0; 3].map(|_| uniform()))
        .collect();
    blotches(&mut drawn, width);
    let value = |drawn: f64| (0.5 + 0.144 * drawn).clamp(0.0, 1.0) as f32;
    (0..3)
        .flat_map(|c| drawn.iter().map(move |colour| value(colour[c])))
        .collect()
}

/// A number of mean 0 and variance 1, near enough to normal: the sum of four uniform ones.
pub(super) fn bell(source: &mut ChaCha8Rng) -> f64 {
    let mut uniform = || f64::from(source.next_u32()) / (f64::from(u32::MAX) + 1.0) - 0.5;
    let sum: f64 = (0..4).map(|_| uniform()).sum();
    sum * 3f64.sqrt()
}

/// Makes of independent `values` of pixels ones that differ little from those beside them, with the same variance; the
/// picture is taken as a torus. In place, as pictures may be large.
///
/// The kernel (1, 2, 1)/4 along both sides has a zero at the frequency of a checkerboard. A network hardly sees that one:
/// of white noise a texture kept it to the end, four times as strong as paintings have it.
fn soften(values: &mut [[f64; 3]], width: usize) {
    let height = values.len() / width;
    let mix = |before: [f64; 3], here: [f64; 3], after: [f64; 3], side: usize| {
        // √(1 + 4 + 1), so that the variance stays; a side of one pixel or two has fewer that are independent.
        let deviation = match side {
            1 => 4.0,
            2 => 8f64.sqrt(),
            _ => 6f64.sqrt(),
        };
        [0, 1, 2].map(|c| (before[c] + 2.0 * here[c] + after[c]) / deviation)
    };
    for row in values.chunks_exact_mut(width) {
        let (first, mut before) = (row[0], row[width - 1]);
        for x in 0..width {
            let (here, after) = (row[x], row.get(x + 1).copied().unwrap_or(first));
            row[x] = mix(before, here, after, width);
            before = here;
        }
    }
    let first = values[..width].to_vec();
    let mut before = values[(height - 1) * width..].to_vec();
    for at in 0..values.len() {
        let (x, here) = (at % width, values[at]);
        let after = values.get(at + width).copied().unwrap_or(first[x]);
        values[at] = mix(before[x], here, after, height);
        before[x] = here;
    }
}

/// How often [`blotches`] softens: the kernel comes near to a bell with a deviation of 1.7 pixels.
const SOFTENINGS: usize = 6;

/// Makes of independent `values` of pixels blotches some pixels wide, each channel with mean 0 and variance 1 (0 where it is
/// the same everywhere).
///
/// Single pixels of another colour are what a network sees least of. Of noise that is softened once, a texture of 128
/// pixels kept 3.7 % of its pixels more than 40 levels away in colour from those around them; of blotches 0.02 %, with the
/// same style loss, and a painting has none. Noise with less contrast is no way out: the loss ends at six times as much.
pub(super) fn blotches(values: &mut [[f64; 3]], width: usize) {
    for _ in 0..SOFTENINGS {
        soften(values, width);
    }
    let count = values.len() as f64;
    for c in 0..3 {
        let mean = values.iter().map(|colour| colour[c]).sum::<f64>() / count;
        let squares = values.iter().map(|colour| (colour[c] - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let scale = if deviation > 0.0 {
            1.0 / deviation
        } else {
            0.0
        };
        for colour in values.iter_mut() {
            colour[c] = scale * (colour[c] - mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pixel differs from the mean of its four neighbours by an eighth at most of what independent ones do.
    #[test]
    fn blotches_are_smooth_and_have_the_moments_that_are_promised() {
        for [width, height] in [[64, 48], [7, 90], [1, 200]] {
            let mut source = ChaCha8Rng::seed_from_u64(5);
            let mut values: Vec<[f64; 3]> = (0..width * height)
                .map(|_| [0; 3].map(|_| bell(&mut source)))
                .collect();
            blotches(&mut values, width);
            let count = values.len() as f64;
            let at = |x: usize, y: usize| values[y % height * width + x % width][1];
            let mean = values.iter().map(|colour| colour[1]).sum::<f64>() / count;
            let square = values.iter().map(|colour| colour[1].powi(2)).sum::<f64>() / count;
            assert!(mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9);
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            let rough = pixels.map(|(x, y)| {
                let row = at(x + 1, y) + at(x + width - 1, y);
                let column = at(x, y + 1) + at(x, y + height - 1);
                (at(x, y) - 0.25 * (row + column)).powi(2)
            });
            // Of independent ones it is 1 + 4/16, where both sides have neighbours.
            let rough = rough.sum::<f64>() / count;
            assert!(rough < 0.02, "{width}×{height}: {rough}");
        }
        let mut alone = [[3.0, -1.0, 0.5]];
        blotches(&mut alone, 1);
        assert_eq!(alone, [[0.0; 3]]);
    }

    #[test]
    fn mean_and_variance_are_those_that_are_promised() {
        let mut source = ChaCha8Rng::seed_from_u64(3);
        let drawn: Vec<f64> = (0..20_000).map(|_| bell(&mut source)).collect();
        let greys: Vec<f64> = grey(3, [200, 100]).into_iter().map(f64::from).collect();
        for (values, mean, deviation) in [(drawn, 0.0, 1.0), (greys, 0.5, 0.144)] {
            let count = values.len() as f64;
            let found = values.iter().sum::<f64>() / count;
            let square = values.iter().map(|v| (v - found).powi(2)).sum::<f64>() / count;
            assert!((found - mean).abs() < 0.02, "{found}");
            assert!((square.sqrt() - deviation).abs() < 0.02, "{square}");
        }
    }

    /// The sum over windows of 2×2 that a checkerboard has most of, beside what independent values would have there.
    #[test]
    fn soft_noise_has_no_checkerboard_and_the_variance_of_the_other() {
        for [width, height] in [[64, 48], [3, 200], [2, 300], [1, 400]] {
            let mut source = ChaCha8Rng::seed_from_u64(5);
            let drawn: Vec<[f64; 3]> = (0..width * height)
                .map(|_| [0; 3].map(|_| bell(&mut source)))
                .collect();
            let mut found = drawn.clone();
            soften(&mut found, width);
            let variance = |values: &[[f64; 3]]| {
                let squares = values.iter().flatten().map(|value| value * value);
                squares.sum::<f64>() / (3 * values.len()) as f64
            };
            let ratio = variance(&found) / variance(&drawn);
            assert!((ratio - 1.0).abs() < 0.25, "{width}×{height}: {ratio}");
        }
        let [width, height] = [64, 48];
        let checkers = |values: &[f32]| -> f32 {
            let at = |x: usize, y: usize| values[y % height * width + x % width];
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            let crossed =
                pixels.map(|(x, y)| at(x, y) - at(x + 1, y) - at(x, y + 1) + at(x + 1, y + 1));
            crossed.map(|crossed| crossed * crossed).sum::<f32>() / (width * height) as f32
        };
        let plane = &grey(1, [width, height])[..width * height];
        // Of white noise of this deviation it is 4·0.144².
        assert!(
            checkers(plane) < 0.15 * 4.0 * 0.144 * 0.144,
            "{}",
            checkers(plane)
        );
    }
}
