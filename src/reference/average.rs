//! The mean of the pictures of a run in which a later one counts more (Polyak & Juditsky 1992 average all alike; the
//! exponential weights are those of Adam's moments, with the same correction for a short past).

/// Σ βᵗ⁻ᵏ xₖ / Σ βᵗ⁻ᵏ over the pictures x₀ … xₜ, entry by entry, with β the `decay`. An entry of a later picture
/// that is not finite is as if it were what the mean was before it. Nothing if there is no picture.
pub fn average(pictures: &[Vec<f64>], decay: f64) -> Vec<f64> {
    let entry = |i: usize| {
        let mut sum = 0.0;
        let mut weight = 0.0;
        for picture in pictures {
            let before = if weight > 0.0 { sum / weight } else { 0.0 };
            let value = if picture[i].is_finite() {
                picture[i]
            } else {
                before
            };
            sum = decay * sum + value;
            weight = decay * weight + 1.0;
        }
        sum / weight
    };
    let entries = pictures.first().map_or(0, Vec::len);
    (0..entries).map(entry).collect()
}
