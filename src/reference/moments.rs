//! First and second moments of a feature map: what a Gaussian over its positions has.

use super::{gram, mean};
use crate::shape::Shape;

/// S = F·Fᵀ/M, (C, C), followed by the C means μ = ΣF/M; `features` has `shape` (C, H, W).
pub fn forward(features: &[f64], shape: Shape) -> Vec<f64> {
    let mut moments = gram::forward(features, shape);
    moments.extend(mean::forward(features, shape));
    moments
}

/// gF = (gS + gSᵀ)·F/M + gμ/M, given gS followed by gμ.
pub fn gradient(moments_gradient: &[f64], features: &[f64], shape: Shape) -> Vec<f64> {
    let (of_matrix, of_means) = moments_gradient.split_at(shape.channels * shape.channels);
    let by_matrix = gram::gradient(of_matrix, features, shape);
    let by_means = mean::gradient(of_means, shape);
    let pairs = by_matrix.iter().zip(&by_means);
    pairs.map(|(a, b)| a + b).collect()
}
