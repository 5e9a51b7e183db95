//! What a run shows and leaves on disk while it goes on.
//!
//! A file on the way that cannot be written ends no run: hours of painting are worth more than a row of a
//! trace, and space may be made before the next. It is said at once, and the exit code tells in the end.

use std::time::Instant;

use impasto::image::Picture;
use impasto::objective::LossSummary;
use impasto::paint::{RunPosition, Scale, ScalePosition};
use indicatif::ProgressBar;

use super::arguments::Common;
use super::checkpoint::{Keeper, going_on};
use super::duration::minutes;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::loss_plot::LossPlot;
use super::pictures::Output;
use super::preview::Preview;
use super::record::Record;
use super::terminal::tell;
use super::trace::Trace;
pub use bar::bar;
pub use numbered::{numbered, step_of};
use work::Work;

mod bar;
mod numbered;
mod watching;
mod work;

/// So many steps, or seconds, tell how long one takes.
const ENOUGH_STEPS: usize = 4;
const ENOUGH_SECONDS: f64 = 1.0;

/// Pictures to write on the way.
pub struct Saving {
    /// The final output; the step goes before its extension.
    pub output: Output,
    /// Every so many steps.
    pub every: usize,
}

/// Progress bar, trace, pictures and checkpoints on the way, and Ctrl-C.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
    work: Work,
    names: Vec<String>,
    /// W and H of the result.
    whole: [usize; 2],
    /// W and H at the scale that is painted.
    size: [usize; 2],
    /// Where among the scales the state stands that is shown next.
    position: ScalePosition,
    /// The step after which this process began.
    first_step: usize,
    started: Instant,
    /// Seconds of painting before this process.
    earlier: f64,
    trace: Option<Trace>,
    plot: Option<LossPlot>,
    /// Also the output, which knows what colours are written.
    preview: Option<(Preview, Output)>,
    ends_in_a_finish: bool,
    saving: Option<Saving>,
    keeper: Option<Keeper>,
    record: Option<Record>,
    interrupt: Interrupt,
    /// The first file on the way that is missing or not complete.
    missing: Option<Failure>,
    /// The first look at losses of the present scale: after which step, and at how many seconds.
    look: Option<(usize, f64)>,
    /// Whether it was said how long the run takes.
    is_estimated: bool,
    /// The last step whose losses are known, and its terms.
    terms: (usize, Vec<f32>),
    /// Losses of the last step, or of the picture in the end.
    pub last: LossSummary,
    /// Steps whose loss was not finite.
    pub lost_steps: usize,
}

impl Progress {
    /// A bar over all steps of `scales`, of which the last may be a finish, to a picture of `size` (W, H), whose loss
    /// terms are called `names`.
    pub fn new(
        common: &Common,
        (scales, ends_in_a_finish): (&[Scale], bool),
        names: &[String],
        size: [usize; 2],
    ) -> Self {
        let work = Work::new((scales, ends_in_a_finish), size);
        // The bar's own idea of the time left takes all steps to be alike.
        let template = match scales {
            [_] => "{bar:24} {pos}/{len}  {msg}  {per_sec}  {eta} left",
            _ => "{bar:24} {pos}/{len}  {msg}",
        };
        let bar = bar(common, work.steps(), template);
        Self {
            bar,
            quiet: common.quiet,
            work,
            ends_in_a_finish,
            names: names.to_vec(),
            whole: size,
            size,
            position: ScalePosition::default(),
            first_step: 0,
            started: Instant::now(),
            earlier: 0.0,
            trace: None,
            plot: None,
            preview: None,
            saving: None,
            keeper: None,
            record: None,
            interrupt: Interrupt::install(),
            missing: None,
            look: None,
            is_estimated: false,
            terms: (0, Vec::new()),
            last: LossSummary::default(),
            lost_steps: 0,
        }
    }

    /// Goes on after the first `step` steps.
    pub fn resume(&mut self, step: usize, position: RunPosition) {
        self.bar.set_position(step as u64);
        self.bar.reset_eta();
        self.first_step = step;
        self.earlier = position.seconds;
        self.lost_steps = position.lost_steps;
        self.terms = (step, position.losses);
    }

    /// Also writes pictures on the way.
    pub fn save(&mut self, saving: Option<Saving>) {
        self.saving = saving;
    }

    /// Also writes one CSV line per step.
    pub fn trace(&mut self, trace: Option<Trace>) {
        self.trace = trace;
    }

    /// Also draws the losses when the run ends.
    pub fn plot(&mut self, plot: Option<LossPlot>) {
        self.plot = plot;
    }

    /// Also shows pictures, as the output would have them.
    pub fn preview(&mut self, preview: Option<(Preview, Output)>) {
        self.preview = preview;
    }

    /// Shows a picture of the size of the result, if that is wanted.
    pub fn show(&mut self, picture: &Picture) {
        let Some((preview, output)) = &mut self.preview else {
            return;
        };
        let coloured = output.coloured(picture);
        let shown = self.bar.suspend(|| preview.show(&coloured));
        if let Err(failure) = shown {
            self.preview = None;
            self.miss(failure);
        }
    }

