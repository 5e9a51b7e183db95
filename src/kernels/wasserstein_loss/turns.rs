//! The constants of the iteration: Newton's, scaled as by Chen & Chow ("A stable scaling of Newton-Schulz for improving
//! the sign function computation of a Hermitian matrix", 2014) for eigenvalues in \[`RESOLVED`, 1\], but never beyond
//! `BOLDEST`: that much would throw the largest eigenvalue far down, and its digits away.

/// Turns of the iteration.
pub(super) const TURNS: usize = 11;
/// The least singular value √(λ/‖A‖) that they resolve; the roots of smaller ones come out too small.
const RESOLVED: f64 = 4e-4;
/// The most by which λ/‖A‖ is scaled up before a turn; 3 would be Chen & Chow's limit.
const BOLDEST: f64 = 2.5;

/// a and b of each turn: s ← a·s − b·s³ for s = √(λ/‖A‖).
pub(super) fn turns() -> [[f64; 2]; TURNS] {
    let mut least = RESOLVED;
    std::array::from_fn(|_| {
        let scale = (3.0 / (1.0 + least + least * least)).min(BOLDEST).sqrt();
        let [a, b] = [1.5 * scale, 0.5 * scale.powi(3)];
        // Whichever end of the interval comes out lower.
        least = (a * least - b * least.powi(3)).min(a - b).min(1.0);
        [a, b]
    })
}

/// What the turns make of a singular value s = √(λ/‖A‖), so that (λ/‖A‖)^-½ comes out as this over s: 1 to 5·10⁻⁴ from
/// 4·10⁻⁴ on, less below.
pub fn attained(singular: f64) -> f64 {
    turns()
        .iter()
        .fold(singular, |s, [a, b]| a * s - b * s.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every eigenvalue that is resolved ends at 1, none beyond, and smaller ones stay below it.
    #[test]
    fn the_turns_take_what_they_resolve_to_one() {
        for at in 0..=1000 {
            let s = RESOLVED.powf(at as f64 / 1000.0);
            assert!(
                (attained(s) - 1.0).abs() < 5e-4,
                "{s} ends at {}",
                attained(s)
            );
        }
        for s in [1e-7, 1e-6, 1e-5, 1e-4] {
            assert!(attained(s) > 1000.0 * s && attained(s) < 1.0);
        }
    }
}
