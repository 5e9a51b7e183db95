//! Small tapes with random filters, and what a tape means: its nodes one after the other in f64.

use std::collections::BTreeMap;
use std::sync::Arc;

use impasto::graph::{Op, Tape, ValueId};
use impasto::kernels::conv3x3::Filter;
use impasto::kernels::picture_input::InputTransform;
use impasto::kernels::pool2::Pooling;
use impasto::reference;
use impasto::reference::samples::samples;
use impasto::shape::{Border, Shape};

/// Odd sides, so that both poolings drop a row or a column.
pub const WIDTH: usize = 15;
pub const HEIGHT: usize = 13;

/// Values of the constants, by id: planar maps and row-major matrices.
pub type Constants = BTreeMap<ValueId, Vec<f32>>;

pub fn draw(seed: u64, count: usize) -> Vec<f32> {
    samples(seed, count)
        .iter()
        .map(|&value| value as f32)
        .collect()
}

pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// A picture in [0, 1].
pub fn picture(seed: u64) -> Vec<f32> {
    let values = draw(seed, 3 * WIDTH * HEIGHT);
    values.iter().map(|value| 0.5 + 0.5 * value).collect()
}

/// A target that a style could have: symmetric, as every Gram matrix.
pub fn draw_gram(seed: u64, channels: usize) -> Vec<f32> {
    let drawn = draw(seed, channels * channels);
    let entry = |a: usize, b: usize| drawn[a.min(b) * channels + a.max(b)];
    (0..channels * channels)
        .map(|at| entry(at / channels, at % channels))
        .collect()
}

/// √Σ* and μ* of random features over `positions` positions.
pub fn draw_target_moments(seed: u64, channels: usize, positions: usize) -> Vec<f32> {
    let features = samples(seed, channels * positions);
    let moments = reference::moments::forward(&features, Shape::new(channels, 1, positions));
    let target = reference::wasserstein_loss::target(&moments, channels);
    target.iter().map(|&entry| entry as f32).collect()
}

/// A random filter that keeps the size of its input.
pub fn filter(seed: u64, c_in: usize, c_out: usize) -> Arc<Filter> {
    let size = (1.0 / (3.0 * c_in as f32)).sqrt();
    let weight = draw(seed, c_out * c_in * 9);
    Arc::new(Filter {
        c_in,
        c_out,
        weight: weight.iter().map(|weight| size * weight).collect(),
        bias: draw(seed + 1, c_out),
    })
}

/// B, G, R around a mean, in a range that suits the random filters.
pub fn transform() -> InputTransform {
    InputTransform {
        matrix: [[0.0, 0.0, 4.0], [0.0, 4.0, 0.0], [4.0, 0.0, 0.0]],
        offset: [-1.6, -1.8, -1.9],
    }
}

/// Two blocks of a small network, with pooling between them: the values of its layers.
pub struct Network {
    pub relu1: ValueId,
    pub relu2: ValueId,
    pub relu3: ValueId,
}

pub fn network(tape: &mut Tape, pooling: Pooling) -> Network {
    network_within(tape, pooling, Border::Zero)
}

fn network_within(tape: &mut Tape, pooling: Pooling, border: Border) -> Network {
    let input = tape.picture_input("input", transform()).unwrap();
    let relu1 = tape
        .conv3x3_within("relu1", input, filter(1, 3, 8), true, border)
        .unwrap();
    // A convolution that keeps the value before its ReLU.
    let conv2 = tape
        .conv3x3_within("conv2", relu1, filter(3, 8, 12), false, border)
        .unwrap();
    let relu2 = tape.relu("relu2", conv2).unwrap();
    let pool1 = tape.pool("pool1", relu2, pooling).unwrap();
    let relu3 = tape
        .conv3x3_within("relu3", pool1, filter(5, 12, 16), true, border)
        .unwrap();
    Network {
        relu1,
        relu2,
        relu3,
    }
}

