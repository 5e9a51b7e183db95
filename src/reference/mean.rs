//! The means of the channels of a feature map.

use super::gram::scaled;
use crate::shape::Shape;

/// μ\[c\] = (1/M) Σ_p F\[c, p\] with M = H·W positions p; `features` has `shape` (C, H, W).
pub fn forward(features: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(features.len(), shape.len());
    let channels = features.chunks_exact(shape.pixels());
    channels
        .map(|channel| channel.iter().sum::<f64>() / shape.pixels() as f64)
        .collect()
}

/// μ\[c\] = (1/M) Σ_p t\[p\] · F\[c, p\] with `weights` t, one per position, whose mean is 1.
pub fn weighted_forward(features: &[f64], weights: &[f64], shape: Shape) -> Vec<f64> {
    forward(&scaled(features, weights, shape, |weight| weight), shape)
}

/// gF\[c, p\] = gμ\[c\] / M: every position counts alike.
pub fn gradient(mean_gradient: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(mean_gradient.len(), shape.channels);
    let positions = shape.pixels();
    let share = |at: usize| mean_gradient[at / positions] / positions as f64;
    (0..shape.len()).map(share).collect()
}
