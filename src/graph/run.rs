//! Running a program: buffers after the plan, everything recorded once, one pass and one submit a run, if it is
//! not too long.

use std::collections::BTreeMap;

use super::grad::Program;
use super::lower::{Builder, Memory, RunOptions};
use super::node::{Extent, ValueId};
use super::plan::{Plan, plan, requirements};
use crate::gpu::{BufferView, Gpu, GpuError, Recorder, Recording};
use crate::kernels::Pass;
use crate::kernels::feature_map::{self, FeatureMap};

/// Device time of one node in one direction.
#[derive(Clone, Debug)]
pub struct NodeTime {
    /// `conv3_1 forward` and the like.
    pub label: String,
    /// Kernels that it ran.
    pub kernel: String,
    /// Seconds over all of its dispatches.
    pub seconds: f64,
    /// Arithmetic operations, counting convolutions by their definition.
    pub flop: u64,
    /// Arithmetic operations that were really done.
    pub real_flop: u64,
    /// Bytes of storage touched at least once.
    pub bytes: u64,
}

/// A program with its buffers, ready to run any number of times.
pub struct Executable {
    program: Program,
    plan: Plan,
    recording: Recording,
    picture: wgpu::Buffer,
    gradient: Option<wgpu::Buffer>,
    totals: wgpu::Buffer,
    buffers: BTreeMap<ValueId, wgpu::Buffer>,
    memory: Memory,
}

impl Executable {
    /// Allocates, packs and uploads the weights, compiles and records.
    ///
    /// # Errors
    /// What the adapter has no room for, and maps of which one channel group exceeds a binding.
    pub fn build(gpu: &Gpu, program: Program, options: &RunOptions) -> Result<Self, GpuError> {
        let plan = plan(requirements(&program, &options.keep), options.share_buffers);
        let mut builder = Builder::allocate(gpu, &program, &plan, &options.preference)?;
        let mut recorder = Recorder::new(gpu);
        for step in &program.steps {
            recorder.set_label(&program.step_name(step));
            match step.pass {
                Pass::Forward => builder.forward(&mut recorder, step)?,
                Pass::Gradient => builder.gradient(&mut recorder, step)?,
            }
        }
        let memory = builder.memory();
        let Builder {
            buffers,
            picture,
            gradient,
            totals,
            ..
        } = builder;
        Ok(Self {
            recording: recorder.finish()?,
            program,
            plan,
            picture,
            gradient,
            totals,
            buffers,
            memory,
        })
    }

    /// The picture variable: planar RGB f32, to be written before a run.
    pub fn picture(&self) -> &wgpu::Buffer {
        &self.picture
    }

    /// The gradient of the sum of all losses at the picture, after a run; `None` without losses.
    pub fn picture_gradient(&self) -> Option<&wgpu::Buffer> {
        self.gradient.as_ref()
    }

    /// One f32 per loss term, in the order of [`super::Tape::losses`].
    pub fn totals(&self) -> &wgpu::Buffer {
        &self.totals
    }

    /// What it was built from.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The plan of its buffers.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its device memory.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Arithmetic operations of one run, counting convolutions by their definition.
    pub fn flop(&self) -> u64 {
        self.recording.infos().iter().map(|info| info.flop).sum()
    }

    /// The dispatches, for an optimiser that appends its own.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Writes the picture: planar (3, H, W) in [0, 1].
    pub fn write_picture(&self, gpu: &Gpu, rgb: &[f32]) {
        gpu.write(&self.picture, rgb);
    }

    /// Fills a constant map from planar (C, H, W). A value that the program does not use is passed over.
    pub fn write_map(&self, gpu: &Gpu, value: ValueId, planar: &[f32]) {
        let extent = self.program.values[value.0].extent;
        if let (Extent::Map(shape), Some(buffer)) = (extent, self.buffers.get(&value)) {
            gpu.write(buffer, &feature_map::pack(planar, shape));
        }
    }

