//! The means μ = Σ t·F/M of the channels of a feature map (`shaders/mean.wgsl`). The way back is folded into that
//! of [`super::gram`], see [`super::moments`].

use super::ACCUMULATE;
use super::feature_map::{FeatureMap, GroupSlice, groups, slices};
use super::gram::Share;
use super::weighted::{Weighted, weighted, weights_or};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};
use crate::shape::Shape;

/// Sums over chunks of pixels.
pub static PARTIAL: Kernel = Kernel {
    shader: crate::shader!("mean"),
    entry: "partial",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
        (6, Access::Read),
    ],
    needs_subgroups: false,
};

/// The chunks added up in order and scaled.
pub static REDUCE: Kernel = Kernel {
    shader: crate::shader!("mean"),
    entry: "reduce",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Partial sums per channel, as the shader has it.
const CHUNKS: usize = 64;

/// Same order as `MeanParams` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct MeanParams {
    pixels: u32,
    plane: u32,
    first: u32,
    c_groups: u32,
    strip: u32,
    flags: u32,
    scale: f32,
    padding: u32,
}

/// Bytes of partial sums for the means of a map.
pub fn workspace_bytes(shape: Shape) -> u64 {
    (16 * groups(shape.channels) * CHUNKS) as u64
}

/// How many dispatches [`forward`] takes on a map of this shape: one for each slice, and their sum.
///
/// # Errors
/// A plane that no binding can hold.
pub fn dispatches(shape: Shape, binding_limit: u64) -> Result<usize, GpuError> {
    Ok(slices(shape, binding_limit)?.len() + 1)
}

/// Records μ (+)= F·t/M with the weights t into the C values behind the C×C matrix of `moments`; C is a multiple of four and
/// `partials` has [`workspace_bytes`].
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    (f, weights): Weighted<'_>,
    partials: &wgpu::Buffer,
    moments: BufferView,
    share: Share,
) -> Result<(), GpuError> {
    let partials = BufferView::first(partials, workspace_bytes(f.shape));
    // A divisor of the chunks.
    let workgroup = recorder.workgroup().min(CHUNKS as u32);
    for slice in slices(f.shape, recorder.binding_limit())? {
        recorder.push(partial_command(
            (f, weights),
            slice,
            partials.clone(),
            workgroup,
        ));
    }
    let c_groups = groups(f.shape.channels);
    let params = MeanParams {
        flags: if share.accumulate { ACCUMULATE } else { 0 },
        scale: 1.0 / share.positions as f32,
        ..params(f, 0, workgroup)
    };
    recorder.push(Command {
        kernel: &REDUCE,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&params).to_vec(),
        bytes: partials.size,
        buffers: vec![partials, moments],
        workgroups: [c_groups.div_ceil(64) as u32, 1, 1],
        flop: (f.shape.channels * CHUNKS) as u64,
    });
    Ok(())
}

fn partial_command(
    (f, weights): Weighted<'_>,
    slice: GroupSlice,
    partials: BufferView,
    workgroup: u32,
) -> Command {
    let values = (4 * slice.count * f.shape.pixels()) as u64;
    Command {
        kernel: &PARTIAL,
        knobs: vec![("WORKGROUP", workgroup), weighted(weights)],
        uniform: bytemuck::bytes_of(&params(f, slice.first, workgroup)).to_vec(),
        buffers: vec![f.view(slice), partials, weights_or(f, weights)],
        workgroups: [CHUNKS as u32 / workgroup, slice.count as u32, 1],
        flop: values,
        bytes: 4 * values,
    }
}

fn params(f: &FeatureMap, first: usize, workgroup: u32) -> MeanParams {
    MeanParams {
        pixels: f.shape.pixels() as u32,
        plane: f.plane(),
        first: first as u32,
        c_groups: groups(f.shape.channels) as u32,
        strip: (f.shape.pixels() * workgroup as usize).div_ceil(CHUNKS) as u32,
        // Scale and flags are for the second pass.
        flags: 0,
        scale: 0.0,
        padding: 0,
    }
}
