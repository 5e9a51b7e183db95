//! The graph executor on small tapes with random filters.
//!
//! What a tape means is written down once more, in `tape/sample_tapes.rs`, in f64 with the functions of `impasto::reference`; the gradient
//! of the device is compared with finite differences of that meaning.

#[path = "tape/borders.rs"]
mod borders;
#[path = "tape/finite_differences.rs"]
mod finite_differences;
#[path = "tape/forecasts.rs"]
mod forecasts;
#[path = "tape/normalised.rs"]
mod normalised;
#[path = "tape/pooling.rs"]
mod pooling;
#[path = "tape/random_tapes.rs"]
mod random_tapes;
#[path = "tape/sample_tapes.rs"]
mod sample_tapes;
#[path = "tape/shape_errors.rs"]
mod shape_errors;
#[path = "tape/strategies.rs"]
mod strategies;
mod support;
#[path = "tape/weights.rs"]
mod weights;

use impasto::gpu::Gpu;
use impasto::graph::{Executable, Pass, Program, RunOptions, Tape, ValueId};
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::pool2::Pooling;
use impasto::shape::Shape;
use sample_tapes::{
    Constants, HEIGHT, Network, WIDTH, draw, draw_gram, everything, filter, meaning,
    meaning_of_losses, network, picture, transform, widen,
};
use support::{gpu, wait};

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// ‖a − b‖ / ‖b‖
fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(b)
}

fn build(gpu: &Gpu, tape: &Tape, constants: &Constants, options: &RunOptions) -> Executable {
    let program = Program::with_gradient(tape.clone(), gpu.binding_limit());
    build_with(gpu, tape, program, constants, options)
}

/// Any program made from `tape`.
fn build_with(
    gpu: &Gpu,
    tape: &Tape,
    program: Program,
    constants: &Constants,
    options: &RunOptions,
) -> Executable {
    let executable = Executable::build(gpu, program, options).unwrap();
    for (&id, values) in constants {
        match tape.shape(id) {
            Some(_) => executable.write_map(gpu, id, values),
            None => executable.write_statistics(gpu, id, values),
        }
    }
    executable
}

/// Losses and gradient at `x`.
fn run(gpu: &Gpu, executable: &Executable, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    executable.write_picture(gpu, x);
    executable.run(gpu);
    let totals = wait(gpu, executable.read_totals(gpu)).unwrap();
    let gradient = executable
        .picture_gradient()
        .expect("the losses depend on the picture");
    let gradient = wait(gpu, executable.read_planar(gpu, gradient)).unwrap();
    gpu.check().unwrap();
    (totals, gradient)
}

