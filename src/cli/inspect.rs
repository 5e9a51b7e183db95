//! `impasto inspect`: numbers out of the network, for study and for checks.

mod kernels;
mod plan;
mod record;
mod tensor;

use std::path::{Path, PathBuf};

use impasto::gpu::Gpu;
use impasto::graph::{Strategy, TapeError};
use impasto::image::{Picture, check_output_file, save_npy};
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::{Architecture, Network};
use impasto::objective::{
    DreamTape, DreamTerms, GuideFeatures, LayerWeight, LossSummary, StyleTargets, StyleTerms,
    Wanted, dream_executable, features, style_executable,
};
use impasto::paint::{
    Glance, Misfit, StyleProblem, dream_gradient_that_fits, features_that_fit, gatys,
    style_gradient_that_fits,
};
use serde_json::{Map, Value};

use super::arguments::{Common, Inspect, Weighted};
use super::failure::Failure;
use super::flags::is_stream;
use super::memory::{Budget, Bytes, choose_for_a_look};
use super::style::{check_side, find_layer};
use super::wait::wait;
use super::{explain, network, open_gpu, say, side_file, write_text};

/// Runs the command.
pub fn run(common: &Common, inspect: &Inspect) -> Result<(), Failure> {
    match inspect {
        Inspect::Features {
            image,
            layer,
            gram,
            pooling,
            memory,
            output,
        } => {
            let request = Look {
                image,
                layer,
                pooling: *pooling,
                memory: *memory,
                output,
            };
            inspect_features(common, &request, *gram)
        }
        Inspect::Gradient {
            content,
            styles,
            at,
            pooling,
            tv_weight,
            memory,
            output,
            json,
        } => {
            let request = GradientRequest {
                content,
                styles,
                at,
                pooling: *pooling,
                tv_weight: *tv_weight,
                memory: *memory,
                output,
                json: json.as_ref(),
            };
            inspect_gradient(common, &request)
        }
        Inspect::Dream {
            image,
            layer,
            pooling,
            memory,
            output,
        } => {
            let request = Look {
                image,
                layer,
                pooling: *pooling,
                memory: *memory,
                output,
            };
            inspect_dream(common, &request)
        }
        Inspect::Tensor(arguments) => tensor::run(common, arguments),
        Inspect::Plan(arguments) => plan::run(common, arguments),
        Inspect::Record { picture, json } => record::run(picture, *json),
        Inspect::Kernels { size, emit, json } => {
            kernels::run(common, *size, emit.as_deref(), *json)
        }
    }
}

/// Checks that an array can be written to `path` without harm to the `others`.
fn check_array(path: &Path, others: &[&Path]) -> Result<(), Failure> {
    if is_stream(path) {
        return Err(Failure::usage(
            "-o `-` would be a file of that name, as arrays are written to files; write `./-` if it is meant",
        ));
    }
    Ok(check_output_file(path, others)?)
}

/// A layer to look at in a picture.
struct Look<'a> {
    image: &'a Path,
    layer: &'a str,
    pooling: Pooling,
    memory: Option<Bytes>,
    output: &'a Path,
}

impl Look<'_> {
    /// The picture, the network and the layer in it.
    fn load(&self, common: &Common) -> Result<(Picture, Network, usize), Failure> {
        check_array(self.output, &[self.image])?;
        let picture = Picture::load(self.image)?;
        let network = network::load(common)?;
        let layer = find_layer(network.architecture, self.layer)?;
        let named = (self.image, [picture.width, picture.height]);
        let remedy = "a larger picture, or a layer further down";
        check_side(network.architecture, [layer], named, remedy)?;
        Ok((picture, network, layer))
    }
}

/// The first way that `find` says fits, for exact figures; announced where it is not the plain one.
fn choose(
    common: &Common,
    gpu: &Gpu,
    (memory, size): (Option<Bytes>, [usize; 2]),
    find: impl FnOnce(Option<u64>) -> Result<Result<Glance, Misfit<Glance>>, TapeError>,
) -> Result<Strategy, Failure> {
    let budget = Budget::new(memory, gpu.profile());
    let [width, height] = size;
    let what = format!("a look at {width}×{height}");
    let (glance, line) = choose_for_a_look(&what, &budget, find)?;
    let strategy = glance.way.candidate.strategy;
    if memory.is_some() || !strategy.is_plain() {
        say(common, line);
    }
    Ok(strategy)
}

/// Says what was held, when that is of interest.
fn explain_peak(common: &Common, gpu: &Gpu) {
    explain(
        common,
        format!("memory: {} at the peak", Bytes(gpu.peak_bytes())),
    );
}

fn inspect_features(common: &Common, request: &Look<'_>, gram: bool) -> Result<(), Failure> {
    let (picture, network, layer) = request.load(common)?;
    let gpu = open_gpu(common)?;
    let (maps, grams) = if gram {
        (vec![], vec![layer])
    } else {
        (vec![layer], vec![])
    };
    let wanted = Wanted {
        maps,
        grams,
        ..Wanted::default()
    };
    let exact = Preference::exact();
    let size = [picture.width, picture.height];
    let pooling = request.pooling;
    let strategy = choose(common, &gpu, (request.memory, size), |budget| {
        let look = (&network, pooling, size, &wanted);
        features_that_fit(look, &exact, gpu.profile(), budget)
    })?;
    let seen = features(
        &gpu, &network, pooling, &picture, &wanted, &exact, &strategy,
    );
    let seen = wait(&gpu, seen)?;
    for (shape, values) in &seen.maps {
        save_npy(
            request.output,
            &[shape.channels, shape.height, shape.width],
            values,
        )?;
    }
    for (channels, entries) in &seen.grams {
        save_npy(request.output, &[*channels, *channels], entries)?;
    }
    explain_peak(common, &gpu);
    Ok(())
}

