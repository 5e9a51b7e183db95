//! Lowering: each step of a program becomes the commands of its kernels, on the buffers of the plan.

mod forward;
mod gradient;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filters::{Filters, Use};
use super::grad::{Program, Step};
use super::node::{Extent, ValueId};
use super::plan::Plan;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::conv3x3::{DeviceFilter, Filter, Preference, Switches};
use crate::kernels::feature_map::FeatureMap;
use crate::kernels::picture_input::PlanarPicture;
use crate::kernels::sum::TotalSlot;
use crate::shape::Shape;

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
        let filters = Filters::new(gpu, program, preference);
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
            if let Some(bytes) = described.extent.bytes() {
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
            filters,
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
    ) -> Result<Arc<DeviceFilter>, GpuError> {
        let wanted = Use::of(self.program, step, output);
        self.filters.get(filter, &wanted)
    }

    /// The switches in `value` that the convolution of a step leaves or uses, into which a pooling is fused.
    fn switches(&self, step: &Step, value: ValueId) -> Switches {
        Switches {
            buffer: self.buffer(value).clone(),
            shape: self.program.unpooled(step),
        }
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
}
