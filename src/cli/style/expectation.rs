//! How long a run takes, said before it begins.

use impasto::gpu::Gpu;
use impasto::net::Network;

use super::StyleJob;
use super::pace::FIRST_SIDE;
use super::plan::Plan;
use super::timing::{Paces, Stages};
use crate::cli::arguments::Common;
use crate::cli::memory::Budget;

/// Pixels times steps of runs that are long enough to time steps before them, and the longer side that these have: it
/// takes a thirtieth of the run at most, and once on an adapter.
const LONG: [(f64, usize); 2] = [
    (300.0 * PIXELS, FIRST_SIDE),
    (75.0 * PIXELS, FIRST_SIDE / 2),
];

/// Those of 256×256.
const PIXELS: f64 = 65_536.0;

/// Seconds of the steps that are left, if steps of their kinds were timed on this adapter before.
pub(super) fn kept(gpu: &Gpu, network: &Network, job: &StyleJob<'_>, plan: &Plan) -> Option<f64> {
    let kept = stages(gpu, network, job).kept();
    kept.map(|paces| seconds(&paces, job, plan))
        .or(job.reckoned)
}

/// The same, by timing steps now where the run is long.
pub(super) fn foretold(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
    plan: &Plan,
) -> Option<f64> {
    let kept = kept(gpu, network, job, plan);
    if kept.is_some() || common.quiet {
        return kept;
    }
    let work = work(job);
    let (_, side) = LONG.into_iter().find(|&(long, _)| work >= long)?;
    // A fast adapter is timed in larger sizes, where there is memory for them.
    let longest = match (side, job.memory) {
        (FIRST_SIDE, None) => job.longer_side(),
        _ => side,
    };
    let timed = stages(gpu, network, job).timed(common, longest, false);
    gpu.release();
    // A device that cannot do this will say so when it is to paint.
    timed.ok().map(|paces| seconds(&paces, job, plan))
}

fn stages<'a>(gpu: &'a Gpu, network: &'a Network, job: &'a StyleJob<'_>) -> Stages<'a> {
    let finish = job.finish.as_ref();
    Stages {
        network,
        gpu,
        scales: (&job.terms, job.optimiser),
        finish: finish.map(|finish| (&finish.terms, finish.optimiser)),
        sources: &job.sources,
        preference: &job.preference,
        budget: Budget::new(job.memory, gpu.profile()).bytes,
    }
}

fn work(job: &StyleJob<'_>) -> f64 {
    let of_scale = |scale: &impasto::paint::Scale| {
        let [width, height] = job.sources.sizes(scale.size).0;
        (scale.steps * width * height) as f64
    };
    job.scales.iter().map(of_scale).sum()
}

fn seconds(paces: &Paces, job: &StyleJob<'_>, plan: &Plan) -> f64 {
    let (first, done) = match &job.resumed {
        Some(resumed) => {
            let position = resumed.position.scale;
            let done = resumed.standing.step.saturating_sub(position.first_step);
            (position.scale, done)
        }
        None => (0, 0),
    };
    let last = plan.scales.len() - 1;
    let left = plan.scales.iter().enumerate().skip(first);
    left.map(|(index, (scale, way))| {
        let done = if index == first { done } else { 0 };
        // To look at the pictures of a scale takes about as long as a step.
        let steps = scale.steps.saturating_sub(done) + 1;
        let is_finish = job.finish.is_some() && index == last;
        let of_step = paces.seconds(is_finish, job.sources.sizes(scale.size).0);
        steps as f64 * of_step * way.cost()
    })
    .sum()
}
