//! Moments, and the distance of Gaussians.

use crate::{assert_close, assert_gradient, dot, odd_shapes};
use impasto::kernels::wasserstein_loss::REGULARISATION;
use impasto::reference::samples::samples;
use impasto::reference::{matrix_product, mean, moments, wasserstein_loss};
use impasto::shape::Shape;

#[test]
fn moments_by_hand() {
    // F = [[1, 2], [3, −4]] over two positions.
    let (features, shape) = ([1.0, 2.0, 3.0, -4.0], Shape::new(2, 1, 2));
    assert_eq!(mean::forward(&features, shape), [1.5, -0.5]);
    assert_eq!(mean::gradient(&[4.0, -6.0], shape), [2.0, 2.0, -3.0, -3.0]);
    let expected = [2.5, -2.5, -2.5, 12.5, 1.5, -0.5];
    assert_eq!(moments::forward(&features, shape), expected);
}

#[test]
fn products_by_hand() {
    let (left, right) = ([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, -1.0]);
    assert_eq!(
        matrix_product::forward(&left, &right, 2),
        [2.0, -1.0, 4.0, -1.0]
    );
    assert_eq!(matrix_product::transpose(&left, 2), [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn moments_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(3) {
        let (features, weights) = (samples(41, shape.len()), samples(42, 12));
        let gradient = moments::gradient(&weights, &features, shape);
        assert_gradient(
            |f| dot(&weights, &moments::forward(f, shape)),
            &features,
            &gradient,
        );
    }
}

/// Of diagonal covariances the distance is that of the deviations, channel by channel.
#[test]
fn wasserstein_loss_by_hand() {
    // Variances 9 and 16 of the style with ε in them, whose mean is 12.5; means 1 and 2.
    let target = [3.0, 0.0, 0.0, 4.0, 1.0, 2.0];
    let epsilon = 12.5 * REGULARISATION;
    // Variances 4 and 25 with ε; means 3 and 2.
    let moments = [
        4.0 - epsilon + 9.0,
        6.0,
        6.0,
        25.0 - epsilon + 4.0,
        3.0,
        2.0,
    ];
    // (2² + 0²)/2 for the means, ((3 − 2)² + (4 − 5)²)/2 for the deviations.
    let value = wasserstein_loss::value(&moments, &target, 2, 6.0);
    assert_close(&[value], &[18.0], 1e-13);
    // gS = 6/2 · (1 − σ*/σ); gμ = 6 · (μ − μ*) − 2·gS·μ.
    let of_matrix = [3.0 * (1.0 - 1.5), 0.0, 0.0, 3.0 * (1.0 - 0.8)];
    let of_means = [12.0 - 2.0 * of_matrix[0] * 3.0, -2.0 * of_matrix[3] * 2.0];
    let gradient = wasserstein_loss::gradient(&moments, &target, 2, 6.0);
    assert_close(&gradient, &[&of_matrix[..], &of_means].concat(), 1e-13);
}

#[test]
fn wasserstein_loss_vanishes_at_its_target() {
    let shape = Shape::new(5, 4, 6);
    let moments = moments::forward(&samples(43, shape.len()), shape);
    let target = wasserstein_loss::target(&moments, 5);
    assert!(wasserstein_loss::value(&moments, &target, 5, 1.0).abs() < 1e-12);
    let gradient = wasserstein_loss::gradient(&moments, &target, 5, 1.0);
    assert!(
        gradient.iter().all(|entry| entry.abs() < 1e-10),
        "{gradient:?}"
    );
}

/// Down to the features, with more positions than channels and with fewer.
#[test]
fn wasserstein_loss_gradient_agrees_with_finite_differences() {
    for shape in [Shape::new(4, 5, 3), Shape::new(6, 2, 2)] {
        let channels = shape.channels;
        let style = Shape::new(channels, 3, 5);
        let style = moments::forward(&samples(44, style.len()), style);
        let target = wasserstein_loss::target(&style, channels);
        let features = samples(45, shape.len());
        let value = |f: &[f64]| {
            let moments = moments::forward(f, shape);
            wasserstein_loss::value(&moments, &target, channels, 0.7)
        };
        let of_moments = moments::forward(&features, shape);
        let of_moments = wasserstein_loss::gradient(&of_moments, &target, channels, 0.7);
        let gradient = moments::gradient(&of_moments, &features, shape);
        assert_gradient(value, &features, &gradient);
    }
}
