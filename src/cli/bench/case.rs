//! A convolution of the network in one direction, at the size it has when the picture has `--size`.

use std::sync::Arc;

use impasto::gpu::{Gpu, Recorder, Recording};
use impasto::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Packing, Problem, Variant};
use impasto::kernels::{FeatureMap, Pass};
use impasto::net::{Architecture, Network};
use impasto::reference;
use impasto::reference::samples::sample;
use impasto::shape::{Border, Shape};

use super::check;
use super::{Failure, wait};

/// One direction of a layer.
pub struct Layer {
    /// `conv3_1`.
    pub name: &'static str,
    /// What it costs depends on this alone.
    pub problem: Problem,
    filter: Arc<Filter>,
}

impl Layer {
    /// The filter that runs, and the shape of what it makes.
    pub fn runs(&self) -> (Filter, Shape) {
        let filter = match self.problem.pass {
            Pass::Forward => Filter::clone(&self.filter),
            Pass::Gradient => self.filter.transposed(),
        };
        let output = Shape::new(filter.c_out, self.problem.height, self.problem.width);
        (filter, output)
    }
}

/// Channels and size of every convolution in both directions, for a square picture of `size`; nothing
/// for layers of which nothing is left.
pub fn problems(
    architecture: Architecture,
    size: u32,
) -> impl Iterator<Item = (&'static str, Problem)> {
    let convolutions = architecture.convolutions();
    convolutions.flat_map(move |(index, name, c_in, c_out)| {
        let side = size as usize / architecture.downscale(index);
        let passes = if side > 0 {
            &[Pass::Forward, Pass::Gradient][..]
        } else {
            &[]
        };
        passes.iter().map(move |&pass| {
            let problem = Problem {
                pass,
                c_in,
                c_out,
                width: side,
                height: side,
            };
            (name, problem)
        })
    })
}

/// The convolutions of `network` at the indices `wanted` in both directions.
pub fn layers(network: &Network, size: u32, wanted: &[usize]) -> Vec<Layer> {
    let convolutions = network.architecture.convolutions();
    let filters: Vec<_> = convolutions
        .zip(network.filters())
        .filter(|((index, ..), _)| wanted.contains(index))
        .map(|((_, name, ..), filter)| (name, filter))
        .collect();
    problems(network.architecture, size)
        .filter_map(|(name, problem)| {
            let (_, filter) = filters.iter().find(|(layer, _)| *layer == name)?;
            let filter = Arc::clone(filter);
            Some(Layer {
                name,
                problem,
                filter,
            })
        })
        .collect()
}

/// A layer with its input on the device.
pub struct Case<'a> {
    gpu: &'a Gpu,
    name: String,
    filter: Filter,
    x: FeatureMap,
    y: FeatureMap,
    values: Vec<f32>,
}

impl<'a> Case<'a> {
    /// Draws and uploads an input.
    pub fn new(gpu: &'a Gpu, layer: &Layer) -> Result<Self, Failure> {
        let (filter, output) = layer.runs();
        let input = output.with_channels(filter.c_in);
        let values: Vec<f32> = (0..input.len() as u64)
            .map(|i| sample(1, i) as f32)
            .collect();
        Ok(Self {
            gpu,
            name: format!("{} {}", layer.name, layer.problem.pass),
            x: FeatureMap::upload(gpu, "bench input", input, &values)?,
            y: FeatureMap::zeros(gpu, "bench output", output)?,
            filter,
            values,
        })
    }

    /// The variants that can run it here.
    pub fn variants(&self) -> Vec<Variant> {
        let all = Variant::ALL.into_iter();
        all.filter(|variant| variant.supports(self.gpu.profile(), &self.filter, self.y.shape))
            .collect()
    }

    /// How the weights are stored for `variant`.
    pub fn packing(&self, variant: Variant) -> Packing {
        Packing::choose(variant, self.filter.is_exact_in_f16())
    }

    /// Records `variant` and runs it once; refuses one that computes something else than the reference,
    /// and says how far off it is.
    pub fn prepare(&self, variant: Variant) -> Result<(Recording, f64), Failure> {
        let filter = DeviceFilter::upload(self.gpu, "bench filter", &self.filter, variant)?;
        let mut recorder = Recorder::new(self.gpu);
        conv3x3::record(
            &mut recorder,
            &filter,
            Border::Zero,
            &self.x,
            &self.y,
            Epilogue::default(),
        )?;
        let recording = recorder.finish()?;
        // What another variant has left there would hide that this one writes nothing.
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        encoder.clear_buffer(&self.y.buffer, 0, None);
        self.gpu.queue().submit([encoder.finish()]);
        recording.submit(self.gpu);
        let found = wait(self.gpu, self.y.read(self.gpu))?;
        let deviation = self.deviation(&found);
        let what = format!("{} by {variant}", self.name);
        check::judge(self.gpu, &what, deviation)?;
        Ok((recording, deviation))
    }

    fn deviation(&self, found: &[f32]) -> f64 {
        let Filter { weight, bias, .. } = &self.filter;
        let Shape {
            channels,
            height,
            width,
        } = self.y.shape;
        let pairs: Vec<_> = check::places([channels, height, width])
            .into_iter()
            .map(|[o, i, j]| {
                let sum = reference::conv3x3::forward_at(
                    |at| f64::from(self.values[at]),
                    self.x.shape,
                    |at| f64::from(weight[at]),
                    [o, i, j],
                );
                let bias = bias.get(o).map_or(0.0, |&bias| f64::from(bias));
                (found[(o * height + i) * width + j], sum + bias)
            })
            .collect();
        check::deviation(&pairs)
    }
}
