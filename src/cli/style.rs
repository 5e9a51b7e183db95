//! `impasto style`.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::remove_leftovers;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::StyleTerms;
use impasto::paint::{
    Checkpoint, Ending, Painting, Resumption, Rhythm as Looks, RunOrigin, Scale, ScaledChoices,
    ScaledRun, Sources, Start, Watcher, fingerprint,
};

use super::arguments::{Common, RunArguments, StyleArguments};
use super::checkpoint::{Keeper, warn_of_change};
use super::ending::{conclude, left_out, save_somewhere, summary};
use super::failure::Failure;
use super::keeping::check_rhythm;
use super::loss_plot::LossPlot;
use super::memory::{Bytes, OptimiserWish};
use super::pictures::Output;
use super::preview::Preview;
use super::progress::{Progress, Saving, minutes};
use super::record::{Draft, Resolved};
use super::resume::{Options, Session};
use super::trace::Trace;
use super::wait::wait;
use super::{explain, network, open_gpu, say, tuning};

mod batch;
mod border;
mod expectation;
mod files;
mod keeping;
mod masks;
mod objective;
mod opened;
mod pace;
mod pictures;
mod plan;
mod preset;
mod recipe;
mod rehearsal;
mod settled;
mod small_styles;
#[cfg(test)]
mod tests;
mod timing;

pub use border::{closes, multiple};
pub use files::{check_files, inputs};
pub use keeping::{Keeping, keeping};
pub use objective::{
    Remedies, check_side, check_sides, find_layer, parts, style_scales, with_style,
};
pub use opened::Opened;
pub use recipe::{optimiser, resumed_wishes, settle_scales, sizes, stages};
pub use small_styles::say_if_small;

/// The longer side if neither `--size` nor a smaller content says otherwise.
pub const USUAL_SIZE: usize = 512;

/// Runs the command.
pub fn run(common: &Common, arguments: &StyleArguments, session: Session) -> Result<(), Failure> {
    if let Some(folder) = &arguments.out_dir {
        check_rhythm(&arguments.keeping, "--out-dir")?;
        return batch::run(common, arguments, &session, folder);
    }
    if arguments.each_style && (arguments.from.is_some() || arguments.keeping.resume.is_some()) {
        return Err(Failure::usage(
            "--each-style makes several results, and a run that is made again or gone on with has one; leave it out",
        ));
    }
    if arguments.each_style {
        return Err(Failure::usage(
            "--each-style makes several results and -o names one; name a folder for them with --out-dir",
        ));
    }
    if let [_, second, ..] = arguments.contents() {
        return Err(Failure::usage(format!(
            "`{}` is a second content and -o names one result; name a folder for several with --out-dir",
            second.display()
        )));
    }
    let opened = Opened::new(common, arguments, session)?;
    let network = network::load(common)?;
    if arguments.preset.is_some() {
        // What it stands for hangs on the adapter.
        let gpu = open_gpu(common)?.for_run(arguments.dry_run);
        return opened.paint(common, arguments, (&network, &gpu));
    }
    let job = opened.job(common, arguments, &network)?;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let job = job.on(common, arguments, &gpu);
    paint(common, &gpu, &network, job)
}

/// A style transfer with every choice made but those that hang on memory.
pub struct StyleJob<'a> {
    pub terms: StyleTerms,
    pub optimiser: OptimiserWish,
    /// What is done at the last scale instead, if anything is.
    pub finish: Option<JobFinish>,
    /// What `--memory` says.
    pub memory: Option<Bytes>,
    pub start: Start,
    pub preference: Preference,
    pub sources: Sources,
    /// Coarse to fine, at least one.
    pub scales: Vec<Scale>,
    /// Decay of the mean of pictures, 0 for none.
    pub average: f32,
    /// The part of the content's detail that each scale begins with.
    pub detail: f32,
    /// Relative change of the loss below which a scale ends early, 0 for none.
    pub tolerance: f32,
    pub output: Output,
    pub save_every: Option<u32>,
    pub trace: Option<&'a Path>,
    pub plot: Option<LossPlot>,
    /// Where the picture on the way is shown, `-` for the terminal.
    pub preview: Option<&'a Path>,
    pub keeping: Option<Keeping<'a>>,
    /// What pictures are to say of their making, if anything.
    pub record: Option<Draft>,
    /// The run to go on with, instead of from `start`.
    pub resumed: Option<Checkpoint>,
    /// Whether nothing is to be done, but told.
    pub is_dry: bool,
    /// Seconds that a preset reckons with.
    pub reckoned: Option<f64>,
}

