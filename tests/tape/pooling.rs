//! A maximum that is fused into its convolution leaves the same bits as one by itself, forward and back.

use std::sync::Arc;

use impasto::gpu::Profile;
use impasto::graph::{Executable, Forecast, Program, RunOptions, Strategy, Tape, ValueId};
use impasto::kernels::conv3x3::{Filter, Preference, Variant};
use impasto::kernels::pool2::Pooling;
use impasto::reference::samples::samples;
use impasto::shape::{Border, Shape};

use crate::sample_tapes::transform;
use crate::support::{gpu, wait};
use crate::{bits, run};

/// Sides that are no multiples of a tile at any layer, and odd ones below a pooling.
const SIZE: [usize; 2] = [45, 39];

fn filter(seed: u64, [c_in, c_out]: [usize; 2]) -> Arc<Filter> {
    let draw = |seed, count, scale: f64| -> Vec<f32> {
        let drawn = samples(seed, count).into_iter();
        drawn.map(|value| (scale * value) as f32).collect()
    };
    Arc::new(Filter {
        c_in,
        c_out,
        // Large enough that rectified values neither vanish nor grow.
        weight: draw(
            seed,
            c_out * c_in * 9,
            1.4 / (9.0 * c_in as f64).sqrt() * 1.7,
        ),
        bias: draw(seed + 1, c_out, 0.3),
    })
}

/// Two blocks of two convolutions, each with a pooling, and a convolution above; channels that do not fill a group.
pub fn tape(pooling: Pooling, border: Border) -> Tape {
    let [width, height] = SIZE;
    let mut tape = Tape::new(width, height);
    let mut x = tape.picture_input("input", transform()).unwrap();
    let mut channels = 3;
    for (block, [first, second]) in [[16, 24], [28, 18]].into_iter().enumerate() {
        for (layer, outputs) in [first, second].into_iter().enumerate() {
            let name = format!("conv{block}_{layer}");
            let filter = filter((10 * block + layer) as u64, [channels, outputs]);
            x = tape.conv3x3_within(&name, x, filter, true, border).unwrap();
            channels = outputs;
        }
        x = tape.pool(&format!("pool{block}"), x, pooling).unwrap();
    }
    let top = tape
        .conv3x3("top", x, filter(99, [channels, 20]), true)
        .unwrap();
    tape.dream_loss("dream", top, 2.0).unwrap();
    tape
}

pub fn picture() -> Vec<f32> {
    let drawn = samples(7, 3 * SIZE[0] * SIZE[1]).into_iter();
    // A part of one colour, where all four values of a window are equal.
    drawn
        .enumerate()
        .map(|(at, value)| {
            let row = at / SIZE[0] % SIZE[1];
            if row < 17 {
                0.6
            } else {
                (0.5 + 0.5 * value) as f32
            }
        })
        .collect()
}

/// The variants into which a maximum can be fused on this adapter: all three of Winograd on a processor, one on a GPU, none without
/// subgroups.
pub fn pooling_variants() -> Vec<Variant> {
    let (filter, output) = (filter(1, [16, 24]), Shape::new(24, SIZE[1], SIZE[0]));
    let supports = |variant: &Variant| variant.supports(gpu().profile(), &filter, output);
    let variants = [
        Variant::WinogradTiled,
        Variant::WinogradFused,
        Variant::Winograd,
    ];
    let found: Vec<Variant> = variants.into_iter().filter(supports).collect();
    if found.is_empty() {
        println!("skipped: this adapter runs no convolution by Winograd");
    }
    found
}

fn with(preference: Preference) -> RunOptions {
    RunOptions {
        preference,
        ..RunOptions::default()
    }
}

fn wish(variant: Variant) -> RunOptions {
    with(Preference {
        wish: Some(variant),
        ..Preference::default()
    })
}

fn pooled_steps(program: &Program) -> Vec<String> {
    let pooled = program.steps.iter().filter(|step| step.pooled.is_some());
    pooled.map(|step| program.step_name(step)).collect()
}

/// The program by itself, and with pooling in convolutions.
fn both(tape: &Tape, strategy: &Strategy, options: &RunOptions) -> [Program; 2] {
    let alone = Program::with_strategy(tape.clone(), strategy, gpu().binding_limit());
    let along = alone
        .clone()
        .with_pooling_in_convolutions(gpu().profile(), options);
    [alone, along]
}

