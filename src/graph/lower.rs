//! Lowering: each step of a program becomes the commands of its kernels, on the buffers of the plan.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::filters::{Filters, Use};
use super::grad::{Program, Step};
use super::node::{Extent, Op, ValueId};
use super::plan::{Plan, planned_bytes};
use crate::gpu::{Gpu, GpuError, Recorder};
use crate::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Preference};
use crate::kernels::feature_map::FeatureMap;
use crate::kernels::guide_loss::GuideBuffers;
use crate::kernels::picture_input::PlanarPicture;
use crate::kernels::sum::TotalSlot;
use crate::kernels::{
    alignment_loss, content_loss, crop, dream_loss, gram, guide_loss, moments, picture_input,
    pool2, relu, style_loss, tv_loss, wasserstein_loss,
};
use crate::shape::{Border, Shape};

/// Choices that do not change the result.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Values that can be read after a run, although something else could have used their buffer.
    pub keep: Vec<ValueId>,
    /// Let values that are never alive together share a buffer.
    pub share_buffers: bool,
    /// How the variant of each convolution is chosen.
    pub preference: Preference,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            keep: Vec::new(),
            share_buffers: true,
            preference: Preference::default(),
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
    /// Those of them in f16.
    pub weights_in_f16: u64,
}

/// Buffers while the steps are being recorded.
pub(super) struct Builder<'a> {
    gpu: &'a Gpu,
    program: &'a Program,
    pub(super) buffers: BTreeMap<ValueId, wgpu::Buffer>,
    pub(super) picture: wgpu::Buffer,
    pub(super) gradient: Option<wgpu::Buffer>,
    pub(super) totals: wgpu::Buffer,
    memory: Memory,
    filters: Filters<'a>,
}

impl<'a> Builder<'a> {
    /// Allocates the slots of the plan, the picture, its gradient, the totals and the constants.
    pub(super) fn allocate(
        gpu: &'a Gpu,
        program: &'a Program,
        plan: &Plan,
        preference: &'a Preference,
    ) -> Result<Self, GpuError> {
        let (height, width) = program.tape.picture_size();
        let picture_bytes = (3 * width * height * size_of::<f32>()) as u64;
        let picture = gpu.storage("picture", picture_bytes)?;
        let gradient = match program.picture_gradient {
            Some(_) => Some(gpu.storage("picture gradient", picture_bytes)?),
            None => None,
        };
        let totals = gpu.storage("loss totals", program.tape.losses().len() as u64 * 4)?;
        let mut slots = Vec::with_capacity(plan.slots.len());
        for &bytes in &plan.slots {
            slots.push(gpu.storage("a feature map of this picture", bytes)?);
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
            weights_in_f16: 0,
        };
        for value in program.steps.iter().flat_map(|step| &step.reads) {
            let described = &program.values[value.0];
            if buffers.contains_key(value) {
                continue;
            }
            // Neither planned nor the picture nor a loss: a constant.
            if let Some(bytes) = planned_bytes(described.extent) {
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
            filters: Filters::new(gpu, preference),
        })
    }

