//! How a dream is computed within the memory that there is, and what `--dry-run` tells of it.

use impasto::gpu::{Gpu, Profile};
use impasto::graph::ConvolutionChoice;
use impasto::image::fitted;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::guide_loss::Correspondence;
use impasto::net::Network;
use impasto::objective::DreamTape;
use impasto::optim::Ascent;
use impasto::paint::{
    DreamStanding, DreamStart, Glance, Misfit, Octave, dream_gradient_that_fits, features_that_fit,
    largest_side,
};

use super::zoom::{self, Wish};
use super::{Job, Request};
use crate::cli::dry_run::Report;
use crate::cli::failure::Failure;
use crate::cli::flags::is_stream;
use crate::cli::keeping::Keeping;
use crate::cli::memory::{Budget, announcement_of_a_look, refusal_of_a_look};

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
    check_size(size, gpu.profile())?;
    let all = Budget::new(request.arguments.memory, gpu.profile());
    let problem = Problem {
        network,
        request,
        preference,
        adapter: gpu.profile(),
    };
    let mut plan = Plan {
        octaves: Vec::new(),
        line: String::new(),
        convolutions: Vec::new(),
    };
    let correspondence = request.terms.guidance.map(|of| of.correspondence);
    let mut guide: Option<Glance> = None;
    for size in request.sizes(size).into_iter().rev() {
        let budget = all.without(Ascent::bytes(size, request.mask.is_some()));
        let mut step = problem.step(size, &budget)?;
        // One that is as large in every octave is looked at in one way, whichever octave a dream goes on from.
        if guide.is_none() || correspondence == Some(Correspondence::Itself) {
            guide = problem.look_at_guide(size, &budget)?;
        }
        if plan.octaves.is_empty() {
            // One comes before the other.
            step.peak = step.peak.max(guide.as_ref().map_or(0, |look| look.peak));
            plan.line = announcement_of_a_look(&step, &budget);
            plan.convolutions = step.convolutions;
        }
        plan.octaves.push(Octave {
            size,
            way: step.way,
            guide: guide.as_ref().map(|look| look.way.clone()),
        });
    }
    plan.octaves.reverse();
    Ok(plan)
}

/// Refuses a picture that no step can bind, whose smaller octaves would be dreamt for nothing. The zoom from frame to
/// frame binds no more.
fn check_size([width, height]: [usize; 2], adapter: &Profile) -> Result<(), Failure> {
    let Err(refusal) = Ascent::check([width, height], adapter) else {
        return Ok(());
    };
    let smaller = |side: usize| {
        let (width, height) = fitted(width, height, side);
        Ascent::check([width, height], adapter)
    };
    let side = largest_side(width.max(height), |side| smaller(side).is_ok());
    let Failure { code, message } = refusal.into();
    let remedy = side.map_or(String::new(), |side| format!(", for example --size {side}"));
    Err(Failure {
        code,
        message: format!("{message}{remedy}"),
    })
}

/// What is to be dreamt, and on what.
struct Problem<'a> {
    network: &'a Network,
    request: &'a Request<'a>,
    preference: &'a Preference,
    adapter: &'a Profile,
}

impl Problem<'_> {
    /// The first way to compute a step that fits.
    fn step(&self, size: [usize; 2], budget: &Budget) -> Result<Glance, Failure> {
        let tape = DreamTape::new(self.network, &self.request.terms, size)?.tape;
        let found = dream_gradient_that_fits(&tape, self.preference, self.adapter, budget.bytes)?;
        found.map_err(|Misfit(smallest)| self.refusal("a dream", size, &smallest, budget))
    }

    /// The first way to look at the guide of a dream of this size that fits, if there is one.
    fn look_at_guide(&self, size: [usize; 2], budget: &Budget) -> Result<Option<Glance>, Failure> {
        let terms = &self.request.terms;
        let Some(size) = terms.guide_size(size) else {
            return Ok(None);
        };
        let wanted = terms.wanted_of_guide();
        let look = (self.network, terms.pooling, size, &wanted);
        let found = features_that_fit(look, self.preference, self.adapter, budget.bytes)?;
        let refused = |Misfit(smallest)| self.refusal("a guide", size, &smallest, budget);
        found.map(Some).map_err(refused)
    }

    /// That nothing fits, and the flags that help: a guide that has a size of its own is in the way as much as the picture.
    fn refusal(
        &self,
        what: &str,
        [width, height]: [usize; 2],
        smallest: &Glance,
        budget: &Budget,
    ) -> Failure {
        let guidance = self.request.terms.guidance;
        let flags = match guidance.map(|guidance| guidance.correspondence) {
            Some(Correspondence::Best) => "--size or --guide-size",
            _ => "--size",
        };
        let what = format!("{what} of {width}×{height}");
        let remedy = format!("use a smaller {flags}, or raise --memory");
        let refusal = refusal_of_a_look(&what, smallest, budget, &remedy);
        Failure {
            // What no memory helps against is said by the adapter's floor, which knows one flag.
            message: refusal
                .message
                .replace("a smaller --size", &format!("a smaller {flags}")),
            ..refusal
        }
    }
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
    for (index, Octave { size, way, guide }) in octaves.iter().enumerate() {
        let ([width, height], iterations) = (size, job.choices.iterations);
        let (number, count, strategy) = (index + 1, octaves.len(), &way.candidate.strategy);
        report.line(format!(
            "octave {number} of {count}: {width}×{height}, {iterations} steps, {strategy}"
        ));
        if let (Some([width, height]), Some(way)) = (job.choices.terms.guide_size(*size), guide) {
            let strategy = &way.candidate.strategy;
            report.line(format!("its guide: {width}×{height}, {strategy}"));
        }
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
