//! The CPU reference against hand values, finite differences, dot products and PyTorch.
//!
//! Everything on a GPU is compared with `impasto::reference`; nothing stands below it, so it is checked from outside.

#[path = "reference/dream.rs"]
mod dream;
#[path = "reference/layers.rs"]
mod layers;
#[path = "reference/losses.rs"]
mod losses;
#[path = "reference/moments.rs"]
mod moments;
#[path = "reference/optimizers.rs"]
mod optimizers;
#[path = "reference/visualisation.rs"]
mod visualisation;

use impasto::reference::samples::{sample, samples};
use impasto::shape::Shape;

/// Odd, thin and single-pixel pictures beside an ordinary one.
fn odd_shapes(channels: usize) -> [Shape; 6] {
    [(1, 1), (3, 5), (2, 7), (7, 1), (1, 4), (4, 6)].map(|(height, width)| Shape {
        channels,
        height,
        width,
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ‖a − b‖ / ‖b‖ must stay below `tolerance`; a zero b demands a zero a.
fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    let error: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let (error, norm) = (dot(&error, &error).sqrt(), dot(b, b).sqrt());
    assert!(
        error <= tolerance * norm,
        "error {error:e} against a norm of {norm:e}\n{a:?}\n{b:?}"
    );
}

/// Compares `gradient` with finite differences of `f` around x: four points, exact for polynomials of degree four.
fn assert_gradient(f: impl Fn(&[f64]) -> f64, x: &[f64], gradient: &[f64]) {
    const STEP: f64 = 1e-4;
    let mut moved = x.to_vec();
    let differences: Vec<f64> = (0..x.len())
        .map(|i| {
            let mut at = |offset: f64| {
                moved[i] = x[i] + offset;
                f(&moved)
            };
            let near = at(STEP) - at(-STEP);
            let far = at(2.0 * STEP) - at(-2.0 * STEP);
            moved[i] = x[i];
            (8.0 * near - far) / (12.0 * STEP)
        })
        .collect();
    assert_close(gradient, &differences, 1e-7);
}

/// Numbers no two of which are closer than 0.05, none of them closer to zero: no kink of ReLU or max pooling is near.
fn apart(seed: u64, count: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| sample(seed, a as u64).total_cmp(&sample(seed, b as u64)));
    order
        .into_iter()
        .map(|rank| (rank as f64 - (count / 2) as f64 + 0.5) * 0.1)
        .collect()
}

#[test]
fn samples_are_those_of_splitmix64() {
    // The same formula in Python integers, whose mix(0x9e3779b97f4a7c15) = 0xe220a8397b1dcdaf is SplitMix64's first
    // output for the state 0.
    assert_eq!(sample(0, 0), 0.3048969727480644);
    assert_eq!(sample(1, 0), -0.2636209686966611);
    assert_eq!(sample(0, 1), 0.4024242190430505);
    assert_eq!(sample(7, 123_456_789), -0.5980140970269257);
}

#[test]
fn samples_are_uniform_and_seeds_independent() {
    const COUNT: usize = 20_000;
    let (a, b) = (samples(1, COUNT), samples(2, COUNT));
    assert!(a.iter().all(|a| (-1.0..1.0).contains(a)));
    let mean = a.iter().sum::<f64>() / COUNT as f64;
    let variance = dot(&a, &a) / COUNT as f64;
    let correlation = dot(&a, &b) / COUNT as f64;
    // Five standard deviations of each of the three means.
    assert!(
        mean.abs() < 5.0 * (1.0 / 3.0 / COUNT as f64).sqrt(),
        "{mean}"
    );
    assert!(
        (variance - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / COUNT as f64).sqrt(),
        "{variance}"
    );
    assert!(
        correlation.abs() < 5.0 / 3.0 / (COUNT as f64).sqrt(),
        "{correlation}"
    );
    assert_eq!(a[..10], samples(1, 10));
    assert_eq!(sample(1, 17), a[17]);
}