    /// Also writes checkpoints.
    pub fn keep(&mut self, keeper: Option<Keeper>) {
        self.keeper = keeper;
    }

    /// Also says in every picture how it was made.
    pub fn note(&mut self, record: Option<Record>) {
        self.record = record;
    }

    /// The record of the picture after `step`, if there are to be any.
    pub fn record_after(&self, step: usize) -> Option<Record> {
        let record = self.record.as_ref()?;
        let (known, terms) = &self.terms;
        // After a failure the picture may be of an earlier step than the losses.
        let terms = terms.iter().filter(|_| *known == step).copied();
        let named = self.names.iter().cloned().zip(terms);
        Some(record.after((step, self.seconds()), named))
    }

    /// Whether Ctrl-C was pressed.
    pub fn interrupted(&self) -> bool {
        self.interrupt.raised()
    }

    /// Takes the bar away, draws the losses and returns the seconds of painting.
    pub fn finish(&mut self) -> f64 {
        self.bar.finish_and_clear();
        if let Some(Err(failure)) = self.plot.as_ref().map(LossPlot::write) {
            self.missing.get_or_insert(failure);
        }
        self.seconds()
    }

    /// What should be on disk beside the result and is not.
    pub fn missing(&mut self) -> Option<Failure> {
        let of_checkpoint = self.keeper.as_mut().and_then(Keeper::missing);
        self.missing.take().or(of_checkpoint)
    }

    /// How a run that ends now can go on, for a message.
    pub fn advice(&self) -> Option<String> {
        self.keeper.as_ref()?.advice()
    }

    /// A picture of the scale that is painted, at the size of the result.
    pub fn whole_picture(&self, rgb: Vec<f32>) -> Picture {
        let [width, height] = self.size;
        let picture = Picture { width, height, rgb };
        // The values of a picture of that size stay as they are.
        picture.resized(self.whole[0], self.whole[1])
    }

    fn seconds(&self) -> f64 {
        self.earlier + self.started.elapsed().as_secs_f64()
    }

    /// Whether it has been said how long the run takes.
    pub fn foretold(&mut self, is_foretold: bool) {
        self.is_estimated |= is_foretold;
    }

    /// Prints a line above the bar.
    fn tell(&mut self, line: String) {
        self.bar.suspend(|| tell(line));
        if let Some((preview, _)) = &mut self.preview {
            preview.scrolled();
        }
    }

    fn warn(&mut self, failure: &Failure) {
        self.tell(going_on(failure));
    }

    /// Notes that a file will be missing.
    fn miss(&mut self, failure: Failure) {
        self.warn(&failure);
        self.missing.get_or_insert(failure);
    }

    /// Says once how long the run takes, judged between two looks at one scale: before the first of them kernels are
    /// compiled.
    fn estimate(&mut self, step: usize) {
        if self.quiet || self.is_estimated {
            return;
        }
        let now = self.started.elapsed().as_secs_f64();
        let (first, then) = *self.look.get_or_insert((step, now));
        let steps = step.saturating_sub(first);
        let end = self.position.first_step + self.work.steps_at(self.position);
        let is_enough = steps >= ENOUGH_STEPS || now - then >= ENOUGH_SECONDS || step >= end;
        // What is over need not be foretold.
        if steps == 0 || !is_enough || step >= self.work.steps() {
            return;
        }
        self.is_estimated = true;
        let seconds = (now - then) / steps as f64;
        let all = minutes(now + self.work.seconds_left(step, seconds));
        let steps = self.work.steps().saturating_sub(self.first_step);
        let [width, height] = self.whole;
        let scales = match self.work.scales() - usize::from(self.ends_in_a_finish) {
            0 | 1 => String::new(),
            number => format!("{number} scales up to "),
        };
        let text = format!("about {all} for {scales}{width}×{height}, {steps} steps");
        self.tell(text);
    }

    /// Where several scales are painted: for how long still, in words for the bar.
    fn time_left(&self, step: usize) -> Option<String> {
        let seconds = self.work.seconds_a_step(step)?;
        let left = self.work.seconds_left(step, seconds);
        (self.work.scales() > 1).then(|| format!("  {seconds:.2} s a step  {} left", minutes(left)))
    }

    /// Whether the picture after `step` is written.
    fn is_saved(&self, step: usize) -> bool {
        let saving = self.saving.as_ref();
        saving.is_some_and(|saving| step.is_multiple_of(saving.every))
    }

    fn write_trace(&mut self, step: usize, summary: LossSummary) {
        let seconds = self.seconds();
        let written = match &mut self.trace {
            Some(trace) => trace.write(step, seconds, summary),
            None => return,
        };
        if let Err(failure) = written {
            // A table that ends is better than one with holes.
            self.trace = None;
            self.miss(failure);
        }
    }
}
