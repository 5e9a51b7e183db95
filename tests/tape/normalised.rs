//! Heads whose gradients are normalised. What goes back to the picture is the gradient of no function, so instead of finite
//! differences the way back is written down once more, node by node in f64.

use std::collections::BTreeMap;

use impasto::graph::{Op, Program, RunOptions, Tape, ValueId};
use impasto::kernels::pool2::Pooling;
use impasto::reference::{
    avgpool2, content_loss, conv3x3, dream_loss, gram, l2pool2, maxpool2, moments, normalise,
    picture_input, relu, style_loss, tv_loss, wasserstein_loss,
};
use impasto::shape::Shape;

use crate::sample_tapes::{Constants, everything, gaussians, meaning, picture, widen};
use crate::strategies::strategies;
use crate::support::gpu;
use crate::{bits, build_and_run, build_with, norm, relative_error, run};

/// [`everything`], where all heads are normalised but the dream and the Gram matrix of a region, which look at the fused
/// ReLU that one of the others looks at too.
pub fn normalised() -> (Tape, Constants) {
    normalised_with(Pooling::Max)
}

fn normalised_with(pooling: Pooling) -> (Tape, Constants) {
    let (mut tape, constants) = everything(pooling);
    for (head, pull) in [
        ("gram1", 3.0),
        ("gram3", 0.5),
        ("content2", 7.0),
        ("content4", 2.0),
    ] {
        tape.normalise(tape.find(head).unwrap(), pull).unwrap();
    }
    (tape, constants)
}

/// [`gaussians`], all normalised: two heads with and without weights and a dream on one fused ReLU, and one below.
pub fn normalised_gaussians() -> (Tape, Constants) {
    let (mut tape, constants) = gaussians(Pooling::Average);
    for (head, pull) in [
        ("moments1", 3.0),
        ("moments3", 0.5),
        ("moments3 in a region", 4.0),
        ("dream", 2.0),
    ] {
        tape.normalise(tape.find(head).unwrap(), pull).unwrap();
    }
    (tape, constants)
}

/// The gradients of all values at the picture `x`, back from the losses.
fn gradients(tape: &Tape, x: &[f64], constants: &Constants) -> BTreeMap<ValueId, Vec<f64>> {
    let known = meaning(tape, x, constants);
    let mut gradients: BTreeMap<ValueId, Vec<f64>> = BTreeMap::new();
    let (height, width) = tape.picture_size();
    for node in tape.nodes().iter().rev() {
        let input = node.inputs[0];
        let (x, y) = (&known[&input], &known[&node.output]);
        let shape = tape.shape(input).unwrap_or(Shape::new(3, height, width));
        let gy = || &gradients[&node.output];
        let target = || &known[&node.inputs[1]];
        let share = match &node.op {
            Op::PictureInput { transform, .. } => {
                let matrix = transform.matrix.map(|row| row.map(f64::from));
                picture_input::gradient(gy(), &matrix)
            }
            Op::Conv3x3 {
                filter,
                relu: is_fused,
                border,
            } => {
                let weight = widen(&filter.weight);
                let masked = match is_fused {
                    true => relu::gradient(gy(), y),
                    false => gy().clone(),
                };
                conv3x3::input_gradient_within(&masked, shape, *border, &weight)
            }
            Op::Relu => relu::gradient(gy(), y),
            Op::Pool(Pooling::Max) => maxpool2::gradient(gy(), x, shape),
            Op::Pool(Pooling::Average) => avgpool2::gradient(gy(), shape),
            Op::Pool(Pooling::L2) => l2pool2::gradient(gy(), x, shape),
            Op::Gram { .. } => match node.inputs.get(1) {
                None => gram::gradient(gy(), x, shape),
                Some(weights) => gram::weighted_gradient(gy(), x, &known[weights], shape),
            },
            Op::Moments { .. } => match node.inputs.get(1) {
                None => moments::gradient(gy(), x, shape),
                Some(weights) => moments::weighted_gradient(gy(), x, &known[weights], shape),
            },
            Op::ContentLoss { weight } => match node.inputs.get(2) {
                None => content_loss::gradient(x, target(), f64::from(*weight)),
                Some(weights) => {
                    let (weights, weight) = (&known[weights], f64::from(*weight));
                    content_loss::weighted_gradient(x, target(), weights, weight)
                }
            },
            Op::StyleLoss { weight } => style_loss::gradient(x, target(), f64::from(*weight)),
            Op::WassersteinLoss { weight } => {
                let channels = x.len().isqrt();
                wasserstein_loss::gradient(x, target(), channels, f64::from(*weight))
            }
            Op::DreamLoss(goal) => dream_loss::gradient(x, f64::from(goal.weight)),
            Op::TvLoss { weight } => tv_loss::gradient(x, shape, f64::from(*weight)),
            op => unreachable!("no sample tape has {op:?}"),
        };
        let share = match node.pull {
            Some(pull) => normalise::forward(&share, f64::from(pull)),
            None => share,
        };
        let sum = gradients.entry(input).or_insert(vec![0.0; share.len()]);
        sum.iter_mut().zip(share).for_each(|(sum, g)| *sum += g);
    }
    gradients
}

