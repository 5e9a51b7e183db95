//! The Gram matrix: which channels fire together, wherever in the picture (Gatys et al., arXiv 1508.06576, eq. 3).

use crate::shape::Shape;

/// G = F·Fᵀ / M, that is G\[a, b\] = (1/M) Σ_p F\[a, p\] · F\[b, p\] with M = H·W positions p.
///
/// `features` has `shape` (C, H, W), read as the matrix F (C, M); the result is (C, C) and symmetric. The paper's
/// eq. 3 has no 1/M; with it, pictures of different sizes have comparable matrices.
pub fn forward(features: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(features.len(), shape.len());
    let channels = shape.channels;
    let mut gram = Vec::with_capacity(channels * channels);
    for a in 0..channels {
        for b in 0..channels {
            gram.push(forward_at(|at| features[at], shape, [a, b]));
        }
    }
    gram
}

/// F·T·Fᵀ / M with `weights` t, one per position, on the diagonal of T: the matrix of a region if t is large there and 0
/// elsewhere. Weights with a mean of 1 keep its size (Gatys et al., arXiv 1611.07865, section 4: there √t multiplies F).
pub fn weighted_forward(features: &[f64], weights: &[f64], shape: Shape) -> Vec<f64> {
    forward(&scaled(features, weights, shape, f64::sqrt), shape)
}

/// gF of [`weighted_forward`]: (gG + gGᵀ)·F·T / M.
pub fn weighted_gradient(
    gram_gradient: &[f64],
    features: &[f64],
    weights: &[f64],
    shape: Shape,
) -> Vec<f64> {
    let unweighted = gradient(gram_gradient, features, shape);
    scaled(&unweighted, weights, shape, |weight| weight)
}

/// Every channel of a map times `factor` of the weight of its position.
pub(super) fn scaled(
    map: &[f64],
    weights: &[f64],
    shape: Shape,
    factor: impl Fn(f64) -> f64,
) -> Vec<f64> {
    debug_assert_eq!(weights.len(), shape.pixels());
    let channels = map.chunks_exact(shape.pixels());
    let scale = |channel: &[f64]| -> Vec<f64> {
        let pairs = channel.iter().zip(weights);
        pairs
            .map(|(value, &weight)| value * factor(weight))
            .collect()
    };
    channels.flat_map(scale).collect()
}

/// Entry \[a, b\] of [`forward`]; `features` gives the entry at an index.
pub fn forward_at(features: impl Fn(usize) -> f64, shape: Shape, [a, b]: [usize; 2]) -> f64 {
    let positions = shape.pixels();
    let products =
        (0..positions).map(|p| features(a * positions + p) * features(b * positions + p));
    products.sum::<f64>() / positions as f64
}

/// gF = (gG + gGᵀ)·F / M: F enters twice, as the row and as the column.
///
/// `gram_gradient` is gG, (C, C), not necessarily symmetric; `features` and the result have `shape` (C, H, W).
pub fn gradient(gram_gradient: &[f64], features: &[f64], shape: Shape) -> Vec<f64> {
    let (channels, positions) = (shape.channels, shape.pixels());
    debug_assert_eq!(features.len(), shape.len());
    debug_assert_eq!(gram_gradient.len(), channels * channels);
    let mut result = vec![0.0; features.len()];
    for a in 0..channels {
        for b in 0..channels {
            let factor = (gram_gradient[a * channels + b] + gram_gradient[b * channels + a])
                / positions as f64;
            let sums = &mut result[a * positions..][..positions];
            for (sum, f) in sums.iter_mut().zip(&features[b * positions..][..positions]) {
                *sum += factor * f;
            }
        }
    }
    result
}

/// Entry \[a, p\] of [`gradient`]; the functions give the entries of gG and F at an index.
pub fn gradient_at(
    gram_gradient: impl Fn(usize) -> f64,
    features: impl Fn(usize) -> f64,
    shape: Shape,
    [a, p]: [usize; 2],
) -> f64 {
    let (channels, positions) = (shape.channels, shape.pixels());
    let factor = |b: usize| gram_gradient(a * channels + b) + gram_gradient(b * channels + a);
    let sum: f64 = (0..channels)
        .map(|b| factor(b) * features(b * positions + p))
        .sum();
    sum / positions as f64
}