/// Another objective for the last scale, and another way down it.
pub struct JobFinish {
    pub terms: StyleTerms,
    pub optimiser: OptimiserWish,
}

impl StyleJob<'_> {
    /// The job with what is known of the adapter.
    fn on(self, common: &Common, arguments: &RunArguments, gpu: &Gpu) -> Self {
        Self {
            preference: tuning::preference(common, gpu.profile(), arguments.variant),
            ..self
        }
    }

    /// Whether each step hangs on how many there are.
    fn shares_its_steps(&self) -> bool {
        self.scales.len() > 1 || self.average > 0.0
    }

    /// The `draft` with what this job makes of the options.
    pub fn described(&self, mut draft: Draft) -> Draft {
        draft.steps_are_shared = self.shares_its_steps();
        if let Some(options) = &mut draft.options {
            draft.left.extend(self.settle(options));
        }
        draft
    }

    /// Steps over all scales.
    fn iterations(&self) -> usize {
        self.scales.iter().map(|scale| scale.steps).sum()
    }

    /// The longer side of the result, which is that of the last scale.
    pub fn longer_side(&self) -> usize {
        self.scales.last().map_or(0, |scale| scale.size)
    }

    /// W and H of the result.
    fn size(&self) -> [usize; 2] {
        self.sources.sizes(self.longer_side()).0
    }
}

/// Paints `job` and writes its picture, also when the run ends before its time.
pub fn paint(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: StyleJob<'_>,
) -> Result<(), Failure> {
    // A software adapter takes so long for a step that looking at each costs nothing, and so does a copy of
    // the picture beside ten steps of any.
    let often = if gpu.adapter().is_software() { 1 } else { 10 };
    let plan = plan::plan(gpu, network, &job, often)?;
    if job.is_dry {
        return rehearsal::tell(gpu, network, &job, &plan);
    }
    plan.lines.iter().for_each(|line| say(common, line));
    let foretold = expectation::foretold(common, gpu, network, &job, &plan);
    say(
        common,
        match foretold {
            Some(seconds) => format!("time: about {}", minutes(seconds)),
            None => "time: said after the first steps, since timing some before takes as long as this run"
                .to_string(),
        },
    );
    let strategy = plan.scales.last().map(|(_, way)| &way.candidate.strategy);
    let strategy = strategy.cloned().unwrap_or_default();
    let last = plan.finish.as_ref();
    let (terms, optimiser) = last.map_or((&job.terms, plan.optimiser), |finish| {
        (&finish.terms, finish.optimiser)
    });
    let resolved = Resolved::new(network, terms, optimiser, &strategy);
    let choices = ScaledChoices {
        terms: job.terms.clone(),
        optimiser: plan.optimiser,
        finish: plan.finish,
        start: job.start.clone(),
        scales: plan.scales,
        average: job.average,
        detail: job.detail,
        tolerance: job.tolerance,
    };
    let resumption = job.resumed.as_ref().map(|resumed| {
        let optimiser = resumed.optimiser.clone();
        let optimiser = optimiser.ok_or_else(|| Failure::mismatch(&"it has no optimiser"))?;
        Ok::<_, Failure>(Resumption {
            position: resumed.position.scale,
            standing: resumed.standing.clone(),
            optimiser,
        })
    });
    let resumption = resumption.transpose()?;
    let sources = job.sources.clone();
    let preparation = ScaledRun::prepare(gpu, network, choices, sources, resumption);
    let mut run = wait(gpu, preparation)?;
    let output = job.output.clone();
    let (iterations, [width, height]) = (job.iterations(), job.size());
    let names = run.executable().program().tape.losses().to_vec();
    let mut progress = Progress::new(
        common,
        (&job.scales, job.finish.is_some()),
        &names,
        [width, height],
    );
    progress.foretold(foretold.is_some());
    progress.save(job.save_every.map(|every| Saving {
        output: output.clone(),
        every: every as usize,
    }));
    let halves = run.executable().memory().weights_in_f16;
    if halves > 0 {
        explain(common, format!("{} of weights lie in f16", Bytes(halves)));
    }
    let first_step = job.resumed.as_ref().map_or(0, |run| run.standing.step);
    announce(common, &job, first_step);
    set_out(common, gpu, &run, job, resolved, &mut progress)?;
    let looks = Looks {
        report_every: often,
        snapshot_every: often,
    };
    let Painting { standing, ending } = wait(gpu, run.paint(gpu, looks, &mut progress));
    let is_whole = matches!(ending, Ending::Finished);
    // Whoever stops a run wants the picture at once. If it fails, losses as the last step found them are better than none.
    if is_whole
        && standing.step > 0
        && let Ok(Some(terms)) = wait(gpu, run.measure(gpu, &standing.rgb))
    {
        progress.measured(standing.step, terms);
    }
    let seconds = progress.finish();
    let picture = progress.whole_picture(standing.rgb);
    progress.show(&picture);
    let record = progress.record_after(standing.step);
    let record = record.map(|record| match is_whole {
        true => record,
        false => record.on_the_way(),
    });
    let saved = save_somewhere(&picture, &output, record.as_ref(), standing.step);
    let output = output.name();
    if saved.is_ok() {
        let steps = first_step..standing.step;
        say(common, summary(&output, &steps, seconds, &progress));
        let left_out = left_out(&ending, &steps, iterations);
        left_out.into_iter().for_each(|line| say(common, line));
    }
    if progress.lost_steps > 0 {
        let lost = progress.lost_steps;
        say(
            common,
            format!("note: {lost} steps met numbers that were not finite and were taken back"),
        );
    }
    explain(
        common,
        format!(
            "memory: {} at the peak, forecast {}",
            Bytes(gpu.peak_bytes()),
            Bytes(plan.peak)
        ),
    );
    conclude(ending, saved, progress, standing.step, &output)
}

