//! The run loop as the device sees it.

mod support;

use std::ops::ControlFlow;

use impasto::graph::{Executable, Program, RunOptions, Tape};
use impasto::optim::{AdamSettings, LbfgsSettings, Optimiser, OptimiserSettings, OptimiserState};
use impasto::paint::{Ending, Schedule, Standing, StepLosses, Watcher, descend};
use impasto::reference::samples::samples;
use support::{gpu, wait};

/// Asks for nothing and lets the run go on.
struct Patient;

impl Watcher for Patient {
    fn losses(&mut self, _: &[StepLosses]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_picture(&self, _: usize) -> bool {
        false
    }

    fn picture(&mut self, _: usize, _: &[f32]) {}

    fn wants_state(&self, _: usize, _: bool) -> bool {
        false
    }

    fn state(&mut self, _: &Standing, _: OptimiserState) {}
}

/// Forward, gradient, optimiser and the log of the losses, whatever the number of terms and pairs.
#[test]
fn a_step_is_one_submit() {
    const STEPS: usize = 9;
    // No other test runs in this process, so nobody else submits to this device.
    let gpu = gpu();
    let (width, height) = (6, 5);
    let mut tape = Tape::new(width, height);
    tape.tv_loss("tv", 1.0).unwrap();
    tape.tv_loss("more", 0.5).unwrap();
    let program = Program::with_gradient(tape, gpu.binding_limit());
    let executable = Executable::build(gpu, program, &RunOptions::default()).unwrap();
    let start: Vec<f32> = samples(3, 3 * width * height)
        .iter()
        .map(|&value| 0.5 + 0.4 * value as f32)
        .collect();
    for settings in [
        OptimiserSettings::Adam(AdamSettings::default()),
        OptimiserSettings::Lbfgs(LbfgsSettings::default()),
    ] {
        let gradient = executable.picture_gradient().unwrap();
        let picture = executable.picture();
        let mut optimiser = Optimiser::new(gpu, settings, start.len(), picture, gradient).unwrap();
        let schedule = Schedule {
            iterations: STEPS,
            report_every: STEPS,
            snapshot_every: STEPS,
        };
        let mut watcher = Patient;
        let before = gpu.submissions();
        let run = descend(
            gpu,
            &executable,
            &mut optimiser,
            schedule,
            Standing {
                step: 0,
                rgb: start.clone(),
            },
            &mut watcher,
        );
        let painting = wait(gpu, run);
        assert!(matches!(painting.ending, Ending::Finished));
        assert_ne!(painting.standing.rgb, start);
        // At the end the losses and the picture are read back.
        assert_eq!(gpu.submissions() - before, STEPS as u64 + 2, "{settings:?}");
    }
}
