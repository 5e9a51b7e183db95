//! The mean of three Gaussians over a picture, the smoothing of gradients in pytorch-deepdream (Gordić 2020).
//!
//! There it runs over gradients whose borders are reflected; here it goes around them, since the picture that they are
//! of was rolled.

use super::roll::roll;

/// (1/3) Σₖ Gₖ x of a planar picture (3, H, W): deviations of ½, 1 and 2 times `deviation`, windows of 9×9 whose weights
/// have sum 1; `size` is (W, H).
pub fn smooth(x: &[f64], size: [usize; 2], deviation: f64) -> Vec<f64> {
    let mut smooth = vec![0.0; x.len()];
    for factor in [0.5, 1.0, 2.0] {
        let weight = |i: i32, j: i32| {
            let square = f64::from(i * i + j * j);
            (-0.5 * square / (factor * deviation).powi(2)).exp()
        };
        let window = || (-4..=4).flat_map(|i| (-4..=4).map(move |j| (i, j)));
        let sum: f64 = window().map(|(i, j)| weight(i, j)).sum();
        for (i, j) in window() {
            let by = [j, i]
                .into_iter()
                .zip(size)
                .map(|(by, side)| by.rem_euclid(side as i32) as usize);
            let by: Vec<usize> = by.collect();
            for (smooth, x) in smooth.iter_mut().zip(roll(x, size, [by[0], by[1]])) {
                *smooth += weight(i, j) / sum * x / 3.0;
            }
        }
    }
    smooth
}
