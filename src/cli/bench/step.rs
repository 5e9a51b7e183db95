//! `impasto bench step`: one whole step of recipe gatys, from the picture to the next picture.

use std::collections::BTreeSet;
use std::time::Instant;

use impasto::doctor;
use impasto::gpu::{Encoding, Gpu, Recording};
use impasto::graph::{Executable, NodeTime, Strategy};
use impasto::kernels::conv3x3::Preference;
use impasto::objective::{StyleTargets, StyleTerms, style_executable};
use impasto::optim::{AdamSettings, Optimiser, OptimiserSettings};
use impasto::paint::{StyleProblem, Way, gatys, match_moments};
use serde_json::{Value, json};

use super::figures::Work;
use super::probe::{Samples, finish, median};
use super::roofline::Point;
use super::{Bench, Failure, Report, say, wait, with};
use crate::cli::arguments::{OptimiserName, StyleLoss};
use crate::cli::demo;
use crate::cli::failure::Code;
use crate::cli::memory::{self, Budget, OptimiserWish, Resized};
use crate::cli::terminal::tell;
use crate::cli::tuning;

pub fn measure(bench: &Bench<'_>) -> Result<Report, Failure> {
    let (common, gpu) = (bench.common, bench.gpu);
    let before = gpu.allocated_bytes();
    let mut step = Step::prepare(bench)?;
    let (samples, encoding) = step.time(bench)?;
    let figures = Figures {
        work: Work::of(step.executable.recording()),
        convolutions: step.convolutions(),
        peak_bytes: gpu.allocated_bytes().saturating_sub(before),
        pixels: u64::from(bench.arguments.size).pow(2),
        step,
        samples,
        encoding,
    };
    say(common, figures.line(bench));
    // Timing them one by one takes as long as several steps.
    let wanted = common.verbose || bench.arguments.json.is_some() || bench.arguments.plot.is_some();
    let times = match wanted {
        true => profile(gpu, &figures.step.executable)?,
        false => Vec::new(),
    };
    if common.verbose {
        print_profile(&times);
    }
    Ok(Report {
        figures: with(bench.head(), figures.json(&times)),
        points: points(&times, &figures.samples),
    })
}

/// A step with everything on the device.
struct Step {
    executable: Executable,
    optimiser: Optimiser,
    strategy: Strategy,
}

impl Step {
    /// Objective and optimiser of the demo's pictures, after a look at whether their kernels compute what they should.
    fn prepare(bench: &Bench<'_>) -> Result<Self, Failure> {
        let &Bench {
            common,
            arguments,
            gpu,
            network,
            ..
        } = bench;
        let size = arguments.size as usize;
        let [content, style] = demo::pictures(size)?.map(|picture| picture.resized(size, size));
        let mut terms = gatys(network.architecture);
        terms.border = arguments.border;
        if arguments.style_loss == StyleLoss::Wasserstein {
            match_moments(&mut terms, network.architecture);
        }
        let preference = tuning::preference(common, gpu.profile(), arguments.variant);
        let (preference, strategy, settings) = way(bench, &terms, preference)?;
        let how = (&preference, &strategy);
        let executable = wait(gpu, async {
            let styles = [(style, 1.0)];
            let targets =
                StyleTargets::measure(gpu, network, &terms, &content, &styles, how.0, how.1)
                    .await?;
            style_executable(gpu, network, &terms, [size; 2], &targets, how.0, how.1)
        })?;
        let picture = executable.picture();
        let gradient = executable.picture_gradient().unwrap_or(picture);
        let optimiser = Optimiser::new(gpu, settings, content.rgb.len(), picture, gradient)?;
        check_kernels(gpu, executable.recording(), &settings)?;
        // What the checks left behind is scratch memory, of other sizes than the step's.
        gpu.release();
        executable.write_picture(gpu, &content.rgb);
        Ok(Self {
            executable,
            optimiser,
            strategy,
        })
    }