fn build_and_run(tape: &Tape, constants: &Constants, options: &RunOptions) -> (Vec<f32>, Vec<f32>) {
    run(gpu(), &build(gpu(), tape, constants, options), &picture(99))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Values of every loss and of kept layers.
#[test]
fn values_are_those_of_the_reference() {
    for pooling in Pooling::ALL {
        let (tape, constants) = everything(pooling);
        let keep: Vec<ValueId> = [
            "input", "relu1", "gram1", "relu2", "pool1", "pool2", "relu4",
        ]
        .map(|name| tape.find(name).unwrap())
        .to_vec();
        let options = RunOptions {
            keep: keep.clone(),
            ..RunOptions::default()
        };
        let executable = build(gpu(), &tape, &constants, &options);
        let x = picture(99);
        let (totals, _) = run(gpu(), &executable, &x);
        let known = meaning(&tape, &widen(&x), &constants);
        for id in keep {
            let found = wait(gpu(), executable.read(gpu(), id)).unwrap();
            let error = relative_error(&widen(&found), &known[&id]);
            assert!(error < 1e-5, "{}: {error:e}", tape.value(id).name);
        }
        let expected = meaning_of_losses(&tape, &widen(&x), &constants);
        assert_eq!(totals.len(), 7);
        for ((name, found), expected) in tape.losses().iter().zip(totals).zip(expected) {
            let error = (f64::from(found) - expected).abs() / expected.abs();
            assert!(error < 1e-5, "{name}: {found} and not {expected}");
        }
    }
}

/// Without ReLU and with average pooling, the map J from the picture to the features is linear: ⟨gy, J·v⟩ = ⟨Jᵀ·gy, v⟩,
/// both sides from the device.
#[test]
fn the_gradient_is_the_transpose_of_the_forward_map() {
    let gpu = gpu();
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let input = tape.picture_input("input", transform()).unwrap();
    let conv1 = tape
        .conv3x3("conv1", input, filter(1, 3, 8), false)
        .unwrap();
    let pool = tape.pool("pool", conv1, Pooling::Average).unwrap();
    let conv2 = tape.conv3x3("conv2", pool, filter(3, 8, 6), false).unwrap();
    let shape = tape.shape(conv2).unwrap();
    let target = tape.constant_map("target", shape);
    // With this weight the gradient of the loss at the features is F − P.
    tape.content_loss("content", conv2, target, shape.len() as f32 / 2.0)
        .unwrap();
    let options = RunOptions {
        keep: vec![conv2],
        ..RunOptions::default()
    };
    let p = draw(51, shape.len());
    let executable = build(
        gpu,
        &tape,
        &Constants::from([(target, p.clone())]),
        &options,
    );
    let features = |x: &[f32]| -> (Vec<f64>, Vec<f64>) {
        let (_, gradient) = run(gpu, &executable, x);
        let f = wait(gpu, executable.read(gpu, conv2)).unwrap();
        (widen(&f), widen(&gradient))
    };
    let x = picture(52);
    let (f, gradient) = features(&x);
    let gy: Vec<f64> = f.iter().zip(&p).map(|(f, &p)| f - f64::from(p)).collect();
    for seed in 53..57 {
        let v = draw(seed, x.len());
        let moved: Vec<f32> = x.iter().zip(&v).map(|(x, v)| x + v).collect();
        let jv: Vec<f64> = features(&moved)
            .0
            .iter()
            .zip(&f)
            .map(|(a, b)| a - b)
            .collect();
        let (left, right) = (dot(&gy, &jv), dot(&gradient, &widen(&v)));
        let error = (left - right).abs() / (norm(&gy) * norm(&jv));
        assert!(error < 1e-6, "{left} and {right}");
    }
}

/// Three losses on one map, and two on the picture: the gradient is the sum of those of each alone.
#[test]
fn the_shares_of_several_consumers_add_up() {
    let run_with = |wanted: &[usize]| -> Vec<f64> {
        let mut tape = Tape::new(WIDTH, HEIGHT);
        let Network { relu1, relu3, .. } = network(&mut tape, Pooling::Max);
        let mut constants = Constants::new();
        for term in wanted {
            match term {
                0 => tape.dream_loss("first", relu1, 1.0),
                1 => {
                    let gram = tape.gram("gram", relu1).unwrap();
                    let target = tape.constant_gram("target", 8);
                    constants.insert(target, draw_gram(61, 8));
                    tape.style_loss("second", gram, target, 2.0)
                }
                2 => tape.dream_loss("third", relu3, 3.0),
                _ => tape.tv_loss("fourth", 4.0),
            }
            .unwrap();
        }
        widen(&build_and_run(&tape, &constants, &RunOptions::default()).1)
    };
    let mut sum = vec![0.0; 3 * WIDTH * HEIGHT];
    for term in 0..4 {
        let share = run_with(&[term]);
        assert!(norm(&share) > 0.0);
        for (sum, share) in sum.iter_mut().zip(share) {
            *sum += share;
        }
    }
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let error = relative_error(&run_with(&order), &sum);
        assert!(error < 1e-6, "in the order {order:?}: {error:e}");
    }
}

#[test]
fn nodes_that_reach_no_loss_are_left_out() {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let Network { relu1, relu3, .. } = network(&mut tape, Pooling::Max);
    tape.pool("dead end", relu3, Pooling::Max).unwrap();
    tape.dream_loss("dream", relu1, 1.0).unwrap();
    let program = Program::with_gradient(tape.clone(), gpu().binding_limit());
    let names = |pass: Pass| -> Vec<&str> {
        let steps = program.steps.iter().filter(|step| step.pass == pass);
        steps.map(|step| &*tape.nodes()[step.node].name).collect()
    };
    assert_eq!(names(Pass::Forward), ["input", "relu1", "dream"]);
    assert_eq!(names(Pass::Gradient), ["dream", "relu1", "input"]);

    let wanted = [tape.find("pool1").unwrap()];
    let forward = Program::forward(tape, &wanted, gpu().binding_limit());
    assert_eq!(forward.steps.len(), 5, "input, relu1, conv2, relu2, pool1");
    assert!(forward.picture_gradient.is_none());
}

