//! A style transfer on paper: every byte that it would allocate, from the targets to the last step, and
//! the first way to run it that fits a budget.

use std::sync::Arc;

use super::descent::log_bytes;
use super::search::{Misfit, OnPaper, Search, Way};
use crate::gpu::{GpuError, Ledger, Profile};
use crate::graph::{Allocation, Detail, Forecast, Program, Purpose, RunOptions, Tape, TapeError};
use crate::kernels::conv3x3::Preference;
use crate::net::Network;
use crate::objective::{StyleTape, StyleTerms, features_on_paper};
use crate::optim::{Optimiser, OptimiserSettings};

/// What is to be painted, as far as memory goes.
#[derive(Clone, Copy)]
pub struct StyleProblem<'a> {
    /// The network.
    pub network: &'a Network,
    /// The objective.
    pub terms: &'a StyleTerms,
    /// How variants are chosen.
    pub preference: &'a Preference,
    /// Width and height of the content and of the result.
    pub size: [usize; 2],
    /// Widths and heights of the style pictures.
    pub styles: &'a [[usize; 2]],
    /// Whether the mean of the pictures is kept, see [`super::StyleChoices::averaging`].
    pub averages: bool,
    /// Losses are read back after this many steps, see [`super::Schedule`].
    pub report_every: usize,
}

/// A run on paper.
#[derive(Clone, Debug)]
pub struct StyleForecast {
    /// How the step is computed.
    pub way: Way,
    /// What it runs.
    pub program: Arc<Program>,
    /// The optimiser that it is for.
    pub optimiser: OptimiserSettings,
    /// The executable of the step.
    pub step: Arc<Forecast>,
    /// Everything that is there while it paints, in the order of its making.
    pub allocations: Vec<Allocation>,
    /// The most that is held at once while targets are measured, before the step exists.
    pub peak_of_targets: u64,
    /// The most that is ever held at once.
    pub peak: u64,
    /// What stands in the way on this adapter, however much memory it has.
    pub obstacle: Option<Arc<GpuError>>,
}

impl StyleForecast {
    /// Bytes for `purpose` while it paints.
    pub fn bytes(&self, purpose: Purpose) -> u64 {
        let all = self.allocations.iter();
        all.filter(|of| of.purpose == purpose)
            .map(|of| of.bytes)
            .sum()
    }

    /// Bytes of everything that is there while it paints.
    pub fn resident(&self) -> u64 {
        self.allocations.iter().map(|of| of.bytes).sum()
    }

    /// What comes and goes on top of that: copies to and from the device.
    pub fn transfers(&self) -> u64 {
        self.peak.saturating_sub(self.resident())
    }
}

impl OnPaper for StyleForecast {
    fn peak(&self) -> u64 {
        self.peak
    }

    fn obstacle(&self) -> Option<&Arc<GpuError>> {
        self.obstacle.as_ref()
    }
}

/// The first of the ways to compute the step of `problem`, from the fastest to the smallest, that fits `budget`
/// bytes, with the first of the `optimisers` that does.
///
/// # Errors
/// A picture too small for a layer.
pub fn first_that_fits(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    optimisers: &[OptimiserSettings],
    budget: Option<u64>,
) -> Result<Result<StyleForecast, Misfit<StyleForecast>>, TapeError> {
    problem.search(adapter, optimisers, budget, |search| search.first())
}

/// A way that fits, by a look at the smallest alone, with the first of the `optimisers` that does. What is found
/// in full is true; a sketch may be too small by the parameters of the tiles that it leaves out.
///
/// # Errors
/// A picture too small for a layer.
pub fn anything_fits(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    optimisers: &[OptimiserSettings],
    (budget, detail): (Option<u64>, Detail),
) -> Result<Option<StyleForecast>, TapeError> {
    problem.search(adapter, optimisers, budget, |search| search.any(detail))
}

