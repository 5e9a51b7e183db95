//! Between a scale and who watches the run: what the next scale wants to know, and when this one is over.

use std::ops::ControlFlow;

use super::descent::{Standing, StepLosses, Watcher};
use super::scales::ScalePosition;
use crate::optim::OptimiserState;

/// The loss is judged after every so many steps of a scale, against what it was so many steps before.
const JUDGED_EVERY: usize = 20;

/// Stands between a scale and who watches the run: keeps what is to be carried up, and judges the loss.
pub(super) struct ScaleWatcher<'a> {
    pub watcher: &'a mut dyn Watcher,
    pub position: ScalePosition,
    /// The last step of the scale, if it does not end before.
    pub iterations: usize,
    pub is_last: bool,
    /// Whether the next scale wants to know what the optimiser remembers.
    pub carries: bool,
    pub tolerance: f32,
    pub is_stopped: bool,
    pub memory: Option<OptimiserState>,
}

impl ScaleWatcher<'_> {
    /// Losses are compared at fixed steps, so that a run which was cut somewhere ends where an uncut one does.
    fn is_judged(&self, step: usize) -> bool {
        let step_of_scale = step.saturating_sub(self.position.first_step);
        self.tolerance > 0.0 && step_of_scale.is_multiple_of(JUDGED_EVERY)
    }

    fn judge(&mut self, losses: &StepLosses) {
        let total = losses.terms.iter().sum::<f32>();
        if let Some(before) = self.position.judged {
            let change = (total - before).abs();
            self.position.settled = change < self.tolerance * before.abs();
        }
        self.position.judged = Some(total).filter(|total| total.is_finite());
    }

    /// Whether the run itself ends where this scale does.
    fn ends_the_run(&self) -> bool {
        self.is_last || self.is_stopped
    }
}

impl Watcher for ScaleWatcher<'_> {
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()> {
        for step in losses {
            if self.is_judged(step.step) {
                self.judge(step);
            }
        }
        self.is_stopped |= self.watcher.losses(losses).is_break();
        if self.is_stopped || self.position.settled {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn wants_losses(&self, step: usize) -> bool {
        self.is_judged(step) || self.watcher.wants_losses(step)
    }

    fn wants_picture(&self, step: usize) -> bool {
        self.watcher.wants_picture(step)
    }

    fn wants_measure(&self, step: usize) -> bool {
        self.watcher.wants_measure(step)
    }

    fn measured(&mut self, step: usize, terms: Vec<f32>) {
        self.watcher.measured(step, terms);
    }

    fn picture(&mut self, step: usize, rgb: &[f32]) {
        self.watcher.picture(step, rgb);
    }

    fn wants_state(&self, step: usize, last: bool) -> bool {
        (last && self.carries && !self.is_last)
            || self.watcher.wants_state(step, last && self.ends_the_run())
    }

    fn state(&mut self, standing: &Standing, optimiser: OptimiserState) {
        let last = standing.step >= self.iterations || self.position.settled || self.is_stopped;
        let step = standing.step;
        if self.watcher.wants_state(step, last && self.ends_the_run()) {
            self.watcher.stands(self.position);
            if last {
                self.memory = Some(optimiser.clone());
            }
            self.watcher.state(standing, optimiser);
        } else if last {
            self.memory = Some(optimiser);
        }
    }
}
