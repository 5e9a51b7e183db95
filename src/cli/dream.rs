//! `impasto dream`.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::{Picture, PictureFile, fitted, remove_leftovers};
use impasto::net::{Architecture, Network};
use impasto::paint::{DreamChoices, DreamStart, Dreamt, Ending, dream};

use super::arguments::{Common, DreamArguments, GuideMode};
use super::checkpoint::{Inputs, check_file, check_names};
use super::ending::save_somewhere;
use super::failure::{Code, Failure};
use super::flags::is_stream;
use super::keeping::{Keeping, check_rhythm};
use super::loss_plot::LossPlot;
use super::mask::{self, Black, grey};
use super::memory::Bytes;
use super::pictures::{self, Output, check_streams};
use super::preview::Preview;
use super::record::{Draft, Input, Record};
use super::result_size::check_result;
use super::resume::Session;
use super::style::{USUAL_SIZE, check_side};
use super::wait::wait;
use super::{explain, network, open_gpu, say, side_file, tuning};
use progress::Progress;
use request::{Request, guide_side};
use zoom::Wish;

mod film;
mod keeping;
mod plan;
mod preset;
mod progress;
mod request;
mod zoom;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &DreamArguments,
    mut session: Session,
) -> Result<(), Failure> {
    check(arguments, &session)?;
    let (output, frames) = check_files(arguments)?;
    let Pictures {
        image,
        guide,
        mask,
        files,
    } = Pictures::read(common, arguments)?;
    let output = output.with(common, image.attachments, arguments.depth)?;
    let picture = image.picture;
    let chroma = arguments.keep_colors.then(|| picture.clone());
    let output = output.in_chroma_of(chroma);
    let network = network::load(common)?;
    let size = [picture.width, picture.height];
    let mut request = request(arguments, network.architecture, guide, size)?;
    request.settle(&mut session);
    request.mask = mask.as_ref().map(grey);
    let looked_at = std::iter::once(&picture).chain(&request.guide).chain(&mask);
    let inputs = Inputs::new(&network, looked_at);
    let (flags, names) = (&arguments.keeping, names(arguments));
    let keeping = Keeping::new(common, flags, &session, (inputs.clone(), &names))?;
    let mut draft = Draft::new(
        common,
        arguments.recording,
        &mut session,
        (files, arguments.seed),
        (&inputs, &output),
    )?;
    // Steps are counted per octave.
    draft.steps_are_shared = true;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let preference = tuning::preference(common, gpu.profile(), arguments.variant);
    let plan = plan::plan(&gpu, &network, &request, size, &preference)?;
    let plot = arguments.plot.as_deref().map(|path| {
        let ([width, height], name) = (size, output.name());
        LossPlot::new(path, format!("{name}, a dream of {width}×{height}"))
    });
    let choices = request.choices(plan.octaves);
    let resumed = keeping.as_ref().and_then(Keeping::resumed);
    let start = keeping::start(resumed, &choices.octaves, choices.iterations)?;
    let mut job = Job {
        common,
        gpu: &gpu,
        network: &network,
        choices: &choices,
        picture: &picture,
        start,
        output,
        draft,
        plot,
        preview: arguments.preview.as_deref(),
        keeping,
    };
    if arguments.dry_run {
        return plan::tell(&job, frames.as_ref(), (&plan.line, &plan.convolutions));
    }
    say(common, plan.line);
    match &frames {
        Some(wish) => zoom::run(&mut job, wish),
        None => paint(&mut job),
    }
}

/// A dream with every choice made.
struct Job<'a> {
    common: &'a Common,
    gpu: &'a Gpu,
    network: &'a Network,
    choices: &'a DreamChoices,
    picture: &'a Picture,
    start: DreamStart,
    output: Output,
    draft: Draft,
    plot: Option<LossPlot>,
    preview: Option<&'a Path>,
    keeping: Option<Keeping<'a>>,
}

impl Job<'_> {
    /// Over all octaves.
    fn steps(&self) -> usize {
        self.choices.octaves.len() * self.choices.iterations
    }

    /// A bar for so many dreams one after the other.
    fn progress(&self, dreams: usize) -> Progress {
        let is_software = self.gpu.adapter().is_software();
        let every = if is_software { 1 } else { 10 };
        let octaves = self.choices.octaves.iter();
        let sizes: Vec<[usize; 2]> = octaves.map(|octave| octave.size).collect();
        let iterations = self.choices.iterations;
        Progress::new(self.common, &sizes, (iterations, dreams), every)
    }

    /// The record of the picture after `step`, if there are to be any.
    fn record(&mut self, step: usize, progress: &Progress) -> Option<Record> {
        let fingerprints = self.draft.fingerprints.clone();
        let size = [self.picture.width, self.picture.height];
        let (adapter, kernels) = (self.gpu.adapter(), progress.kernels().to_string());
        let origin = fingerprints.origin(adapter, kernels, size, Default::default());
        let record = self.draft.record(self.common, origin, None)?;
        let record = record.after((step, progress.seconds()), progress.terms());
        Some(match step < self.steps() {
            true => record.on_the_way(),
            false => record,
        })
    }
}