/// Refuses a picture, by its name, of which nothing would be left at a layer of `terms`, which no flag chooses.
fn check_layers(
    architecture: Architecture,
    terms: &StyleTerms,
    (name, picture): (&Path, &Picture),
) -> Result<(), Failure> {
    let layers = terms.style.iter().chain(&terms.content);
    let layers = layers.map(|term| term.layer);
    let named = (name, [picture.width, picture.height]);
    check_side(architecture, layers, named, "a larger picture")
}

struct GradientRequest<'a> {
    content: &'a Path,
    styles: &'a [Weighted],
    at: &'a Path,
    pooling: Pooling,
    tv_weight: f32,
    memory: Option<Bytes>,
    output: &'a Path,
    json: Option<&'a PathBuf>,
}

fn inspect_gradient(common: &Common, request: &GradientRequest<'_>) -> Result<(), Failure> {
    let mut inputs = vec![request.content, request.at];
    inputs.extend(request.styles.iter().map(|style| Path::new(&style.name)));
    check_array(request.output, &inputs)?;
    if let Some(json) = request.json.filter(|path| path.as_os_str() != "-") {
        inputs.push(request.output);
        side_file::check("json", json, &inputs)?;
    }
    let content = Picture::load(request.content)?;
    let at = Picture::load(request.at)?;
    if (at.width, at.height) != (content.width, content.height) {
        return Err(Failure::bad_input(format!(
            "--at `{}` is {}×{} but the content is {}×{}; give both the same size",
            request.at.display(),
            at.width,
            at.height,
            content.width,
            content.height
        )));
    }
    let mut styles = Vec::new();
    for Weighted { name, weight } in request.styles {
        styles.push((Picture::load(Path::new(name))?, *weight));
    }
    let network = network::load(common)?;
    let mut terms = gatys(network.architecture);
    terms.pooling = request.pooling;
    terms.tv_weight = request.tv_weight;
    check_layers(network.architecture, &terms, (request.content, &content))?;
    for (Weighted { name, .. }, (style, _)) in request.styles.iter().zip(&styles) {
        check_layers(network.architecture, &terms, (Path::new(name), style))?;
    }
    let gpu = open_gpu(common)?;
    let exact = Preference::exact();
    let size = [content.width, content.height];
    let sizes: Vec<[usize; 2]> = styles
        .iter()
        .map(|(style, _)| [style.width, style.height])
        .collect();
    let problem = StyleProblem {
        network: &network,
        terms: &terms,
        preference: &exact,
        size,
        styles: &sizes,
        averages: false,
        report_every: 1,
    };
    let strategy = choose(common, &gpu, (request.memory, size), |budget| {
        style_gradient_that_fits(&problem, gpu.profile(), budget)
    })?;
    let (losses, gradient) = wait(&gpu, async {
        let targets =
            StyleTargets::measure(&gpu, &network, &terms, &content, &styles, &exact, &strategy)
                .await?;
        let executable =
            style_executable(&gpu, &network, &terms, size, &targets, &exact, &strategy)?;
        executable.write_picture(&gpu, &at.rgb);
        executable.run(&gpu);
        let totals = executable.read_totals(&gpu).await?;
        let gradient = read_gradient(&gpu, &executable).await?;
        let names = executable.program().tape.losses().to_vec();
        Ok::<_, Failure>(((names, totals), gradient))
    })?;
    save_npy(request.output, &[3, at.height, at.width], &gradient)?;
    if let Some(path) = request.json {
        write_text(path, &losses_as_json(&losses.0, &losses.1))?;
    }
    explain_peak(common, &gpu);
    Ok(())
}

/// `{"total": …, "content": …, "style:relu1_1": …, …}`: content layers together, the rest by name.
fn losses_as_json(names: &[String], totals: &[f32]) -> String {
    let summary = LossSummary::new(names, totals);
    let mut fields = Map::new();
    fields.insert("total".to_string(), Value::from(summary.total));
    fields.insert("content".to_string(), Value::from(summary.content));
    for (name, &value) in names.iter().zip(totals) {
        if !name.starts_with("content") {
            fields.insert(name.clone(), Value::from(f64::from(value)));
        }
    }
    Value::Object(fields).to_string()
}

fn inspect_dream(common: &Common, request: &Look<'_>) -> Result<(), Failure> {
    let (picture, network, layer) = request.load(common)?;
    let gpu = open_gpu(common)?;
    let exact = Preference::exact();
    let terms = DreamTerms::of(&[LayerWeight { layer, weight: 1.0 }], request.pooling);
    let size = [picture.width, picture.height];
    let tape = DreamTape::new(&network, &terms, size)?.tape;
    let strategy = choose(common, &gpu, (request.memory, size), |budget| {
        dream_gradient_that_fits(&tape, &exact, gpu.profile(), budget)
    })?;
    let unguided = GuideFeatures::default();
    let gradient = wait(&gpu, async {
        let executable =
            dream_executable(&gpu, &network, (&terms, &unguided), size, &exact, &strategy)?;
        executable.write_picture(&gpu, &picture.rgb);
        executable.run(&gpu);
        read_gradient(&gpu, &executable).await
    })?;
    save_npy(
        request.output,
        &[3, picture.height, picture.width],
        &gradient,
    )?;
    explain_peak(common, &gpu);
    Ok(())
}

async fn read_gradient(
    gpu: &Gpu,
    executable: &impasto::graph::Executable,
) -> Result<Vec<f32>, Failure> {
    // Both objectives of this file have a loss, so there is a gradient.
    let buffer = executable
        .picture_gradient()
        .unwrap_or(executable.picture());
    let gradient = executable.read_planar(gpu, buffer).await?;
    gpu.check()?;
    Ok(gradient)
}
