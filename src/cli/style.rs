//! `impasto style`.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::{Attachments, Picture, check_output_file};
use impasto::net::{Architecture, Network};
use impasto::objective::{LayerWeight, LossSummary, StyleTerms};
use impasto::optim::{AdamSettings, LbfgsSettings, OptimiserSettings};
use impasto::paint::{Ending, Schedule, Start, StyleChoices, StyleRun, gatys, gatys_style_weight};

use super::arguments::{Common, OptimiserName, Recipe, StyleArguments, Weighted};
use super::failure::{Code, Failure};
use super::pictures::{self, Output, check_streams, is_stream};
use super::progress::{Progress, Saving, numbered, step_of};
use super::wait::wait;
use super::{explain, network, open_gpu, say, tuning};

/// The longer side if neither `--size` nor a smaller content says otherwise.
const USUAL_SIZE: usize = 512;

/// Runs the command.
pub fn run(common: &Common, arguments: &StyleArguments) -> Result<(), Failure> {
    let output = check_outputs(arguments)?;
    let pictures = load_pictures(common, arguments)?;
    let output = output.with(common, pictures.attachments, arguments.depth)?;
    let network = network::load(common)?;
    let terms = terms(arguments, network.architecture)?;
    check_sides(
        network.architecture,
        &terms,
        (&arguments.content, &pictures.content),
        arguments.styles.iter().zip(&pictures.styles),
    )?;
    let gpu = open_gpu(common)?;
    let job = StyleJob {
        choices: StyleChoices {
            terms,
            optimiser: optimiser(arguments),
            start: start(common, arguments, &pictures.content)?,
            preference: tuning::preference(common, &gpu, arguments.variant),
        },
        content: pictures.content,
        styles: pictures.styles,
        iterations: arguments.iterations as usize,
        output,
        save_every: arguments.save_every,
        trace: arguments.trace.as_deref(),
    };
    paint(common, &gpu, &network, &job)
}

/// A style transfer with every choice made.
pub struct StyleJob<'a> {
    pub choices: StyleChoices,
    pub content: Picture,
    pub styles: Vec<(Picture, f32)>,
    pub iterations: usize,
    pub output: Output,
    pub save_every: Option<u32>,
    pub trace: Option<&'a Path>,
}

/// Paints `job` and writes its picture, also when the run ends before its time.
pub fn paint(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: &StyleJob<'_>,
) -> Result<(), Failure> {
    let preparation = StyleRun::prepare(gpu, network, &job.choices, &job.content, &job.styles);
    let mut run = wait(gpu, preparation)?;
    let (width, height) = run.size();
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    say(
        common,
        format!("painting {width}×{height}, {} steps", job.iterations),
    );
    explain(
        common,
        format!(
            "memory: {} MiB for the picture and its features, {} MiB for weights",
            mebibytes(run.bytes()),
            mebibytes(run.executable().memory().weights)
        ),
    );
    let names = run.executable().program().tape.losses().to_vec();
    let mut progress = Progress::new(common, job.iterations, &names, (width, height));
    progress.save(job.save_every.map(|every| Saving {
        output: job.output.clone(),
        every: every as usize,
    }));
    if let Some(path) = job.trace {
        progress.trace(path)?;
    }
    // A software adapter takes so long for a step that looking at each costs nothing.
    let often = if gpu.adapter().is_software() { 1 } else { 10 };
    let schedule = Schedule {
        iterations: job.iterations,
        report_every: often,
        snapshot_every: 50,
    };
    let painting = wait(gpu, run.paint(gpu, schedule, &mut progress));
    let seconds = progress.finish();
    let picture = Picture {
        width,
        height,
        rgb: painting.rgb,
    };
    job.output.write(&picture)?;
    let output = job.output.name();
    say(common, summary(&output, painting.step, seconds, &progress));
    if progress.lost_steps > 0 {
        let lost = progress.lost_steps;
        say(
            common,
            format!("note: {lost} steps met numbers that were not finite and were taken back"),
        );
    }
    conclude(painting.ending, progress, painting.step, &output)
}

/// What was painted and how far it got.
fn summary(output: &str, step: usize, seconds: f64, progress: &Progress) -> String {
    if step == 0 {
        return format!("{output}: the starting picture, since no step was made");
    }
    let LossSummary {
        total,
        content,
        style,
        ..
    } = progress.last;
    format!(
        "{output} after {step} steps in {seconds:.1} s, loss {total:.4e} (content {content:.4e}, style {style:.4e})"
    )
}

