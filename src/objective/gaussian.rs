//! The Gaussian of a style on the host: the root of its covariance, which the loss on moments compares with.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::kernels::wasserstein_loss::REGULARISATION;

/// Entries of the root below this share of √ε, its smallest eigenvalue, are what rounding leaves in f64 between channels
/// that do not vary together, most of them channels that the style never has. They are taken for zero: products of
/// them are subnormal in f32, for which processors take many times as long. Pictures of 32 px were painted five times
/// more slowly with them.
const NOISE: f64 = 1e-9;

/// √Σ* followed by μ*, from the blended moments of styles: C×C row-major, then C means. Σ* = S − μμᵀ + ε·I, where ε is
/// the share [`REGULARISATION`] of the mean variance that comes out.
pub(super) fn target(moments: &[f64]) -> Vec<f64> {
    // C·(C + 1) entries.
    let channels = moments.len().isqrt();
    let (second, means) = moments.split_at(channels * channels);
    let mut covariance = DMatrix::from_fn(channels, channels, |i, j| {
        second[i * channels + j] - means[i] * means[j]
    });
    let variance = covariance.trace() / channels as f64;
    let epsilon = variance * REGULARISATION / (1.0 - REGULARISATION);
    for c in 0..channels {
        covariance[(c, c)] += epsilon;
    }
    let SymmetricEigen {
        eigenvectors,
        eigenvalues,
    } = covariance.symmetric_eigen();
    let mut scaled = eigenvectors.clone();
    for (mut vector, value) in scaled.column_iter_mut().zip(eigenvalues.iter()) {
        vector *= value.max(0.0).sqrt();
    }
    let root = scaled * eigenvectors.transpose();
    let noise = NOISE * epsilon.sqrt();
    let mut target: Vec<f64> = (0..channels * channels)
        // The mean of both halves, symmetric to the bit.
        .map(|at| (at / channels, at % channels))
        .map(|(i, j)| 0.5 * (root[(i, j)] + root[(j, i)]))
        .map(|entry: f64| if entry.abs() < noise { 0.0 } else { entry })
        .collect();
    target.extend(means);
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::reference::samples::samples;
    use crate::shape::Shape;

    #[test]
    fn the_root_is_that_of_the_reference() {
        // More channels than positions: most eigenvalues are ε.
        let shape = Shape::new(12, 1, 7);
        let moments = reference::moments::forward(&samples(1, shape.len()), shape);
        let expected = reference::wasserstein_loss::target(&moments, shape.channels);
        for (found, expected) in target(&moments).iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-12,
                "{found} and not {expected}"
            );
        }
    }

    #[test]
    fn channels_that_a_style_never_has_are_apart_from_all_others() {
        let shape = Shape::new(96, 1, 9);
        let mut maps = samples(1, shape.len());
        let is_dead = |channel: usize| !channel.is_multiple_of(3);
        for (at, value) in maps.iter_mut().enumerate() {
            if is_dead(at / shape.pixels()) {
                *value = 0.0;
            }
        }
        let moments = reference::moments::forward(&maps, shape);
        let target = target(&moments);
        for (i, row) in target.chunks(96).take(96).enumerate() {
            for (j, entry) in row.iter().enumerate() {
                if i != j && (is_dead(i) || is_dead(j)) {
                    assert_eq!(*entry, 0.0, "{i}, {j}");
                }
            }
        }
    }
}