    /// Whole steps beside probes of the moment, and the seconds in which the processor encoded each.
    fn time(&mut self, bench: &Bench<'_>) -> Result<(Samples, Vec<f64>), Failure> {
        let gpu = bench.gpu;
        let mut seconds = Vec::new();
        let samples = Samples::take(gpu, &bench.probes, bench.arguments.runs, || {
            let started = Instant::now();
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            {
                let mut encoding = Encoding::new(&mut encoder);
                let recording = self.executable.recording();
                recording.encode_in_parts(gpu, &mut encoding);
                self.optimiser.encode(gpu, &mut encoding);
            }
            let commands = encoder.finish();
            seconds.push(started.elapsed().as_secs_f64());
            gpu.submit(commands);
            finish(gpu)?;
            Ok(started.elapsed().as_secs_f64())
        })?;
        Ok((samples, seconds))
    }

    /// Operations of its convolutions, by their definition.
    fn convolutions(&self) -> u64 {
        let infos = self.executable.recording().infos().iter();
        let convolutions = infos.filter(|info| info.kernel.starts_with("conv3x3"));
        convolutions.map(|info| info.flop).sum()
    }
}

/// What was measured of a step.
struct Figures {
    step: Step,
    samples: Samples,
    /// Seconds that encoding took.
    encoding: Vec<f64>,
    work: Work,
    /// Operations of convolutions.
    convolutions: u64,
    /// What was held on the device.
    peak_bytes: u64,
    pixels: u64,
}

impl Figures {
    fn beside_weights(&self) -> u64 {
        let weights = self.step.executable.memory().weights;
        self.peak_bytes.saturating_sub(weights)
    }

    fn gflops(&self) -> f64 {
        self.convolutions as f64 / self.samples.median() / 1e9
    }

    /// The line that the terminal gets.
    fn line(&self, bench: &Bench<'_>) -> String {
        let (samples, memory) = (&self.samples, self.step.executable.memory());
        let size = bench.arguments.size;
        format!(
            "{} step {size}×{size}, {}: {:.3} s, {:.1} GFLOP/s of convolutions, {:.1} % of the FMA peak ({:.0} GFLOP/s); {} bytes per pixel and {} MiB of weights ({} MiB in f16)",
            bench.network.architecture,
            self.step.strategy,
            samples.median(),
            self.gflops(),
            100.0 * samples.share_of_peak(self.convolutions),
            samples.flop_roof() / 1e9,
            self.beside_weights() / self.pixels,
            memory.weights >> 20,
            memory.weights_in_f16 >> 20,
        )
    }

    /// All of it, with the `times` of nodes.
    fn json(&self, times: &[NodeTime]) -> Value {
        let (samples, work) = (&self.samples, &self.work);
        let memory = self.step.executable.memory();
        let peaks = samples.roofs.iter().map(|roofs| roofs.flop / 1e9);
        let node = |time: &NodeTime| {
            json!({
                "node": time.label,
                "kernel": time.kernel,
                "seconds": time.seconds,
                "flop": time.flop,
                "real_flop": time.real_flop,
                "bytes": time.bytes,
            })
        };
        json!({
            "seconds_per_iteration": samples.median(),
            "flop_per_iteration": self.convolutions,
            "gflops": self.gflops(),
            "fma_peak_gflops": samples.flop_roof() / 1e9,
            "share_of_peak": samples.share_of_peak(self.convolutions),
            "all_seconds": samples.seconds,
            "all_peaks": peaks.collect::<Vec<_>>(),
            "strategy": self.step.strategy.to_string(),
            "peak_bytes": self.peak_bytes,
            "peak_bytes_per_pixel": self.beside_weights() as f64 / self.pixels as f64,
            "weight_bytes": memory.weights,
            "weight_bytes_in_f16": memory.weights_in_f16,
            "encode_seconds": median(&self.encoding),
            "dispatches": self.step.executable.recording().infos().len(),
            "real_gflops": work.real_flop as f64 / samples.median() / 1e9,
            "real_share_of_peak": samples.share_of_peak(work.real_flop),
            "gigabytes_per_second": work.bytes as f64 / samples.median() / 1e9,
            "copy_gigabytes_per_second": samples.byte_roof() / 1e9,
            "share_of_bandwidth": samples.share_of_bandwidth(work.bytes),
            "profile": times.iter().map(node).collect::<Vec<_>>(),
        })
    }
}

