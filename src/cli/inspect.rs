//! `impasto inspect`: numbers out of the network, for study and for checks.

mod kernels;
mod plan;

use std::path::{Path, PathBuf};

use impasto::graph::Strategy;
use impasto::image::{Picture, check_output_file, save_npy};
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::objective::{
    LayerWeight, LossSummary, StyleTargets, Wanted, dream_executable, features, style_executable,
};
use impasto::paint::gatys;
use serde_json::{Map, Value};

use super::arguments::{Common, Inspect, Weighted};
use super::failure::Failure;
use super::style::{check_side, check_sides, find_layer};
use super::wait::wait;
use super::{network, open_gpu, write_text};

/// Runs the command.
pub fn run(common: &Common, inspect: &Inspect) -> Result<(), Failure> {
    match inspect {
        Inspect::Features {
            image,
            layer,
            gram,
            pooling,
            output,
        } => inspect_features(common, image, layer, *gram, *pooling, output),
        Inspect::Gradient {
            content,
            styles,
            at,
            pooling,
            tv_weight,
            output,
            json,
        } => {
            let request = GradientRequest {
                content,
                styles,
                at,
                pooling: *pooling,
                tv_weight: *tv_weight,
                output,
                json: json.as_ref(),
            };
            inspect_gradient(common, &request)
        }
        Inspect::Dream {
            image,
            layer,
            pooling,
            output,
        } => inspect_dream(common, image, layer, *pooling, output),
        Inspect::Plan(arguments) => plan::run(common, arguments),
        Inspect::Kernels { size, emit, json } => {
            kernels::run(common, *size, emit.as_deref(), *json)
        }
    }
}

fn inspect_features(
    common: &Common,
    image: &Path,
    layer: &str,
    gram: bool,
    pooling: Pooling,
    output: &Path,
) -> Result<(), Failure> {
    check_output_file(output, &[image])?;
    let picture = Picture::load(image)?;
    let network = network::load(common)?;
    let layer = find_layer(network.architecture, layer)?;
    check_side(network.architecture, [layer], image, &picture)?;
    let gpu = open_gpu(common)?;
    let (maps, grams) = if gram {
        (vec![], vec![layer])
    } else {
        (vec![layer], vec![])
    };
    let wanted = Wanted { maps, grams };
    let exact = Preference::exact();
    let plain = Strategy::default();
    let seen = features(&gpu, &network, pooling, &picture, &wanted, &exact, &plain);
    let seen = wait(&gpu, seen)?;
    for (shape, values) in &seen.maps {
        save_npy(output, &[shape.channels, shape.height, shape.width], values)?;
    }
    for (channels, entries) in &seen.grams {
        save_npy(output, &[*channels, *channels], entries)?;
    }
    Ok(())
}

struct GradientRequest<'a> {
    content: &'a Path,
    styles: &'a [Weighted],
    at: &'a Path,
    pooling: Pooling,
    tv_weight: f32,
    output: &'a Path,
    json: Option<&'a PathBuf>,
}

fn inspect_gradient(common: &Common, request: &GradientRequest<'_>) -> Result<(), Failure> {
    let mut inputs = vec![request.content, request.at];
    inputs.extend(request.styles.iter().map(|style| Path::new(&style.name)));
    check_output_file(request.output, &inputs)?;
    if let Some(json) = request.json.filter(|path| path.as_os_str() != "-") {
        inputs.push(request.output);
        check_output_file(json, &inputs)?;
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
    check_sides(
        network.architecture,
        &terms,
        (request.content, &content),
        request.styles.iter().zip(&styles),
    )?;
    let gpu = open_gpu(common)?;
    let (losses, gradient) = wait(&gpu, async {
        let exact = Preference::exact();
        let targets = StyleTargets::measure(
            &gpu,
            &network,
            &terms,
            &content,
            &styles,
            &exact,
            &Strategy::default(),
        )
        .await?;
        let size = [content.width, content.height];
        let executable = style_executable(
            &gpu,
            &network,
            &terms,
            size,
            &targets,
            &exact,
            &Strategy::default(),
        )?;
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

fn inspect_dream(
    common: &Common,
    image: &Path,
    layer: &str,
    pooling: Pooling,
    output: &Path,
) -> Result<(), Failure> {
    check_output_file(output, &[image])?;
    let picture = Picture::load(image)?;
    let network = network::load(common)?;
    let layer = find_layer(network.architecture, layer)?;
    check_side(network.architecture, [layer], image, &picture)?;
    let gpu = open_gpu(common)?;
    let gradient = wait(&gpu, async {
        let layers = [LayerWeight { layer, weight: 1.0 }];
        let size = [picture.width, picture.height];
        let executable = dream_executable(
            &gpu,
            &network,
            pooling,
            &layers,
            size,
            &Preference::exact(),
            &Strategy::default(),
        )?;
        executable.write_picture(&gpu, &picture.rgb);
        executable.run(&gpu);
        read_gradient(&gpu, &executable).await
    })?;
    save_npy(output, &[3, picture.height, picture.width], &gradient)?;
    Ok(())
}

async fn read_gradient(
    gpu: &impasto::gpu::Gpu,
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