/// The pictures that the flags name.
struct Pictures {
    /// As large as it is dreamt.
    image: PictureFile,
    guide: Option<Picture>,
    mask: Option<Picture>,
    /// Where they came from.
    files: Vec<Input>,
}

impl Pictures {
    fn read(common: &Common, arguments: &DreamArguments) -> Result<Self, Failure> {
        let file = pictures::read(common, &arguments.image)?;
        let mut files = vec![Input::new("image", &arguments.image, &file.sha256)];
        let guide = load_guide(common, arguments, &mut files)?;
        let mask = arguments.mask.as_deref().map(|path| {
            let of = ("picture", &file.picture);
            mask::load(common, ("mask", path), of, &mut files, Black::Told)
        });
        let mask = mask.transpose()?;
        let longer = arguments.size.map_or(USUAL_SIZE, |size| size as usize);
        if let Some(size) = arguments.size {
            let (width, height) = fitted(file.picture.width, file.picture.height, longer);
            let flag = |[width, height]: [usize; 2]| width.max(height).to_string();
            check_result([width, height], &size.to_string(), flag)?;
        }
        Ok(Self {
            image: file.fit_longer_side(longer, arguments.size.is_some()),
            guide,
            mask,
            files,
        })
    }
}

/// The files of the pictures that are read.
fn names(arguments: &DreamArguments) -> Vec<&Path> {
    let others = arguments.guide.iter().chain(&arguments.mask);
    let image = std::iter::once(&arguments.image);
    image.chain(others).map(|path| &**path).collect()
}

/// What the flags want of a picture of `size`, refused where it is too small for a layer.
fn request(
    arguments: &DreamArguments,
    architecture: Architecture,
    guide: Option<Picture>,
    size: [usize; 2],
) -> Result<Request<'_>, Failure> {
    let mut request = Request::new(arguments, architecture)?;
    if let Some(guide) = guide {
        request.steer_by(guide, architecture)?;
    }
    let layers = request.terms.layers.iter().map(|term| term.layer);
    let remedy = "a larger picture or --size, or a layer further down";
    let named = (&*arguments.image, size);
    check_side(architecture, layers, named, remedy)?;
    Ok(request)
}

/// The picture that steers, if one does, noted in `files`.
fn load_guide(
    common: &Common,
    arguments: &DreamArguments,
    files: &mut Vec<Input>,
) -> Result<Option<Picture>, Failure> {
    let Some(path) = &arguments.guide else {
        return Ok(None);
    };
    let guide = pictures::read(common, path)?;
    files.push(Input::new("guide", path, &guide.sha256));
    let guide = match arguments.guide_mode {
        Some(GuideMode::Caricature) => guide,
        _ => guide.fit_longer_side(guide_side(arguments), false),
    };
    Ok(Some(guide.picture))
}

/// Refuses flags that would do nothing. A run that is made again has the value of every flag, and what it is without need
/// not be said.
fn check(arguments: &DreamArguments, session: &Session) -> Result<(), Failure> {
    let first_of = |flags: &[&'static str]| {
        let mut flags = flags.iter().copied();
        flags.find(|flag| session.gives_now(flag))
    };
    let of_frames = first_of(&["zoom-factor", "rotate", "fps", "frames"]);
    if let (Some(flag), None) = (of_frames, arguments.zoom) {
        return Err(Failure::usage(format!(
            "--{flag} is for the frames of --zoom, and none are asked for; add --zoom N, or leave it out"
        )));
    }
    let of_guide = first_of(&["guide-mode", "guide-power", "guide-size"]);
    if let (Some(flag), None) = (of_guide, &arguments.guide) {
        return Err(Failure::usage(format!(
            "--{flag} is for a picture that steers, and there is none; add --guide IMAGE, or leave it out"
        )));
    }
    match (arguments.guide_mode, arguments.guide_size) {
        (Some(GuideMode::Caricature), Some(size)) if session.gives_now("guide-size") => {
            Err(Failure::usage(format!(
                "--guide-size {size} does nothing with --guide-mode caricature, whose guide is as large as the picture; leave it out"
            )))
        }
        _ => Ok(()),
    }
}