#[test]
fn a_maximum_in_its_convolution_leaves_the_same_bits() {
    let tape = tape(Pooling::Max, Border::Zero);
    let tiles = Strategy {
        tile: Some([12, 16]),
        ..Strategy::default()
    };
    for variant in pooling_variants() {
        for strategy in [Strategy::default(), tiles.clone()] {
            let options = wish(variant);
            let [alone, along] = both(&tape, &strategy, &options);
            if strategy.is_plain() {
                assert_eq!(
                    pooled_steps(&along),
                    [
                        "conv0_1+pool0 forward",
                        "conv1_1+pool1 forward",
                        "conv1_1+pool1 gradient",
                        "conv0_1+pool0 gradient",
                    ]
                );
                assert_eq!(along.steps.len(), alone.steps.len() - 4);
            }
            let outcome = |program: Program| {
                let executable = Executable::build(gpu(), program, &options).unwrap();
                let (totals, gradient) = run(gpu(), &executable, &picture());
                assert!(gradient.iter().any(|&value| value != 0.0));
                (bits(&totals), bits(&gradient), executable.memory().planned)
            };
            let (alone, along) = (outcome(alone), outcome(along));
            assert_eq!(alone.0, along.0, "{variant}, {strategy}: the loss");
            assert!(alone.1 == along.1, "{variant}, {strategy}: the gradient");
            if strategy.is_plain() {
                assert!(
                    along.2 < alone.2,
                    "{} bytes, not less than {}",
                    along.2,
                    alone.2
                );
            }
        }
    }
}

/// The values of a maximum alone, without a way back.
#[test]
fn a_forward_program_pools_in_convolutions_too() {
    let tape = tape(Pooling::Max, Border::Wrap);
    let keep = vec![tape.find("pool0").unwrap(), tape.find("pool1").unwrap()];
    let Some(&variant) = pooling_variants().last() else {
        return;
    };
    let options = RunOptions {
        keep: keep.clone(),
        ..wish(variant)
    };
    let alone = Program::forward(tape, &keep, gpu().binding_limit());
    let along = alone
        .clone()
        .with_pooling_in_convolutions(gpu().profile(), &options);
    assert_eq!(pooled_steps(&along).len(), 2);
    let values = |program: Program| -> Vec<Vec<u32>> {
        let executable = Executable::build(gpu(), program, &options).unwrap();
        executable.write_picture(gpu(), &picture());
        executable.run(gpu());
        let read = |&value: &ValueId| wait(gpu(), executable.read(gpu(), value)).unwrap();
        keep.iter().map(|value| bits(&read(value))).collect()
    };
    assert!(values(alone) == values(along));
}

/// What lies between is there for whoever looks at it, and what cannot be fused is done as before.
#[test]
fn what_somebody_looks_at_stays() {
    let pools = |tape: &Tape, options: &RunOptions| {
        let [_, along] = both(tape, &Strategy::default(), options);
        pooled_steps(&along)
    };
    let plain = tape(Pooling::Max, Border::Zero);
    let Some(&variant) = pooling_variants().last() else {
        return;
    };
    let options = wish(variant);
    assert_eq!(pools(&plain, &options).len(), 4);

    let between = plain.find("conv0_1").unwrap();
    let kept = RunOptions {
        keep: vec![between],
        ..options.clone()
    };
    let rest = ["conv1_1+pool1 forward", "conv1_1+pool1 gradient"];
    assert_eq!(pools(&plain, &kept), rest);

    let mut watched = plain.clone();
    watched.dream_loss("another", between, 1.0).unwrap();
    assert_eq!(pools(&watched, &options), rest);

    let mut gram = plain.clone();
    gram.gram("gram", between).unwrap();
    // Nothing needs the matrix, so nobody computes it.
    assert_eq!(pools(&gram, &options).len(), 4);

    let none: [&str; 0] = [];
    assert_eq!(pools(&tape(Pooling::Average, Border::Zero), &options), none);
    assert_eq!(pools(&tape(Pooling::L2, Border::Zero), &options), none);
    assert_eq!(pools(&tape(Pooling::Max, Border::Wrap), &options), none);
    assert_eq!(pools(&plain, &wish(Variant::Direct)), none);
    assert_eq!(pools(&plain, &with(Preference::exact())), none);
}

/// A forecast counts the dispatches and the memory of what is built.
#[test]
fn a_forecast_knows_what_is_done_along() {
    let tape = tape(Pooling::Max, Border::Zero);
    let options = wish(Variant::WinogradFused);
    for program in both(&tape, &Strategy::default(), &options) {
        let adapter: &Profile = gpu().profile();
        let forecast = Forecast::new(&program, &options, adapter, &mut Default::default());
        let is_slot = |label: &str| label.starts_with("slot ");
        let slots = forecast.allocations.iter().filter(|of| is_slot(&of.label));
        let bytes: u64 = slots.map(|of| of.bytes).sum();
        let uniforms = forecast
            .allocations
            .iter()
            .find(|of| of.label == "uniforms");
        let executable = Executable::build(gpu(), program, &options).unwrap();
        assert_eq!(bytes, executable.memory().planned);
        let dispatches = executable.recording().infos().len() as u64;
        assert_eq!(uniforms.unwrap().bytes, dispatches * 256);
    }
}