    /// Device memory of what was allocated, and of the weights of all steps recorded so far.
    pub(super) fn memory(&self) -> Memory {
        Memory {
            weights: self.filters.bytes(),
            weights_in_f16: self.filters.bytes_in_f16(),
            ..self.memory
        }
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

    fn channels(&self, statistics: ValueId) -> usize {
        match self.program.values[statistics.0].extent {
            Extent::Gram(channels) | Extent::Moments(channels) => channels,
            // As above.
            _ => unreachable!("statistics were checked for when the tape was written"),
        }
    }

    fn total(&self, step: &Step) -> TotalSlot {
        self.total_at(step.write, step.merge.accumulate)
    }

    fn total_at(&self, loss: ValueId, accumulate: bool) -> TotalSlot {
        let slot = match self.program.values[loss.0].extent {
            Extent::Loss(slot) => slot,
            // As above.
            _ => unreachable!("a loss node makes a loss"),
        };
        TotalSlot {
            totals: self.totals.clone(),
            slot,
            accumulate,
        }
    }

    fn planar<'b>(&self, buffer: &'b wgpu::Buffer) -> PlanarPicture<'b> {
        let (height, width) = self.program.tape.picture_size();
        PlanarPicture {
            buffer,
            size: [width, height],
        }
    }

    /// The weights of a step, in its direction; `output` is what it writes.
    fn filter(
        &mut self,
        step: &Step,
        filter: &Arc<Filter>,
        output: Shape,
    ) -> Result<Rc<DeviceFilter>, GpuError> {
        let wanted = Use::of(self.program, step, output);
        self.filters.get(filter, &wanted)
    }

    fn is_read(&self, value: Option<&ValueId>) -> bool {
        let mut steps = self.program.steps.iter();
        value.is_some_and(|value| steps.any(|step| step.reads.contains(value)))
    }

    /// The weights of positions that the node of a step has as its input number `place`, if it has any.
    fn weights(&self, step: &Step, place: usize) -> Option<FeatureMap> {
        let node = &self.program.tape.nodes()[step.node];
        node.inputs.get(place).map(|&weights| self.map(weights))
    }

    fn scratch(&self, step: &Step) -> &wgpu::Buffer {
        // Steps whose kernels want scratch memory have some; the others never ask.
        step.workspaces
            .first()
            .map_or(&self.totals, |&value| self.buffer(value))
    }

    /// Records a forward step.
    pub(super) fn forward(&mut self, recorder: &mut Recorder, step: &Step) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let x = step.reads[0];
        match &node.op {
            Op::PictureInput { transform, window } => {
                let x = self.planar(&self.picture);
                picture_input::forward(recorder, *transform, x, *window, &self.map(step.write));
                Ok(())
            }
            Op::Conv3x3 {
                filter,
                relu,
                border,
            } => {
                let (x, y) = (self.map(x), self.map(step.write));
                let filter = self.filter(step, filter, y.shape)?;
                let epilogue = Epilogue {
                    relu: *relu,
                    ..Epilogue::default()
                };
                conv3x3::record(recorder, &filter, *border, &x, &y, epilogue)
            }
            Op::Relu => relu::forward(recorder, &self.map(x), &self.map(step.write)),
            Op::Pool(pooling) => {
                pool2::forward(recorder, *pooling, &self.map(x), &self.map(step.write))
            }
            Op::Crop(window) => {
                crop::forward(recorder, *window, &self.map(x), &self.map(step.write))
            }
            Op::Paste(placement) => {
                crop::paste(recorder, *placement, &self.map(x), &self.map(step.write))
            }
            Op::Gram { positions } => gram::forward(
                recorder,
                gram::Tiling::choose(self.gpu),
                (&self.map(x), self.weights(step, 1).as_ref()),
                self.scratch(step),
                self.buffer(step.write),
                gram::Share {
                    positions: *positions,
                    accumulate: step.merge.accumulate,
                },
            ),
            Op::Moments { positions } => moments::forward(
                recorder,
                gram::Tiling::choose(self.gpu),
                (&self.map(x), self.weights(step, 1).as_ref()),
                self.scratch(step),
                self.buffer(step.write),
                gram::Share {
                    positions: *positions,
                    accumulate: step.merge.accumulate,
                },
            ),
            op => self.loss(recorder, op, step),
        }
    }

    fn loss(&self, recorder: &mut Recorder, op: &Op, step: &Step) -> Result<(), GpuError> {
        let x = step.reads[0];
        let (partials, total) = (self.scratch(step), self.total(step));
        match op {
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(x), self.map(step.reads[1]));
                let weights = self.weights(step, 2);
                let source = (&f, weights.as_ref());
                content_loss::value(recorder, *weight, source, &target, partials, &total)
            }
            Op::DreamLoss(goal) => {
                dream_loss::value(recorder, *goal, &self.map(x), partials, &total)
            }
            Op::GuideLoss(goal) => {
                let maps = (&self.map(x), &self.map(step.reads[1]));
                let buffers: Vec<&wgpu::Buffer> = step
                    .workspaces
                    .iter()
                    .map(|&value| self.buffer(value))
                    .collect();
                // By the rule of `grad`: the outcome comes last.
                if let [partials, candidates, outcome] = buffers[..] {
                    let buffers = GuideBuffers {
                        partials,
                        candidates,
                        outcome,
                    };
                    guide_loss::value(recorder, *goal, maps, buffers, &total)?;
                }
                Ok(())
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
            Op::WassersteinLoss { weight } => {
                let buffers = step.workspaces.iter().map(|&value| self.buffer(value));
                let buffers: Vec<&wgpu::Buffer> = buffers.collect();
                let distance = wasserstein_loss::Distance {
                    weight: *weight,
                    channels: self.channels(x),
                    moments: self.buffer(x),
                    target: self.buffer(step.reads[1]),
                };
                // By the rule of `grad`: the outcome comes last. Without a gradient step nobody reads it.
                if let Some(workspace) = wasserstein_loss::Workspace::new(&buffers) {
                    let with_gradient = self.is_read(step.workspaces.last());
                    wasserstein_loss::value(
                        recorder,
                        self.gpu,
                        distance,
                        &workspace,
                        &total,
                        with_gradient,
                    );
                }
                Ok(())
            }
            Op::AlignmentLoss { weight, power } => {
                let (f, direction) = (self.map(x), self.map(step.reads[1]));
                // By the rule of `grad`: the outcome comes last.
                let outcome = step.workspaces[step.workspaces.len() - 1];
                let of = alignment_loss::Alignment {
                    weight: *weight,
                    power: *power,
                    f: &f,
                    direction: &direction,
                };
                alignment_loss::value(recorder, of, partials, &total, self.buffer(outcome))
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let (size, picture) = ([width, height], &self.picture);
                tv_loss::value(recorder, *weight, size, picture, partials, &total)
            }
            _ => Ok(()),
        }
    }

    /// Records a gradient step.
    pub(super) fn gradient(
        &mut self,
        recorder: &mut Recorder,
        step: &Step,
    ) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let (reads, merge) = (&step.reads, step.merge);
        // By the rule of `grad`: forward values first, the gradient of the output last.
        let gy = reads[reads.len() - 1];
        match &node.op {
            Op::PictureInput { transform, window } => {
                let gx = self.planar(self.buffer(step.write));
                picture_input::gradient(recorder, *transform, &self.map(gy), *window, gx, merge)
            }
            Op::Conv3x3 { filter, border, .. } => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let turned = self.filter(step, filter, gx.shape)?;
                let x = merge.mask.then(|| self.map(reads[0]));
                let epilogue = Epilogue::of_gradient(merge, x.as_ref());
                let around = border.of_gradient();
                conv3x3::record(recorder, &turned, around, &gy, &gx, epilogue)?;
                if *border == Border::Replicate {
                    let wanted = Use::of(self.program, step, gx.shape);
                    let plain = self.filters.get_for_fold(filter, &wanted)?;
                    conv3x3::replicate::fold(recorder, &plain, &gy, &gx, epilogue.mask)?;
                }
                Ok(())
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
            Op::Crop(window) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = merge.mask.then(|| self.map(reads[0]));
                crop::gradient(recorder, *window, x.as_ref(), &gy, &gx, merge)
            }
            Op::Paste(placement) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = merge.mask.then(|| self.map(reads[0]));
                crop::paste_gradient(recorder, *placement, x.as_ref(), &gy, &gx, merge)
            }
            Op::Gram { positions } => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let (gg, weights) = (self.buffer(gy), self.weights(step, 1));
                let source = (&f, weights.as_ref());
                gram::gradient(recorder, self.gpu, gg, source, &gf, *positions, merge)
            }
            Op::Moments { positions } => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let (gm, weights) = (self.buffer(gy), self.weights(step, 1));
                let source = (&f, weights.as_ref());
                moments::gradient(recorder, self.gpu, gm, source, &gf, *positions, merge)
            }
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(reads[0]), self.map(reads[1]));
                let (weights, gf) = (self.weights(step, 2), self.map(step.write));
                let source = (&f, weights.as_ref());
                content_loss::gradient(recorder, *weight, source, &target, &gf, merge)
            }
            Op::DreamLoss(goal) => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let total = self.total_at(node.output, false);
                dream_loss::gradient(recorder, *goal, (&f, &total), &gf, merge)
            }
            Op::GuideLoss(goal) => {
                let (x, guide) = (self.map(reads[0]), self.map(reads[1]));
                let (outcome, gx) = (self.buffer(reads[2]), self.map(step.write));
                guide_loss::gradient(recorder, *goal, (&x, &guide, outcome), &gx, merge)
            }
            Op::StyleLoss { weight } => {
                let channels = self.channels(reads[0]);
                let matrices = [reads[0], reads[1], step.write].map(|value| self.buffer(value));
                style_loss::gradient(recorder, *weight, channels, matrices, merge);
                Ok(())
            }
            Op::WassersteinLoss { .. } => {
                let buffers = [reads[0], step.write].map(|value| self.buffer(value));
                wasserstein_loss::gradient(recorder, self.channels(step.write), buffers, merge);
                Ok(())
            }
            Op::AlignmentLoss { .. } => {
                let (f, direction) = (self.map(reads[0]), self.map(reads[1]));
                // A loss has no gradient of its own, so what comes last is what its value left.
                let (outcome, gf) = (self.buffer(gy), self.map(step.write));
                alignment_loss::gradient(recorder, [&f, &direction], outcome, &gf, merge)
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let gx = self.buffer(step.write);
                tv_loss::gradient(recorder, *weight, [width, height], &self.picture, gx, merge)
            }
        }
    }
}