/// The output, when it can be written and is none of the pictures that are read, and what frames are wanted.
fn check_files(arguments: &DreamArguments) -> Result<(Output, Option<Wish>), Failure> {
    if is_stream(&arguments.output) && arguments.zoom.is_some() {
        return Err(Failure::usage(
            "--zoom writes a file for each frame, and `-o -` is none; name one",
        ));
    }
    if arguments.zoom.is_some() {
        check_rhythm(&arguments.keeping, "--zoom")?;
    }
    let mut inputs = names(arguments);
    check_streams(&inputs)?;
    let streams = inputs.iter().any(|input| is_stream(input)) || is_stream(&arguments.output);
    check_names(&arguments.keeping, streams)?;
    inputs.retain(|input| !is_stream(input));
    inputs.extend(arguments.from.as_deref());
    inputs.extend(arguments.keeping.resume.as_deref());
    if let Some(plot) = &arguments.plot {
        side_file::check("plot", plot, &[&inputs[..], &[&arguments.output]].concat())?;
        inputs.push(plot);
    }
    if let Some(preview) = arguments.preview.as_ref().filter(|path| !is_stream(path)) {
        side_file::check_picture(
            "preview",
            preview,
            &[&inputs[..], &[&arguments.output]].concat(),
        )?;
        inputs.push(preview);
    }
    let frames = Wish::new(arguments, &inputs)?;
    let resumed = arguments.keeping.resume.as_deref();
    let read = inputs
        .iter()
        .copied()
        .filter(|&input| Some(input) != resumed);
    let others = read.chain([&*arguments.output]).collect::<Vec<&Path>>();
    inputs.extend(check_file(&arguments.keeping, &others)?);
    let output = match &frames {
        Some(wish) => Output::named(&wish.path(1), arguments.format, &inputs)?,
        None => Output::named(&arguments.output, arguments.format, &inputs)?,
    };
    Ok((output, frames))
}

/// Dreams and writes the picture, also when the dream ends before its time.
fn paint(job: &mut Job<'_>) -> Result<(), Failure> {
    let (common, gpu) = (job.common, job.gpu);
    let [width, height] = [job.picture.width, job.picture.height];
    let text = format!("dreaming {width}×{height}, {} steps", job.steps());
    say(common, text);
    remove_leftovers(job.output.path());
    let mut progress = job.progress(1);
    progress.plot(job.plot.take());
    if let Some(keeping) = &job.keeping {
        progress.keep(gpu, keeping);
    }
    let preview = job.preview.and_then(|wish| Preview::new(common, wish));
    progress.preview(preview.map(|preview| (preview, job.output.clone())));
    let start = job.start.clone();
    let dreaming = dream(
        gpu,
        job.network,
        job.choices,
        job.picture,
        start,
        &mut progress,
    );
    let Dreamt {
        picture,
        step,
        ending,
    } = wait(gpu, dreaming);
    progress.show(&picture);
    let seconds = progress.finish();
    let drawn = progress.draw();
    let record = job.record(step, &progress);
    let saved = save_somewhere(&picture, &job.output, record.as_ref(), (&ending, step));
    let name = job.output.name();
    if saved.is_ok() {
        let total: f32 = progress.terms().map(|(_, term)| term).sum();
        let text = format!("{name} after {step} steps in {seconds:.1} s, answer {total:.4e}");
        say(common, text);
    }
    let peak = Bytes(gpu.peak_bytes());
    explain(common, format!("memory: {peak} at the peak"));
    conclude(ending, saved, (step, progress.advice()), &name)?;
    if let Some(failure) = progress.missing() {
        return Err(Failure {
            message: format!("`{name}` is painted, but {}", failure.message),
            ..failure
        });
    }
    drawn
}

/// The exit code of a dream, and what became of its picture if not all went well.
fn conclude(
    ending: Ending,
    saved: Result<String, String>,
    (step, advice): (usize, Option<String>),
    output: &str,
) -> Result<(), Failure> {
    let advice = advice.map_or(String::new(), |advice| format!(", and {advice}"));
    match (ending, saved) {
        (Ending::Failed(error), Ok(words) | Err(words)) => {
            let failure = Failure::from(error);
            Err(Failure {
                message: format!("{}; {words}{advice}", failure.message),
                ..failure
            })
        }
        (_, Err(words)) => Err(Failure::bad_input(format!("{words}{advice}"))),
        (Ending::Stopped, Ok(_)) => Err(Failure {
            code: Code::Interrupted,
            message: format!("interrupted after step {step}; `{output}` is saved{advice}"),
        }),
        (Ending::Finished, Ok(_)) => Ok(()),
    }
}
