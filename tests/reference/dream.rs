//! Jitter, smoothing and steps of dreams, by hand and by what they must keep.

use super::{assert_close, assert_gradient, dot};
use impasto::reference::samples::samples;
use impasto::reference::{dream_step, gaussian_cascade, guide_loss, laplacian_pyramid, roll, zoom};

#[test]
fn rolls_by_hand_and_back() {
    let x: Vec<f64> = (0..18).map(f64::from).collect();
    let y = roll::roll(&x, [3, 2], [1, 1]);
    assert_eq!(y[..6], [5.0, 3.0, 4.0, 2.0, 0.0, 1.0]);
    assert_eq!(roll::roll(&y, [3, 2], [2, 1]), x);
}

#[test]
fn a_step_by_hand() {
    let (x, g) = ([0.5; 3], [1.0, -2.0, 3.0]);
    let moved = dream_step::step(&x, &g, [1, 1], [0, 0], (0.1, None), false);
    assert_close(&moved, &[0.55, 0.4, 0.65], 1e-15);
    let clamped = dream_step::step(&x, &g, [1, 1], [0, 0], (1.0, None), true);
    assert_eq!(clamped, [1.0, 0.0, 1.0]);
    assert_eq!(
        dream_step::step(&x, &[0.0; 3], [1, 1], [0, 0], (1.0, None), true),
        x
    );
    // A gradient of a picture that was rolled moves the pixel that it came from.
    let (x, g) = (samples(1, 18), samples(2, 18));
    let rolled = dream_step::step(
        &x,
        &roll::roll(&g, [3, 2], [2, 1]),
        [3, 2],
        [2, 1],
        (0.1, None),
        false,
    );
    let plain = dream_step::step(&x, &g, [3, 2], [0, 0], (0.1, None), false);
    assert_close(&rolled, &plain, 1e-14);
}

/// Each pixel goes as far as the mask says, whichever way the gradient was rolled; the mean is that of all.
#[test]
fn a_masked_step_by_hand() {
    let (x, g) = ([0.5; 6], [1.0, -2.0, 3.0, 1.0, 2.0, -3.0]);
    let masked = |g: &[f64], by| {
        let how = (0.1, Some(&[0.0, 0.5][..]));
        dream_step::step(&x, g, [2, 1], by, how, false)
    };
    let moved = [0.5, 0.45, 0.5, 0.525, 0.5, 0.425];
    assert_close(&masked(&g, [0, 0]), &moved, 1e-15);
    let rolled = roll::roll(&g, [2, 1], [1, 0]);
    assert_close(&masked(&rolled, [1, 0]), &moved, 1e-15);
}

#[test]
fn cascades_keep_constants_and_go_around_borders() {
    let size = [11, 7];
    assert_close(
        &gaussian_cascade::smooth(&[0.3; 231], size, 1.7),
        &[0.3; 231],
        1e-14,
    );
    let x = samples(3, 231);
    let smooth_then_rolled = roll::roll(&gaussian_cascade::smooth(&x, size, 0.9), size, [4, 5]);
    let rolled_then_smooth = gaussian_cascade::smooth(&roll::roll(&x, size, [4, 5]), size, 0.9);
    assert_close(&smooth_then_rolled, &rolled_then_smooth, 1e-13);
    // Of a single bright pixel the three Gaussians remain.
    let mut point = vec![0.0; 3 * 25 * 25];
    point[12 * 25 + 12] = 1.0;
    let smooth = gaussian_cascade::smooth(&point, [25, 25], 1.0);
    let line: f64 = (-4..=4).map(|i| (-0.5 * f64::from(i * i)).exp()).sum();
    let narrow: f64 = (-4..=4).map(|i| (-2.0 * f64::from(i * i)).exp()).sum();
    let wide: f64 = (-4..=4).map(|i| (-0.125 * f64::from(i * i)).exp()).sum();
    let middle = (line.powi(-2) + narrow.powi(-2) + wide.powi(-2)) / 3.0;
    assert_close(&[smooth[12 * 25 + 12]], &[middle], 1e-12);
}

#[test]
fn shrinking_and_expanding_are_each_others_transpose() {
    for size in [[1, 1], [5, 3], [8, 6], [7, 12]] {
        let coarse = size.map(|side: usize| side.div_ceil(2));
        let x = samples(4, 3 * size[0] * size[1]);
        let y = samples(5, 3 * coarse[0] * coarse[1]);
        let down = dot(&laplacian_pyramid::shrink(&x, size), &y);
        let up = dot(&x, &laplacian_pyramid::expand(&y, coarse, size));
        assert_close(&[up], &[4.0 * down], 1e-12);
    }
}

