//! Before a kernel is timed it must compute what it should: its result at a few hundred places, corners
//! among them, against the f64 reference there.

use impasto::gpu::Gpu;
use impasto::reference::samples::sample;

use super::Failure;
use crate::cli::failure::Code;

/// Places beside the corners.
const PLACES: usize = 256;

/// What rounding explains, relative to the root mean square of the reference. Sums here have up to 4608
/// products; a wrong index is off by 1.
const TOLERANCE: f64 = 1e-4;

/// Indices into an array of `extent`: every corner, then others drawn the same way each time.
pub fn places<const N: usize>(extent: [usize; N]) -> Vec<[usize; N]> {
    let corners = (0..1usize << N).map(|corner| {
        std::array::from_fn(|axis| ((corner >> axis) & 1) * (extent[axis].max(1) - 1))
    });
    let drawn = (0..PLACES).map(|place| {
        std::array::from_fn(|axis| {
            let unit = (sample(axis as u64, place as u64) + 1.0) / 2.0;
            (unit * extent[axis] as f64) as usize
        })
    });
    corners.chain(drawn).collect()
}

/// The largest difference between found and expected, relative to the root mean square of the latter.
pub fn deviation(pairs: &[(f32, f64)]) -> f64 {
    let squares: f64 = pairs.iter().map(|(_, expected)| expected * expected).sum();
    let scale = (squares / pairs.len().max(1) as f64).sqrt();
    let differences = pairs
        .iter()
        .map(|&(found, expected)| (f64::from(found) - expected).abs());
    // `max` would pass over a NaN.
    let largest = differences.fold(0.0, |largest: f64, next| {
        if next > largest || next.is_nan() {
            next
        } else {
            largest
        }
    });
    largest / if scale > 0.0 { scale } else { 1.0 }
}

/// Refuses a result that rounding does not explain.
pub fn judge(gpu: &Gpu, what: &str, deviation: f64) -> Result<(), Failure> {
    if deviation <= TOLERANCE {
        return Ok(());
    }
    Err(Failure {
        code: Code::Internal,
        message: format!(
            "{what} is off by {deviation:.1e} on `{}`, where rounding explains {TOLERANCE:.0e}; run `impasto doctor`, update the driver or choose another --variant",
            gpu.adapter().name
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_inside_and_hold_every_corner() {
        let extent = [5, 1, 7];
        let places = places(extent);
        assert!(
            places
                .iter()
                .all(|place| (0..3).all(|axis| place[axis] < extent[axis]))
        );
        for corner in [[0, 0, 0], [4, 0, 0], [0, 0, 6], [4, 0, 6]] {
            assert!(places.contains(&corner), "{corner:?}");
        }
        assert!(places.contains(&[2, 0, 3]));
    }

    #[test]
    fn a_deviation_is_the_largest_difference_and_nothing_hides_a_nan() {
        assert_eq!(deviation(&[(2.0, 2.0), (-2.0, -2.0)]), 0.0);
        assert_eq!(deviation(&[(2.0, 2.0), (-1.0, -2.0)]), 0.5);
        assert!(deviation(&[(f32::NAN, 1.0), (1.0, 1.0)]).is_nan());
        assert!(deviation(&[(1.0, 1.0), (f32::INFINITY, 1.0), (1.0, 1.0)]).is_infinite());
    }
}