    /// Fills a constant Gram matrix, C×C and symmetric, or constant moments, where C means follow. A value that the
    /// program does not use is passed over.
    pub fn write_statistics(&self, gpu: &Gpu, value: ValueId, entries: &[f32]) {
        if let Some(buffer) = self.buffers.get(&value) {
            gpu.write(buffer, entries);
        }
    }

    /// Runs every step: one encoder, one pass, one submit, or several of a run that takes long.
    pub fn run(&self, gpu: &Gpu) {
        self.recording.submit(gpu);
    }

    /// The loss terms of the last run.
    ///
    /// # Errors
    /// Device lost.
    pub async fn read_totals(&self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        let mut totals = gpu.read(&BufferView::whole(&self.totals)).await?;
        totals.truncate(self.program.tape.losses().len());
        Ok(totals)
    }

    /// A kept value of the last run: planar (C, H, W), or (C, C) row-major, of moments followed by C means;
    /// nothing for a value that the program does not use. The picture and its gradient are always kept.
    ///
    /// # Errors
    /// Device lost, or no room for the staging buffer.
    pub async fn read(&self, gpu: &Gpu, value: ValueId) -> Result<Vec<f32>, GpuError> {
        if value == self.program.tape.picture() {
            return self.read_planar(gpu, &self.picture).await;
        }
        if let (true, Some(gradient)) =
            (Some(value) == self.program.picture_gradient, &self.gradient)
        {
            return self.read_planar(gpu, gradient).await;
        }
        let Some(buffer) = self.buffers.get(&value) else {
            return Ok(Vec::new());
        };
        match self.program.values[value.0].extent {
            Extent::Map(shape) => {
                let buffer = buffer.clone();
                FeatureMap { buffer, shape }.read(gpu).await
            }
            extent @ (Extent::Gram(_) | Extent::Moments(_)) => {
                let view = BufferView {
                    buffer: buffer.clone(),
                    offset: 0,
                    size: extent.bytes().unwrap_or(0),
                };
                gpu.read(&view).await
            }
            _ => gpu.read(&BufferView::whole(buffer)).await,
        }
    }

    /// Planar RGB (3, H, W) out of the picture or its gradient.
    ///
    /// # Errors
    /// Device lost, or no room for the staging buffer.
    pub async fn read_planar(
        &self,
        gpu: &Gpu,
        buffer: &wgpu::Buffer,
    ) -> Result<Vec<f32>, GpuError> {
        let (height, width) = self.program.tape.picture_size();
        let mut values = gpu.read(&BufferView::whole(buffer)).await?;
        values.truncate(3 * width * height);
        Ok(values)
    }

    /// Device time per node and direction by the adapter's timestamps, in order of execution; runs every
    /// step once. Mesa's software driver stamps passes before their work is done: time its dispatches from
    /// outside ([`Recording::submit_range`], [`Executable::node_times`]).
    ///
    /// # Errors
    /// An adapter without timestamps, device lost.
    pub async fn profile(&self, gpu: &Gpu) -> Result<Vec<NodeTime>, GpuError> {
        let seconds = self.recording.time_each(gpu).await?;
        Ok(self.node_times(&seconds))
    }

    /// The times of nodes from those of their dispatches, in order of execution.
    pub fn node_times(&self, seconds: &[f64]) -> Vec<NodeTime> {
        let mut times: Vec<NodeTime> = Vec::new();
        for (info, &seconds) in self.recording.infos().iter().zip(seconds) {
            match times.last_mut().filter(|time| *time.label == *info.label) {
                Some(time) => {
                    time.seconds += seconds;
                    time.flop += info.flop;
                    time.real_flop += info.real_flop;
                    time.bytes += info.bytes;
                    if !time.kernel.contains(&info.kernel) {
                        time.kernel = format!("{} + {}", time.kernel, info.kernel);
                    }
                }
                None => times.push(NodeTime {
                    label: info.label.to_string(),
                    kernel: info.kernel.clone(),
                    seconds,
                    flop: info.flop,
                    real_flop: info.real_flop,
                    bytes: info.bytes,
                }),
            }
        }
        times
    }
}
