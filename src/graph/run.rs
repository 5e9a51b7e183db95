//! Running a program: buffers after the plan, everything recorded once, one pass and one submit a run.

use std::collections::BTreeMap;

use super::grad::{Pass, Program, Step};
use super::plan::{Plan, gram_bytes, plan, requirements};
use super::tape::{Extent, Op, ValueId};
use crate::gpu::{BufferView, Gpu, GpuError, Recorder, Recording};
use crate::kernels::conv3x3::{self, DeviceFilter, Epilogue, Variant};
use crate::kernels::feature_map::{self, FeatureMap};
use crate::kernels::sum::TotalSlot;
use crate::kernels::{
    content_loss, dream_loss, gram, picture_input, pool2, relu, style_loss, tv_loss,
};

/// Choices that do not change the result.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Values that can be read after a run, although something else could have used their buffer.
    pub keep: Vec<ValueId>,
    /// Let values that are never alive together share a buffer.
    pub share_buffers: bool,
    /// The variant of every convolution that can run it; `None` chooses by adapter and shape.
    pub variant: Option<Variant>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            keep: Vec::new(),
            share_buffers: true,
            variant: None,
        }
    }
}

/// Device memory of an executable in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Slots of the plan: maps, gradients, workspaces.
    pub planned: u64,
    /// The picture, its gradient, targets and totals.
    pub persistent: u64,
    /// Packed weights, both directions.
    pub weights: u64,
}

/// Device time of one node in one direction.
#[derive(Clone, Debug)]
pub struct NodeTime {
    /// `conv3_1 forward` and the like.
    pub label: String,
    /// Kernels that it ran.
    pub kernel: String,
    /// Seconds over all of its dispatches.
    pub seconds: f64,
    /// Arithmetic operations.
    pub flop: u64,
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
        let mut builder = Builder::allocate(gpu, &program, &plan)?;
        let mut recorder = Recorder::new(gpu);
        for step in &program.steps {
            let node = &program.tape.nodes()[step.node];
            let direction = match step.pass {
                Pass::Forward => "forward",
                Pass::Gradient => "gradient",
            };
            recorder.set_label(&format!("{} {direction}", node.name));
            match step.pass {
                Pass::Forward => builder.forward(&mut recorder, step, options)?,
                Pass::Gradient => builder.gradient(&mut recorder, step, options)?,
            }
        }
        let Builder {
            buffers,
            picture,
            gradient,
            totals,
            memory,
            ..
        } = builder;
        Ok(Self {
            recording: recorder.finish(gpu)?,
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

    /// Fills a constant map from planar (C, H, W).
    pub fn write_map(&self, gpu: &Gpu, value: ValueId, planar: &[f32]) {
        if let Extent::Map(shape) = self.program.values[value.0].extent {
            gpu.write(&self.buffers[&value], &feature_map::pack(planar, shape));
        }
    }

    /// Fills a constant C×C matrix, row-major.
    pub fn write_gram(&self, gpu: &Gpu, value: ValueId, entries: &[f32]) {
        gpu.write(&self.buffers[&value], entries);
    }

    /// Runs every step: one encoder, one pass, one submit.
    pub fn run(&self, gpu: &Gpu) {
        self.recording.submit(gpu);
    }

    /// The loss terms of the last run.
    ///
    /// # Errors
    /// Device lost.
    pub async fn read_totals(&self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        let mut totals = gpu.read(&BufferView::whole(&self.totals))?.await?;
        totals.truncate(self.program.tape.losses().len());
        Ok(totals)
    }

    /// A kept value of the last run: planar (C, H, W), or (C, C) row-major.
    ///
    /// # Errors
    /// Device lost, or no room for the staging buffer.
    pub async fn read(&self, gpu: &Gpu, value: ValueId) -> Result<Vec<f32>, GpuError> {
        let buffer = &self.buffers[&value];
        match self.program.values[value.0].extent {
            Extent::Map(shape) => {
                let buffer = buffer.clone();
                FeatureMap { buffer, shape }.read(gpu).await
            }
            Extent::Gram(channels) => {
                let view = BufferView {
                    buffer: buffer.clone(),
                    offset: 0,
                    size: gram_bytes(channels),
                };
                gpu.read(&view)?.await
            }
            _ => gpu.read(&BufferView::whole(buffer))?.await,
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
        let mut values = gpu.read(&BufferView::whole(buffer))?.await?;
        values.truncate(3 * width * height);
        Ok(values)
    }

    /// Device time per node and direction, in order of execution; runs every step once.
    ///
    /// # Errors
    /// An adapter without timestamps, device lost.
    pub async fn profile(&self, gpu: &Gpu) -> Result<Vec<NodeTime>, GpuError> {
        let seconds = self.recording.time_each(gpu).await?;
        let mut times: Vec<NodeTime> = Vec::new();
        for (info, seconds) in self.recording.infos().iter().zip(seconds) {
            match times.last_mut().filter(|time| *time.label == *info.label) {
                Some(time) => {
                    time.seconds += seconds;
                    time.flop += info.flop;
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
                    bytes: info.bytes,
                }),
            }
        }
        Ok(times)
    }
}

/// Buffers while the steps are being recorded.
struct Builder<'a> {
    gpu: &'a Gpu,
    program: &'a Program,
    buffers: BTreeMap<ValueId, wgpu::Buffer>,
    picture: wgpu::Buffer,
    gradient: Option<wgpu::Buffer>,
    totals: wgpu::Buffer,
    memory: Memory,
}

impl<'a> Builder<'a> {
    fn allocate(gpu: &'a Gpu, program: &'a Program, plan: &Plan) -> Result<Self, GpuError> {
        let (height, width) = program.tape.picture_size();
        let picture_bytes = (3 * width * height * size_of::<f32>()) as u64;
        let picture = gpu.storage("picture", picture_bytes)?;
        let gradient = match program.picture_gradient {
            Some(_) => Some(gpu.storage("picture gradient", picture_bytes)?),
            None => None,
        };
        let totals = gpu.storage("loss totals", program.tape.losses().len() as u64 * 4)?;
        let mut slots = Vec::with_capacity(plan.slots.len());
        for (index, &bytes) in plan.slots.iter().enumerate() {
            slots.push(gpu.storage(&format!("slot {index}"), bytes)?);
        }
        let mut buffers: BTreeMap<ValueId, wgpu::Buffer> = plan
            .placement
            .iter()
            .map(|(&value, &slot)| (value, slots[slot].clone()))
            .collect();
        let mut memory = Memory {
            planned: slots.iter().map(wgpu::Buffer::size).sum(),
            persistent: picture.size()
                + gradient.as_ref().map_or(0, wgpu::Buffer::size)
                + totals.size(),
            weights: 0,
        };
        for value in program.steps.iter().flat_map(|step| &step.reads) {
            let described = &program.values[value.0];
            if buffers.contains_key(value) {
                continue;
            }
            // Neither planned nor the picture nor a loss: a constant.
            if let Some(bytes) = super::plan::planned_bytes(described.extent) {
                let buffer = gpu.storage(&described.name, bytes)?;
                memory.persistent += buffer.size();
                buffers.insert(*value, buffer);
            }
        }
        Ok(Self {
            gpu,
            program,
            buffers,
            picture,
            gradient,
            totals,
            memory,
        })
    }

