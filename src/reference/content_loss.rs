//! The content term: features should stay those of the content picture (Gatys et al., arXiv 1508.06576, eq. 1).

/// weight · mean((F − P)²) over the C·M entries. The paper has ½ Σ; a mean keeps its size at every resolution.
///
/// `features` is F, `target` is P; both (C, H, W).
pub fn value(features: &[f64], target: &[f64], weight: f64) -> f64 {
    debug_assert_eq!(features.len(), target.len());
    let sum: f64 = features
        .iter()
        .zip(target)
        .map(|(f, p)| (f - p) * (f - p))
        .sum();
    weight * sum / features.len() as f64
}

/// gF = weight · 2 (F − P) / (C·M) (eq. 2, without the mask of the ReLU, which is an operation of its own here).
pub fn gradient(features: &[f64], target: &[f64], weight: f64) -> Vec<f64> {
    debug_assert_eq!(features.len(), target.len());
    let factor = 2.0 * weight / features.len() as f64;
    features
        .iter()
        .zip(target)
        .map(|(f, p)| factor * (f - p))
        .collect()
}

/// weight · mean(t·(F − P)²) with a t for each position, (H, W): how much of the content is to stay where.
pub fn weighted_value(features: &[f64], target: &[f64], weights: &[f64], weight: f64) -> f64 {
    let weight_at = |at: usize| weights[at % weights.len()];
    let squares = features.iter().zip(target).map(|(f, p)| (f - p) * (f - p));
    let sum: f64 = squares
        .enumerate()
        .map(|(at, square)| weight_at(at) * square)
        .sum();
    weight * sum / features.len() as f64
}

/// gF = weight · 2 t·(F − P) / (C·M).
pub fn weighted_gradient(
    features: &[f64],
    target: &[f64],
    weights: &[f64],
    weight: f64,
) -> Vec<f64> {
    let gradient = gradient(features, target, weight).into_iter().enumerate();
    gradient
        .map(|(at, entry)| weights[at % weights.len()] * entry)
        .collect()
}
