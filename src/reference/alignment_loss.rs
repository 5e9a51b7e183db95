//! How much features point in a direction: the dot product, times a power of the cosine (lucid's caricatures; Olah,
//! Mordvintsev & Schubert, "Feature Visualization", Distill 2017, call the first alone a direction).
//!
//! Like the dream this is to be *maximised*; the recipe that climbs chooses the sign.

/// The cosine counts as no less: a direction that features do not show at all still has a slope.
pub const FLOOR: f64 = 0.1;
/// Added to the product of the lengths, so that nothing is divided by 0.
const EPSILON: f64 = 1e-12;

/// What value and gradient share.
struct Alignment {
    dot: f64,
    cosine: f64,
    /// ‖F‖ and ‖D‖.
    lengths: [f64; 2],
}

impl Alignment {
    fn new(features: &[f64], direction: &[f64]) -> Self {
        debug_assert_eq!(features.len(), direction.len());
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let dot = product(features, direction);
        let lengths = [features, direction].map(|of| product(of, of).sqrt());
        Self {
            dot,
            cosine: dot / (lengths[0] * lengths[1] + EPSILON),
            lengths,
        }
    }
}

/// weight · s/M · max(c, [`FLOOR`])^power, where s = ΣF·D over all entries, c = s / (‖F‖·‖D‖), and M is the number of
/// `positions`. `features` and `direction` are (C, M).
pub fn value(
    features: &[f64],
    direction: &[f64],
    positions: usize,
    (weight, power): (f64, f64),
) -> f64 {
    let Alignment { dot, cosine, .. } = Alignment::new(features, direction);
    weight * dot / positions as f64 * cosine.max(FLOOR).powf(power)
}

/// gF = a·D − b·F with a = weight/M · (1 + power) · c^power and b = weight/M · power · c^(power + 1) · ‖D‖/‖F‖; where
/// the cosine is at the floor, a = weight/M · FLOOR^power and b = 0.
pub fn gradient(
    features: &[f64],
    direction: &[f64],
    positions: usize,
    (weight, power): (f64, f64),
) -> Vec<f64> {
    let Alignment {
        cosine, lengths, ..
    } = Alignment::new(features, direction);
    let shown = cosine.max(FLOOR);
    let curved = if cosine > FLOOR { power } else { 0.0 };
    let scale = weight / positions as f64 * shown.powf(power);
    let along = scale * (1.0 + curved);
    let back = scale * curved * shown * lengths[1] / lengths[0].max(EPSILON);
    let pairs = features.iter().zip(direction);
    pairs.map(|(f, d)| along * d - back * f).collect()
}
