//! `impasto bench`: how fast this adapter is, beside a probe of its arithmetic peak in the same run.

mod conv;
mod gram;
mod step;

use std::time::Instant;

use impasto::gpu::{Gpu, Recording};
use impasto::kernels::fma_peak;
use serde_json::{Value, json};

use super::arguments::{BenchArguments, Benchmark, Common};
use super::failure::Failure;
use super::wait::wait;
use super::{open_gpu, say, write_text};

/// Runs the command.
pub fn run(common: &Common, arguments: &BenchArguments) -> Result<(), Failure> {
    if let Some(path) = arguments
        .json
        .as_deref()
        .filter(|path| path.as_os_str() != "-")
    {
        impasto::image::check_output_file(path, &[])?;
    }
    let network = super::network::load(common)?;
    let gpu = open_gpu(common)?;
    let peak = PeakProbe::new(&gpu)?;
    let figures = match arguments.what {
        Benchmark::Step => step::measure(common, arguments, &gpu, &network, &peak)?,
        Benchmark::Conv => conv::measure(common, arguments, &gpu, &network, &peak)?,
        Benchmark::Gram => gram::measure(common, arguments, &gpu, &network, &peak)?,
    };
    if let Some(path) = &arguments.json {
        write_text(path, &figures.to_string())?;
    }
    Ok(())
}

/// Seconds that `recording` takes from submit to done.
fn seconds(gpu: &Gpu, recording: &Recording) -> Result<f64, Failure> {
    let started = Instant::now();
    recording.submit(gpu);
    finish(gpu)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Waits until the device has done everything submitted so far.
fn finish(gpu: &Gpu) -> Result<(), Failure> {
    let done = gpu.device().poll(wgpu::PollType::wait_indefinitely());
    gpu.check()?;
    done.map(|_| ()).map_err(|error| Failure {
        code: super::failure::Code::DeviceLost,
        message: format!("the GPU stopped answering ({error}); choose another --adapter"),
    })
}

/// The adapter's fused multiply-add peak, to be probed beside every figure: machines drift.
struct PeakProbe {
    recording: Recording,
    flop: u64,
}

impl PeakProbe {
    /// A probe long enough to be timed: grown until it takes 50 ms.
    fn new(gpu: &Gpu) -> Result<Self, Failure> {
        let mut turns = 64;
        loop {
            let (recording, flop) = fma_peak::probe(gpu, 256, turns)?;
            // The first run compiles.
            seconds(gpu, &recording)?;
            if seconds(gpu, &recording)? > 0.05 || turns >= 1 << 20 {
                return Ok(Self { recording, flop });
            }
            turns *= 4;
        }
    }

    /// GFLOP/s right now.
    fn gflops(&self, gpu: &Gpu) -> Result<f64, Failure> {
        Ok(self.flop as f64 / seconds(gpu, &self.recording)? / 1e9)
    }
}

/// Times of something and the peaks probed just before each of them.
struct Samples {
    seconds: Vec<f64>,
    peaks: Vec<f64>,
}

impl Samples {
    /// One warm-up, then `runs` times a probe and `work`, which returns its seconds.
    fn take(
        gpu: &Gpu,
        peak: &PeakProbe,
        runs: u32,
        mut work: impl FnMut() -> Result<f64, Failure>,
    ) -> Result<Self, Failure> {
        work()?;
        let mut samples = Self {
            seconds: Vec::new(),
            peaks: Vec::new(),
        };
        for _ in 0..runs {
            samples.peaks.push(peak.gflops(gpu)?);
            samples.seconds.push(work()?);
        }
        Ok(samples)
    }

    /// Median seconds.
    fn median(&self) -> f64 {
        median(&self.seconds)
    }

    /// Median peak in GFLOP/s.
    fn peak(&self) -> f64 {
        median(&self.peaks)
    }

    /// Median over the runs of the share of the peak probed beside each, for `flop` operations.
    fn share(&self, flop: u64) -> f64 {
        let shares: Vec<f64> = self
            .seconds
            .iter()
            .zip(&self.peaks)
            .map(|(seconds, peak)| flop as f64 / seconds / 1e9 / peak)
            .collect();
        median(&shares)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The fields that every benchmark reports.
fn head(gpu: &Gpu, common: &Common, size: u32) -> Value {
    json!({
        "adapter": gpu.adapter().name,
        "driver": gpu.adapter().driver,
        "model": common.model,
        "width": size,
        "height": size,
    })
}

/// Adds fields to an object.
fn with(mut object: Value, fields: Value) -> Value {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}
