//! First and second moments of a feature map: what a Gaussian over its positions has.

use super::gram::scaled;
use super::{gram, mean};
use crate::shape::Shape;

/// S = F·Fᵀ/M, (C, C), followed by the C means μ = ΣF/M; `features` has `shape` (C, H, W).
pub fn forward(features: &[f64], shape: Shape) -> Vec<f64> {
    let mut moments = gram::forward(features, shape);
    moments.extend(mean::forward(features, shape));
    moments
}

/// F·T·Fᵀ/M and F·t/M with `weights` t, one per position, on the diagonal of T: the moments of a region, see
/// [`gram::weighted_forward`].
pub fn weighted_forward(features: &[f64], weights: &[f64], shape: Shape) -> Vec<f64> {
    let mut moments = gram::weighted_forward(features, weights, shape);
    moments.extend(mean::weighted_forward(features, weights, shape));
    moments
}

/// gF of [`weighted_forward`]: ((gS + gSᵀ)·F/M + gμ/M)·T.
pub fn weighted_gradient(
    moments_gradient: &[f64],
    features: &[f64],
    weights: &[f64],
    shape: Shape,
) -> Vec<f64> {
    let unweighted = gradient(moments_gradient, features, shape);
    scaled(&unweighted, weights, shape, |weight| weight)
}

/// gF = (gS + gSᵀ)·F/M + gμ/M, given gS followed by gμ.
pub fn gradient(moments_gradient: &[f64], features: &[f64], shape: Shape) -> Vec<f64> {
    let (of_matrix, of_means) = moments_gradient.split_at(shape.channels * shape.channels);
    let by_matrix = gram::gradient(of_matrix, features, shape);
    let by_means = mean::gradient(of_means, shape);
    let pairs = by_matrix.iter().zip(&by_means);
    pairs.map(|(a, b)| a + b).collect()
}
