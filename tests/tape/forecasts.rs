//! What a forecast says of a program is what recording does: how many dispatches there are, and whether there can be any.

use impasto::gpu::{Gpu, GpuOptions, Ledger, UNIFORM_SLOT};
use impasto::graph::{Executable, Forecast, Program, RunOptions, Strategy, Tape, ValueId};
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::guide_loss::{Correspondence, GuideGoal};
use impasto::kernels::pool2::Pooling;
use impasto::shape::{Border, Shape};

use crate::normalised::{normalised, normalised_gaussians};
use crate::sample_tapes::{
    HEIGHT, WIDTH, everything, everything_within, filter, gaussians, network, transform,
};
use crate::strategies::strategies;
use crate::support::borrow;

/// Bytes per binding: a plane of the picture is bound in parts, its map not at all but in tiles, one channel group of it
/// by itself, several, all of them.
const LIMITS: [u64; 6] = [512, 1024, 3328, 4096, 14_000, 1 << 27];

/// The adapter as it is and with nothing beyond what WebGPU guarantees, at each of `limits`.
fn devices(limits: &[u64]) -> impl Iterator<Item = &'static Gpu> {
    limits.iter().flat_map(|&limit| {
        [false, true].map(|portable| {
            borrow(&GpuOptions {
                portable,
                binding_limit: Some(limit),
                ..GpuOptions::default()
            })
        })
    })
}

fn every_strategy() -> Vec<Strategy> {
    let plain = Strategy::default();
    std::iter::once(plain).chain(strategies()).collect()
}

/// Builds the gradient of `tape` and its forecast; returns whether it can be built.
fn check(gpu: &Gpu, tape: &Tape, strategy: &Strategy, preference: &Preference) -> bool {
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let program = Program::with_strategy(tape.clone(), strategy, gpu.binding_limit());
    check_program(gpu, program, strategy, &options)
}

fn check_program(gpu: &Gpu, program: Program, strategy: &Strategy, options: &RunOptions) -> bool {
    let program = program.with_pooling_in_convolutions(gpu.profile(), options);
    let mut ledger = Ledger::default();
    let forecast = Forecast::new(&program, options, gpu.profile(), &mut ledger);
    let names: Vec<&str> = program.tape.losses().iter().map(String::as_str).collect();
    let what = format!(
        "{names:?}, {strategy}, {} bytes a binding, subgroups {}",
        gpu.binding_limit(),
        gpu.has_subgroups()
    );
    match Executable::build(gpu, program, options) {
        Ok(executable) => {
            let obstacle = &forecast.obstacle;
            assert!(obstacle.is_none(), "{what}: {obstacle:?} was told");
            let uniforms = |of: &&impasto::graph::Allocation| of.label == "uniforms";
            let uniforms = forecast.allocations.iter().find(uniforms).unwrap();
            let dispatches = executable.recording().infos().len();
            let told = (uniforms.bytes / UNIFORM_SLOT) as usize;
            assert_eq!(told, dispatches.max(1), "{what}: dispatches");
            true
        }
        Err(refusal) => {
            let told = forecast.obstacle.as_ref();
            let told = told.unwrap_or_else(|| panic!("{what}: {refusal}, and nothing was told"));
            assert_eq!(told.to_string(), refusal.to_string(), "{what}");
            false
        }
    }
}

/// All of them by every strategy, on all devices; some can be built, and some are refused.
fn check_everywhere(tapes: &[Tape]) {
    let mut built = [0; 2];
    for gpu in devices(&LIMITS) {
        for tape in tapes {
            for strategy in every_strategy() {
                let is_built = check(gpu, tape, &strategy, &Preference::default());
                built[usize::from(is_built)] += 1;
            }
        }
    }
    assert!(built.iter().all(|&count| count > 0), "{built:?}");
}

#[test]
fn of_losses_together() {
    check_everywhere(&Pooling::ALL.map(|pooling| everything(pooling).0));
}

#[test]
fn of_other_borders() {
    let borders = [Border::Replicate, Border::Wrap];
    check_everywhere(&borders.map(|border| everything_within(Pooling::Max, border).0));
}

#[test]
fn of_distances_of_gaussians() {
    check_everywhere(&[gaussians(Pooling::Max).0]);
}

#[test]
fn of_normalised_gradients() {
    check_everywhere(&[normalised().0, normalised_gaussians().0]);
}

/// The guide of a dream is smaller than the picture, as large or larger.
#[test]
fn of_guides() {
    let guided = |correspondence, [width, height]: [usize; 2]| {
        let (mut tape, layers) = guided_network();
        for (at, &layer) in layers.iter().enumerate() {
            let shape = tape.shape(layer).unwrap();
            let like = match correspondence {
                Correspondence::Best => Shape::new(shape.channels, height, width),
                Correspondence::Itself => shape,
            };
            let guide = tape.constant_map(&format!("guide {at}"), like);
            let goal = GuideGoal {
                weight: 1.0,
                correspondence,
                power: 1.0,
            };
            let name = format!("guided {at} by {like}");
            tape.guide_loss(&name, (layer, guide), goal).unwrap();
        }
        tape
    };
    check_everywhere(&[
        guided(Correspondence::Best, [3, 2]),
        guided(Correspondence::Best, [70, 50]),
        guided(Correspondence::Itself, [0, 0]),
    ]);
}

