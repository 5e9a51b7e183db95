//! What a dream shows while it goes on.

use std::ops::ControlFlow;
use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::graph::Executable;
use impasto::image::Picture;
use impasto::paint::{
    Checkpoint, DreamStanding, DreamWatcher, RunOrigin, RunPosition, ScalePosition, fingerprint,
};
use indicatif::ProgressBar;

use crate::cli::arguments::Common;
use crate::cli::checkpoint::{Keeper, going_on, note_of_change};
use crate::cli::duration::minutes;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Interrupt;
use crate::cli::keeping::Keeping;
use crate::cli::loss_plot::LossPlot;
use crate::cli::pictures::Output;
use crate::cli::preview::Preview;
use crate::cli::progress::bar;
use crate::cli::terminal::tell;

/// Seconds from which on it is worth saying how long a dream will take.
const LONG: f64 = 20.0;

/// A bar over all steps, and Ctrl-C.
pub struct Progress {
    bar: ProgressBar,
    quiet: bool,
    /// W and H of each octave.
    sizes: Vec<[usize; 2]>,
    /// Dreams one after the other.
    dreams: usize,
    /// Steps of those that are done.
    done: usize,
    /// Steps of others, before the dream that goes on.
    before: Option<usize>,
    /// Steps per octave.
    iterations: usize,
    /// Losses are looked at after every so many steps.
    every: usize,
    started: Instant,
    /// When the first step was done, before which kernels were compiled.
    first: Option<(usize, Instant)>,
    said: bool,
    names: Vec<String>,
    /// Fingerprint of the kernels of the octave that is painted.
    kernels: String,
    terms: Vec<f32>,
    plot: Option<LossPlot>,
    preview: Option<(Preview, Output)>,
    /// Why a picture on the way could not be shown.
    missing: Option<Failure>,
    keeper: Option<Keeper>,
    /// What it goes on from, until the kernels of now are known.
    origin: Option<RunOrigin>,
    /// Seconds of painting before it went on.
    earlier: f64,
    interrupt: Interrupt,
}

impl Progress {
    /// Of so many dreams over octaves of these `sizes`, with so many `iterations` in each octave.
    pub fn new(
        common: &Common,
        sizes: &[[usize; 2]],
        (iterations, dreams): (usize, usize),
        every: usize,
    ) -> Self {
        let steps = sizes.len() * iterations * dreams;
        let bar = bar(common, steps, "{bar:24} {pos}/{len}  {msg}");
        Self {
            bar,
            quiet: common.quiet,
            sizes: sizes.to_vec(),
            dreams,
            done: 0,
            before: None,
            iterations,
            every,
            started: Instant::now(),
            first: None,
            said: false,
            names: Vec::new(),
            kernels: String::new(),
            terms: Vec::new(),
            plot: None,
            preview: None,
            missing: None,
            keeper: None,
            origin: None,
            earlier: 0.0,
            interrupt: Interrupt::install(),
        }
    }

    /// Also draws the terms of the objective.
    pub fn plot(&mut self, plot: Option<LossPlot>) {
        self.plot = plot;
    }

    /// Also shows the picture on the way, coloured as in the output.
    pub fn preview(&mut self, preview: Option<(Preview, Output)>) {
        self.preview = preview;
    }

    /// Shows `picture` at the size of the result, if pictures are to be shown.
    pub fn show(&mut self, picture: &Picture) {
        let Some((preview, output)) = &mut self.preview else {
            return;
        };
        let [width, height] = self.sizes[self.sizes.len() - 1];
        let whole = picture.resized(width, height);
        let coloured = output.coloured(&whole);
        let shown = self.bar.suspend(|| preview.show(&coloured));
        if let Err(failure) = shown {
            self.preview = None;
            self.miss(failure);
        }
    }

    /// Notes that a file on the way could not be written, and says so the first time.
    fn miss(&mut self, failure: Failure) {
        if self.missing.is_none() && !self.quiet {
            let note = going_on(&failure);
            self.bar.suspend(|| tell(note));
        }
        self.missing = Some(failure);
    }

    /// Also writes checkpoints.
    pub fn keep(&mut self, gpu: &Gpu, keeping: &Keeping<'_>) {
        self.keeper = Some(keeping.keeper(gpu));
        if let Some(resumed) = keeping.resumed() {
            self.origin = Some(resumed.origin.clone());
            self.earlier = resumed.position.seconds;
            self.terms = resumed.position.losses.clone();
        }
    }

    /// How to go on, for a message.
    pub fn advice(&self) -> Option<String> {
        self.keeper.as_ref()?.advice()
    }

    /// Why a file on the way is missing, if one is.
    pub fn missing(&mut self) -> Option<Failure> {
        let of_checkpoint = self.keeper.as_mut().and_then(Keeper::missing);
        self.missing.take().or(of_checkpoint)
    }

    /// Draws them, if that is wanted.
    pub fn draw(&self) -> Result<(), Failure> {
        self.plot.as_ref().map_or(Ok(()), LossPlot::write)
    }

    /// The dream of a frame, counted from 1, of so many begins.
    pub fn begin_frame(&mut self, frame: usize, count: usize) {
        let steps = self.steps();
        if self.before.is_some() {
            self.done += steps;
        }
        self.before = Some((frame - 1) * steps);
        if !self.quiet {
            self.bar
                .suspend(|| tell(format!("frame {frame} of {count}")));
        }
    }

