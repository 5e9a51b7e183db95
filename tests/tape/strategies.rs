//! Cuts and tiles change how much memory a gradient takes, and nothing else.

use std::collections::BTreeMap;

use impasto::gpu::{Ledger, Profile};
use impasto::graph::{
    Cut, Detail, Executable, Forecast, Margin, Pass, Program, RunOptions, Strategy, Tape, plan,
    requirements,
};
use impasto::kernels::pool2::Pooling;

use crate::sample_tapes::{Constants, everything, filter, gaussians, picture, transform, widen};
use crate::support::gpu;
use crate::{bits, build, build_with, relative_error, run};

fn cut(layer: &str, tile: Option<[usize; 2]>) -> Cut {
    Cut {
        layer: layer.to_string(),
        tile,
    }
}

/// Cuts alone, tiles alone, bands of rows, both; tiles that do not divide the picture.
pub fn strategies() -> Vec<Strategy> {
    let mut strategies = vec![
        Strategy {
            tile: None,
            cuts: vec![cut("pool1", None)],
            ..Strategy::default()
        },
        Strategy {
            tile: None,
            cuts: vec![cut("pool1", None), cut("pool2", None)],
            ..Strategy::default()
        },
        Strategy {
            tile: Some([8, 4]),
            cuts: vec![cut("pool1", None), cut("pool2", Some([2, 2]))],
            ..Strategy::default()
        },
        Strategy {
            tile: Some([8, 8]),
            cuts: vec![cut("pool2", None), cut("no such layer", Some([1, 1]))],
            margin: Margin::Winograd,
        },
        Strategy {
            tile: None,
            cuts: vec![cut("pool1", Some([4, 100]))],
            margin: Margin::Winograd,
        },
    ];
    for tile in [[4, 4], [8, 8], [5, 100], [100, 4], [1, 1], [14, 12]] {
        strategies.push(Strategy {
            tile: Some(tile),
            ..Strategy::default()
        });
    }
    strategies
}

fn build_strategy(tape: &Tape, constants: &Constants, strategy: &Strategy) -> Executable {
    let program = Program::with_strategy(tape.clone(), strategy, gpu().binding_limit());
    build_with(gpu(), tape, program, constants, &RunOptions::default())
}

#[test]
fn every_strategy_leads_to_the_same_losses_and_gradient() {
    for pooling in Pooling::ALL {
        let (tape, constants) = everything(pooling);
        let plain = build(gpu(), &tape, &constants, &RunOptions::default());
        let (losses, gradient) = run(gpu(), &plain, &picture(99));
        for strategy in strategies() {
            let executable = build_strategy(&tape, &constants, &strategy);
            let (found_losses, found) = run(gpu(), &executable, &picture(99));
            let error = relative_error(&widen(&found), &widen(&gradient));
            assert!(error < 1e-5, "{strategy}: {error:e}");
            for (found, expected) in found_losses.iter().zip(&losses) {
                let error = ((found - expected) / expected).abs();
                assert!(error < 1e-5, "{strategy}: {found_losses:?}, not {losses:?}");
            }
            let steps = executable.program().steps.len();
            assert!(
                steps > plain.program().steps.len(),
                "{strategy} has no more steps than the plain way"
            );
        }
    }
}

#[test]
fn the_plain_strategy_is_the_plain_program() {
    let (tape, _) = everything(Pooling::Max);
    let plain = Program::with_gradient(tape.clone(), 1 << 27);
    let same = Program::with_strategy(tape, &Strategy::default(), 1 << 27);
    assert_eq!(format!("{:?}", plain.steps), format!("{:?}", same.steps));
}

/// Tiles add up their moments; what the value of a distance leaves for its gradient survives until then.
#[test]
fn distances_of_gaussians_in_tiles_are_those_of_the_whole() {
    let (tape, constants) = gaussians(Pooling::Max);
    let outcome = |strategy: &Strategy| {
        let program = Program::with_strategy(tape.clone(), strategy, gpu().binding_limit());
        let options = RunOptions::default();
        let executable = build_with(gpu(), &tape, program, &constants, &options);
        run(gpu(), &executable, &picture(72))
    };
    let (totals, gradient) = outcome(&Strategy::default());
    for strategy in strategies() {
        let (found, at) = outcome(&strategy);
        let error = relative_error(&widen(&found), &widen(&totals));
        assert!(error < 1e-5, "{strategy}: {found:?} and not {totals:?}");
        let error = relative_error(&widen(&at), &widen(&gradient));
        assert!(error < 1e-5, "{strategy}: {error:e}");
    }
}

/// Whole maps and Gram matrices of the first sweep alone.
#[test]
fn values_in_tiles_are_those_of_the_whole() {
    let (tape, constants) = everything(Pooling::Max);
    let names = ["gram1", "relu2", "pool1", "gram3", "relu4"];
    let keep: Vec<_> = names.map(|name| tape.find(name).unwrap()).to_vec();
    let options = RunOptions {
        keep: keep.clone(),
        ..RunOptions::default()
    };
    let values = |strategy: &Strategy| -> Vec<Vec<f32>> {
        let limit = gpu().binding_limit();
        let program = Program::forward_with_strategy(tape.clone(), &keep, strategy, limit);
        assert!(program.steps.iter().all(|step| step.pass == Pass::Forward));
        let executable = build_with(gpu(), &tape, program, &constants, &options);
        executable.write_picture(gpu(), &picture(99));
        executable.run(gpu());
        let read = |id| crate::support::wait(gpu(), executable.read(gpu(), id)).unwrap();
        keep.iter().map(|&id| read(id)).collect()
    };
    let expected = values(&Strategy::default());
    for strategy in strategies() {
        for ((name, found), expected) in names.iter().zip(values(&strategy)).zip(&expected) {
            let error = relative_error(&widen(&found), &widen(expected));
            assert!(error < 1e-6, "{strategy}, {name}: {error:e}");
        }
    }
}

