//! Dreams: a picture climbs what layers answer, octave after octave (Mordvintsev, Olah & Tyka, "Inceptionism", 2015).
//!
//! google/deepdream's loop. The picture is dreamt at the smallest size first; what that changed, the detail, is enlarged and
//! laid over the picture at the next size, which itself stays sharp that way.

use std::ops::ControlFlow;

use super::descent::{Ending, Standing};
use super::detail::carried;
use super::octaves::Octave;
use super::search::Way;
use crate::gpu::{BufferView, Encoding, Gpu, GpuError};
use crate::graph::Executable;
use crate::image::Picture;
use crate::kernels::guide_loss::Correspondence;
use crate::net::Network;
use crate::objective::{DreamTerms, GuideFeatures, Mask, ObjectiveError, dream_executable};
use crate::optim::{Ascent, AscentSettings};

/// Everything about a dream but its picture.
#[derive(Clone, Debug)]
pub struct DreamChoices {
    /// What is climbed.
    pub terms: DreamTerms,
    /// The picture that steers, if the terms have guidance.
    pub guide: Option<Picture>,
    /// Where it dreams, and how much there; `None` for everywhere. The network sees the whole picture all the same.
    pub mask: Option<Mask>,
    /// How.
    pub ascent: AscentSettings,
    /// From the smallest to the size of the picture, at least one.
    pub octaves: Vec<Octave>,
    /// Steps per octave.
    pub iterations: usize,
}

/// Who watches a dream, on a floor that may print and keep time.
pub trait DreamWatcher {
    /// The octave number `octave` of so many, counted from 0, begins, and `executable` is ready to paint it.
    fn octave_begins(&mut self, octave: usize, executable: &Executable);

    /// The terms of the objective at the picture from which step number `step` started, counted from 1 over all octaves.
    /// Break to stop.
    fn losses(&mut self, step: usize, terms: &[f32]) -> ControlFlow<()>;

    /// Whether the terms of this step are wanted.
    fn wants_losses(&self, step: usize) -> bool;

    /// Whether the state after this step is wanted, `last` being the last that is made.
    fn wants_state(&self, step: usize, last: bool) -> bool;

    /// The state after a step, which may be the `last`.
    fn state(&mut self, standing: DreamStanding, last: bool);
}

/// Where a dream stands: all that it needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct DreamStanding {
    /// The octave that is painted, counted from 0.
    pub octave: usize,
    /// Steps over all octaves, and the picture after them, of the size of the octave.
    pub standing: Standing,
}

/// Where a dream begins.
#[derive(Clone, Debug, PartialEq)]
pub enum DreamStart {
    /// At the first octave.
    Anew {
        /// So many steps count as made by others: the jitter goes on from there.
        after: usize,
    },
    /// Where one stood that began after no step.
    Resumed(DreamStanding),
}

/// What a dream leaves behind.
#[derive(Debug)]
pub struct Dreamt {
    /// The picture, of the size of the last octave, however far it came.
    pub picture: Picture,
    /// Steps that are in it, over all octaves.
    pub step: usize,
    /// Why it ended.
    pub ending: Ending,
}

/// A failure on the way, the detail that was dreamt until then being safe.
struct Fall(GpuError);

impl From<GpuError> for Fall {
    fn from(error: GpuError) -> Self {
        Self(error)
    }
}

impl From<ObjectiveError> for Fall {
    fn from(error: ObjectiveError) -> Self {
        Self(match error {
            ObjectiveError::Gpu(error) => error,
            // Sizes were looked at before the run began.
            ObjectiveError::Tape(error) => GpuError::Rejected {
                reason: error.to_string(),
            },
        })
    }
}

/// Dreams `picture`, which is resized to each octave. A dream that goes on makes bit for bit what it would have made in
/// one go.
pub async fn dream(
    gpu: &Gpu,
    network: &Network,
    choices: &DreamChoices,
    picture: &Picture,
    start: DreamStart,
    watcher: &mut dyn DreamWatcher,
) -> Dreamt {
    let (step, resumed) = match start {
        DreamStart::Anew { after } => (after, None),
        DreamStart::Resumed(resumed) => (resumed.standing.step, Some(resumed)),
    };
    let mut dream = Dream {
        gpu,
        network,
        choices,
        picture,
        detail: vec![0.0; picture.rgb.len()],
        size: [picture.width, picture.height],
        detail_step: step,
        guide: None,
        step,
        resumed,
    };
    let ending = match dream.run(watcher).await {
        Ok(ControlFlow::Continue(())) => Ending::Finished,
        Ok(ControlFlow::Break(())) => Ending::Stopped,
        Err(Fall(error)) => Ending::Failed(gpu.cause(error)),
    };
    let last = choices.octaves.last().map_or(dream.size, |last| last.size);
    Dreamt {
        picture: dream.picture_at(last),
        step: dream.detail_step,
        ending,
    }
}

struct Dream<'a> {
    gpu: &'a Gpu,
    network: &'a Network,
    choices: &'a DreamChoices,
    picture: &'a Picture,
    /// What was dreamt, of this size (W, H): the picture less what it was.
    detail: Vec<f32>,
    size: [usize; 2],
    /// The last step that is in it.
    detail_step: usize,
    /// What the guide shows at its own size.
    guide: Option<GuideFeatures>,
    /// The last step that was submitted.
    step: usize,
    /// Where it goes on, until it does.
    resumed: Option<DreamStanding>,
}

