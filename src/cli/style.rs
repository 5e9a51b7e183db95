//! `impasto style`.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::{Picture, check_output_file, fitted, remove_leftovers};
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::StyleTerms;
use impasto::paint::{
    Checkpoint, Painting, Schedule, Start, StyleChoices, StyleForecast, StyleProblem, StyleRun,
    fingerprint,
};

use super::arguments::{Common, StyleArguments};
use super::checkpoint::{Inputs, Keeper, Rhythm, check_replaceable, warn_of_change};
use super::ending::{conclude, save_somewhere, summary};
use super::failure::Failure;
use super::memory::{self, Budget, Bytes, OptimiserWish};
use super::pictures::{Output, check_streams, is_stream};
use super::progress::{Progress, Saving, numbered, step_of};
use super::record::{Draft, Resolved};
use super::resume::{Options, Session};
use super::trace::Trace;
use super::wait::wait;
use super::{colour, explain, network, open_gpu, say, tuning};

mod objective;
mod pictures;
#[cfg(test)]
mod tests;

pub use objective::{check_side, check_sides, find_layer};
use objective::{optimiser, terms};
use pictures::Pictures;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &StyleArguments,
    mut session: Session,
) -> Result<(), Failure> {
    let output = check_outputs(arguments)?;
    colour::check(arguments)?;
    let mut pictures = Pictures::load(common, arguments, &session)?;
    let attachments = std::mem::take(&mut pictures.attachments);
    let output = output.with(common, attachments, arguments.depth)?;
    let network = network::load(common)?;
    let terms = terms(arguments, network.architecture)?;
    check_sides(
        network.architecture,
        &terms,
        (&arguments.content, &pictures.content),
        arguments.styles.iter().zip(&pictures.styles),
    )?;
    let fingerprints = Inputs::new(&network, &pictures.content, &pictures.styles);
    let record = pictures.draft(common, arguments, &mut session, (&fingerprints, &output))?;
    let keeping = keeping(common, arguments, &session, fingerprints)?;
    let output = pictures.in_colour(arguments, output);
    let gpu = open_gpu(common)?;
    let resumed = session.resumed.as_ref();
    let job = StyleJob {
        terms,
        optimiser: resumed.map_or(optimiser(arguments), |run| run.optimiser.settings.into()),
        memory: arguments.memory,
        start: pictures.start(arguments),
        preference: tuning::preference(common, gpu.profile(), arguments.variant),
        content: pictures.content,
        styles: pictures.styles,
        iterations: arguments.iterations as usize,
        output,
        save_every: arguments.save_every,
        trace: arguments.trace.as_deref(),
        keeping,
        record: Some(record),
        resumed: session.resumed,
    };
    paint(common, &gpu, &network, job)
}

/// A style transfer with every choice made but those that hang on memory.
pub struct StyleJob<'a> {
    pub terms: StyleTerms,
    pub optimiser: OptimiserWish,
    /// What `--memory` says.
    pub memory: Option<Bytes>,
    pub start: Start,
    pub preference: Preference,
    pub content: Picture,
    pub styles: Vec<(Picture, f32)>,
    pub iterations: usize,
    pub output: Output,
    pub save_every: Option<u32>,
    pub trace: Option<&'a Path>,
    pub keeping: Option<Keeping<'a>>,
    /// What pictures are to say of their making, if anything.
    pub record: Option<Draft>,
    /// The run to go on with, instead of from `start`.
    pub resumed: Option<Checkpoint>,
}

/// Where and when to write checkpoints, and what is to stand in them.
pub struct Keeping<'a> {
    path: &'a Path,
    rhythm: Rhythm,
    inputs: Inputs,
    options: Options,
    /// Whether the run that is continued lies in the same file.
    in_place: bool,
}