    fn buffer(&self, value: ValueId) -> &wgpu::Buffer {
        match self.program.values[value.0].extent {
            Extent::Picture { .. } if Some(value) == self.program.picture_gradient => {
                self.gradient.as_ref().unwrap_or(&self.picture)
            }
            Extent::Picture { .. } => &self.picture,
            Extent::Loss(_) => &self.totals,
            _ => &self.buffers[&value],
        }
    }

    fn map(&self, value: ValueId) -> FeatureMap {
        let shape = match self.program.values[value.0].extent {
            Extent::Map(shape) => shape,
            // The tape checks the kind of every input before a program exists.
            _ => unreachable!("a feature map was checked for when the tape was written"),
        };
        FeatureMap {
            buffer: self.buffer(value).clone(),
            shape,
        }
    }

    fn channels(&self, gram: ValueId) -> usize {
        match self.program.values[gram.0].extent {
            Extent::Gram(channels) => channels,
            // As above.
            _ => unreachable!("a Gram matrix was checked for when the tape was written"),
        }
    }

    fn total(&self, value: ValueId) -> TotalSlot {
        let slot = match self.program.values[value.0].extent {
            Extent::Loss(slot) => slot,
            // As above.
            _ => unreachable!("a loss node makes a loss"),
        };
        TotalSlot {
            totals: self.totals.clone(),
            slot,
        }
    }

    fn scratch(&self, step: &Step) -> &wgpu::Buffer {
        // Steps whose kernels want scratch memory have some; the others never ask.
        step.workspace
            .map_or(&self.totals, |value| self.buffer(value))
    }

