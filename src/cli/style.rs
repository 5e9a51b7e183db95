//! `impasto style`.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::{Attachments, Picture, check_output_file, fitted, remove_leftovers};
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::StyleTerms;
use impasto::paint::{
    Checkpoint, Painting, Schedule, Start, StyleChoices, StyleForecast, StyleProblem, StyleRun,
    fingerprint,
};
use impasto::shape::Border;

use super::arguments::{Common, RunArguments, StyleArguments, Weighted};
use super::checkpoint::{Inputs, Keeper, Rhythm, check_replaceable, warn_of_change};
use super::ending::{conclude, save_somewhere, summary};
use super::failure::Failure;
use super::memory::{self, Budget, Bytes, OptimiserWish};
use super::pictures::{self, Output, check_streams, is_stream};
use super::progress::{Progress, Saving, numbered, step_of};
use super::resume::{Options, Session};
use super::trace::Trace;
use super::wait::wait;
use super::{explain, network, open_gpu, say, tuning};

mod border;
mod objective;
#[cfg(test)]
mod tests;

pub use border::{closed, closes};
use objective::terms;
pub use objective::{check_side, check_sides, find_layer, optimiser, with_style};

/// The longer side if neither `--size` nor a smaller content says otherwise.
pub const USUAL_SIZE: usize = 512;

/// Runs the command.
pub fn run(common: &Common, arguments: &StyleArguments, session: Session) -> Result<(), Failure> {
    let output = check_outputs(arguments)?;
    let mut pictures = load_pictures(common, arguments)?;
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
    let inputs = Inputs::new(&network, Some(&pictures.content), &pictures.styles);
    let mut names = vec![arguments.content.as_path()];
    names.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
    let keeping = keeping(common, arguments, &session, inputs, &names)?;
    let gpu = open_gpu(common)?;
    let resumed = session.resumed.as_ref();
    let job = StyleJob {
        terms,
        optimiser: resumed.map_or(optimiser(arguments), |run| run.optimiser.settings.into()),
        memory: arguments.memory,
        start: match resumed {
            Some(_) => Start::Content,
            None => start(common, arguments, &pictures.content)?,
        },
        preference: tuning::preference(common, gpu.profile(), arguments.variant),
        content: pictures.content,
        styles: pictures.styles,
        iterations: arguments.iterations as usize,
        output,
        save_every: arguments.save_every,
        trace: arguments.trace.as_deref(),
        keeping,
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
pub fn keeping<'a>(
    common: &Common,
    arguments: &'a RunArguments,
    session: &Session,
    inputs: Inputs,
    names: &[&Path],
) -> Result<Option<Keeping<'a>>, Failure> {
    let Some(path) = arguments.checkpoint.as_deref() else {
        return Ok(None);
    };
    if let (Some(resumed), Some(from)) = (&session.resumed, &arguments.resume) {
        inputs.check(resumed, from, common, names)?;
    }
    Ok(Some(Keeping {
        path,
        rhythm: arguments.checkpoint_every.unwrap_or_default(),
        inputs,
        options: session.options()?,
        in_place: is_continued_in_place(arguments),
    }))
}

fn is_continued_in_place(arguments: &RunArguments) -> bool {
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
    set_out(common, gpu, &mut run, job, &mut progress)?;
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
    let saved = save_somewhere(&picture, &output, standing.step);
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
        let size = match job.terms.border {
            Border::Wrap => scaled(size, side).map(closes),
            Border::Zero | Border::Replicate => scaled(size, side),
        };
        (size, shrunk.collect())
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
    progress: &mut Progress,
) -> Result<(), Failure> {
    remove_leftovers(job.output.path());
    let (width, height) = run.size();
    let step = job.resumed.as_ref().map(|resumed| resumed.standing.step);
    let keeper = job.keeping.map(|keeping| {
        remove_leftovers(keeping.path);
        let kernels = fingerprint::of_kernels(run.executable().recording());
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

/// As [`check_files`], for the pictures that the flags name.
fn check_outputs(arguments: &StyleArguments) -> Result<Output, Failure> {
    let mut inputs: Vec<&Path> = vec![&arguments.content];
    inputs.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
    if !matches!(arguments.init.as_str(), "content" | "noise") {
        inputs.push(Path::new(&arguments.init));
    }
    check_files(arguments, inputs)
}

/// The output, when everything that a run would write can be written, and every one of `inputs` is one.
pub fn check_files<'a>(
    arguments: &'a RunArguments,
    mut inputs: Vec<&'a Path>,
) -> Result<Output, Failure> {
    check_streams(&inputs)?;
    let streams = inputs.iter().any(|path| is_stream(path)) || is_stream(&arguments.output);
    if arguments.checkpoint.is_some() && streams {
        return Err(Failure::usage(
            "--checkpoint keeps the names of pictures, and `-` is none that a later run could read; name files",
        ));
    }
    inputs.retain(|input| !is_stream(input));
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
fn check_numbered(arguments: &RunArguments, every: u32, inputs: &[&Path]) -> Result<(), Failure> {
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

struct Pictures {
    content: Picture,
    attachments: Attachments,
    styles: Vec<(Picture, f32)>,
}

fn load_pictures(common: &Common, arguments: &StyleArguments) -> Result<Pictures, Failure> {
    let content = pictures::read(common, &arguments.content)?;
    let longer = content.picture.width.max(content.picture.height);
    let size = arguments
        .size
        .map_or(longer.min(USUAL_SIZE), |size| size as usize);
    let mut content = content.fit_longer_side(size, true);
    if arguments.border == Border::Wrap {
        content = closed(common, content);
    }
    let mut styles = Vec::new();
    for Weighted { name, weight } in &arguments.styles {
        // Enlarging a style would only blur its strokes.
        let style = pictures::read(common, Path::new(name))?.picture;
        styles.push((style.fit_longer_side(size, false), *weight));
    }
    Ok(Pictures {
        content: content.picture,
        attachments: content.attachments,
        styles,
    })
}

fn start(common: &Common, arguments: &StyleArguments, content: &Picture) -> Result<Start, Failure> {
    Ok(match arguments.init.as_str() {
        "content" => Start::Content,
        "noise" => Start::Noise {
            seed: arguments.seed,
        },
        path => {
            let picture = pictures::read(common, Path::new(path))?.picture;
            Start::Picture(picture.resized(content.width, content.height))
        }
    })
}
