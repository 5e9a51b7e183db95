//! A style transfer over several scales, one [`StyleRun`] after the other; with one scale it is that run.

use thiserror::Error;

use super::descent::{Ending, Painting, Schedule, Standing, Watcher, measure};
use super::proportion::at_scale;
use super::scale_watcher::ScaleWatcher;
use super::scales::{Scale, ScalePosition, Sources, averaging_over, carried_up};
use super::search::Way;
use super::style::{Start, StyleChoices, StyleRun};
use crate::gpu::{Gpu, GpuError};
use crate::graph::Executable;
use crate::net::Network;
use crate::objective::{ObjectiveError, StyleTerms};
use crate::optim::{OptimiserSettings, OptimiserState, StateMismatch};

/// Another objective for the last scale, and another way down it; the result is its last picture.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The objective.
    pub terms: StyleTerms,
    /// How to descend it.
    pub optimiser: OptimiserSettings,
}

/// Everything about a run over scales but its pictures.
#[derive(Clone, Debug)]
pub struct ScaledChoices {
    /// The objective of every scale before the finish, in its [proportion there](at_scale).
    pub terms: StyleTerms,
    /// How to descend it.
    pub optimiser: OptimiserSettings,
    /// What is done at the last scale instead, if anything else is.
    pub finish: Option<Finish>,
    /// Where to start; a picture is resized to the first scale.
    pub start: Start,
    /// From coarse to fine, at least one, and how each is computed.
    pub scales: Vec<(Scale, Way)>,
    /// See [`super::StyleRecipe::average`].
    pub average: f32,
    /// The part of the content's detail that each scale after the first begins with: of what the content shows at its
    /// size and not at that of the scale before. A picture that is enlarged has none, and what it has in the places
    /// of an eye or of letters was painted by a network that saw no such thing there.
    pub detail: f32,
    /// See [`super::StyleRecipe::tolerance`].
    pub tolerance: f32,
}

/// Where another run stood, to be gone on from.
#[derive(Clone, Debug)]
pub struct Resumption {
    /// Among the scales.
    pub position: ScalePosition,
    /// The picture from which the next step starts.
    pub standing: Standing,
    /// The memory of its optimiser.
    pub optimiser: OptimiserState,
}

/// A run that cannot be prepared.
#[derive(Debug, Error)]
pub enum PreparationError {
    /// The objective cannot be built.
    #[error("{0}")]
    Objective(#[from] ObjectiveError),
    /// The run to go on with had another optimiser or size.
    #[error("{0}")]
    Mismatch(#[from] StateMismatch),
    /// The run to go on with had more scales.
    #[error("it stands at scale {found} of {scales}")]
    Scale {
        /// Its scale, counted from 1.
        found: usize,
        /// The scales of this run.
        scales: usize,
    },
}

/// Steps after which to look, see [`Schedule`].
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Losses are read back after this many steps.
    pub report_every: usize,
    /// A copy of the picture is taken after this many steps.
    pub snapshot_every: usize,
}

/// A run over scales. Only the scale at which it stands is on the device.
pub struct ScaledRun<'a> {
    network: &'a Network,
    choices: ScaledChoices,
    sources: Sources,
    position: ScalePosition,
    /// `None` only while one scale makes room for the next.
    run: Option<StyleRun>,
    size: [usize; 2],
}

