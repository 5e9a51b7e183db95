//! A style transfer on paper: every byte that it would allocate, from the targets to the last step, and
//! the first way to run it that fits a budget.

use std::sync::Arc;

use super::descent::log_bytes;
use crate::gpu::{GpuError, Ledger, Profile};
use crate::graph::{
    Allocation, Candidate, Forecast, Margin, Program, Purpose, RunOptions, Strategy, TapeError,
};
use crate::kernels::conv3x3::Preference;
use crate::net::Network;
use crate::objective::{StyleTape, StyleTerms, features_on_paper};
use crate::optim::OptimiserSettings;

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
    /// Losses are read back after this many steps, see [`super::Schedule`].
    pub report_every: usize,
}

/// A run on paper.
#[derive(Clone, Debug)]
pub struct StyleForecast {
    /// How the step is computed.
    pub candidate: Candidate,
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

    fn fits(&self, budget: Option<u64>) -> bool {
        self.obstacle.is_none() && budget.is_none_or(|budget| self.peak <= budget)
    }
}

/// Nothing fits: the smallest that was tried.
#[derive(Clone, Debug)]
pub struct Misfit(pub StyleForecast);

/// Walks the ways to compute the step of `problem` from the fastest to the smallest, and for each the
/// `optimisers` in the order of preference; the first whose forecast is within `budget` bytes is taken.
///
/// # Errors
/// A picture too small for a layer.
pub fn first_that_fits(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    optimisers: &[OptimiserSettings],
    budget: Option<u64>,
) -> Result<Result<StyleForecast, Misfit>, TapeError> {
    let tape = StyleTape::new(problem.network, problem.terms, problem.size)?.tape;
    let mut smallest: Option<StyleForecast> = None;
    let margins: &[Margin] = if problem.preference.may_round_in_tiles() {
        // The narrow one lets a maximum or a ReLU go another way here and there, so it comes last.
        &[Margin::Winograd, Margin::Receptive]
    } else {
        &[Margin::Receptive]
    };
    let candidates = margins.iter();
    for candidate in candidates.flat_map(|&margin| Strategy::candidates(&tape, margin)) {
        let targets = measure_targets(problem, adapter, &candidate.strategy)?;
        let limit = adapter.binding_limit;
        let program = Program::with_strategy(tape.clone(), &candidate.strategy, limit);
        let step = Step::new(problem, adapter, (candidate, program), targets);
        for &optimiser in optimisers {
            let forecast = step.with_optimiser(problem, optimiser);
            if forecast.fits(budget) {
                return Ok(Ok(forecast));
            }
            if smallest
                .as_ref()
                .is_none_or(|best| forecast.peak < best.peak)
            {
                smallest = Some(forecast);
            }
        }
    }
    match smallest {
        Some(smallest) => Ok(Err(Misfit(smallest))),
        // There is always a candidate; no optimiser at all is a mistake of the caller.
        None => unreachable!("at least one optimiser is asked about"),
    }
}

/// The largest side up to `longest` for which `fits` holds, which is taken to hold for all smaller ones.
pub fn largest_side(longest: usize, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
    let (mut fitting, mut too_large) = (0, longest + 1);
    while too_large - fitting > 1 {
        let middle = fitting + (too_large - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            too_large = middle;
        }
    }
    (fitting > 0).then_some(fitting)
}

/// The device after the targets were measured.
fn measure_targets(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    strategy: &Strategy,
) -> Result<Ledger, TapeError> {
    let mut ledger = Ledger::default();
    let [of_content, of_style] = problem.terms.wanted();
    let pictures = std::iter::once((problem.size, of_content));
    let styles = problem.styles.iter().map(|&size| (size, of_style.clone()));
    for (size, wanted) in pictures.chain(styles) {
        let StyleProblem {
            network,
            terms,
            preference,
            ..
        } = *problem;
        let looks = (adapter, &mut ledger);
        let how = (preference, strategy);
        features_on_paper(network, terms.pooling, size, &wanted, how, looks)?;
    }
    Ok(ledger)
}

/// The executable of the step on a device that has measured the targets.
struct Step {
    candidate: Candidate,
    program: Arc<Program>,
    forecast: Arc<Forecast>,
    peak_of_targets: u64,
    ledger: Ledger,
}

impl Step {
    fn new(
        problem: &StyleProblem<'_>,
        adapter: &Profile,
        (candidate, program): (Candidate, Program),
        mut ledger: Ledger,
    ) -> Self {
        let peak_of_targets = ledger.peak();
        let options = RunOptions {
            preference: problem.preference.clone(),
            ..RunOptions::default()
        };
        let forecast = Forecast::new(&program, &options, adapter, &mut ledger);
        for target in &forecast.allocations {
            if target.purpose == Purpose::Target {
                ledger.write(target.bytes);
            }
        }
        Self {
            candidate,
            program: Arc::new(program),
            forecast: Arc::new(forecast),
            peak_of_targets,
            ledger,
        }
    }

    fn with_optimiser(
        &self,
        problem: &StyleProblem<'_>,
        optimiser: OptimiserSettings,
    ) -> StyleForecast {
        let values = 3 * problem.size[0] * problem.size[1];
        let mut ledger = self.ledger.clone();
        let mut new = optimiser.on_paper(values);
        let log = log_bytes(problem.report_every, self.program.tape.losses().len());
        new.push(Allocation::new("loss log", Purpose::Bookkeeping, log));
        let picture = 4 * values as u64;
        for allocation in &new {
            ledger.make(allocation.bytes);
        }
        let scratch = ledger.scratch_memory().into_iter();
        let scratch: Vec<Allocation> = scratch
            .map(|(name, bytes)| Allocation::new(name, Purpose::Scratch, bytes))
            .collect();
        // Read-backs go through one buffer, which is there as long as the run paints.
        ledger.make(log.max(Ledger::rounded(picture)));
        ledger.write(picture);
        ledger.submit();
        StyleForecast {
            candidate: self.candidate.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_side_is_found_wherever_it_is() {
        for largest in [0, 1, 2, 500, 999, 1000] {
            let found = largest_side(1000, |side| side <= largest);
            assert_eq!(found.unwrap_or(0), largest);
        }
    }
}