fn guided_network() -> (Tape, [ValueId; 2]) {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let of = network(&mut tape, Pooling::Max);
    (tape, [of.relu1, of.relu3])
}

#[test]
fn of_directions() {
    let (mut tape, layers) = guided_network();
    for (at, &layer) in layers.iter().enumerate() {
        let shape = tape.shape(layer).unwrap();
        let direction = tape.constant_map(&format!("direction {at}"), shape);
        let name = format!("alignment {at}");
        tape.alignment_loss(&name, layer, direction, (1.0, 2.0))
            .unwrap();
    }
    check_everywhere(&[tape]);
}

/// More channels than a tile of a Gram matrix has rows.
#[test]
fn of_statistics_of_many_channels() {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let input = tape.picture_input("input", transform()).unwrap();
    let map = tape.conv3x3("map", input, filter(1, 3, 72), true).unwrap();
    let pool1 = tape.pool("pool1", map, Pooling::Max).unwrap();
    let more = tape
        .conv3x3("more", pool1, filter(3, 72, 132), true)
        .unwrap();
    for (name, layer, channels) in [("map", map, 72), ("more", more, 132)] {
        let gram = tape.gram(&format!("gram of {name}"), layer).unwrap();
        let target = tape.constant_gram(&format!("target of {name}"), channels);
        let style = format!("style of {name}");
        tape.style_loss(&style, gram, target, 1.0).unwrap();
        let moments = tape.moments(&format!("moments of {name}"), layer).unwrap();
        let target = tape.constant_moments(&format!("target moments of {name}"), channels);
        let distance = format!("distance of {name}");
        tape.wasserstein_loss(&distance, moments, target, 1.0)
            .unwrap();
    }
    check_everywhere(&[tape]);
}

/// What is looked at of a style picture: no way back.
#[test]
fn of_values_alone() {
    let (tape, _) = everything(Pooling::Max);
    let keep: Vec<ValueId> = ["gram1", "relu2", "pool1", "relu4"]
        .map(|name| tape.find(name).unwrap())
        .to_vec();
    let options = RunOptions {
        keep: keep.clone(),
        ..RunOptions::default()
    };
    for gpu in devices(&LIMITS) {
        for strategy in every_strategy() {
            let limit = gpu.binding_limit();
            let program = Program::forward_with_strategy(tape.clone(), &keep, &strategy, limit);
            check_program(gpu, program, &strategy, &options);
        }
    }
}

/// A tile is small enough for a binding, and its rows of the picture are not: they are bound a few at a time.
#[test]
fn of_a_wide_picture() {
    let mut tape = Tape::new(400, 24);
    let layers = network(&mut tape, Pooling::Max);
    tape.dream_loss("dream", layers.relu1, 1.0).unwrap();
    let strategy = Strategy {
        tile: Some([8, 24]),
        ..Strategy::default()
    };
    for gpu in devices(&[8192]) {
        assert!(check(gpu, &tape, &strategy, &Preference::default()));
        let program = Program::with_strategy(tape.clone(), &strategy, gpu.binding_limit());
        let is_input = |name: &str| name.starts_with("input") && name.ends_with("forward");
        let steps = program.steps.iter();
        let steps = steps.filter(|step| is_input(&program.step_name(step)));
        // 24 rows of 1600 bytes, four at a time.
        let expected = 6 * steps.count();
        let executable = Executable::build(gpu, program, &RunOptions::default()).unwrap();
        let infos = executable.recording().infos().iter();
        let found = infos.filter(|info| is_input(&info.label)).count();
        assert_eq!(found, expected);
    }
}

/// By every variant of the convolution, where maps take one binding or several.
#[test]
fn of_every_variant() {
    let mut tape = Tape::new(240, 200);
    let layers = network(&mut tape, Pooling::Max);
    let pool2 = tape.pool("pool2", layers.relu3, Pooling::Max).unwrap();
    tape.dream_loss("dream", pool2, 1.0).unwrap();
    let tiles = Strategy {
        tile: Some([100, 64]),
        ..Strategy::default()
    };
    for gpu in devices(&[5 << 19, 1 << 27]) {
        for variant in Variant::ALL {
            let preference = Preference {
                wish: Some(variant),
                ..Preference::default()
            };
            for strategy in [Strategy::default(), tiles.clone()] {
                assert!(check(gpu, &tape, &strategy, &preference), "{variant}");
            }
        }
    }
}