impl<'a> ScaledRun<'a> {
    /// Prepares the first scale, or that at which the run to go on with stood.
    ///
    /// # Errors
    /// A picture too small for a layer, a failure of the device, or a run that this one cannot go on with.
    pub async fn prepare(
        gpu: &Gpu,
        network: &'a Network,
        choices: ScaledChoices,
        sources: Sources,
        resumption: Option<Resumption>,
    ) -> Result<Self, PreparationError> {
        let mut scaled = Self {
            network,
            choices,
            sources,
            position: resumption
                .as_ref()
                .map_or_else(ScalePosition::default, |from| from.position),
            run: None,
            size: [0, 0],
        };
        let scales = scaled.choices.scales.len();
        if scaled.position.scale >= scales {
            let found = scaled.position.scale + 1;
            return Err(PreparationError::Scale { found, scales });
        }
        let Some(Resumption {
            standing,
            optimiser,
            ..
        }) = resumption
        else {
            let start = scaled.choices.start.clone();
            scaled.begin(gpu, start, None).await?;
            return Ok(scaled);
        };
        if scaled.is_done(standing.step) && !scaled.is_last() {
            scaled.size = scaled.sources.sizes(scaled.scale().size).0;
            let shown = match optimiser.average() {
                Some(mean) => mean.iter().copied().take(standing.rgb.len()).collect(),
                None => standing.rgb,
            };
            scaled
                .climb(gpu, standing.step, &shown, Some(optimiser))
                .await?;
            return Ok(scaled);
        }
        // The picture is replaced before the first step.
        scaled.begin(gpu, Start::Content, None).await?;
        if let Some(run) = &mut scaled.run {
            run.restore(gpu, standing, &optimiser)?;
        }
        Ok(scaled)
    }

    /// The objective and its gradient at the scale where it stands. Not to be asked after a failure between two.
    pub fn executable(&self) -> &Executable {
        match &self.run {
            Some(run) => run.executable(),
            None => unreachable!("a scale is prepared before it is asked about"),
        }
    }

    /// Width and height of the picture as it stands.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The terms of the objective at the picture `rgb` that it painted, as it is saved. None where `rgb` has another size than the
    /// scale where the run stands.
    ///
    /// # Errors
    /// The device failed.
    pub async fn measure(&self, gpu: &Gpu, rgb: &[f32]) -> Result<Option<Vec<f32>>, GpuError> {
        if rgb.len() != 3 * self.size[0] * self.size[1] {
            return Ok(None);
        }
        measure(gpu, self.executable(), rgb).await.map(Some)
    }

    /// Runs through all scales, or until the watcher or the device stops it.
    pub async fn paint(
        &mut self,
        gpu: &Gpu,
        rhythm: Rhythm,
        watcher: &mut dyn Watcher,
    ) -> Painting {
        loop {
            let (painting, memory) = self.paint_scale(gpu, rhythm, watcher).await;
            let is_stopped = !matches!(painting.ending, Ending::Finished);
            if is_stopped || self.is_last() {
                return painting;
            }
            let Standing { step, rgb } = &painting.standing;
            if let Err(error) = self.climb(gpu, *step, rgb, memory).await {
                let ending = Ending::Failed(gpu.cause(on_the_device(error)));
                return Painting { ending, ..painting };
            }
        }
    }

    /// Paints the scale at which it stands; also what its optimiser remembers in the end.
    async fn paint_scale(
        &mut self,
        gpu: &Gpu,
        rhythm: Rhythm,
        watcher: &mut dyn Watcher,
    ) -> (Painting, Option<OptimiserState>) {
        let (end, is_last, carries) = (self.end(), self.is_last(), self.carries());
        let position = self.position;
        let Some(run) = &mut self.run else {
            unreachable!("a scale is prepared before it is painted");
        };
        watcher.scale_begins(position, run);
        // A scale that ended early is over.
        let iterations = if position.settled {
            run.first_step()
        } else {
            end
        };
        let mut watching = ScaleWatcher {
            watcher,
            position,
            iterations,
            is_last,
            carries,
            tolerance: self.choices.tolerance,
            is_stopped: false,
            memory: None,
        };
        let schedule = Schedule {
            iterations,
            report_every: rhythm.report_every,
            snapshot_every: rhythm.snapshot_every,
        };
        let mut painting = run.paint(gpu, schedule, &mut watching).await;
        let ScaleWatcher {
            position,
            is_stopped,
            memory,
            ..
        } = watching;
        self.position = position;
        painting.ending = match painting.ending {
            Ending::Stopped if position.settled && (is_last || !is_stopped) => Ending::Finished,
            // Stopped at the very last step of a scale: the next must not begin.
            Ending::Finished if is_stopped && !is_last => Ending::Stopped,
            ending => ending,
        };
        (painting, memory)
    }