impl StyleProblem<'_> {
    /// What the optimiser would allocate, the mean of its pictures included.
    fn state_on_paper(&self, optimiser: OptimiserSettings) -> Vec<Allocation> {
        let values = 3 * self.size[0] * self.size[1];
        let mut state = optimiser.on_paper(values);
        if self.averages {
            state.extend(Optimiser::average_on_paper(values));
        }
        state
    }

    fn search<R>(
        &self,
        adapter: &Profile,
        optimisers: &[OptimiserSettings],
        budget: Option<u64>,
        find: impl FnOnce(Search<'_, StyleForecast>) -> Result<R, TapeError>,
    ) -> Result<R, TapeError> {
        let tape = StyleTape::new(self.network, self.terms, self.size)?.tape;
        let values = 3 * self.size[0] * self.size[1];
        let state = |settings: &OptimiserSettings| -> u64 {
            let state = self.state_on_paper(*settings).into_iter();
            state.map(|of| of.bytes).sum()
        };
        let read_back = Ledger::staging(4 * values as u64);
        let least_state = optimisers.iter().map(state).min().unwrap_or(0);
        find(Search {
            ways: &Way::all(&tape, self.preference, adapter.binding_limit),
            beside: Some(least_state + read_back),
            budget,
            on_paper: &|way, detail| {
                let step = Step::new(self, adapter, way, (&tape, detail))?;
                let forecasts = optimisers.iter();
                let mut forecasts = forecasts
                    .map(|&of| step.with_optimiser(self, of))
                    .peekable();
                let mut last = None;
                while let Some(forecast) = forecasts.next() {
                    if forecast.fits(budget) || forecasts.peek().is_none() {
                        last = Some(forecast);
                        break;
                    }
                }
                match last {
                    Some(forecast) => Ok(forecast),
                    // No optimiser at all is a mistake of the caller.
                    None => unreachable!("at least one optimiser is asked about"),
                }
            },
        })
    }
}

/// The device after the targets of `problem` were measured, and what stands in the way of that.
pub(super) fn measure_targets(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    way: &Way,
    detail: Detail,
) -> Result<(Ledger, Option<Arc<GpuError>>), TapeError> {
    let StyleProblem { network, terms, .. } = problem;
    let mut ledger = Ledger::default();
    let mut obstacle = None;
    let content = (problem.size, terms.wanted_of_content(), terms.treatment());
    let treatment = terms.treatment_of_styles();
    let styles = problem.styles.iter().enumerate();
    let styles = styles.map(|(number, &size)| (size, terms.wanted_of_style(number), treatment));
    for (size, wanted, treatment) in std::iter::once(content).chain(styles) {
        let how = (&way.preference, &way.candidate.strategy, detail);
        let on = (adapter, &mut ledger);
        let found = features_on_paper(network, treatment, size, &wanted, how, on)?;
        obstacle = obstacle.or(found);
    }
    Ok((ledger, obstacle))
}

/// The executable of the step on a device that has measured the targets.
struct Step {
    way: Way,
    program: Arc<Program>,
    forecast: Arc<Forecast>,
    peak_of_targets: u64,
    ledger: Ledger,
}

impl Step {
    fn new(
        problem: &StyleProblem<'_>,
        adapter: &Profile,
        way: &Way,
        (tape, detail): (&Tape, Detail),
    ) -> Result<Self, TapeError> {
        let (mut ledger, obstacle) = measure_targets(problem, adapter, way, detail)?;
        let peak_of_targets = ledger.peak();
        let strategy = &way.candidate.strategy;
        let options = RunOptions {
            preference: way.preference.clone(),
            ..RunOptions::default()
        };
        let program = Program::in_detail(tape.clone(), strategy, adapter.binding_limit, detail)
            .with_pooling_in_convolutions(adapter, &options);
        let mut forecast = Forecast::new(&program, &options, adapter, &mut ledger);
        forecast.obstacle = forecast.obstacle.or(obstacle);
        for target in &forecast.allocations {
            if target.purpose == Purpose::Target {
                ledger.write(target.bytes);
            }
        }
        Ok(Self {
            way: way.clone(),
            program: Arc::new(program),
            forecast: Arc::new(forecast),
            peak_of_targets,
            ledger,
        })
    }

    fn with_optimiser(
        &self,
        problem: &StyleProblem<'_>,
        optimiser: OptimiserSettings,
    ) -> StyleForecast {
        let values = 3 * problem.size[0] * problem.size[1];
        let mut ledger = self.ledger.clone();
        let mut new = problem.state_on_paper(optimiser);
        let log = log_bytes(problem.report_every, self.program.tape.losses().len());
        new.push(Allocation::new("loss log", Purpose::Bookkeeping, log));
        let picture = 4 * values as u64;
        for allocation in &new {
            ledger.make(allocation.bytes);
        }
        if problem.averages {
            // The mean begins with the first picture.
            ledger.write(picture);
        }
        let scratch = ledger.scratch_memory().into_iter();
        let scratch: Vec<Allocation> = scratch
            .map(|(name, bytes)| Allocation::new(name, Purpose::Scratch, bytes))
            .collect();
        // Read-backs go through one buffer, which is there as long as the run paints.
        ledger.make(Ledger::staging(log.max(Ledger::rounded(picture))));
        ledger.write(picture);
        ledger.submit();
        StyleForecast {
            way: self.way.clone(),
            program: Arc::clone(&self.program),
            optimiser,
            step: Arc::clone(&self.forecast),
            allocations: [self.forecast.allocations.clone(), scratch, new].concat(),
            peak_of_targets: self.peak_of_targets,
            peak: ledger.peak(),
            obstacle: self.forecast.obstacle.clone(),
        }
    }
}