/// Opens the files that are written on the way, and takes up the run that is continued, if one is.
fn set_out(
    common: &Common,
    gpu: &Gpu,
    run: &ScaledRun<'_>,
    job: StyleJob<'_>,
    resolved: Resolved,
    progress: &mut Progress,
) -> Result<(), Failure> {
    remove_leftovers(job.output.path());
    let kernels = fingerprint::of_kernels(run.executable().recording());
    if let Some(draft) = job.record {
        let fingerprints = draft.fingerprints.clone();
        let options = Options::new();
        let origin = fingerprints.origin(gpu.adapter(), kernels.clone(), run.size(), options);
        progress.note(draft.finish(common, origin, Some(resolved)));
    }
    let step = job.resumed.as_ref().map(|resumed| resumed.standing.step);
    let keeper = job.keeping.map(|keeping| {
        remove_leftovers(keeping.path);
        let Keeping {
            inputs,
            options,
            left,
            ..
        } = keeping;
        let origin = RunOrigin {
            left,
            ..inputs.origin(gpu.adapter(), kernels, run.size(), options)
        };
        if let Some(resumed) = &job.resumed {
            warn_of_change(common, &resumed.origin, &origin);
        }
        let kept = step.filter(|_| keeping.in_place);
        Keeper::new(keeping.path, keeping.rhythm, origin, kept)
    });
    progress.keep(keeper);
    if let Some(resumed) = job.resumed {
        progress.resume(resumed.standing.step, resumed.position);
    }
    progress.plot(job.plot);
    let preview = job.preview.and_then(|wish| Preview::new(common, wish));
    progress.preview(preview.map(|preview| (preview, job.output.clone())));
    progress.trace(match (job.trace, step) {
        (Some(path), Some(step)) => Some(Trace::continue_after(path, step)?),
        (Some(path), None) => Some(Trace::create(path)?),
        (None, _) => None,
    });
    Ok(())
}

fn announce(common: &Common, job: &StyleJob<'_>, first_step: usize) {
    let ([width, height], iterations) = (job.size(), job.iterations());
    let scales = match job.scales.len() - usize::from(job.finish.is_some()) {
        0 | 1 => String::new(),
        number => format!(" in {number} scales from {}", job.scales[0].size),
    };
    let finish = match (&job.finish, job.scales.last()) {
        (Some(_), Some(last)) => format!(", {} of them the finish", last.steps),
        _ => String::new(),
    };
    let start = match first_step {
        0 => String::new(),
        step => format!(", on from step {step}"),
    };
    say(
        common,
        format!("painting {width}×{height}{scales}, {iterations} steps{finish}{start}"),
    );
}