/// The exit code of a run whose picture is saved.
fn conclude(ending: Ending, progress: Progress, step: usize, output: &str) -> Result<(), Failure> {
    if let Some(failure) = progress.failure {
        return Err(failure);
    }
    match ending {
        Ending::Finished if step > 0 && progress.lost_steps == step => {
            Err(Failure::usage(format!(
                "no step met finite numbers, so `{}` is the starting picture; lower the weights",
                output
            )))
        }
        Ending::Finished => Ok(()),
        Ending::Stopped => Err(Failure {
            code: Code::Interrupted,
            message: format!("interrupted after step {step}; `{}` is saved", output),
        }),
        Ending::Failed(error) => {
            let failure = Failure::from(error);
            Err(Failure {
                message: format!(
                    "{}; the picture of step {step} is saved as `{}`",
                    failure.message, output
                ),
                ..failure
            })
        }
    }
}

/// The output, when everything that a run would write can be written, and every input is one.
fn check_outputs(arguments: &StyleArguments) -> Result<Output, Failure> {
    let mut inputs: Vec<&Path> = vec![&arguments.content];
    inputs.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
    if !matches!(arguments.init.as_str(), "content" | "noise") {
        inputs.push(Path::new(&arguments.init));
    }
    check_streams(&inputs)?;
    inputs.retain(|input| !is_stream(input));
    let output = Output::of(arguments, &inputs)?;
    if let Some(trace) = &arguments.trace {
        inputs.push(&arguments.output);
        check_output_file(trace, &inputs)?;
        inputs.push(trace);
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
    let content = content.fit_longer_side(size, true);
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

fn optimiser(arguments: &StyleArguments) -> OptimiserSettings {
    match arguments.optimizer {
        OptimiserName::Lbfgs => OptimiserSettings::Lbfgs(LbfgsSettings {
            history: arguments.history as usize,
            learning_rate: arguments.learning_rate.unwrap_or(1.0),
        }),
        OptimiserName::Adam => OptimiserSettings::Adam(AdamSettings {
            learning_rate: arguments
                .learning_rate
                .unwrap_or(AdamSettings::default().learning_rate),
            ..AdamSettings::default()
        }),
    }
}

fn terms(arguments: &StyleArguments, architecture: Architecture) -> Result<StyleTerms, Failure> {
    let Recipe::Gatys = arguments.recipe;
    let mut terms = gatys(architecture);
    terms.content_weight = arguments.content_weight;
    terms.style_weight = arguments.style_weight;
    terms.tv_weight = arguments.tv_weight;
    terms.pooling = arguments.pooling;
    if !arguments.content_layers.is_empty() {
        terms.content = layers(&arguments.content_layers, architecture, |_| 1.0)?;
    }
    if !arguments.style_layers.is_empty() {
        let weight = |layer| gatys_style_weight(architecture, layer);
        terms.style = layers(&arguments.style_layers, architecture, weight)?;
    }
    Ok(terms)
}

fn layers(
    chosen: &[Weighted],
    architecture: Architecture,
    recipe_weight: impl Fn(usize) -> f32,
) -> Result<Vec<LayerWeight>, Failure> {
    let mut layers: Vec<LayerWeight> = Vec::new();
    for Weighted { name, weight } in chosen {
        let layer = find_layer(architecture, name)?;
        if layers.iter().any(|other| other.layer == layer) {
            return Err(Failure::usage(format!(
                "layer `{name}` is named twice; name it once"
            )));
        }
        layers.push(LayerWeight {
            layer,
            weight: weight * recipe_weight(layer),
        });
    }
    Ok(layers)
}

/// Refuses a picture, by its name, of which nothing would be left at one of `layers`.
pub fn check_side(
    architecture: Architecture,
    layers: impl IntoIterator<Item = usize>,
    name: &Path,
    picture: &Picture,
) -> Result<(), Failure> {
    let least = |layer: &usize| architecture.downscale(*layer);
    let Some(deepest) = layers.into_iter().max_by_key(least) else {
        return Ok(());
    };
    if picture.width.min(picture.height) >= least(&deepest) {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "`{}` is too small at {}×{}: {} needs {} pixels a side; use a larger picture or --size, or a layer further down",
        name.display(),
        picture.width,
        picture.height,
        architecture.layers()[deepest].name,
        least(&deepest),
    )))
}

/// As [`check_side`] for all pictures of an objective.
pub fn check_sides<'a>(
    architecture: Architecture,
    terms: &StyleTerms,
    (name, content): (&Path, &Picture),
    styles: impl Iterator<Item = (&'a Weighted, &'a (Picture, f32))>,
) -> Result<(), Failure> {
    let of_styles = || terms.style.iter().map(|term| term.layer);
    let of_content = terms.content.iter().map(|term| term.layer);
    check_side(architecture, of_content.chain(of_styles()), name, content)?;
    for (named, (style, _)) in styles {
        check_side(architecture, of_styles(), Path::new(&named.name), style)?;
    }
    Ok(())
}

/// The index of a layer that the user names.
pub fn find_layer(architecture: Architecture, name: &str) -> Result<usize, Failure> {
    architecture
        .find_layer(name)
        .map_err(|error| Failure::usage(error.to_string()))
}
