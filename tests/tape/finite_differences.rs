//! Gradients of the device against finite differences of what the tape means, in f64.

use impasto::graph::{RunOptions, Tape};
use impasto::kernels::pool2::Pooling;
use impasto::reference::samples::samples;

use super::sample_tapes::{
    Constants, HEIGHT, WIDTH, draw, draw_gram, everything, gaussians, meaning_of_losses, network,
    picture, widen,
};
use super::{build_and_run, dot, norm};

/// ⟨gradient of the device, d⟩ against a finite difference in f64 along d, for all losses together.
#[test]
fn the_gradient_is_that_of_the_reference() {
    for pooling in Pooling::ALL {
        let (tape, constants) = everything(pooling);
        let (_, gradient) = build_and_run(&tape, &constants, &RunOptions::default());
        assert_directional_derivatives(&tape, &constants, &gradient);
    }
}

/// The same for each kind of loss alone, where no other term can hide a mistake.
#[test]
fn the_gradient_of_each_loss_is_that_of_the_reference() {
    let mut tapes: Vec<(Tape, Constants)> = Vec::new();
    let fresh = || {
        let mut tape = Tape::new(WIDTH, HEIGHT);
        let network = network(&mut tape, Pooling::Max);
        (tape, network)
    };
    let (mut tape, network) = fresh();
    tape.dream_loss("dream", network.relu3, 2.0).unwrap();
    tapes.push((tape, Constants::new()));

    let (mut tape, network) = fresh();
    let shape = tape.shape(network.relu2).unwrap();
    let target = tape.constant_map("target", shape);
    tape.content_loss("content", network.relu2, target, 2.0)
        .unwrap();
    tapes.push((tape, Constants::from([(target, draw(31, shape.len()))])));

    let (mut tape, network) = fresh();
    let gram = tape.gram("gram", network.relu3).unwrap();
    let target = tape.constant_gram("target", 16);
    tape.style_loss("style", gram, target, 2.0).unwrap();
    tapes.push((tape, Constants::from([(target, draw_gram(32, 16))])));

    let mut tape = Tape::new(WIDTH, HEIGHT);
    tape.tv_loss("tv", 2.0).unwrap();
    tapes.push((tape, Constants::new()));

    for (tape, constants) in tapes {
        let (_, gradient) = build_and_run(&tape, &constants, &RunOptions::default());
        assert_directional_derivatives(&tape, &constants, &gradient);
    }
}

/// The iteration for the root does not end exactly at it, see `kernels/wasserstein_loss.rs`.
#[test]
fn gradients_of_distances_of_gaussians_agree_with_finite_differences() {
    let (tape, constants) = gaussians(Pooling::Average);
    let (totals, gradient) = build_and_run(&tape, &constants, &RunOptions::default());
    let x = widen(&picture(99));
    let expected = meaning_of_losses(&tape, &x, &constants);
    for (found, expected) in totals.iter().zip(expected) {
        let error = (f64::from(*found) - expected).abs() / expected.abs();
        assert!(error < 1e-3, "{found} and not {expected}");
    }
    assert_directional_derivatives_within(&tape, &constants, &gradient, 1e-3);
}

/// ⟨gradient, d⟩ for its own direction and random ones, to 1e-5 of its length.
pub fn assert_directional_derivatives(tape: &Tape, constants: &Constants, gradient: &[f32]) {
    assert_directional_derivatives_within(tape, constants, gradient, 1e-5);
}

fn assert_directional_derivatives_within(
    tape: &Tape,
    constants: &Constants,
    gradient: &[f32],
    tolerance: f64,
) {
    let (x, gradient) = (widen(&picture(99)), widen(gradient));
    let loss = |x: &[f64]| -> f64 { meaning_of_losses(tape, x, constants).iter().sum() };
    // Along the gradient itself, and along random directions, each of length 1.
    let mut directions = vec![gradient.clone()];
    directions.extend((0..6).map(|seed| samples(40 + seed, x.len())));
    for direction in directions {
        let length = norm(&direction);
        let direction: Vec<f64> = direction.iter().map(|d| d / length).collect();
        let along =
            |h: f64| -> Vec<f64> { x.iter().zip(&direction).map(|(x, d)| x + h * d).collect() };
        let h = 1e-6;
        let expected = (loss(&along(h)) - loss(&along(-h))) / (2.0 * h);
        let found = dot(&gradient, &direction);
        let error = (found - expected).abs() / norm(&gradient);
        assert!(
            error < tolerance,
            "{:?}: {found} and not {expected}",
            tape.losses()
        );
    }
}