/// A loss that no picture can move asks for no gradient.
#[test]
fn a_loss_on_a_constant_has_no_gradient() {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let map = tape.constant_map("constant", Shape::new(4, 3, 3));
    tape.dream_loss("dream", map, 2.0).unwrap();
    let constants = Constants::from([(map, vec![0.5; 36])]);
    let executable = build(gpu(), &tape, &constants, &RunOptions::default());
    assert!(executable.picture_gradient().is_none());
    executable.run(gpu());
    let totals = wait(gpu(), executable.read_totals(gpu())).unwrap();
    assert_eq!(totals, [0.5]);
}

#[test]
fn sharing_buffers_changes_no_bit() {
    let (tape, constants) = everything(Pooling::Max);
    let outcome = |share_buffers: bool| {
        let options = RunOptions {
            share_buffers,
            ..RunOptions::default()
        };
        let executable = build(gpu(), &tape, &constants, &options);
        // Twice: the first run leaves its numbers in the shared buffers.
        run(gpu(), &executable, &picture(71));
        let (totals, gradient) = run(gpu(), &executable, &picture(72));
        (executable.memory().planned, bits(&totals), bits(&gradient))
    };
    let (shared, alone) = (outcome(true), outcome(false));
    assert!(shared.0 < alone.0, "{} and {} bytes", shared.0, alone.0);
    assert_eq!(shared.1, alone.1);
    assert_eq!(shared.2, alone.2);
}

#[test]
fn two_runs_agree_to_the_bit() {
    let (tape, constants) = everything(Pooling::Average);
    let first = build(gpu(), &tape, &constants, &RunOptions::default());
    let again = build(gpu(), &tape, &constants, &RunOptions::default());
    let outcomes = [&first, &first, &again].map(|executable| {
        let (totals, gradient) = run(gpu(), executable, &picture(73));
        (bits(&totals), bits(&gradient))
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}

#[test]
fn every_variant_leads_to_the_same_gradient() {
    let (tape, constants) = everything(Pooling::Max);
    let (_, expected) = build_and_run(&tape, &constants, &RunOptions::default());
    for variant in Variant::ALL {
        let options = RunOptions {
            preference: Preference {
                wish: Some(variant),
                ..Preference::default()
            },
            ..RunOptions::default()
        };
        let (_, found) = build_and_run(&tape, &constants, &options);
        let error = relative_error(&widen(&found), &widen(&expected));
        assert!(error < 1e-5, "{variant}: {error:e}");
    }
}

#[test]
fn a_profile_has_a_time_for_every_step() {
    let (tape, constants) = everything(Pooling::Max);
    let executable = build(gpu(), &tape, &constants, &RunOptions::default());
    executable.write_picture(gpu(), &picture(99));
    let times = wait(gpu(), executable.profile(gpu()));
    if !gpu().has_timestamps() {
        assert!(times.is_err(), "a profile needs timestamps");
        return;
    }
    let times = times.unwrap();
    let steps = executable.program().steps.iter();
    let expected: Vec<String> = steps
        .map(|step| {
            let direction = match step.pass {
                Pass::Forward => "forward",
                Pass::Gradient => "gradient",
            };
            format!("{} {direction}", tape.nodes()[step.node].name)
        })
        .collect();
    let labels: Vec<&str> = times.iter().map(|time| &*time.label).collect();
    assert_eq!(labels, expected);
    for time in &times {
        assert!((0.0..10.0).contains(&time.seconds), "{time:?}");
        assert!(time.flop > 0 && time.bytes > 0, "{time:?}");
    }
    assert!(times.iter().map(|time| time.seconds).sum::<f64>() > 0.0);
}
