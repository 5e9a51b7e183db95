//! `impasto bench step`: one whole step of recipe gatys, from the picture to the next picture.

use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::graph::{Executable, NodeTime};
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::{StyleTargets, style_executable};
use impasto::optim::{AdamSettings, LbfgsSettings, Optimiser, OptimiserSettings};
use impasto::paint::gatys;
use serde_json::{Value, json};

use super::{BenchArguments, Common, Failure, PeakProbe, Samples, finish, head, say, wait, with};
use crate::cli::arguments::OptimiserName;
use crate::cli::demo;
use crate::cli::terminal::tell;

pub fn measure(
    common: &Common,
    arguments: &BenchArguments,
    gpu: &Gpu,
    network: &Network,
    peak: &PeakProbe,
) -> Result<Value, Failure> {
    let size = arguments.size as usize;
    let [content, style] = demo::pictures(size)?.map(|picture| picture.resized(size, size));
    let terms = gatys(network.architecture);
    let preference = Preference {
        wish: arguments.variant,
        ..Preference::default()
    };
    let executable = wait(gpu, async {
        let styles = [(style, 1.0)];
        let targets =
            StyleTargets::measure(gpu, network, &terms, &content, &styles, &preference).await?;
        style_executable(gpu, network, &terms, [size, size], &targets, &preference)
    })?;
    let settings = match arguments.optimizer {
        OptimiserName::Lbfgs => OptimiserSettings::Lbfgs(LbfgsSettings::default()),
        OptimiserName::Adam => OptimiserSettings::Adam(AdamSettings::default()),
    };
    let gradient = executable
        .picture_gradient()
        .unwrap_or(executable.picture());
    let values = content.rgb.len();
    let mut optimiser = Optimiser::new(gpu, settings, values, executable.picture(), gradient)?;
    executable.write_picture(gpu, &content.rgb);

    let mut encoding = Vec::new();
    let samples = Samples::take(gpu, peak, arguments.runs, || {
        let started = Instant::now();
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            executable.recording().encode(&mut pass);
            optimiser.encode(gpu, &mut pass);
        }
        let commands = encoder.finish();
        encoding.push(started.elapsed().as_secs_f64());
        gpu.submit(commands);
        finish(gpu)?;
        Ok(started.elapsed().as_secs_f64())
    })?;

    let infos = executable.recording().infos();
    let convolutions: u64 = infos
        .iter()
        .filter(|info| info.kernel.starts_with("conv3x3"))
        .map(|info| info.flop)
        .sum();
    let memory = executable.memory();
    let peak_bytes = memory.planned + memory.persistent + optimiser.bytes() + gpu.scratch_bytes();
    let gflops = convolutions as f64 / samples.median() / 1e9;
    say(
        common,
        format!(
            "{} step {size}×{size}: {:.3} s, {gflops:.1} GFLOP/s of convolutions, {:.1} % of the FMA peak ({:.0} GFLOP/s); {} bytes per pixel and {} MiB of weights",
            network.architecture,
            samples.median(),
            100.0 * samples.share(convolutions),
            samples.peak(),
            peak_bytes / (size * size) as u64,
            memory.weights >> 20,
        ),
    );
    let times = profile(gpu, &executable)?;
    if common.verbose {
        print_profile(&times);
    }
    let fields = json!({
        "seconds_per_iteration": samples.median(),
        "flop_per_iteration": convolutions,
        "gflops": gflops,
        "fma_peak_gflops": samples.peak(),
        "share_of_peak": samples.share(convolutions),
        "all_seconds": samples.seconds,
        "all_peaks": samples.peaks,
        "peak_bytes": peak_bytes,
        "peak_bytes_per_pixel": peak_bytes as f64 / (size * size) as f64,
        "weight_bytes": memory.weights,
        "encode_seconds": super::median(&encoding),
        "dispatches": infos.len(),
        "profile": times.iter().map(|time| json!({
            "node": time.label,
            "kernel": time.kernel,
            "seconds": time.seconds,
            "flop": time.flop,
            "bytes": time.bytes,
        })).collect::<Vec<_>>(),
    });
    Ok(with(head(gpu, common, arguments.size), fields))
}

/// Time of every node: by timestamps on a GPU that has them, else each dispatch by itself from outside.
fn profile(gpu: &Gpu, executable: &Executable) -> Result<Vec<NodeTime>, Failure> {
    if gpu.has_timestamps() && !gpu.adapter().is_software() {
        return Ok(wait(gpu, executable.profile(gpu))?);
    }
    let recording = executable.recording();
    let mut seconds = Vec::with_capacity(recording.infos().len());
    for index in 0..recording.infos().len() {
        let started = Instant::now();
        recording.submit_one(gpu, index);
        finish(gpu)?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(executable.node_times(&seconds))
}

/// A line per node, the dearest first.
fn print_profile(times: &[NodeTime]) {
    let all: f64 = times.iter().map(|time| time.seconds).sum();
    let mut sorted: Vec<&NodeTime> = times.iter().collect();
    sorted.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for time in sorted {
        tell(format_args!(
            "{:28} {:44} {:9.2} ms {:5.1} %  {:7.1} GFLOP/s  {:6.2} GB/s",
            time.label,
            time.kernel,
            time.seconds * 1e3,
            100.0 * time.seconds / all,
            time.flop as f64 / time.seconds / 1e9,
            time.bytes as f64 / time.seconds / 1e9,
        ));
    }
}
