//! What a run does one after the other, and how long a step of each takes, timed within the memory that there is.

use std::ops::ControlFlow;
use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::{LayerWeight, StyleTerms};
use impasto::optim::OptimiserState;
use impasto::paint::{
    Ending, Schedule, Sources, Standing, Start, StepLosses, StyleChoices, StyleForecast,
    StyleProblem, StyleRun, Watcher, first_that_fits,
};

use super::pace::{FIRST_SIDE, Kind, Pace};
use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::memory::OptimiserWish;
use crate::cli::wait::wait;

/// Steps that are timed, after one in which kernels may have to be compiled.
const TIMED: usize = 3;

/// The stages of a run: its scales, and its finish, which has another objective and another optimiser.
pub(super) struct Stages<'a> {
    pub network: &'a Network,
    pub gpu: &'a Gpu,
    pub scales: (&'a StyleTerms, OptimiserWish),
    pub finish: Option<(&'a StyleTerms, OptimiserWish)>,
    pub sources: &'a Sources,
    pub preference: &'a Preference,
    /// Bytes that there are, if that is known.
    pub budget: Option<u64>,
}

/// How fast they go.
pub(super) struct Paces {
    scales: Pace,
    finish: Option<Pace>,
}

impl Paces {
    /// Seconds of a step at a scale, or of the finish, in a size of W, H.
    pub(super) fn seconds(&self, is_finish: bool, size: [usize; 2]) -> f64 {
        let pace = self.finish.filter(|_| is_finish).unwrap_or(self.scales);
        pace.seconds(size)
    }
}

impl Stages<'_> {
    fn paces<E>(
        &self,
        mut of: impl FnMut((&StyleTerms, OptimiserWish)) -> Result<Pace, E>,
    ) -> Result<Paces, E> {
        Ok(Paces {
            scales: of(self.scales)?,
            finish: self.finish.map(of).transpose()?,
        })
    }

    /// The paces that were kept, if all were.
    pub(super) fn kept(&self) -> Option<Paces> {
        self.paces(|stage| {
            let is_tight = self.is_tight(stage).map_err(drop)?;
            Pace::kept(&self.kind(stage, is_tight)).ok_or(())
        })
        .ok()
    }

    /// The paces that were kept, or that are measured now, with a longer side of at most `longest`; kept then, unless
    /// `is_dry`.
    pub(super) fn timed(
        &self,
        common: &Common,
        longest: usize,
        is_dry: bool,
    ) -> Result<Paces, Failure> {
        self.paces(|stage| {
            let kind = self.kind(stage, self.is_tight(stage)?);
            let of = (&kind, longest, is_dry);
            Pace::of(common, of, |side| self.time_step(stage, side))
        })
    }

    fn kind<'a>(
        &'a self,
        (terms, optimiser): (&'a StyleTerms, OptimiserWish),
        is_tight: bool,
    ) -> Kind<'a> {
        Kind {
            adapter: self.gpu.profile(),
            architecture: self.network.architecture,
            terms,
            optimiser,
            styles: self.sources.styles.len(),
            variant: self.preference.wish,
            is_tight,
        }
    }

    /// How a step is computed within the budget with the longer side of the result at `side`; nothing if that is too
    /// small for a layer.
    fn way(
        &self,
        (terms, optimiser): (&StyleTerms, OptimiserWish),
        side: usize,
    ) -> Result<Option<StyleForecast>, Failure> {
        let (size, styles) = self.sources.sizes(side);
        let layers = terms.content.iter().chain(&terms.style).chain(&terms.dream);
        let downscale = |term: &LayerWeight| self.network.architecture.downscale(term.layer);
        let least = layers.map(downscale).max().unwrap_or(1);
        let mut sides = styles.iter().chain([&size]).flatten();
        if sides.any(|&side| side < least) {
            return Ok(None);
        }
        let problem = StyleProblem {
            network: self.network,
            terms,
            preference: self.preference,
            size,
            styles: &styles,
            averages: false,
            report_every: 1,
        };
        let (adapter, settings) = (self.gpu.profile(), optimiser.settings());
        let found = first_that_fits(&problem, adapter, &settings, self.budget)?;
        Ok(found.ok())
    }

    /// Whether not even a step of [`FIRST_SIDE`] fits with everything kept.
    fn is_tight(&self, stage: (&StyleTerms, OptimiserWish)) -> Result<bool, Failure> {
        let forecast = self.way(stage, FIRST_SIDE)?;
        Ok(forecast.is_none_or(|forecast| forecast.way.cost() != 1.0))
    }

    /// Pixels and seconds of a step with everything kept and the longer side of the result at `side`; nothing if that
    /// is too small for a layer.
    fn time_step(
        &self,
        (terms, optimiser): (&StyleTerms, OptimiserWish),
        side: usize,
    ) -> Result<Option<(f64, f64)>, Failure> {
        let Some(forecast) = self.way((terms, optimiser), side)? else {
            return Ok(None);
        };
        let way = &forecast.way;
        let choices = StyleChoices {
            terms: terms.clone(),
            optimiser: forecast.optimiser,
            averaging: None,
            start: Start::Content,
            preference: way.preference.clone(),
            strategy: way.candidate.strategy.clone(),
        };
        let (content, styles) = self.sources.at(side);
        let preparation = StyleRun::prepare(self.gpu, self.network, &choices, &content, &styles);
        let mut run = wait(self.gpu, preparation)?;
        let schedule = Schedule {
            iterations: 1 + TIMED,
            report_every: 1,
            snapshot_every: usize::MAX,
        };
        let mut stopwatch = Stopwatch::default();
        let painting = wait(self.gpu, run.paint(self.gpu, schedule, &mut stopwatch));
        if let Ending::Failed(error) = painting.ending {
            return Err(error.into());
        }
        let pairs = stopwatch.looks.windows(2);
        let seconds = pairs.map(|pair| (pair[1] - pair[0]).as_secs_f64());
        // The shortest: what is kept is the pace of the adapter, and not of what else went on that day.
        let shortest = seconds.min_by(f64::total_cmp);
        Ok(shortest.map(|seconds| (content.pixels() as f64, seconds / way.cost())))
    }
}

/// Notes when steps end.
#[derive(Default)]
struct Stopwatch {
    looks: Vec<Instant>,
}

impl Watcher for Stopwatch {
    fn losses(&mut self, _: &[StepLosses]) -> ControlFlow<()> {
        self.looks.push(Instant::now());
        ControlFlow::Continue(())
    }

    fn wants_picture(&self, _: usize) -> bool {
        false
    }

    fn picture(&mut self, _: usize, _: &[f32]) {}

    fn wants_state(&self, _: usize, _: bool) -> bool {
        false
    }

    fn state(&mut self, _: &Standing, _: OptimiserState) {}
}