/// How the step is computed: as `style` would within `--memory`, else in the plain way.
fn way(
    bench: &Bench<'_>,
    terms: &StyleTerms,
    preference: Preference,
) -> Result<(Preference, Strategy, OptimiserSettings), Failure> {
    let arguments = bench.arguments;
    let wish = match arguments.optimizer {
        OptimiserName::Lbfgs => OptimiserWish::from(OptimiserSettings::Lbfgs(Default::default())),
        OptimiserName::Adam => OptimiserWish::Adam(AdamSettings::default()),
    };
    let size = [arguments.size as usize; 2];
    let problem = StyleProblem {
        network: bench.network,
        terms,
        preference: &preference,
        size,
        styles: &[size],
        averages: false,
        report_every: 1,
    };
    let budget = Budget::only(arguments.memory);
    let adapter = bench.gpu.profile();
    let forecast = memory::choose(&problem, adapter, wish, &budget, |side| {
        Resized::by_side(side, ([side; 2], vec![[side; 2]]))
    })?;
    let Way {
        candidate,
        preference,
        ..
    } = forecast.way;
    Ok((preference, candidate.strategy, forecast.optimiser))
}

/// A step is only worth timing if its kernels, and those of the probes, compute what they should.
fn check_kernels(
    gpu: &Gpu,
    step: &Recording,
    optimiser: &OptimiserSettings,
) -> Result<(), Failure> {
    // Of `gram.reduce` the shader is `gram`.
    let shaders = step
        .infos()
        .iter()
        .filter_map(|info| info.kernel.split('.').next());
    let others = [optimiser.shader(), "fma_peak", "copy_bandwidth"];
    let used: BTreeSet<&str> = shaders.chain(others).collect();
    let checks = doctor::check_shaders(gpu, |shader| used.contains(shader), |_| {});
    let checks = wait(gpu, checks)?;
    match checks.iter().find(|check| !check.passed()) {
        None => Ok(()),
        Some(check) => Err(Failure {
            code: Code::Internal,
            message: format!(
                "{} {} (on `{}`); run `impasto doctor`, update the driver or choose another --adapter",
                check.name,
                check.finding(),
                gpu.adapter().name
            ),
        }),
    }
}

/// Kernels of the step, each over all nodes that run it.
fn points(times: &[NodeTime], samples: &Samples) -> Vec<Point> {
    let mut kernels: Vec<(&str, f64, Work)> = Vec::new();
    for time in times {
        let known = kernels.iter_mut().find(|(name, ..)| *name == time.kernel);
        match known {
            Some((_, seconds, work)) => {
                *seconds += time.seconds;
                work.flop += time.flop;
                work.real_flop += time.real_flop;
                work.bytes += time.bytes;
            }
            None => {
                let work = Work {
                    flop: time.flop,
                    real_flop: time.real_flop,
                    bytes: time.bytes,
                };
                kernels.push((&time.kernel, time.seconds, work));
            }
        }
    }
    kernels
        .into_iter()
        .map(|(name, seconds, work)| Point::timed(name, seconds, work, samples))
        .collect()
}

/// Passes over a step whose dispatches are timed one by one; each is given the median.
const PROFILE_PASSES: usize = 3;
/// Submits without work that are timed, for what a submit costs by itself.
const IDLE_SUBMITS: usize = 21;

/// Time of every node: by timestamps on a GPU that has them, else each dispatch by itself from outside, less what a
/// submit costs that has no work.
fn profile(gpu: &Gpu, executable: &Executable) -> Result<Vec<NodeTime>, Failure> {
    if gpu.has_timestamps() && !gpu.adapter().is_software() {
        return Ok(wait(gpu, executable.profile(gpu))?);
    }
    let recording = executable.recording();
    let timed = |submit: &dyn Fn()| -> Result<f64, Failure> {
        let started = Instant::now();
        submit();
        finish(gpu)?;
        Ok(started.elapsed().as_secs_f64())
    };
    let idle: Result<Vec<f64>, Failure> = (0..IDLE_SUBMITS)
        .map(|_| timed(&|| recording.submit_range(gpu, 0..0)))
        .collect();
    let idle = median(&idle?);
    let mut seconds = vec![Vec::with_capacity(PROFILE_PASSES); recording.infos().len()];
    for _ in 0..PROFILE_PASSES {
        for (index, seconds) in seconds.iter_mut().enumerate() {
            seconds.push(timed(&|| recording.submit_range(gpu, index..index + 1))?);
        }
    }
    let seconds: Vec<f64> = seconds
        .iter()
        .map(|seconds| (median(seconds) - idle).max(0.0))
        .collect();
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