/// Style, content, dream and total variation together; several of them on one map, below a further pooling and above.
pub fn everything(pooling: Pooling) -> (Tape, Constants) {
    everything_within(pooling, Border::Zero)
}

/// The same where every convolution has this border.
pub fn everything_within(pooling: Pooling, border: Border) -> (Tape, Constants) {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let Network {
        relu1,
        relu2,
        relu3,
    } = network_within(&mut tape, pooling, border);
    let pool2 = tape.pool("pool2", relu3, pooling).unwrap();
    let relu4 = tape
        .conv3x3_within("relu4", pool2, filter(7, 16, 6), true, border)
        .unwrap();
    let mut constants = Constants::new();
    for (name, layer, weight) in [("1", relu1, 3.0), ("3", relu3, 5.0)] {
        let channels = tape.shape(layer).unwrap().channels;
        let gram = tape.gram(&format!("gram{name}"), layer).unwrap();
        let target = tape.constant_gram(&format!("style target {name}"), channels);
        tape.style_loss(&format!("style{name}"), gram, target, weight)
            .unwrap();
        constants.insert(target, draw_gram(11, channels));
    }
    let region = weights(&mut tape, &mut constants, relu3);
    let gram = tape.weighted_gram("gram in a region", relu3, Some(region));
    let target = tape.constant_gram("style target in a region", 16);
    tape.style_loss("style in a region", gram.unwrap(), target, 6.0)
        .unwrap();
    constants.insert(target, draw_gram(13, 16));
    for (name, layer, weight) in [("2", relu2, 2.0), ("4", relu4, 4.0)] {
        let shape = tape.shape(layer).unwrap();
        let target = tape.constant_map(&format!("content target {name}"), shape);
        let weights = (name == "2").then(|| weights(&mut tape, &mut constants, layer));
        let name = format!("content{name}");
        tape.weighted_content_loss(&name, layer, target, (weight, weights))
            .unwrap();
        constants.insert(target, draw(12, shape.len()));
    }
    tape.dream_loss("dream", relu3, -0.5).unwrap();
    tape.tv_loss("tv", 7.0).unwrap();
    (tape, constants)
}

/// Distances of Gaussians at two layers, one of them in a region too, and another loss beside it.
pub fn gaussians(pooling: Pooling) -> (Tape, Constants) {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let Network { relu1, relu3, .. } = network(&mut tape, pooling);
    let mut constants = Constants::new();
    let region = weights(&mut tape, &mut constants, relu3);
    for (name, layer, weight, weights) in [
        ("1", relu1, 3.0, None),
        ("3", relu3, 5.0, None),
        ("3 in a region", relu3, 6.0, Some(region)),
    ] {
        let channels = tape.shape(layer).unwrap().channels;
        let moments = tape.weighted_moments(&format!("moments{name}"), layer, weights);
        let target = tape.constant_moments(&format!("style target {name}"), channels);
        tape.wasserstein_loss(&format!("style{name}"), moments.unwrap(), target, weight)
            .unwrap();
        constants.insert(target, draw_target_moments(13, channels, 60));
    }
    tape.dream_loss("dream", relu3, -0.5).unwrap();
    (tape, constants)
}

/// Weights of the positions of a map, some of them 0.
fn weights(tape: &mut Tape, constants: &mut Constants, of: ValueId) -> ValueId {
    let shape = tape.shape(of).unwrap().with_channels(1);
    let weights = tape.constant_map("weights", shape);
    let drawn = draw(14, shape.len()).into_iter();
    constants.insert(weights, drawn.map(|value| value.max(0.0)).collect());
    weights
}