#[test]
fn sharing_buffers_changes_no_bit_of_tiles() {
    let (tape, constants) = everything(Pooling::Max);
    for strategy in strategies() {
        let outcome = |share_buffers: bool| {
            let options = RunOptions {
                share_buffers,
                ..RunOptions::default()
            };
            let program = Program::with_strategy(tape.clone(), &strategy, gpu().binding_limit());
            let executable = build_with(gpu(), &tape, program, &constants, &options);
            // Twice: the first run leaves its numbers in the shared buffers.
            run(gpu(), &executable, &picture(71));
            let (totals, gradient) = run(gpu(), &executable, &picture(72));
            (bits(&totals), bits(&gradient))
        };
        assert_eq!(outcome(true), outcome(false), "{strategy}");
    }
}

/// No value that is alive shares a slot with another, and each is written before it is read.
#[test]
fn lives_of_unrolled_programs_never_overlap_in_a_slot() {
    let (tape, _) = everything(Pooling::Max);
    for strategy in strategies() {
        let program = Program::with_strategy(tape.clone(), &strategy, 1 << 27);
        let plan = plan(requirements(&program, &[]), true);
        let mut lives: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for requirement in &plan.requirements {
            let slot = plan.placement[&requirement.value];
            assert!(requirement.bytes <= plan.slots[slot]);
            let life = (requirement.first, requirement.last);
            for &(first, last) in lives.entry(slot).or_default().iter() {
                assert!(life.1 < first || last < life.0, "{strategy}");
            }
            lives.get_mut(&slot).unwrap().push(life);
        }
    }
}

#[test]
fn candidates_begin_with_the_plain_way_and_cost_more_and_more() {
    let mut tape = Tape::new(600, 450);
    crate::sample_tapes::network(&mut tape, Pooling::Max);
    let relu3 = tape.find("relu3").unwrap();
    let gram = tape.gram("gram", relu3).unwrap();
    let target = tape.constant_gram("target", 16);
    tape.style_loss("style", gram, target, 1.0).unwrap();
    let candidates = Strategy::candidates(&tape, Margin::Receptive, 1 << 27);
    assert!(candidates[0].strategy.is_plain() && candidates[0].flop_ratio == 1.0);
    assert!(candidates.len() > 5);
    let ratios = candidates.windows(2);
    assert!(ratios.clone().count() > 0);
    for pair in ratios {
        assert!(pair[0].flop_ratio <= pair[1].flop_ratio);
        assert_ne!(pair[0].strategy, pair[1].strategy);
    }
    let least = candidates.iter().map(|candidate| {
        let strategy = &candidate.strategy;
        let [sketched, full] = [Detail::Sketch, Detail::Full].map(|detail| {
            let program = Program::in_detail(tape.clone(), strategy, 1 << 27, detail);
            let mut ledger = Ledger::default();
            let adapter = Profile::typical_gpu();
            Forecast::new(&program, &RunOptions::default(), &adapter, &mut ledger);
            assert!(candidate.least_bytes <= ledger.peak(), "{strategy}");
            plan(requirements(&program, &[]), true).bytes()
        });
        let off = sketched as f64 / full as f64 - 1.0;
        assert!(off.abs() < 0.1, "{strategy}: {sketched} and not {full}");
        full
    });
    let least: Vec<u64> = least.collect();
    assert!(4 * least.iter().min().unwrap() < least[0], "{least:?}");
}

#[test]
fn a_strategy_says_what_it_does() {
    assert_eq!(Strategy::default().to_string(), "everything kept");
    let strategy = Strategy {
        tile: Some([512, 256]),
        cuts: vec![cut("pool2", None), cut("pool4", Some([32, 32]))],
        ..Strategy::default()
    };
    assert_eq!(
        strategy.to_string(),
        "tiles of 512×256 up to pool2, recomputed up to pool4, tiles of 32×32 above"
    );
    let recompute = Strategy {
        cuts: vec![cut("pool1", None), cut("pool2", None)],
        ..Strategy::default()
    };
    assert_eq!(
        recompute.to_string(),
        "recomputed up to pool1, up to pool2, the rest kept"
    );
    let tiles = Strategy {
        tile: Some([64, 64]),
        ..Strategy::default()
    };
    assert_eq!(tiles.to_string(), "tiles of 64×64");
}

/// 64 channels of 512² pixels take 64 MiB: bound sixteenth by sixteenth, the Gram matrix is summed by pairs of
/// slices, each of which computes a tile as large as the whole matrix.
#[test]
fn tiles_come_first_where_a_map_is_much_larger_than_a_binding() {
    let mut tape = Tape::new(512, 512);
    let input = tape.picture_input("input", transform()).unwrap();
    let map = tape.conv3x3("conv", input, filter(1, 3, 64), true).unwrap();
    let gram = tape.gram("gram", map).unwrap();
    let target = tape.constant_gram("target", 64);
    tape.style_loss("style", gram, target, 1.0).unwrap();
    let first = |limit| {
        let candidates = Strategy::candidates(&tape, Margin::Receptive, limit);
        candidates[0].strategy.clone()
    };
    assert!(first(1 << 27).is_plain());
    let tiled = first(1 << 22).tile.unwrap();
    assert!(64 * 4 * tiled[0] * tiled[1] <= 1 << 22, "{tiled:?}");
}
