//! What a run shows and keeps while it goes on, and Ctrl-C.

use std::ops::ControlFlow;
use std::time::Instant;

use impasto::image::Picture;
use impasto::paint::{VisualisationState, VisualisationWatcher};
use indicatif::ProgressBar;

use super::keeping::checkpoint;
use crate::cli::arguments::Common;
use crate::cli::checkpoint::{Keeper, going_on};
use crate::cli::failure::Failure;
use crate::cli::interrupt::Interrupt;
use crate::cli::preview::Preview;
use crate::cli::progress::bar;
use crate::cli::terminal::tell;

/// A bar over the steps of all pictures.
pub struct Progress<'a> {
    bar: ProgressBar,
    quiet: bool,
    /// Steps of each picture.
    steps: usize,
    /// How many there are to be.
    pictures: usize,
    /// Those that are done.
    done: Vec<Picture>,
    /// The last loss of each, and of the one in work.
    losses: Vec<f32>,
    started: Instant,
    /// Seconds of painting before it went on.
    earlier: f64,
    keeper: Option<Keeper>,
    preview: Option<Shown<'a>>,
    /// Why a picture on the way could not be shown.
    missing: Option<Failure>,
    interrupt: Interrupt,
}

/// Makes one picture of those that were begun.
type Compose<'a> = Box<dyn Fn(&[Picture]) -> Picture + 'a>;

/// Where pictures on the way are shown, and what is shown of them.
struct Shown<'a> {
    preview: Preview,
    compose: Compose<'a>,
}

impl<'a> Progress<'a> {
    /// A bar over so many `pictures` of so many `steps`.
    pub fn new(common: &Common, pictures: usize, steps: usize) -> Self {
        let template = "{bar:24} {pos}/{len}  {msg}  {per_sec}  {eta} left";
        Self {
            bar: bar(common, pictures * steps, template),
            quiet: common.quiet,
            steps,
            pictures,
            done: Vec::new(),
            losses: Vec::new(),
            started: Instant::now(),
            earlier: 0.0,
            keeper: None,
            preview: None,
            missing: None,
            interrupt: Interrupt::install(),
        }
    }

    /// Also writes checkpoints, of a run that took so many seconds before it went on.
    pub fn keep(&mut self, keeper: Keeper, earlier: f64) {
        self.keeper = Some(keeper);
        self.earlier = earlier;
    }

    /// Also shows what `compose` makes of the pictures that were begun.
    pub fn preview(
        &mut self,
        preview: Option<Preview>,
        compose: impl Fn(&[Picture]) -> Picture + 'a,
    ) {
        self.preview = preview.map(|preview| Shown {
            preview,
            compose: Box::new(compose),
        });
    }

    /// Shows what there is of these pictures, if they are to be shown.
    pub fn show(&mut self, pictures: &[Picture]) {
        let Some(Shown { preview, compose }) = &mut self.preview else {
            return;
        };
        let composed = compose(pictures);
        let Err(failure) = self.bar.suspend(|| preview.show(&composed)) else {
            return;
        };
        if !self.quiet {
            let note = going_on(&failure);
            self.bar.suspend(|| tell(note));
        }
        (self.preview, self.missing) = (None, Some(failure));
    }

    /// The picture after those that are `done` begins; these have the first of the `losses`.
    pub fn begin(&mut self, done: &[Picture], losses: &[f32]) {
        self.done = done.to_vec();
        self.losses = losses[..losses.len().min(done.len())].to_vec();
    }

    /// Steps before the picture in work.
    fn before(&self) -> usize {
        self.done.len() * self.steps
    }

    /// Seconds of painting.
    pub fn seconds(&self) -> f64 {
        self.earlier + self.started.elapsed().as_secs_f64()
    }

    /// How to go on, for a message.
    pub fn advice(&self) -> Option<String> {
        self.keeper.as_ref()?.advice()
    }

    /// Takes the bar away; tells why a file on the way is missing, if one is.
    pub fn finish(&mut self) -> Option<Failure> {
        self.bar.finish_and_clear();
        let of_checkpoint = self.keeper.as_mut().and_then(Keeper::missing);
        self.missing.take().or(of_checkpoint)
    }

    /// The failure of a run before it had any picture, with how to go on.
    pub fn without_a_picture(&mut self, failure: Failure) -> Failure {
        self.finish();
        match self.advice() {
            Some(advice) => Failure {
                message: format!("{}; {advice}", failure.message),
                ..failure
            },
            None => failure,
        }
    }

    fn is_to_keep(&self, step: usize, last: bool) -> bool {
        let is_followed = step == self.steps && self.done.len() + 1 < self.pictures;
        let keeper = self.keeper.as_ref();
        keeper.is_some_and(|keeper| keeper.is_due(self.before() + step, last && !is_followed))
    }

    fn is_to_show(&self) -> bool {
        let shown = self.preview.as_ref();
        shown.is_some_and(|shown| shown.preview.is_due())
    }
}

impl VisualisationWatcher for Progress<'_> {
    fn losses(&mut self, step: usize, losses: &[f32]) -> ControlFlow<()> {
        self.bar.set_position((self.before() + step) as u64);
        self.losses.truncate(self.done.len());
        if let Some(&loss) = losses.first() {
            self.bar.set_message(format!("{loss:.4e}"));
            self.losses.push(loss);
        }
        if self.interrupt.raised() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn wants_state(&self, step: usize, last: bool) -> bool {
        self.is_to_keep(step, last) || self.is_to_show()
    }

    fn state(&mut self, state: VisualisationState, last: bool) {
        if self.is_to_show() {
            let begun = [&self.done[..], std::slice::from_ref(&state.picture)].concat();
            self.show(&begun);
        }
        if !self.is_to_keep(state.optimiser.step, last) {
            return;
        }
        let (before, seconds) = (self.before(), self.seconds());
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        let step = before + state.optimiser.step;
        let is_finished = step >= self.pictures * self.steps;
        let of_done = (&self.done[..], self.losses.clone());
        let origin = keeper.origin().clone();
        let checkpoint = checkpoint(origin, of_done, state, (before, seconds, is_finished));
        let note = keeper.write(&checkpoint);
        if let Some(note) = note.filter(|_| !self.quiet) {
            self.bar.suspend(|| tell(note));
        }
    }
}
