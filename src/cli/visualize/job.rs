//! A run: one picture after the other, and what becomes of them when it ends.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::Picture;
use impasto::paint::{Ending, Visualisation, VisualisationError, fingerprint};

use super::keeping::{Begun, progressed};
use super::plan::{Goal, Plan};
use super::progress::Progress;
use super::sheet::Places;
use crate::cli::arguments::Common;
use crate::cli::checkpoint::warn_of_change;
use crate::cli::failure::{Code, Failure};
use crate::cli::keeping::Keeping;
use crate::cli::pictures::Output;
use crate::cli::preview::Preview;
use crate::cli::record::Record;
use crate::cli::say;
use crate::cli::wait::wait;

/// Everything that a run takes.
pub struct Job<'a> {
    pub visualisation: Visualisation,
    pub plan: Plan,
    pub goals: Vec<Goal>,
    pub output: Output,
    pub record: Option<Record>,
    pub keeping: Option<Keeping<'a>>,
    pub preview: Option<&'a Path>,
}

/// What a run made of its goals.
struct Outcome {
    /// Those that were begun.
    pictures: Vec<Picture>,
    /// Steps over all of them.
    steps: usize,
    /// The last loss of each, by its label.
    losses: Vec<(String, f32)>,
    ending: Ending,
    seconds: f64,
    /// How to go on.
    advice: String,
    /// Why a file on the way is missing, if one is.
    missing: Option<Failure>,
}

impl Job<'_> {
    /// Paints every goal and writes the picture, or the sheet of them, also when the run ends before its time.
    pub fn paint(self, common: &Common, gpu: &Gpu) -> Result<(), Failure> {
        let outcome = self.run(common, gpu)?;
        let seconds = outcome.seconds;
        let picture = self.composed(&outcome.pictures);
        let losses = outcome.losses.iter().cloned();
        let record = self.record.as_ref();
        let mut record = record.map(|record| record.after((outcome.steps, seconds), losses));
        if !matches!(outcome.ending, Ending::Finished) {
            record = record.map(Record::on_the_way);
        }
        self.output.write_somewhere(&picture, record.as_ref())?;
        if !matches!(outcome.ending, Ending::Finished) {
            return Err(self.broken_off(outcome));
        }
        let name = self.output.name();
        if let Some(failure) = outcome.missing {
            return Err(Failure {
                message: format!("`{name}` is painted, but {}", failure.message),
                ..failure
            });
        }
        let answer = match &outcome.losses[..] {
            [(_, loss)] => format!(", loss {loss:.4e}"),
            _ => String::new(),
        };
        say(common, format!("{name} in {seconds:.1} s{answer}"));
        Ok(())
    }

    /// Why not all was painted, and what is saved of it.
    fn broken_off(&self, outcome: Outcome) -> Failure {
        let (name, advice, steps) = (self.output.name(), outcome.advice, outcome.steps);
        let (begun, all) = (outcome.pictures.len(), self.goals.len());
        let with = format!("with {begun} of {all} pictures");
        match outcome.ending {
            Ending::Finished | Ending::Stopped => Failure {
                code: Code::Interrupted,
                message: match all {
                    1 => format!("interrupted after step {steps}; `{name}` is saved{advice}"),
                    _ => format!("interrupted; `{name}` is saved {with}{advice}"),
                },
            },
            Ending::Failed(error) => {
                let failure = Failure::from(error);
                let how = if all == 1 { "as it stood" } else { &with };
                Failure {
                    message: format!("{}; `{name}` is saved {how}{advice}", failure.message),
                    ..failure
                }
            }
        }
    }

    fn labels(&self) -> impl Iterator<Item = String> {
        self.goals.iter().map(|goal| goal.label.clone())
    }

    /// The picture that is written of these: the one that is wanted, or a sheet of those that were begun.
    fn composed(&self, pictures: &[Picture]) -> Picture {
        if let ([picture], [_]) = (pictures, &self.goals[..]) {
            return picture.clone();
        }
        let places = Places::of(self.goals.len(), self.plan.size);
        places.sheet(&self.plan.name, self.labels(), pictures)
    }

    /// Paints one goal after the other.
    fn run(&self, common: &Common, gpu: &Gpu) -> Result<Outcome, Failure> {
        let steps = self.plan.recipe.iterations;
        // A software adapter takes so long for a step that looking at each costs nothing.
        let often = if gpu.adapter().is_software() { 1 } else { 10 };
        let mut progress = Progress::new(common, self.goals.len(), steps);
        let preview = self.preview.and_then(|wish| Preview::new(common, wish));
        progress.preview(preview, |pictures| self.composed(pictures));
        let (mut pictures, mut losses, mut state) = self.begin(common, gpu, &mut progress)?;
        let mut ending = Ending::Finished;
        let mut made = pictures.len() * steps;
        for goal in &self.goals[pictures.len()..] {
            progress.begin(&pictures, &losses);
            let from = state.take();
            let target = &goal.target;
            let run = (self.visualisation).run(gpu, target, often, from.as_ref(), &mut progress);
            let report = match wait(gpu, run) {
                Ok(report) => report,
                // Those that are done need no device any more.
                Err(VisualisationError::Gpu(error)) if !pictures.is_empty() => {
                    ending = Ending::Failed(error);
                    break;
                }
                Err(error) => return Err(progress.without_a_picture(error.into())),
            };
            made += report.steps;
            if let Some(&loss) = report.losses.first() {
                self.warn_if_nothing_answered(common, goal, (report.steps, loss));
                losses.truncate(pictures.len());
                losses.push(loss);
            }
            pictures.push(report.picture);
            ending = report.ending;
            if !matches!(ending, Ending::Finished) {
                break;
            }
        }
        progress.show(&pictures);
        Ok(Outcome {
            missing: progress.finish(),
            pictures,
            steps: made,
            losses: self.labels().zip(losses).collect(),
            ending,
            seconds: progress.seconds(),
            advice: (progress.advice()).map_or(String::new(), |advice| format!(", and {advice}")),
        })
    }

    /// What is done already, the last losses, and the picture in work, for a run that goes on; tells `progress` where to
    /// keep the rest.
    fn begin(
        &self,
        common: &Common,
        gpu: &Gpu,
        progress: &mut Progress<'_>,
    ) -> Result<Begun, Failure> {
        let Some(keeping) = &self.keeping else {
            return Ok(Begun::default());
        };
        let mut keeper = keeping.keeper(gpu);
        let recording = self.visualisation.executable().recording();
        keeper.enter(self.plan.size, fingerprint::of_kernels(recording));
        let Some(resumed) = keeping.resumed() else {
            progress.keep(keeper, 0.0);
            return Ok(Begun::default());
        };
        warn_of_change(common, &resumed.origin, keeper.origin());
        progress.keep(keeper, resumed.position.seconds);
        progressed(resumed, (self.goals.len(), self.plan.size))
    }

    /// Says so if a picture shows nothing because the network did not answer to it.
    fn warn_if_nothing_answered(&self, common: &Common, goal: &Goal, (steps, loss): (usize, f32)) {
        if self.plan.climbs && loss >= 0.0 {
            let (label, layer) = (&goal.label, &self.plan.name);
            say(
                common,
                format!(
                    "note: {label} of {layer} did not answer within {steps} steps, so its picture shows little; take more --iterations, another --seed, or the convolution before the layer"
                ),
            );
        }
    }
}
