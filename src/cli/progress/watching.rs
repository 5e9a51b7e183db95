//! What is done with what a run tells its watcher.

use std::ops::ControlFlow;

use impasto::gpu::Recording;
use impasto::objective::LossSummary;
use impasto::optim::OptimiserState;
use impasto::paint::{
    Checkpoint, RunPosition, ScalePosition, Standing, StepLosses, StyleRun, Watcher, fingerprint,
};

use super::{Progress, numbered};
use crate::cli::record::Record;

impl Watcher for Progress {
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()> {
        if let Some(last) = losses.last() {
            self.estimate(last.step);
        }
        if let Some(StepLosses { step, terms }) = losses.last() {
            self.terms = (*step, terms.clone());
        }
        for StepLosses { step, terms } in losses {
            self.last = LossSummary::new(&self.names, terms);
            if !self.last.total.is_finite() {
                self.lost_steps += 1;
            }
            self.write_trace(*step, self.last);
            if let Some(plot) = &mut self.plot {
                plot.note(*step, &self.names, terms);
            }
            self.bar.set_position(*step as u64);
        }
        let left = losses.last().and_then(|last| self.time_left(last.step));
        let left = left.unwrap_or_default();
        self.bar
            .set_message(format!("loss {:.4e}{left}", self.last.total));
        if self.interrupted() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn scale_begins(&mut self, position: ScalePosition, run: &StyleRun) {
        let (width, height) = run.size();
        self.size = [width, height];
        self.position = position;
        // A finish may have a term that the scales before it have not.
        self.names = run.executable().program().tape.losses().to_vec();
        self.work
            .enter(position, position.first_step.max(self.first_step));
        self.work
            .set_fixed(fixed_part(run.executable().recording()));
        self.look = None;
        self.bar.set_length(self.work.steps() as u64);
        let kernels = fingerprint::of_kernels(run.executable().recording());
        if let Some(record) = &mut self.record {
            record.enter(self.size, &kernels);
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.enter(self.size, kernels);
        }
        let scales = self.work.scales();
        if let Some(plot) = &mut self.plot {
            let is_finish = self.ends_in_a_finish && position.scale + 1 == scales;
            let name = match is_finish {
                true => "finish".to_string(),
                false => format!("{width}×{height}"),
            };
            plot.begin(position.first_step.max(self.first_step), name);
        }
        if scales > 1 && !self.quiet {
            let (number, steps) = (position.scale + 1, self.work.steps_at(position));
            let what = match self.ends_in_a_finish {
                true if number == scales => "finish".to_string(),
                true => format!("scale {number} of {}", scales - 1),
                false => format!("scale {number} of {scales}"),
            };
            self.tell(format!("{what}: {width}×{height}, {steps} steps"));
        }
    }

    fn wants_picture(&self, step: usize) -> bool {
        let preview = self.preview.as_ref();
        self.is_saved(step) || preview.is_some_and(|(preview, _)| preview.is_due())
    }

    fn wants_measure(&self, step: usize) -> bool {
        self.record.is_some() && self.is_saved(step)
    }

    fn measured(&mut self, step: usize, terms: Vec<f32>) {
        self.last = LossSummary::new(&self.names, &terms);
        self.terms = (step, terms);
    }

    fn picture(&mut self, step: usize, rgb: &[f32]) {
        let picture = self.whole_picture(rgb.to_vec());
        if self.preview.as_ref().is_some_and(|(of, _)| of.is_due()) {
            self.show(&picture);
        }
        if let Some(saving) = self.saving.as_ref().filter(|_| self.is_saved(step)) {
            let path = numbered(saving.output.path(), step);
            let record = self.record_after(step).map(Record::on_the_way);
            let written = saving.output.write_to(&path, &picture, record.as_ref());
            if let Err(failure) = written {
                self.miss(failure);
            }
        }
    }

    fn stands(&mut self, position: ScalePosition) {
        self.position = position;
    }

    fn wants_state(&self, step: usize, last: bool) -> bool {
        let keeper = self.keeper.as_ref();
        keeper.is_some_and(|keeper| keeper.is_due(step, last))
    }

    fn state(&mut self, standing: &Standing, optimiser: OptimiserState) {
        let position = RunPosition {
            scale: self.position,
            seconds: self.seconds(),
            lost_steps: self.lost_steps,
            losses: self.terms.1.clone(),
            is_finished: None,
        };
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        let checkpoint = Checkpoint {
            origin: keeper.origin().clone(),
            position,
            standing: standing.clone(),
            optimiser: Some(optimiser),
        };
        if let Some(note) = keeper.write(&checkpoint) {
            self.tell(note);
        }
    }
}

/// The part of a step that takes as long in any size of picture: distances of Gaussians are made of matrices of channels.
fn fixed_part(recording: &Recording) -> f64 {
    let is_fixed = |kernel: &str| {
        let stems = ["wasserstein_loss", "matrix_product"];
        stems.iter().any(|stem| kernel.starts_with(stem))
    };
    let (mut fixed, mut all) = (0, 0);
    for info in recording.infos() {
        all += info.real_flop;
        if is_fixed(&info.kernel) {
            fixed += info.real_flop;
        }
    }
    fixed as f64 / all.max(1) as f64
}
