//! How strongly a layer answers, over a set of its channels, and its gradient (`shaders/dream_loss.wgsl`).

use std::str::FromStr;

use super::feature_map::{FeatureMap, GroupSlice, slices};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// Partial sums of F² or F.
pub static VALUE: Kernel = Kernel {
    shader: crate::shader!("dream_loss"),
    entry: "value",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// A total becomes w times its root.
pub static ROOT: Kernel = Kernel {
    shader: crate::shader!("dream_loss"),
    entry: "root",
    bindings: &[(0, Access::Uniform), (4, Access::ReadWrite)],
    needs_subgroups: false,
};

/// gF (+)= 2w/(S·M) · F, w²/(S·M)/L · F or w/(S·M).
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("dream_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (3, Access::ReadWrite),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The channels that a set can speak of: those of the widest layers of VGG.
pub const MOST_CHANNELS: usize = 512;

/// What is measured of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// mean(F²): strong answers count most.
    #[default]
    Square,
    /// √mean(F²), the Euclidean norm but for the number of entries: of several layers none drowns the others.
    Root,
    /// mean(F).
    Mean,
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "square" => Ok(Self::Square),
            "l2" => Ok(Self::Root),
            "mean" => Ok(Self::Mean),
            _ => Err(format!(
                "`{text}` is no objective; choose square, l2 or mean"
            )),
        }
    }
}

/// A set of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels([u32; MOST_CHANNELS / 32]);

impl Channels {
    /// The channels 0 … `count` − 1.
    pub fn first(count: usize) -> Self {
        Self::of(0..count)
    }

    /// These channels; those from [`MOST_CHANNELS`] on are passed over.
    pub fn of(channels: impl IntoIterator<Item = usize>) -> Self {
        let mut bits = [0; MOST_CHANNELS / 32];
        for channel in channels
            .into_iter()
            .filter(|&channel| channel < MOST_CHANNELS)
        {
            bits[channel / 32] |= 1 << (channel % 32);
        }
        Self(bits)
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// The last one.
    pub fn last(self) -> Option<usize> {
        (0..MOST_CHANNELS)
            .rev()
            .find(|&channel| self.contains(channel))
    }

    /// Whether `channel` is one of them.
    pub fn contains(self, channel: usize) -> bool {
        let bits = self.0.get(channel / 32);
        bits.is_some_and(|bits| bits >> (channel % 32) & 1 != 0)
    }
}

/// A loss of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DreamGoal {
    /// w.
    pub weight: f32,
    /// What is measured.
    pub measure: Measure,
    /// In which channels.
    pub channels: Channels,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    scale: f32,
    measure: u32,
    slot: u32,
    weight: f32,
    first_group: u32,
    padding: [u32; 2],
    channels: [u32; MOST_CHANNELS / 32],
}

/// Records the value into `total`; `partials` has room for [`PARTIALS`] f32 per slice of the map.
///
/// # Errors
/// A plane that no binding can hold.
pub fn value(
    recorder: &mut Recorder<'_>,
    goal: DreamGoal,
    f: &FeatureMap,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) -> Result<(), GpuError> {
    let slices = slices(f.shape, recorder.binding_limit())?;
    for (index, &slice) in slices.iter().enumerate() {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        let mut params = params(goal, f, slice);
        params.first_partial = (index * PARTIALS) as u32;
        recorder.push(Command {
            kernel: &VALUE,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers: vec![f.view(slice), partial_view(partials, slices.len())],
            workgroups: [PARTIAL_WORKGROUPS, 1, 1],
            flop: 2 * values,
            bytes: 4 * values,
        });
    }
    let entries = goal.channels.count() * f.shape.pixels();
    let weight = match goal.measure {
        // It comes after the root.
        Measure::Root => 1.0,
        Measure::Square | Measure::Mean => goal.weight,
    };
    let scale = weight / entries as f32;
    sum::main(recorder, partials, slices.len() * PARTIALS, scale, total);
    if goal.measure == Measure::Root {
        let mut params = params(goal, f, slices[0]);
        params.slot = total.slot as u32;
        recorder.push(Command {
            kernel: &ROOT,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers: vec![BufferView::whole(&total.totals)],
            workgroups: [1, 1, 1],
            flop: 2,
            bytes: 8,
        });
    }
    Ok(())
}

/// Records the gradient with respect to F; `total` holds the value by then.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    goal: DreamGoal,
    (f, total): (&FeatureMap, &TotalSlot),
    gf: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    let entries = (goal.channels.count() * f.shape.pixels()) as f32;
    for slice in slices(f.shape, recorder.binding_limit())? {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        let mut params = params(goal, f, slice);
        params.flags = merge.flags();
        params.slot = total.slot as u32;
        params.scale = match goal.measure {
            Measure::Square => 2.0 * goal.weight / entries,
            Measure::Root => goal.weight * goal.weight / entries,
            Measure::Mean => goal.weight / entries,
        };
        recorder.push(Command {
            kernel: &GRADIENT,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers: vec![
                f.view(slice),
                gf.view(slice),
                BufferView::whole(&total.totals),
            ],
            workgroups: over_positions(f.shape.pixels(), slice.count),
            flop: values,
            bytes: 8 * values,
        });
    }
    Ok(())
}

fn params(goal: DreamGoal, f: &FeatureMap, slice: GroupSlice) -> Params {
    Params {
        pixels: f.shape.pixels() as u32,
        plane: f.plane(),
        groups: slice.count as u32,
        flags: 0,
        first_partial: 0,
        scale: 0.0,
        measure: goal.measure as u32,
        slot: 0,
        weight: goal.weight,
        first_group: slice.first as u32,
        padding: [0; 2],
        channels: goal.channels.0,
    }
}
