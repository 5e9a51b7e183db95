//! How each scale is computed within the memory that there is, settled before the first begins.

use impasto::gpu::Gpu;
use impasto::graph::ConvolutionChoice;
use impasto::net::Network;
use impasto::objective::StyleTerms;
use impasto::optim::OptimiserSettings;
use impasto::paint::{Finish, Scale, StyleForecast, StyleProblem, Way, averaging_over};

use super::{JobFinish, StyleJob};
use crate::cli::failure::Failure;
use crate::cli::memory::{self, Budget, Resized};

/// The ways of a run, coarse to fine.
pub(super) struct Plan {
    pub scales: Vec<(Scale, Way)>,
    pub optimiser: OptimiserSettings,
    pub finish: Option<Finish>,
    /// The most bytes that a scale takes.
    pub peak: u64,
    /// What computes the convolutions of the finest scale.
    pub convolutions: Vec<ConvolutionChoice>,
    /// What is to be said of it, line by line.
    pub lines: Vec<String>,
}

/// Chooses how to paint. The finest scale is looked at first: what it needs decides for all, because their
/// optimiser is one and the same, and a run must not fail when most of it is done. A finish has its own.
pub(super) fn plan(
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
    report_every: usize,
) -> Result<Plan, Failure> {
    let budget = Budget::new(job.memory, gpu.profile());
    let find = |scale: &Scale, (terms, average): (&StyleTerms, f32), optimiser| {
        let (size, styles) = job.sources.sizes(scale.size);
        let problem = StyleProblem {
            network,
            terms,
            preference: &job.preference,
            size,
            styles: &styles,
            averages: averaging_over(scale.steps, average).is_some(),
            report_every,
        };
        memory::choose(&problem, gpu.profile(), optimiser, &budget, |side| {
            let sizes = job.sources.sizes(side);
            // A texture has no content, and both of its sides are named.
            if terms.content.is_empty() {
                Resized::by_sides(sizes)
            } else {
                Resized::by_side(side, sizes)
            }
        })
    };
    let line = |forecast: &StyleForecast, wish| memory::announcement(forecast, wish, &budget);
    let Some((last, before)) = job.scales.split_last() else {
        unreachable!("a job has at least one scale");
    };
    let mut scales = before;
    let usual = (&job.terms, job.average);
    let (pursuit, wish) = match &job.finish {
        Some(finish) => ((&finish.terms, 0.0), finish.optimiser),
        None => (usual, job.optimiser),
    };
    let forecast = find(last, pursuit, wish)?;
    let mut plan = Plan {
        lines: vec![line(&forecast, wish)],
        convolutions: forecast.step.convolutions.clone(),
        scales: vec![(*last, forecast.way.clone())],
        optimiser: forecast.optimiser,
        finish: None,
        peak: forecast.peak,
    };
    if let Some(JobFinish { terms, .. }) = &job.finish {
        plan.finish = Some(Finish {
            terms: terms.clone(),
            optimiser: forecast.optimiser,
        });
        if let Some((finest, coarser)) = before.split_last() {
            let pursuit = forecast;
            let forecast = find(finest, usual, job.optimiser)?;
            plan.optimiser = forecast.optimiser;
            plan.peak = plan.peak.max(forecast.peak);
            plan.lines = if forecast.way.candidate == pursuit.way.candidate {
                let peak = plan.peak;
                vec![line(&StyleForecast { peak, ..pursuit }, wish)]
            } else {
                let before = line(&forecast, job.optimiser) + " before the finish";
                vec![before, line(&pursuit, wish) + " in the finish"]
            };
            plan.scales.insert(0, (*finest, forecast.way));
            scales = coarser;
        }
    }
    for (index, scale) in scales.iter().enumerate() {
        let forecast = find(scale, usual, plan.optimiser.into())?;
        plan.peak = plan.peak.max(forecast.peak);
        plan.scales.insert(index, (*scale, forecast.way));
    }
    Ok(plan)
}