/// How the run is to be kept, if it is, after a look at whether it can be continued from what it was made from.
fn keeping<'a>(
    common: &Common,
    arguments: &'a StyleArguments,
    session: &Session,
    inputs: Inputs,
) -> Result<Option<Keeping<'a>>, Failure> {
    let Some(path) = arguments.checkpoint.as_deref() else {
        return Ok(None);
    };
    if let (Some(resumed), Some(from)) = (&session.resumed, &arguments.resume) {
        inputs.check(resumed, from, common, arguments)?;
    }
    Ok(Some(Keeping {
        path,
        rhythm: arguments.checkpoint_every.unwrap_or_default(),
        inputs,
        options: session.options()?,
        in_place: is_continued_in_place(arguments),
    }))
}

fn is_continued_in_place(arguments: &StyleArguments) -> bool {
    match (&arguments.checkpoint, &arguments.resume) {
        (Some(path), Some(from)) => path.canonicalize().ok() == from.canonicalize().ok(),
        _ => false,
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
    let forecast = plan(common, gpu, network, &job, often)?;
    let choices = StyleChoices {
        terms: job.terms.clone(),
        optimiser: forecast.optimiser,
        start: job.start.clone(),
        preference: forecast.way.preference.clone(),
        strategy: forecast.way.candidate.strategy.clone(),
    };
    let preparation = StyleRun::prepare(gpu, network, &choices, &job.content, &job.styles);
    let mut run = wait(gpu, preparation)?;
    let (width, height) = run.size();
    let (iterations, output) = (job.iterations, job.output.clone());
    let names = run.executable().program().tape.losses().to_vec();
    let mut progress = Progress::new(common, iterations, &names, (width, height));
    progress.save(job.save_every.map(|every| Saving {
        output: output.clone(),
        every: every as usize,
    }));
    let halves = run.executable().memory().weights_in_f16;
    if halves > 0 {
        explain(common, format!("{} of weights lie in f16", Bytes(halves)));
    }
    let resolved = Resolved::new(network, &job.terms, &forecast);
    set_out(common, gpu, &mut run, job, resolved, &mut progress)?;
    announce(common, &run, iterations);
    let schedule = Schedule {
        iterations,
        report_every: often,
        snapshot_every: often,
    };
    let first_step = run.first_step();
    let Painting { standing, ending } = wait(gpu, run.paint(gpu, schedule, &mut progress));
    let seconds = progress.finish();
    let picture = Picture {
        width,
        height,
        rgb: standing.rgb,
    };
    let record = progress.record_after(standing.step);
    let saved = save_somewhere(&picture, &output, record.as_ref(), standing.step);
    let output = output.name();
    if saved.is_ok() {
        let steps = first_step..standing.step;
        say(common, summary(&output, &steps, seconds, &progress));
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
            Bytes(forecast.peak)
        ),
    );
    conclude(ending, saved, progress, standing.step, &output)
}

/// Chooses how to paint within the memory that there is, and says so.
fn plan(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
    report_every: usize,
) -> Result<StyleForecast, Failure> {
    let size_of = |picture: &Picture| [picture.width, picture.height];
    let size = size_of(&job.content);
    let styles: Vec<[usize; 2]> = job.styles.iter().map(|(style, _)| size_of(style)).collect();
    let problem = StyleProblem {
        network,
        terms: &job.terms,
        preference: &job.preference,
        size,
        styles: &styles,
        report_every,
    };
    let budget = Budget::new(job.memory, gpu.profile());
    let scaled =
        |[width, height]: [usize; 2], side| <[usize; 2]>::from(fitted(width, height, side));
    let forecast = memory::choose(&problem, gpu.profile(), job.optimiser, &budget, |side| {
        let styles = styles.iter();
        let shrunk =
            styles.map(|&[width, height]| scaled([width, height], side.min(width.max(height))));
        (scaled(size, side), shrunk.collect())
    })?;
    say(
        common,
        memory::announcement(&forecast, job.optimiser, &budget),
    );
    Ok(forecast)
}

