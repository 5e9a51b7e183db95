//! Tapes whose maps go on beyond their edges.

use impasto::graph::{Cut, Margin, Program, RunOptions, Strategy};
use impasto::kernels::pool2::Pooling;
use impasto::shape::Border;

use super::finite_differences::assert_directional_derivatives;
use super::sample_tapes::{everything_within, meaning_of_losses, picture, widen};
use super::support::gpu;
use super::{bits, build_and_run, build_with, relative_error, run};

/// Losses by the reference, and the gradient along some directions; with the fold of a replicated border also where
/// it is added to a share of a loss and masked.
#[test]
fn losses_and_gradient_are_those_of_the_reference() {
    for border in [Border::Replicate, Border::Wrap] {
        for pooling in Pooling::ALL {
            let (tape, constants) = everything_within(pooling, border);
            let (totals, gradient) = build_and_run(&tape, &constants, &RunOptions::default());
            let expected = meaning_of_losses(&tape, &widen(&picture(99)), &constants);
            let error = relative_error(&widen(&totals), &expected);
            assert!(error < 1e-5, "{border:?}: {totals:?}, not {expected:?}");
            assert_directional_derivatives(&tape, &constants, &gradient);
        }
    }
}

/// A picture that wraps around cannot be computed in parts: whatever is asked for, it is whole, to the bit.
#[test]
fn tapes_that_wrap_are_cut_and_not_tiled() {
    let (tape, constants) = everything_within(Pooling::Max, Border::Wrap);
    let options = RunOptions::default();
    let expected = build_and_run(&tape, &constants, &options);
    let cut = Cut {
        layer: "pool1".to_string(),
        tile: Some([4, 4]),
    };
    let strategy = Strategy {
        tile: Some([8, 8]),
        cuts: vec![cut],
        ..Strategy::default()
    };
    let program = Program::with_strategy(tape.clone(), &strategy, gpu().binding_limit());
    assert!(
        program
            .tape
            .nodes()
            .iter()
            .all(|node| !node.name.contains("tile"))
    );
    let executable = build_with(gpu(), &tape, program, &constants, &options);
    let found = run(gpu(), &executable, &picture(99));
    assert_eq!(bits(&found.0), bits(&expected.0));
    assert_eq!(bits(&found.1), bits(&expected.1));

    let is_tiled =
        |of: &Strategy| of.tile.is_some() || of.cuts.iter().any(|cut| cut.tile.is_some());
    let offered = |border| {
        let (tape, _) = everything_within(Pooling::Max, border);
        let candidates = Strategy::candidates(&tape, Margin::default(), gpu().binding_limit());
        let tiled = candidates
            .iter()
            .filter(|of| is_tiled(&of.strategy))
            .count();
        (candidates.len(), tiled)
    };
    let (all, tiled) = offered(Border::Wrap);
    assert!(all > 1 && tiled == 0, "{tiled} of {all} are tiled");
}