    /// Takes the picture and what the optimiser remembers after `step` to the next scale.
    async fn climb(
        &mut self,
        gpu: &Gpu,
        step: usize,
        rgb: &[f32],
        memory: Option<OptimiserState>,
    ) -> Result<(), ObjectiveError> {
        self.run = None;
        gpu.release();
        let from = self.size;
        let next = ScalePosition {
            scale: self.position.scale + 1,
            first_step: step,
            ..ScalePosition::default()
        };
        let before = std::mem::replace(&mut self.position, next);
        let (to, _) = self.sources.sizes(self.scale().size);
        let mut picture = carried_up(rgb, from, to);
        let (detail, regions) = (self.choices.detail, &self.choices.terms.regions);
        if detail > 0.0 {
            self.sources
                .show_detail(&mut picture, from, detail, regions.content.as_ref());
        }
        let memory = memory
            .filter(|memory| memory.settings == self.pursuit().1)
            .and_then(|memory| memory.resized(from, to));
        let begun = self.begin(gpu, Start::Picture(picture), memory).await;
        if begun.is_err() {
            self.position = before;
        }
        begun
    }

    /// Prepares the scale at which it stands.
    async fn begin(
        &mut self,
        gpu: &Gpu,
        start: Start,
        memory: Option<OptimiserState>,
    ) -> Result<(), ObjectiveError> {
        let (scale, way) = &self.choices.scales[self.position.scale];
        let (content, styles) = self.sources.at(scale.size);
        let size = [content.width, content.height];
        let start = match start {
            Start::Picture(picture) => Start::Picture(picture.resized(size[0], size[1])),
            start => start,
        };
        let (terms, optimiser, average) = self.pursuit();
        let choices = StyleChoices {
            terms,
            optimiser,
            averaging: averaging_over(scale.steps, average),
            start,
            preference: way.preference.clone(),
            strategy: way.candidate.strategy.clone(),
        };
        let mut run = StyleRun::prepare(gpu, self.network, &choices, &content, &styles).await?;
        run.begin_after(self.position.first_step);
        if let Some(memory) = memory {
            // It was made for this optimiser and size.
            run.carry(gpu, memory)
                .map_err(|mismatch| GpuError::Rejected {
                    reason: mismatch.to_string(),
                })?;
        }
        self.run = Some(run);
        self.size = size;
        Ok(())
    }

    fn scale(&self) -> Scale {
        self.choices.scales[self.position.scale].0
    }

    /// The last step of the scale where it stands. A finish has those too that scales before it left over.
    fn end(&self) -> usize {
        if self.is_last() && self.choices.finish.is_some() {
            let steps = self.choices.scales.iter().map(|(scale, _)| scale.steps);
            return steps.fold(0, usize::saturating_add);
        }
        self.position.first_step.saturating_add(self.scale().steps)
    }

    fn is_last(&self) -> bool {
        self.position.scale + 1 == self.choices.scales.len()
    }

    /// What is descended where it stands, how, and the decay of the mean of its pictures.
    fn pursuit(&self) -> (StyleTerms, OptimiserSettings, f32) {
        let (choices, architecture) = (&self.choices, self.network.architecture);
        match &choices.finish {
            Some(finish) if self.is_last() => (finish.terms.clone(), finish.optimiser, 0.0),
            _ => {
                let terms = at_scale(&choices.terms, architecture, self.scale().size);
                (terms, choices.optimiser, choices.average)
            }
        }
    }

    /// Whether the next scale goes on with what the optimiser remembers.
    fn carries(&self) -> bool {
        let remaining = self.choices.scales.len() - self.position.scale;
        let is_followed_by_the_finish = remaining <= 2 && self.choices.finish.is_some();
        matches!(self.choices.optimiser, OptimiserSettings::Adam(_)) && !is_followed_by_the_finish
    }

    /// Whether nothing is left to do at this scale after `step`.
    fn is_done(&self, step: usize) -> bool {
        self.position.settled || step >= self.end()
    }
}

/// What stopped the run between two scales, as a failure of the device. Sizes were looked at before the run began.
fn on_the_device(error: ObjectiveError) -> GpuError {
    match error {
        ObjectiveError::Gpu(error) => error,
        ObjectiveError::Tape(error) => GpuError::Rejected {
            reason: error.to_string(),
        },
    }
}