/// Opens the files that are written on the way, and takes up the run that is continued, if one is.
fn set_out(
    common: &Common,
    gpu: &Gpu,
    run: &mut StyleRun,
    job: StyleJob<'_>,
    resolved: Resolved,
    progress: &mut Progress,
) -> Result<(), Failure> {
    remove_leftovers(job.output.path());
    let (width, height) = run.size();
    let kernels = fingerprint::of_kernels(run.executable().recording());
    if let Some(draft) = job.record {
        let fingerprints = draft.fingerprints.clone();
        let origin = fingerprints.origin(
            gpu.adapter(),
            kernels.clone(),
            [width, height],
            Options::new(),
        );
        progress.note(draft.finish(common, origin, resolved));
    }
    let step = job.resumed.as_ref().map(|resumed| resumed.standing.step);
    let keeper = job.keeping.map(|keeping| {
        remove_leftovers(keeping.path);
        let Keeping {
            inputs, options, ..
        } = keeping;
        let origin = inputs.origin(gpu.adapter(), kernels, [width, height], options);
        if let Some(resumed) = &job.resumed {
            warn_of_change(common, &resumed.origin, &origin);
        }
        let kept = step.filter(|_| keeping.in_place);
        Keeper::new(keeping.path, keeping.rhythm, origin, kept)
    });
    progress.keep(keeper);
    if let Some(resumed) = job.resumed {
        progress.resume(resumed.standing.step, resumed.position);
        run.restore(gpu, resumed.standing, &resumed.optimiser)
            .map_err(|mismatch| {
                Failure::bad_input(format!(
                    "the checkpoint does not fit its own run ({mismatch}); start a new run"
                ))
            })?;
    }
    progress.trace(match (job.trace, step) {
        (Some(path), Some(step)) => Some(Trace::continue_after(path, step)?),
        (Some(path), None) => Some(Trace::create(path)?),
        (None, _) => None,
    });
    Ok(())
}

fn announce(common: &Common, run: &StyleRun, iterations: usize) {
    let (width, height) = run.size();
    let start = match run.first_step() {
        0 => String::new(),
        step => format!(", on from step {step}"),
    };
    say(
        common,
        format!("painting {width}×{height}, {iterations} steps{start}"),
    );
}

/// The output, when everything that a run would write can be written, and every input is one.
fn check_outputs(arguments: &StyleArguments) -> Result<Output, Failure> {
    let mut inputs: Vec<&Path> = vec![&arguments.content];
    inputs.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
    if !matches!(arguments.init.as_str(), "content" | "noise") {
        inputs.push(Path::new(&arguments.init));
    }
    check_streams(&inputs)?;
    let streams = inputs.iter().any(|path| is_stream(path)) || is_stream(&arguments.output);
    if arguments.checkpoint.is_some() && streams {
        return Err(Failure::usage(
            "--checkpoint keeps the names of pictures, and `-` is none that a later run could read; name files",
        ));
    }
    inputs.retain(|input| !is_stream(input));
    // The picture of the run that is made again must not be lost either.
    inputs.extend(arguments.from.as_deref());
    let resumed = arguments.resume.as_deref();
    let output = Output::of(arguments, &[&inputs[..], resumed.as_slice()].concat())?;
    if let Some(trace) = &arguments.trace {
        inputs.push(&arguments.output);
        check_output_file(trace, &inputs)?;
        inputs.push(trace);
    }
    if let Some(checkpoint) = &arguments.checkpoint {
        check_output_file(checkpoint, &[&inputs[..], &[&arguments.output]].concat())?;
        if !is_continued_in_place(arguments) {
            check_replaceable(checkpoint)?;
        }
        inputs.push(checkpoint);
    } else if arguments.checkpoint_every.is_some() {
        return Err(Failure::usage(
            "--checkpoint-every is of no use without a checkpoint; name one with --checkpoint",
        ));
    }
    if let Some(every) = arguments.save_every {
        check_numbered(arguments, every, &inputs)?;
    }
    Ok(output)
}

/// Refuses if a picture on the way would replace one of `inputs`.
fn check_numbered(arguments: &StyleArguments, every: u32, inputs: &[&Path]) -> Result<(), Failure> {
    for input in inputs {
        let file = input.canonicalize().unwrap_or(input.to_path_buf());
        let Some(step) = step_of(&arguments.output, &file) else {
            continue;
        };
        if step.is_multiple_of(every as usize) && step <= arguments.iterations as usize {
            check_output_file(&numbered(&arguments.output, step), &[input])?;
        }
    }
    Ok(())
}
