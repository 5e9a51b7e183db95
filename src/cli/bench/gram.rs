//! `impasto bench gram`: Gram matrices, those of recipe gatys unless `--layer` says other ones, and their gradients.

use impasto::gpu::{BufferView, Gpu, Recorder, Recording};
use impasto::kernels::{FeatureMap, Merge, Pass, gram};
use impasto::reference;
use impasto::reference::samples::sample;
use impasto::shape::Shape;
use serde_json::json;

use super::figures::{LEGEND, Work, direction, rates, rates_in_words};
use super::probe::{Samples, seconds};
use super::roofline::Point;
use super::{Bench, BenchArguments, Failure, Report, check, layers, say, wait, with};

pub fn measure(bench: &Bench<'_>) -> Result<Report, Failure> {
    let (gpu, architecture) = (bench.gpu, bench.network.architecture);
    say(bench.common, LEGEND);
    let mut rows = Vec::new();
    let mut points = Vec::new();
    let &BenchArguments {
        ref layers, size, ..
    } = bench.arguments;
    for index in layers::maps(architecture, layers, size)? {
        let side = size as usize / architecture.downscale(index);
        let shape = Shape::new(architecture.channels(index), side, side);
        let layer = &architecture.layers()[index].name;
        let case = Case::new(gpu, shape)?;
        for pass in [Pass::Forward, Pass::Gradient] {
            let (recording, deviation) = case.prepare(pass, layer)?;
            let samples = Samples::take(gpu, &bench.probes, bench.arguments.runs, || {
                seconds(gpu, &recording)
            })?;
            let work = Work {
                // Counted as the full product in both directions, whatever symmetry saves.
                flop: 2 * (shape.channels * shape.channels * shape.pixels()) as u64,
                ..Work::of(&recording)
            };
            let row = json!({
                "layer": layer,
                "pass": direction(pass),
                "channels": shape.channels,
                "width": side,
                "height": side,
                "deviation": deviation,
            });
            let row = with(row, rates(&samples, work));
            say(
                bench.common,
                format!(
                    "{layer:8} {:8} {:12} {}",
                    direction(pass),
                    shape.to_string(),
                    rates_in_words(&row)
                ),
            );
            points.push(Point::new(
                format!("gram {layer} {}", direction(pass)),
                &samples,
                work,
            ));
            rows.push(row);
        }
    }
    Ok(Report {
        figures: with(bench.head(), json!({ "rows": rows })),
        points,
    })
}

/// A map with its Gram matrix and both gradients on the device. The matrix is also the gradient that
/// comes back to it: symmetric, as every loss makes it.
struct Case<'a> {
    gpu: &'a Gpu,
    values: Vec<f32>,
    f: FeatureMap,
    gf: FeatureMap,
    g: wgpu::Buffer,
    partials: wgpu::Buffer,
}

impl<'a> Case<'a> {
    fn new(gpu: &'a Gpu, shape: Shape) -> Result<Self, Failure> {
        let values: Vec<f32> = (0..shape.len() as u64)
            .map(|i| sample(2, i) as f32)
            .collect();
        let matrix_bytes = (4 * shape.channels * shape.channels) as u64;
        Ok(Self {
            gpu,
            f: FeatureMap::upload(gpu, "bench map", shape, &values)?,
            gf: FeatureMap::zeros(gpu, "bench gradient", shape)?,
            g: gpu.storage("bench Gram matrix", matrix_bytes)?,
            partials: gpu.storage("bench partial sums", gram::workspace_bytes(shape))?,
            values,
        })
    }

    /// Records one direction and runs it once; refuses a result that is not the reference's.
    fn prepare(&self, pass: Pass, layer: &str) -> Result<(Recording, f64), Failure> {
        let gpu = self.gpu;
        let mut recorder = Recorder::new(gpu);
        match pass {
            Pass::Forward => gram::forward(
                &mut recorder,
                gram::Tiling::choose(gpu),
                (&self.f, None),
                &self.partials,
                &self.g,
                gram::Share::whole(self.f.shape),
            )?,
            Pass::Gradient => {
                let (merge, positions) = (Merge::default(), self.f.shape.pixels());
                let (g, f, gf) = (&self.g, (&self.f, None), &self.gf);
                gram::gradient(&mut recorder, gpu, g, f, gf, positions, merge)?;
            }
        }
        let recording = recorder.finish()?;
        recording.submit(gpu);
        let matrix = wait(gpu, async { gpu.read(&BufferView::whole(&self.g)).await })?;
        let pairs = match pass {
            Pass::Forward => self.compare_matrix(&matrix),
            Pass::Gradient => self.compare_gradient(&matrix, &wait(gpu, self.gf.read(gpu))?),
        };
        let deviation = check::deviation(&pairs);
        check::judge(gpu, &format!("gram {layer} {}", direction(pass)), deviation)?;
        Ok((recording, deviation))
    }

    fn value(&self, at: usize) -> f64 {
        f64::from(self.values[at])
    }

    fn compare_matrix(&self, matrix: &[f32]) -> Vec<(f32, f64)> {
        let shape = self.f.shape;
        let places = check::places([shape.channels, shape.channels]).into_iter();
        let compare = |[a, b]: [usize; 2]| {
            let expected = reference::gram::forward_at(|at| self.value(at), shape, [a, b]);
            (matrix[a * shape.channels + b], expected)
        };
        places.map(compare).collect()
    }

    fn compare_gradient(&self, matrix: &[f32], gradient: &[f32]) -> Vec<(f32, f64)> {
        let shape = self.f.shape;
        let places = check::places([shape.channels, shape.pixels()]).into_iter();
        let compare = |[a, p]: [usize; 2]| {
            let of_matrix = |at: usize| f64::from(matrix[at]);
            let expected =
                reference::gram::gradient_at(of_matrix, |at| self.value(at), shape, [a, p]);
            (gradient[a * shape.pixels() + p], expected)
        };
        places.map(compare).collect()
    }
}
