//! A run: one picture after the other, and what becomes of them when it ends.

use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::image::{Picture, contact_sheet};
use impasto::paint::{Ending, Visualisation};

use super::plan::{Goal, Plan};
use super::progress::Progress;
use crate::cli::arguments::Common;
use crate::cli::failure::{Code, Failure};
use crate::cli::pictures::Output;
use crate::cli::record::Record;
use crate::cli::say;
use crate::cli::wait::wait;

/// Pictures in a row of a contact sheet, at most.
const COLUMNS: usize = 8;

/// Everything that a run takes.
pub struct Job {
    pub visualisation: Visualisation,
    pub plan: Plan,
    pub goals: Vec<Goal>,
    pub output: Output,
    pub record: Option<Record>,
}

/// What a run made of its goals.
struct Outcome {
    /// Labels and pictures of those that were begun.
    cells: Vec<(String, Picture)>,
    /// Steps over all of them.
    steps: usize,
    /// The last loss of each, by its label.
    losses: Vec<(String, f32)>,
    ending: Ending,
}

impl Job {
    /// Paints every goal and writes the picture, or the sheet of them, also when the run ends before its time.
    pub fn paint(self, common: &Common, gpu: &Gpu) -> Result<(), Failure> {
        let started = Instant::now();
        let outcome = self.run(common, gpu)?;
        let [seconds, all] = [started.elapsed().as_secs_f64(), self.goals.len() as f64];
        let picture = match &outcome.cells[..] {
            [(_, picture)] if self.goals.len() == 1 => picture.clone(),
            cells => {
                let columns = COLUMNS.min(all.sqrt().ceil() as usize);
                contact_sheet(&self.plan.name, cells, columns)
            }
        };
        let losses = outcome.losses.iter().cloned();
        let record = self.record.as_ref();
        let record = record.map(|record| record.after(outcome.steps, losses));
        self.output.write_somewhere(&picture, record.as_ref())?;
        let name = self.output.name();
        let answer = match &outcome.losses[..] {
            [(_, loss)] => format!(", loss {loss:.4e}"),
            _ => String::new(),
        };
        match outcome.ending {
            Ending::Finished => {
                say(common, format!("{name} in {seconds:.1} s{answer}"));
                Ok(())
            }
            Ending::Stopped => Err(Failure {
                code: Code::Interrupted,
                message: match self.goals.len() {
                    1 => format!(
                        "interrupted after step {}; `{name}` is saved",
                        outcome.steps
                    ),
                    all => {
                        let begun = outcome.cells.len();
                        format!("interrupted; `{name}` is saved with {begun} of {all} pictures")
                    }
                },
            }),
            Ending::Failed(error) => {
                let failure = Failure::from(error);
                Err(Failure {
                    message: format!("{}; `{name}` is saved as it stood", failure.message),
                    ..failure
                })
            }
        }
    }

    /// Paints one goal after the other.
    fn run(&self, common: &Common, gpu: &Gpu) -> Result<Outcome, Failure> {
        let steps = self.plan.recipe.iterations;
        // A software adapter takes so long for a step that looking at each costs nothing.
        let often = if gpu.adapter().is_software() { 1 } else { 10 };
        let mut progress = Progress::new(common, self.goals.len() * steps);
        let mut outcome = Outcome {
            cells: Vec::new(),
            steps: 0,
            losses: Vec::new(),
            ending: Ending::Finished,
        };
        for goal in &self.goals {
            let before = outcome.steps;
            let mut look = |step: usize, losses: &[f32]| progress.look(before + step, losses);
            let run = self.visualisation.run(gpu, &goal.target, often, &mut look);
            let report = wait(gpu, run)?;
            outcome.steps += report.steps;
            if let Some(&loss) = report.losses.first() {
                self.warn_if_nothing_answered(common, goal, (report.steps, loss));
                outcome.losses.push((goal.label.clone(), loss));
            }
            outcome.cells.push((goal.label.clone(), report.picture));
            if !matches!(report.ending, Ending::Finished) {
                outcome.ending = report.ending;
                break;
            }
        }
        progress.finish();
        Ok(outcome)
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
