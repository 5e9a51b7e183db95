//! Random numbers that are the same on every machine.
//!
//! ChaCha counts blocks, so the same seed gives the same numbers everywhere and for ever; and what is made of them takes
//! no logarithms or cosines, which differ from machine to machine in the last bit.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Independent values around middle grey with a deviation of about 0.14: bright enough to have
/// gradients everywhere, far enough from black and white that nothing is clipped.
pub(super) fn grey(seed: u64, count: usize) -> Vec<f32> {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let unit = |bits: u32| (bits >> 8) as f32 / (1u32 << 24) as f32;
    (0..count)
        .map(|_| 0.25 + 0.5 * unit(source.next_u32()))
        .collect()
}

/// A number of mean 0 and variance 1, near enough to normal: the sum of four uniform ones.
pub(super) fn bell(source: &mut ChaCha8Rng) -> f64 {
    let mut uniform = || f64::from(source.next_u32()) / (f64::from(u32::MAX) + 1.0) - 0.5;
    let sum: f64 = (0..4).map(|_| uniform()).sum();
    sum * 3f64.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_those_that_are_promised() {
        let mut source = ChaCha8Rng::seed_from_u64(3);
        let drawn: Vec<f64> = (0..20_000).map(|_| bell(&mut source)).collect();
        let greys: Vec<f64> = grey(3, 20_000).into_iter().map(f64::from).collect();
        for (values, mean, deviation) in [(drawn, 0.0, 1.0), (greys, 0.5, 0.144)] {
            let count = values.len() as f64;
            let found = values.iter().sum::<f64>() / count;
            let square = values.iter().map(|v| (v - found).powi(2)).sum::<f64>() / count;
            assert!((found - mean).abs() < 0.02, "{found}");
            assert!((square.sqrt() - deviation).abs() < 0.02, "{square}");
        }
    }
}
