//! How each scale is computed within the memory that there is, settled before the first begins.

use impasto::gpu::Gpu;
use impasto::net::Network;
use impasto::optim::OptimiserSettings;
use impasto::paint::{Scale, StyleForecast, StyleProblem, Way, averaging_over};

use super::StyleJob;
use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::memory::{self, Budget};
use crate::cli::say;

/// The ways of a run, coarse to fine.
pub(super) struct Plan {
    pub scales: Vec<(Scale, Way)>,
    pub optimiser: OptimiserSettings,
    /// The most bytes that a scale takes.
    pub peak: u64,
}

/// Chooses how to paint, and says so. The last scale is looked at first: what it needs decides for all, because the
/// optimiser is one and the same, and a run must not fail when most of it is done.
pub(super) fn plan(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
    report_every: usize,
) -> Result<Plan, Failure> {
    let budget = Budget::new(job.memory, gpu.profile());
    let forecast_of = |scale: &Scale, optimiser| -> Result<StyleForecast, Failure> {
        let (size, styles) = job.sources.sizes(scale.size);
        let problem = StyleProblem {
            network,
            terms: &job.terms,
            preference: &job.preference,
            size,
            styles: &styles,
            averages: averaging_over(scale.steps, job.average).is_some(),
            report_every,
        };
        memory::choose(&problem, gpu.profile(), optimiser, &budget, |side| {
            job.sources.sizes(side)
        })
    };
    let Some((finest, coarser)) = job.scales.split_last() else {
        unreachable!("a job has at least one scale");
    };
    let forecast = forecast_of(finest, job.optimiser)?;
    let line = memory::announcement(&forecast, job.optimiser, &budget);
    say(common, line);
    let optimiser = forecast.optimiser;
    let mut plan = Plan {
        scales: Vec::new(),
        optimiser,
        peak: forecast.peak,
    };
    for scale in coarser {
        let forecast = forecast_of(scale, optimiser.into())?;
        plan.peak = plan.peak.max(forecast.peak);
        plan.scales.push((*scale, forecast.way));
    }
    plan.scales.push((*finest, forecast.way));
    Ok(plan)
}
