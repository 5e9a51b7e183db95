//! What a run shows while it goes on, and Ctrl-C.

use std::ops::ControlFlow;

use indicatif::ProgressBar;

use crate::cli::arguments::Common;
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::bar;

/// A bar over the steps of all pictures.
pub struct Progress {
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Progress {
    /// A bar over so many `steps`.
    pub fn new(common: &Common, steps: usize) -> Self {
        let template = "{bar:24} {pos}/{len}  {msg}  {per_sec}  {eta} left";
        Self {
            bar: bar(common, steps, template),
            interrupt: Interrupt::install(),
        }
    }

    /// The step that was made last, of all, and the loss terms that it started from.
    pub fn look(&mut self, step: usize, losses: &[f32]) -> ControlFlow<()> {
        self.bar.set_position(step as u64);
        if let Some(loss) = losses.first() {
            self.bar.set_message(format!("{loss:.4e}"));
        }
        if self.interrupt.raised() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
