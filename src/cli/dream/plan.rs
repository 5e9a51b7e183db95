//! How a dream is computed within the memory that there is, and what `--dry-run` tells of it.

use impasto::gpu::Gpu;
use impasto::graph::ConvolutionChoice;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::DreamTape;
use impasto::optim::Ascent;
use impasto::paint::{DreamStanding, DreamStart, Octave, dream_gradient_that_fits};

use super::zoom::{self, Wish};
use super::{Job, Request};
use crate::cli::dry_run::Report;
use crate::cli::failure::Failure;
use crate::cli::keeping::Keeping;
use crate::cli::memory::{Budget, choose_for_a_look};
use crate::cli::pictures::is_stream;

/// How a dream is computed.
pub struct Plan {
    /// Small to large.
    pub octaves: Vec<Octave>,
    /// What is to be said of the largest.
    pub line: String,
    /// What computes the convolutions of the largest.
    pub convolutions: Vec<ConvolutionChoice>,
}

/// How each octave is computed within the memory that there is. The last is looked at first: a dream must not fail
/// when most of it is done.
pub fn plan(
    gpu: &Gpu,
    network: &Network,
    request: &Request<'_>,
    size: [usize; 2],
    preference: &Preference,
) -> Result<Plan, Failure> {
    let budget = Budget::new(request.arguments.memory, gpu.profile());
    let mut plan = Plan {
        octaves: Vec::new(),
        line: String::new(),
        convolutions: Vec::new(),
    };
    for size in request.sizes(size).into_iter().rev() {
        let [width, height] = size;
        let tape = DreamTape::new(network, &request.terms, size)?.tape;
        let what = format!("a dream of {width}×{height}");
        let of_step = budget.without(Ascent::bytes(size, request.mask.is_some()));
        let (glance, line) = choose_for_a_look(&what, &of_step, |bytes| {
            dream_gradient_that_fits(&tape, preference, gpu.profile(), bytes)
        })?;
        if plan.octaves.is_empty() {
            plan.line = line;
            plan.convolutions = glance.convolutions;
        }
        let way = glance.way;
        plan.octaves.push(Octave { size, way });
    }
    plan.octaves.reverse();
    Ok(plan)
}

/// Tells what would be dreamt, by a plan that has this line of memory and these convolutions.
pub fn tell(
    job: &Job<'_>,
    frames: Option<&Wish>,
    (line, convolutions): (&str, &[ConvolutionChoice]),
) -> Result<(), Failure> {
    let size = [job.picture.width, job.picture.height];
    let (what, each) = match frames {
        Some(wish) => (format!("{} frames", wish.count()), " each"),
        None => (job.output.name(), ""),
    };
    let ([width, height], steps) = (size, job.steps());
    let mut report = Report::of(&format!("{what}, {width}×{height} in {steps} steps{each}"));
    if let DreamStart::Resumed(DreamStanding { standing, .. }) = &job.start {
        report.line(format!("goes on from step {}", standing.step));
    }
    let octaves = &job.choices.octaves;
    for (index, Octave { size, way }) in octaves.iter().enumerate() {
        let ([width, height], iterations) = (size, job.choices.iterations);
        let (number, count, strategy) = (index + 1, octaves.len(), &way.candidate.strategy);
        report.line(format!(
            "octave {number} of {count}: {width}×{height}, {iterations} steps, {strategy}"
        ));
    }
    report.line(line);
    report.convolutions(convolutions, size);
    match frames {
        Some(wish) => zoom::tell(job, wish, &mut report)?,
        None => report.output(job.output.path(), ""),
    }
    if let Some(plot) = &job.plot {
        report.output(plot.path(), ", the terms of the objective as a plot");
    }
    if let Some(preview) = job.preview.filter(|path| !is_stream(path)) {
        report.output(preview, ", the picture on the way");
    }
    if let Some((path, rhythm)) = job.keeping.as_ref().map(Keeping::file) {
        report.output(path, &format!(", the checkpoint, {rhythm} and at the end"));
    }
    report.print()
}