impl Dream<'_> {
    async fn run(&mut self, watcher: &mut dyn DreamWatcher) -> Result<ControlFlow<()>, Fall> {
        let first = self.resumed.as_ref().map_or(0, |resumed| resumed.octave);
        for octave in first..self.choices.octaves.len() {
            if self.octave(octave, watcher).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // The next one needs the room.
            self.gpu.release();
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn octave(
        &mut self,
        number: usize,
        watcher: &mut dyn DreamWatcher,
    ) -> Result<ControlFlow<()>, Fall> {
        let (gpu, choices) = (self.gpu, self.choices);
        let Octave { size, way, guide } = &choices.octaves[number];
        let (start, made) = match self.resumed.take() {
            Some(DreamStanding { octave, standing }) => {
                // What fails before the next look costs nothing of it.
                self.keep(&standing, *size);
                let made = standing.step.saturating_sub(octave * choices.iterations);
                (standing.rgb, made)
            }
            None => (self.picture_at(*size).rgb, 0),
        };
        let (terms, strategy) = (&choices.terms, &way.candidate.strategy);
        let guide = self.guide_at(*size, guide.as_ref().unwrap_or(way)).await?;
        let terms = (terms, &guide);
        let executable =
            dream_executable(gpu, self.network, terms, *size, &way.preference, strategy)?;
        let rolled = executable.picture();
        // Every dream has a term, so there is a gradient; without one nothing moves.
        let gradient = executable.picture_gradient().unwrap_or(rolled);
        let mask = choices.mask.as_ref().map(|mask| {
            let shares = mask.resized(*size).into_iter();
            shares.map(|share| share as f32).collect::<Vec<f32>>()
        });
        let along = [rolled, gradient];
        let ascent = Ascent::new(gpu, choices.ascent, *size, mask.as_deref(), along)?;
        gpu.write(ascent.picture(), &start);
        let is_last_octave = number + 1 == choices.octaves.len();
        watcher.octave_begins(number, &executable);
        let mut flow = ControlFlow::Continue(());
        for step in made..choices.iterations {
            ascent.prepare(gpu, self.step, (step, choices.iterations));
            submit_step(gpu, &executable, &ascent);
            self.step += 1;
            let last = step + 1 == choices.iterations;
            if last || watcher.wants_losses(self.step) {
                let losses = executable.read_totals(gpu).await?;
                flow = watcher.losses(self.step, &losses);
            }
            let ends = flow.is_break() || (last && is_last_octave);
            if watcher.wants_state(self.step, ends) {
                let standing = self.look(&ascent, start.len()).await?;
                self.keep(&standing, *size);
                let octave = number;
                watcher.state(DreamStanding { octave, standing }, ends);
            }
            if flow.is_break() {
                break;
            }
        }
        let dreamt = self.look(&ascent, start.len()).await?;
        self.keep(&dreamt, *size);
        Ok(flow)
    }

    /// The picture as it stands, so many values.
    async fn look(&self, ascent: &Ascent, values: usize) -> Result<Standing, GpuError> {
        let view = BufferView::whole(ascent.picture());
        let mut rgb = self.gpu.read(&view).await?;
        self.gpu.check()?;
        rgb.truncate(values);
        let step = self.step;
        Ok(Standing { step, rgb })
    }

    /// Remembers what was dreamt until then, at this size.
    fn keep(&mut self, standing: &Standing, size: [usize; 2]) {
        let base = self.picture.resized(size[0], size[1]);
        let pairs = standing.rgb.iter().zip(&base.rgb);
        self.detail = pairs.map(|(x, b)| x - b).collect();
        (self.size, self.detail_step) = (size, standing.step);
    }

    /// What the guide shows to a dream of this size; looked at once if that is the same for all.
    async fn guide_at(&mut self, size: [usize; 2], way: &Way) -> Result<GuideFeatures, Fall> {
        let terms = &self.choices.terms;
        let (Some(guide), Some(guidance)) = (&self.choices.guide, terms.guidance) else {
            return Ok(GuideFeatures::default());
        };
        if let Some(known) = &self.guide {
            return Ok(known.clone());
        }
        let [width, height] = terms.guide_size(size).unwrap_or(size);
        let guide = guide.resized(width, height);
        let how = (&way.preference, &way.candidate.strategy);
        let seen = GuideFeatures::measure(self.gpu, self.network, terms, &guide, how).await?;
        self.gpu.release();
        if guidance.correspondence == Correspondence::Best {
            self.guide = Some(seen.clone());
        }
        Ok(seen)
    }

    /// The picture with what was dreamt so far, at another size.
    fn picture_at(&self, size: [usize; 2]) -> Picture {
        let detail = carried(&self.detail, [self.size, size], self.choices.mask.as_ref());
        let mut picture = self.picture.resized(size[0], size[1]);
        for (value, detail) in picture.rgb.iter_mut().zip(detail) {
            *value = (*value + detail).clamp(0.0, 1.0);
        }
        picture
    }
}

/// Rolls, evaluates and climbs: one submit, or several where the objective takes long.
fn submit_step(gpu: &Gpu, executable: &Executable, ascent: &Ascent) {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    {
        let mut encoding = Encoding::new(&mut encoder);
        let objective = executable.recording();
        objective.encode_in_parts_after(ascent.roll(), gpu, &mut encoding);
        ascent.encode_step(&mut encoding);
    }
    gpu.submit(encoder.finish());
}
