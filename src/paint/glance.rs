//! One look at a picture on paper, without an optimiser: features, or the gradient of an objective, the first
//! way that fits a budget.

use std::sync::Arc;

use super::forecast::{StyleProblem, measure_targets};
use super::search::{Misfit, OnPaper, Search, Way};
use crate::gpu::{GpuError, Ledger, Profile};
use crate::graph::{
    ConvolutionChoice, Detail, Forecast, Program, Purpose, RunOptions, Tape, TapeError,
};
use crate::kernels::conv3x3::Preference;
use crate::kernels::pool2::Pooling;
use crate::net::Network;
use crate::objective::{StyleTape, Wanted, features_on_paper, features_tape};

/// A look and what it takes.
#[derive(Clone, Debug)]
pub struct Glance {
    /// How it is computed.
    pub way: Way,
    /// The most bytes that are ever held at once.
    pub peak: u64,
    /// What computes the convolutions of a gradient, both ways.
    pub convolutions: Vec<ConvolutionChoice>,
    /// What stands in the way on this adapter, however much memory it has.
    pub obstacle: Option<Arc<GpuError>>,
}

impl OnPaper for Glance {
    fn peak(&self) -> u64 {
        self.peak
    }

    fn obstacle(&self) -> Option<&Arc<GpuError>> {
        self.obstacle.as_ref()
    }
}

/// The first way that fits, or the smallest that was tried.
pub(super) type Found = Result<Result<Glance, Misfit<Glance>>, TapeError>;

/// For the gradient of a style transfer, its targets included.
///
/// # Errors
/// A picture too small for a layer.
pub fn style_gradient_that_fits(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    budget: Option<u64>,
) -> Found {
    let tape = StyleTape::new(problem.network, problem.terms, problem.size)?.tape;
    let search = Search {
        ways: &Way::all(&tape, problem.preference, adapter.binding_limit),
        beside: Some(0),
        budget,
        on_paper: &|way, detail| {
            let measured = measure_targets(problem, adapter, way, detail)?;
            Ok(gradient_on_paper(&tape, adapter, (way, detail), measured))
        },
    };
    search.first()
}

/// For the gradient of the losses on `tape`, which compares with no targets.
///
/// # Errors
/// A picture too small for a layer.
pub fn dream_gradient_that_fits(
    tape: &Tape,
    preference: &Preference,
    adapter: &Profile,
    budget: Option<u64>,
) -> Found {
    let search = Search {
        ways: &Way::all(tape, preference, adapter.binding_limit),
        beside: Some(0),
        budget,
        on_paper: &|way, detail| {
            let start = (Ledger::default(), None);
            Ok(gradient_on_paper(tape, adapter, (way, detail), start))
        },
    };
    search.first()
}

/// For the `wanted` features of a picture of `size`.
///
/// # Errors
/// A picture too small for a layer.
pub fn features_that_fit(
    (network, pooling, size, wanted): (&Network, Pooling, [usize; 2], &Wanted),
    preference: &Preference,
    adapter: &Profile,
    budget: Option<u64>,
) -> Found {
    let tape = features_tape(network, pooling, size, wanted)?;
    let search = Search {
        ways: &Way::all(&tape, preference, adapter.binding_limit),
        beside: None,
        budget,
        on_paper: &|way, detail| {
            let mut ledger = Ledger::default();
            let how = (&way.preference, &way.candidate.strategy, detail);
            let on = (adapter, &mut ledger);
            let obstacle = features_on_paper(network, pooling, size, wanted, how, on)?;
            Ok(Glance {
                way: way.clone(),
                peak: ledger.peak(),
                convolutions: Vec::new(),
                obstacle,
            })
        },
    };
    search.first()
}

/// Builds the step.
pub(super) fn step_on_paper(
    tape: &Tape,
    adapter: &Profile,
    (way, detail): (&Way, Detail),
    ledger: &mut Ledger,
) -> Forecast {
    let strategy = &way.candidate.strategy;
    let options = RunOptions {
        preference: way.preference.clone(),
        ..RunOptions::default()
    };
    let program = Program::in_detail(tape.clone(), strategy, adapter.binding_limit, detail)
        .with_pooling_in_convolutions(adapter, &options);
    Forecast::new(&program, &options, adapter, ledger)
}

/// Builds the step, runs it once and reads back its losses and its gradient.
fn gradient_on_paper(
    tape: &Tape,
    adapter: &Profile,
    (way, detail): (&Way, Detail),
    (mut ledger, obstacle): (Ledger, Option<Arc<GpuError>>),
) -> Glance {
    let forecast = step_on_paper(tape, adapter, (way, detail), &mut ledger);
    for target in &forecast.allocations {
        if target.purpose == Purpose::Target {
            ledger.write(target.bytes);
        }
    }
    let (height, width) = tape.picture_size();
    let picture = (12 * width * height) as u64;
    ledger.write(picture);
    ledger.submit();
    ledger.read_back(4 * tape.losses().len() as u64);
    ledger.read_back(picture);
    Glance {
        way: way.clone(),
        peak: ledger.peak(),
        convolutions: forecast.convolutions,
        obstacle: forecast.obstacle.or(obstacle),
    }
}