#[test]
fn pyramids_bring_bands_to_the_same_strength() {
    // The kernel of one dimension sums to ½ over even and over odd taps: far from borders ones stay ones.
    let size = [64, 64];
    let ones = laplacian_pyramid::expand(&vec![1.0; 3 * 32 * 32], [32, 32], size);
    assert!((ones[32 * 64 + 32] - 1.0).abs() < 1e-15);
    let x = samples(6, 3 * 64 * 64);
    let plain = laplacian_pyramid::normalise(&x, size, 0);
    let strength = dot(&plain, &plain) / plain.len() as f64;
    assert_close(&[strength], &[1.0], 1e-12);
    // How strong the gradient is does not matter, and noise gains in its low frequencies.
    let bands = laplacian_pyramid::normalise(&x, size, 4);
    let doubled: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
    assert_close(
        &laplacian_pyramid::normalise(&doubled, size, 4),
        &bands,
        1e-12,
    );
    let coarse = |x: &[f64]| {
        let once = laplacian_pyramid::shrink(x, size);
        let twice = laplacian_pyramid::shrink(&once, [32, 32]);
        (dot(&twice, &twice) / twice.len() as f64) / (dot(x, x) / x.len() as f64)
    };
    assert!(
        coarse(&bands) > 4.0 * coarse(&plain),
        "{} {}",
        coarse(&bands),
        coarse(&plain)
    );
}

#[test]
fn the_best_place_of_a_guide_by_hand() {
    // Two channels; the guide shows (1, 0), (0, 2) and (0, 2) again.
    let (x, guide) = ([3.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
    let at = guide_loss::best(&x, &guide, 2);
    assert_eq!(at, [0, 1]);
    assert_eq!(guide_loss::value(&x, &guide, 2, &at, (4.0, 0.0)), 3.0 + 2.0);
    let gradient = guide_loss::gradient(&x, &guide, 2, &at, (4.0, 0.0));
    assert_eq!(gradient, [1.0, 0.0, 0.0, 2.0]);
    // Along itself the cosine is 1, whatever its power.
    let itself: Vec<usize> = vec![0, 1];
    let square = dot(&x, &x);
    assert_close(
        &[guide_loss::value(&x, &x, 2, &itself, (4.0, 3.0))],
        &[square],
        1e-9,
    );
}

#[test]
fn gradients_by_a_guide_agree_with_finite_differences() {
    let (channels, pixels) = (3, 8);
    let (x, guide) = (samples(7, channels * pixels), samples(8, channels * pixels));
    let itself: Vec<usize> = (0..pixels).collect();
    for power in [0.0, 1.0, 2.5] {
        for at in [itself.clone(), guide_loss::best(&x, &guide, channels)] {
            let value = |x: &[f64]| guide_loss::value(x, &guide, channels, &at, (0.7, power));
            let gradient = guide_loss::gradient(&x, &guide, channels, &at, (0.7, power));
            assert_gradient(value, &x, &gradient);
        }
    }
    // Without a power the best place may change on the way: where two are alike, nothing jumps.
    let value = |x: &[f64]| {
        let at = guide_loss::best(x, &guide, channels);
        guide_loss::value(x, &guide, channels, &at, (0.7, 0.0))
    };
    let at = guide_loss::best(&x, &guide, channels);
    assert_gradient(
        value,
        &x,
        &guide_loss::gradient(&x, &guide, channels, &at, (0.7, 0.0)),
    );
}

#[test]
fn zooms_by_hand() {
    let x: Vec<f64> = (0..27).map(f64::from).collect();
    assert_eq!(zoom::zoom(&x, [3, 3], 1.0, 0.0), x);
    // Twice as large: the middle stays, the corners lie halfway to it.
    let larger = zoom::zoom(&x, [3, 3], 2.0, 0.0);
    assert_close(
        &larger[..9],
        &[2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0],
        1e-14,
    );
    // A quarter clockwise: the first column, read upwards, becomes the first row.
    let turned = zoom::zoom(&x, [3, 3], 1.0, 90.0);
    assert_close(
        &turned[..9],
        &[6.0, 3.0, 0.0, 7.0, 4.0, 1.0, 8.0, 5.0, 2.0],
        1e-13,
    );
}
