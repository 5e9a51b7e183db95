//! The gradient of one term at its map, made as strong as its pull (`shaders/normalise.wgsl`, and `sum.wgsl` for the norm).

use super::feature_map::{FeatureMap, GroupSlice, slices};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};
use crate::shape::Shape;

/// Partial sums of |g|.
pub static MEASURE: Kernel = Kernel {
    shader: crate::shader!("normalise"),
    entry: "measure",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gF (+)= pull · g / (‖g‖₁ + ε).
pub static ADD: Kernel = Kernel {
    shader: crate::shader!("normalise"),
    entry: "add",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (3, Access::Read),
        (4, Access::ReadWrite),
        (5, Access::Read),
    ],
    needs_subgroups: false,
};

/// Bytes of the norm.
pub const NORM_BYTES: u64 = size_of::<f32>() as u64;

/// Bytes of the partial sums of a map in so many slices.
pub fn partial_bytes(slices: usize) -> u64 {
    (slices * PARTIALS * size_of::<f32>()) as u64
}

/// How many dispatches [`record`] takes on a map of this shape: two of each slice, and the sum of all.
///
/// # Errors
/// A plane that no binding can hold.
pub fn dispatches(shape: Shape, limit: u64) -> Result<usize, GpuError> {
    Ok(2 * slices(shape, limit)?.len() + 1)
}

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    pull: f32,
    padding: [u32; 2],
}

/// Scratch memory.
#[derive(Clone, Copy)]
pub struct Workspace<'a> {
    /// It has [`partial_bytes`].
    pub partials: &'a wgpu::Buffer,
    /// It has [`NORM_BYTES`].
    pub norm: &'a wgpu::Buffer,
}

/// Records gF (+)= `pull` · g / (‖g‖₁ + ε), where `g` is what one term alone makes of F, in a buffer of its own. `f` is
/// the forward map if a mask is wanted.
///
/// # Errors
/// A plane that no binding can hold.
pub fn record(
    recorder: &mut Recorder<'_>,
    pull: f32,
    (g, f): (&FeatureMap, Option<&FeatureMap>),
    workspace: Workspace<'_>,
    gf: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    let shape = g.shape;
    let slices = slices(shape, recorder.binding_limit())?;
    let values = |slice: GroupSlice| (slice.count * shape.pixels() * 4) as u64;
    let params = |slice: GroupSlice| Params {
        pixels: shape.pixels() as u32,
        plane: g.plane(),
        groups: slice.count as u32,
        flags: merge.flags(),
        first_partial: 0,
        pull,
        padding: [0; 2],
    };
    for (index, &slice) in slices.iter().enumerate() {
        let first_partial = (index * PARTIALS) as u32;
        recorder.push(Command {
            kernel: &MEASURE,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                first_partial,
                ..params(slice)
            })
            .to_vec(),
            buffers: vec![
                g.view(slice),
                partial_view(workspace.partials, slices.len()),
            ],
            workgroups: [PARTIAL_WORKGROUPS, 1, 1],
            flop: 2 * values(slice),
            bytes: 4 * values(slice),
        });
    }
    let norm = TotalSlot {
        totals: workspace.norm.clone(),
        slot: 0,
        accumulate: false,
    };
    let count = slices.len() * PARTIALS;
    sum::main(recorder, workspace.partials, count, 1.0, &norm);
    for &slice in &slices {
        recorder.push(Command {
            kernel: &ADD,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params(slice)).to_vec(),
            buffers: vec![
                g.view(slice),
                BufferView::first(workspace.norm, NORM_BYTES),
                gf.view(slice),
                // Without a mask it is not read.
                f.unwrap_or(g).view(slice),
            ],
            workgroups: over_positions(shape.pixels(), slice.count),
            flop: values(slice),
            bytes: 4 * values(slice) * (2 + u64::from(merge.accumulate)),
        });
    }
    Ok(())
}
