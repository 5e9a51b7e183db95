//! The style term of one layer: Gram matrices should be those of the style (Gatys et al., arXiv 1508.06576, eq. 4).

/// weight · mean((G − A)²) over the C² entries.
///
/// `gram` is G as [`super::gram::forward`] makes it, `target` is A, that of the style picture or a blend of several;
/// both (C, C). The paper's 1/(4 N² M²) with N = C is this mean, a quarter of it, since G and A are already divided by M.
pub fn value(gram: &[f64], target: &[f64], weight: f64) -> f64 {
    debug_assert_eq!(gram.len(), target.len());
    let sum: f64 = gram
        .iter()
        .zip(target)
        .map(|(g, a)| (g - a) * (g - a))
        .sum();
    weight * sum / gram.len() as f64
}

/// gG = weight · 2 (G − A) / C². [`super::gram::gradient`] carries it on to the features (together: eq. 6).
pub fn gradient(gram: &[f64], target: &[f64], weight: f64) -> Vec<f64> {
    debug_assert_eq!(gram.len(), target.len());
    let factor = 2.0 * weight / gram.len() as f64;
    gram.iter()
        .zip(target)
        .map(|(g, a)| factor * (g - a))
        .collect()
}