    /// Takes the bar away and returns the seconds of painting.
    pub fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.seconds()
    }

    /// Seconds of painting.
    pub fn seconds(&self) -> f64 {
        self.earlier + self.started.elapsed().as_secs_f64()
    }

    /// The fingerprint of the kernels of the last octave.
    pub fn kernels(&self) -> &str {
        &self.kernels
    }

    /// The terms of the objective by name, as the last step found them.
    pub fn terms(&self) -> impl Iterator<Item = (String, f32)> {
        self.names.iter().cloned().zip(self.terms.iter().copied())
    }

    /// Seconds that are left after `step`, counted over all dreams, if a pixel takes as long everywhere.
    fn seconds_left(&self, step: usize) -> f64 {
        let (first, since) = self.first.unwrap_or((0, self.started));
        let left = self.work(self.steps() * self.dreams) - self.work(step);
        let done = self.work(step) - self.work(first);
        since.elapsed().as_secs_f64() / done.max(1.0) * left
    }

    /// Of one dream.
    fn steps(&self) -> usize {
        self.sizes.len() * self.iterations
    }

    /// Pixels that were dreamt in the first `step` steps.
    fn work(&self, step: usize) -> f64 {
        let of_one = |step: usize| -> f64 {
            let octaves = self.sizes.iter().enumerate();
            let pixels = octaves.map(|(octave, [width, height])| {
                let steps = step.saturating_sub(octave * self.iterations);
                (steps.min(self.iterations) * width * height) as f64
            });
            pixels.sum()
        };
        let whole = step / self.steps().max(1);
        whole as f64 * of_one(self.steps()) + of_one(step - whole * self.steps())
    }
}

impl DreamWatcher for Progress {
    fn octave_begins(&mut self, octave: usize, executable: &Executable) {
        self.names = executable.program().tape.losses().to_vec();
        self.kernels = fingerprint::of_kernels(executable.recording());
        let ([width, height], count) = (self.sizes[octave], self.sizes.len());
        if let Some(keeper) = &mut self.keeper {
            keeper.enter([width, height], self.kernels.clone());
            let before = self.origin.take();
            let note = before.and_then(|before| note_of_change(&before, keeper.origin()));
            if let Some(note) = note.filter(|_| !self.quiet) {
                self.bar.suspend(|| tell(note));
            }
        }
        if let Some(plot) = &mut self.plot {
            plot.begin(octave * self.iterations, format!("{width}×{height}"));
        }
        if count > 1 && self.before.is_none() && !self.quiet {
            let (number, steps) = (octave + 1, self.iterations);
            let text = format!("octave {number} of {count}: {width}×{height}, {steps} steps");
            self.bar.suspend(|| tell(text));
        }
    }

    fn wants_losses(&self, step: usize) -> bool {
        step.is_multiple_of(self.every)
    }

    fn losses(&mut self, step: usize, terms: &[f32]) -> ControlFlow<()> {
        self.terms = terms.to_vec();
        if let Some(plot) = &mut self.plot {
            plot.note(step, &self.names, terms);
        }
        let step = self.done + step - self.before.unwrap_or(0);
        self.first.get_or_insert((step, Instant::now()));
        let left = self.seconds_left(step);
        // What the first steps take says little.
        if !self.said && step >= self.iterations.min(5) {
            self.said = true;
            if !self.quiet && left >= LONG {
                let text = format!("about {} to go", minutes(left));
                self.bar.suspend(|| tell(text));
            }
        }
        let total: f32 = terms.iter().sum();
        self.bar.set_position(step as u64);
        self.bar
            .set_message(format!("answer {total:.4e}  {} left", minutes(left)));
        if self.interrupt.raised() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn wants_state(&self, step: usize, last: bool) -> bool {
        let keeper = self.keeper.as_ref();
        let preview = self.preview.as_ref();
        keeper.is_some_and(|keeper| keeper.is_due(step, last))
            || preview.is_some_and(|(preview, _)| preview.is_due())
    }

    fn state(&mut self, DreamStanding { octave, standing }: DreamStanding, last: bool) {
        if self.preview.as_ref().is_some_and(|(of, _)| of.is_due()) {
            let [width, height] = self.sizes[octave];
            let rgb = standing.rgb.clone();
            self.show(&Picture { width, height, rgb });
        }
        let (seconds, steps) = (self.seconds(), self.steps());
        let keeper = self.keeper.as_mut();
        let Some(keeper) = keeper.filter(|keeper| keeper.is_due(standing.step, last)) else {
            return;
        };
        let checkpoint = Checkpoint {
            origin: keeper.origin().clone(),
            position: RunPosition {
                scale: ScalePosition {
                    scale: octave,
                    first_step: octave * self.iterations,
                    ..ScalePosition::default()
                },
                seconds,
                lost_steps: 0,
                losses: self.terms.clone(),
                is_finished: Some(standing.step >= steps),
            },
            standing,
            optimiser: None,
        };
        let note = keeper.write(&checkpoint);
        if let Some(note) = note.filter(|_| !self.quiet) {
            self.bar.suspend(|| tell(note));
        }
    }
}