fn at_the_picture(tape: &Tape, constants: &Constants) -> Vec<f64> {
    gradients(tape, &widen(&picture(99)), constants)[&tape.picture()].clone()
}

/// Also that of the same tape without a mark, so that the way back written here is known to be right, and that the marks
/// change it.
#[test]
fn normalised_gradients_are_those_of_the_reference() {
    let pools = Pooling::ALL.map(|pooling| (everything(pooling), normalised_with(pooling), 1e-5));
    // The iteration for the root does not end exactly at it.
    let others = [(gaussians(Pooling::Average), normalised_gaussians(), 1e-3)];
    for (plain, marked, tolerance) in pools.into_iter().chain(others) {
        let [expected, unmarked] = [&marked, &plain].map(|(tape, constants)| {
            let expected = at_the_picture(tape, constants);
            let (_, found) = build_and_run(tape, constants, &RunOptions::default());
            let error = relative_error(&widen(&found), &expected);
            assert!(error < tolerance, "{:?}: {error:e}", tape.losses());
            expected
        });
        assert!(relative_error(&expected, &unmarked) > 0.1);
        let totals = |(tape, constants): &(Tape, Constants)| {
            build_and_run(tape, constants, &RunOptions::default()).0
        };
        assert_eq!(bits(&totals(&marked)), bits(&totals(&plain)), "the values");
    }
}

/// The weight of a loss cancels out, from one that would hardly leave anything to one that would drown all else.
#[test]
fn a_normalised_gradient_forgets_the_weight_of_its_loss() {
    let gradient = |weight: f32| {
        let mut tape = Tape::new(crate::WIDTH, crate::HEIGHT);
        let layers = crate::network(&mut tape, Pooling::Max);
        let gram = tape.gram("gram", layers.relu3).unwrap();
        let target = tape.constant_gram("target", 16);
        tape.style_loss("style", gram, target, weight).unwrap();
        tape.normalise(gram, 2.0).unwrap();
        let dream = tape.dream_loss("dream", layers.relu1, -weight).unwrap();
        tape.normalise(dream, 5.0).unwrap();
        let constants = Constants::from([(target, crate::draw_gram(11, 16))]);
        build_and_run(&tape, &constants, &RunOptions::default()).1
    };
    let expected = widen(&gradient(1.0));
    for weight in [1e-3, 1e9] {
        let error = relative_error(&widen(&gradient(weight)), &expected);
        assert!(error < 1e-4, "{weight:e}: {error:e}");
    }
}

/// A head at its target does not pull, and makes no NaN of 0/0.
#[test]
fn a_gradient_of_zero_stays_zero() {
    let mut tape = Tape::new(crate::WIDTH, crate::HEIGHT);
    let layers = crate::network(&mut tape, Pooling::Max);
    let dream = tape.dream_loss("dream", layers.relu3, 0.0).unwrap();
    tape.normalise(dream, 5.0).unwrap();
    let (_, gradient) = build_and_run(&tape, &Constants::new(), &RunOptions::default());
    assert!(gradient.iter().all(|&g| g == 0.0), "{gradient:?}");
}

/// The norm is that of a whole map: layers are computed again where a strategy says so, and in tiles by none.
#[test]
fn strategies_cut_normalised_tapes_and_lay_no_tiles() {
    for (tape, constants) in [normalised(), normalised_gaussians()] {
        let outcome = |program: Program| {
            let options = RunOptions::default();
            let executable = build_with(gpu(), &tape, program, &constants, &options);
            run(gpu(), &executable, &picture(99))
        };
        let limit = gpu().binding_limit();
        let plain = Program::with_gradient(tape.clone(), limit);
        let steps = plain.steps.len();
        let (losses, gradient) = outcome(plain);
        assert!(norm(&widen(&gradient)) > 0.0);
        let mut longest = 0;
        for strategy in strategies() {
            let program = Program::with_strategy(tape.clone(), &strategy, limit);
            longest = longest.max(program.steps.len());
            let tiles = |node: &&impasto::graph::Node| matches!(node.op, Op::Crop(_));
            assert_eq!(
                program.tape.nodes().iter().find(tiles).map(|of| &of.name),
                None
            );
            let (found_losses, found) = outcome(program);
            let error = relative_error(&widen(&found), &widen(&gradient));
            assert!(error < 1e-5, "{strategy}: {error:e}");
            let error = relative_error(&widen(&found_losses), &widen(&losses));
            assert!(error < 1e-5, "{strategy}: {error:e}");
        }
        assert!(longest > steps, "nothing was computed again");
    }
}