    fn forward(
        &mut self,
        recorder: &mut Recorder,
        step: &Step,
        options: &RunOptions,
    ) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let x = step.reads[0];
        match &node.op {
            Op::PictureInput(transform) => {
                picture_input::forward(recorder, *transform, &self.picture, &self.map(step.write));
                Ok(())
            }
            Op::Conv3x3 { filter, relu } => {
                let (x, y) = (self.map(x), self.map(step.write));
                let variant = Variant::choose(self.gpu, filter, y.shape, options.variant);
                let filter = DeviceFilter::upload(self.gpu, &node.name, filter, variant)?;
                self.memory.weights += filter.bytes();
                let epilogue = Epilogue {
                    relu: *relu,
                    ..Epilogue::default()
                };
                conv3x3::record(recorder, &filter, &x, &y, epilogue)
            }
            Op::Relu => relu::forward(recorder, &self.map(x), &self.map(step.write)),
            Op::Pool(pooling) => {
                pool2::forward(recorder, *pooling, &self.map(x), &self.map(step.write))
            }
            Op::Gram => gram::forward(
                recorder,
                &self.map(x),
                self.scratch(step),
                self.buffer(step.write),
            ),
            op => self.loss(recorder, op, step),
        }
    }

    fn loss(&self, recorder: &mut Recorder, op: &Op, step: &Step) -> Result<(), GpuError> {
        let x = step.reads[0];
        let (partials, total) = (self.scratch(step), self.total(step.write));
        match op {
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(x), self.map(step.reads[1]));
                content_loss::value(recorder, *weight, &f, &target, partials, &total)
            }
            Op::DreamLoss { weight } => {
                dream_loss::value(recorder, *weight, &self.map(x), partials, &total)
            }
            Op::StyleLoss { weight } => {
                let matrices = [self.buffer(x), self.buffer(step.reads[1])];
                style_loss::value(
                    recorder,
                    *weight,
                    self.channels(x),
                    matrices,
                    partials,
                    &total,
                );
                Ok(())
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let picture = &self.picture;
                tv_loss::value(
                    recorder,
                    *weight,
                    [width, height],
                    picture,
                    partials,
                    &total,
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn gradient(
        &mut self,
        recorder: &mut Recorder,
        step: &Step,
        options: &RunOptions,
    ) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let (reads, merge) = (&step.reads, step.merge);
        // By the rule of `grad`: forward values first, the gradient of the output last.
        let gy = reads[reads.len() - 1];
        match &node.op {
            Op::PictureInput(transform) => {
                let gx = self.buffer(step.write);
                picture_input::gradient(recorder, *transform, &self.map(gy), gx, merge);
                Ok(())
            }
            Op::Conv3x3 { filter, .. } => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let turned = filter.transposed();
                let variant = Variant::choose(self.gpu, &turned, gx.shape, options.variant);
                let filter = DeviceFilter::upload(self.gpu, &node.name, &turned, variant)?;
                self.memory.weights += filter.bytes();
                let x = merge.mask.then(|| self.map(reads[0]));
                let epilogue = Epilogue::of_gradient(merge, x.as_ref());
                conv3x3::record(recorder, &filter, &gy, &gx, epilogue)
            }
            Op::Relu => {
                let (y, gx) = (self.map(reads[0]), self.map(step.write));
                relu::gradient(recorder, &y, &self.map(gy), &gx, merge)
            }
            Op::Pool(pooling) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = (reads.len() > 1).then(|| self.map(reads[0]));
                pool2::gradient(recorder, *pooling, x.as_ref(), &gy, &gx, merge)
            }
            Op::Gram => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                gram::gradient(recorder, self.gpu, self.buffer(gy), &f, &gf, merge)
            }
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(reads[0]), self.map(reads[1]));
                content_loss::gradient(recorder, *weight, &f, &target, &self.map(step.write), merge)
            }
            Op::DreamLoss { weight } => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                dream_loss::gradient(recorder, *weight, &f, &gf, merge)
            }
            Op::StyleLoss { weight } => {
                let channels = self.channels(reads[0]);
                let matrices = [reads[0], reads[1], step.write].map(|value| self.buffer(value));
                style_loss::gradient(recorder, *weight, channels, matrices, merge);
                Ok(())
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let gx = self.buffer(step.write);
                tv_loss::gradient(recorder, *weight, [width, height], &self.picture, gx, merge);
                Ok(())
            }
        }
    }
}
