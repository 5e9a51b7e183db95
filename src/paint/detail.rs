//! What was dreamt so far, taken along from one size of a dream to another.

use crate::image::{Filter, resampled};
use crate::objective::Mask;

/// `detail`, planes of the size `from` (W, H), at the size `to`.
///
/// What was dreamt beside a border of the `mask` would spread across it when it is enlarged. A place keeps the share of
/// it that the mask has there at the new size, of what the mask lets through at the old one, and never more than all:
/// where the mask is black nothing is left, where it is even all of it.
pub fn carried(detail: &[f32], [from, to]: [[usize; 2]; 2], mask: Option<&Mask>) -> Vec<f32> {
    let mut carried = resampled(detail, from, to, Filter::Bilinear);
    let Some(mask) = mask.filter(|_| from != to) else {
        return carried;
    };
    let before: Vec<f32> = mask
        .resized(from)
        .iter()
        .map(|&share| share as f32)
        .collect();
    let before = resampled(&before, from, to, Filter::Bilinear);
    let now = mask.resized(to);
    let shares = now.iter().zip(before).map(|(&now, before)| match before {
        // Nothing was dreamt here.
        ..=0.0 => 0.0,
        before => (now as f32 / before).min(1.0),
    });
    let shares: Vec<f32> = shares.collect();
    for plane in carried.chunks_exact_mut(shares.len()) {
        let values = plane.iter_mut().zip(&shares);
        values.for_each(|(value, share)| *value *= share);
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: [usize; 2] = [20, 15];
    const LARGE: [usize; 2] = [28, 21];

    fn mask([width, height]: [usize; 2], value: impl Fn(usize) -> f32) -> Mask {
        Mask {
            width,
            height,
            values: (0..width * height).map(|at| value(at % width)).collect(),
        }
    }

    /// What a dream of ones makes of a mask at a size.
    fn dreamt(mask: &Mask, size: [usize; 2]) -> Vec<f32> {
        let shares = mask.resized(size).repeat(3);
        shares.iter().map(|&share| share as f32).collect()
    }

    #[test]
    fn nothing_spreads_across_a_sharp_border() {
        let half = mask(LARGE, |x| if x < 14 { 1.0 } else { 0.0 });
        let small = dreamt(&half, SMALL);
        let free = carried(&small, [SMALL, LARGE], None);
        let kept = carried(&small, [SMALL, LARGE], Some(&half));
        let black = |x: usize| x % LARGE[0] >= 14;
        assert!((0..kept.len()).any(|at| black(at) && free[at] > 0.1));
        for (at, &value) in kept.iter().enumerate() {
            match at % LARGE[0] {
                0..12 => assert!((value - 1.0).abs() < 0.1, "{at}: {value}"),
                12..14 => assert!(value > 0.5, "{at}: {value}"),
                _ => assert_eq!(value, 0.0, "{at}"),
            }
        }
    }

    #[test]
    fn an_even_mask_takes_all_of_it_along_however_grey() {
        for grey in [0.3, 1.0] {
            let even = mask(LARGE, |_| grey);
            let small = dreamt(&even, SMALL);
            let kept = carried(&small, [SMALL, LARGE], Some(&even));
            assert!(kept.iter().all(|value| (value - grey).abs() < 1e-5));
        }
    }

    /// Halves of halves do not add up over octaves.
    #[test]
    fn a_gradient_of_grey_stays_what_it_is() {
        let slope = mask(LARGE, |x| x as f32 / 27.0);
        let small = dreamt(&slope, SMALL);
        let kept = carried(&small, [SMALL, LARGE], Some(&slope));
        let wanted = dreamt(&slope, LARGE);
        let far = kept.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
        assert!(far.fold(0.0, f32::max) < 0.02);
    }
}
