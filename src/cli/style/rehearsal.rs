//! `--dry-run` of a style transfer or a texture: the plan that [`super::paint`] would follow, printed instead.

use impasto::gpu::Gpu;
use impasto::net::Network;

use super::plan::Plan;
use super::{Keeping, StyleJob, expectation};
use crate::cli::dry_run::Report;
use crate::cli::duration::minutes;
use crate::cli::failure::Failure;
use crate::cli::flags::is_stream;
use crate::cli::progress::numbered;

/// Tells what `job` would do by its `plan`.
pub(super) fn tell(
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
    plan: &Plan,
) -> Result<(), Failure> {
    let ([width, height], steps) = (job.size(), job.iterations());
    let name = job.output.name();
    let mut report = Report::of(&format!("{name}, {width}×{height} in {steps} steps"));
    if let Some(resumed) = &job.resumed {
        report.line(format!("goes on from step {}", resumed.standing.step));
    }
    tell_scales(&mut report, job, plan);
    for line in &plan.lines {
        report.line(line.as_str());
    }
    report.convolutions(&plan.convolutions, [width, height]);
    report.line(match expectation::kept(gpu, network, job, plan) {
        Some(seconds) => format!("time: about {}", minutes(seconds)),
        None => {
            "time: not known, since no long run has timed such steps on this adapter".to_string()
        }
    });
    tell_files(&mut report, job);
    report.print()
}

fn tell_scales(report: &mut Report, job: &StyleJob<'_>, plan: &Plan) {
    let number = plan.scales.len() - usize::from(job.finish.is_some());
    for (index, (scale, way)) in plan.scales.iter().enumerate() {
        let [width, height] = job.sources.sizes(scale.size).0;
        let what = match index {
            index if index == number => "finish".to_string(),
            _ => format!("scale {} of {number}", index + 1),
        };
        let (steps, strategy) = (scale.steps, &way.candidate.strategy);
        report.line(format!(
            "{what}: {width}×{height}, {steps} steps, {strategy}"
        ));
    }
}

fn tell_files(report: &mut Report, job: &StyleJob<'_>) {
    // A picture of a sheet is no result.
    if job.output.is_called_by_its_path() {
        report.output(job.output.path(), "");
    }
    if let Some(every) = job.save_every.map(|every| every as usize) {
        let (number, first) = (job.iterations() / every, numbered(job.output.path(), every));
        let what = format!(" and so on, the picture after every {every} steps, {number} in all");
        report.output(&first, &what);
    }
    if let Some(trace) = job.trace {
        let what = ", the losses of every step";
        match &job.resumed {
            Some(_) if trace.exists() => {
                report.line(format!("goes on in: `{}`{what}", trace.display()));
            }
            _ => report.output(trace, what),
        }
    }
    if let Some(plot) = &job.plot {
        report.output(plot.path(), ", the losses as a plot");
    }
    if let Some(preview) = job.preview.filter(|path| !is_stream(path)) {
        report.output(preview, ", the picture on the way");
    }
    if let Some(Keeping { path, rhythm, .. }) = &job.keeping {
        report.output(path, &format!(", the checkpoint, {rhythm} and at the end"));
    }
}