/// Everything that a tape computes from `x`, by value: maps planar, losses of one entry.
pub fn meaning(tape: &Tape, x: &[f64], constants: &Constants) -> BTreeMap<ValueId, Vec<f64>> {
    let mut known: BTreeMap<ValueId, Vec<f64>> = constants
        .iter()
        .map(|(&id, values)| (id, widen(values)))
        .collect();
    known.insert(tape.picture(), x.to_vec());
    let (height, width) = tape.picture_size();
    for node in tape.nodes() {
        let input = &known[&node.inputs[0]];
        let shape = tape
            .shape(node.inputs[0])
            .unwrap_or(Shape::new(3, height, width));
        let target = || &known[&node.inputs[1]];
        let result = match &node.op {
            Op::PictureInput { transform, .. } => {
                let matrix = transform.matrix.map(|row| row.map(f64::from));
                reference::picture_input::forward(input, &matrix, &transform.offset.map(f64::from))
            }
            Op::Conv3x3 {
                filter,
                relu,
                border,
            } => {
                let (weight, bias) = (widen(&filter.weight), widen(&filter.bias));
                let y = reference::conv3x3::forward_within(input, shape, *border, &weight, &bias);
                if *relu {
                    reference::relu::forward(&y)
                } else {
                    y
                }
            }
            Op::Relu => reference::relu::forward(input),
            Op::Pool(Pooling::Max) => reference::maxpool2::forward(input, shape),
            Op::Pool(Pooling::Average) => reference::avgpool2::forward(input, shape),
            Op::Pool(Pooling::L2) => reference::l2pool2::forward(input, shape),
            Op::Gram { .. } => match node.inputs.get(1) {
                None => reference::gram::forward(input, shape),
                Some(weights) => reference::gram::weighted_forward(input, &known[weights], shape),
            },
            Op::Moments { .. } => match node.inputs.get(1) {
                None => reference::moments::forward(input, shape),
                Some(weights) => {
                    reference::moments::weighted_forward(input, &known[weights], shape)
                }
            },
            Op::Crop(_) | Op::Paste(_) => unreachable!("no tape is written with tiles"),
            Op::ContentLoss { weight } => {
                let weight = f64::from(*weight);
                vec![match node.inputs.get(2) {
                    None => reference::content_loss::value(input, target(), weight),
                    Some(weights) => {
                        let weights = &known[weights];
                        reference::content_loss::weighted_value(input, target(), weights, weight)
                    }
                }]
            }
            Op::StyleLoss { weight } => {
                vec![reference::style_loss::value(
                    input,
                    target(),
                    f64::from(*weight),
                )]
            }
            Op::WassersteinLoss { weight } => {
                // C·(C + 1) entries.
                let (channels, weight) = (input.len().isqrt(), f64::from(*weight));
                let target = target();
                vec![reference::wasserstein_loss::value(
                    input, target, channels, weight,
                )]
            }
            Op::DreamLoss(goal) => {
                vec![reference::dream_loss::value(input, f64::from(goal.weight))]
            }
            Op::GuideLoss(goal) => {
                let channels = tape.shape(node.inputs[0]).unwrap().channels;
                let at = reference::guide_loss::best(input, target(), channels);
                let powers = (f64::from(goal.weight), f64::from(goal.power));
                vec![reference::guide_loss::value(
                    input,
                    target(),
                    channels,
                    &at,
                    powers,
                )]
            }
            Op::AlignmentLoss { weight, power } => {
                let how = (f64::from(*weight), f64::from(*power));
                vec![reference::alignment_loss::value(
                    input,
                    target(),
                    shape.pixels(),
                    how,
                )]
            }
            Op::TvLoss { weight } => {
                vec![reference::tv_loss::value(input, shape, f64::from(*weight))]
            }
        };
        known.insert(node.output, result);
    }
    known
}

/// The loss terms in the order of the tape.
pub fn meaning_of_losses(tape: &Tape, x: &[f64], constants: &Constants) -> Vec<f64> {
    let known = meaning(tape, x, constants);
    let losses = tape.losses().iter();
    losses
        .map(|name| known[&tape.find(name).unwrap()][0])
        .collect()
}
