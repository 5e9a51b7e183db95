//! How much a feature map points in a direction, and the gradient of that (`shaders/alignment_loss.wgsl`).

use super::feature_map::{FeatureMap, slices};
use super::sum::{PARTIAL_WORKGROUPS, PARTIALS, TotalSlot};
use super::{ACCUMULATE, Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// Partial sums of F·D, F·F and D·D.
pub static MEASURE: Kernel = Kernel {
    shader: crate::shader!("alignment_loss"),
    entry: "measure",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The value from their sums, and the two numbers that the gradient needs.
pub static CONCLUDE: Kernel = Kernel {
    shader: crate::shader!("alignment_loss"),
    entry: "conclude",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::ReadWrite),
        (4, Access::ReadWrite),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gF (+)= a·D − b·F.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("alignment_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (6, Access::ReadWrite),
        (7, Access::Read),
    ],
    needs_subgroups: false,
};

/// Bytes of the outcome: what [`value`] leaves for [`gradient`].
pub const OUTCOME_BYTES: u64 = 16;

/// Bytes of the partial sums of a map in so many slices.
pub fn partial_bytes(slices: usize) -> u64 {
    (3 * slices * PARTIALS * size_of::<f32>()) as u64
}

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, Default, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    count: u32,
    slot: u32,
    power: f32,
    scale: f32,
    padding: [u32; 3],
}

/// What is climbed: F and D are of one shape.
#[derive(Clone, Copy)]
pub struct Alignment<'a> {
    /// w.
    pub weight: f32,
    /// p, of the cosine.
    pub power: f32,
    /// F.
    pub f: &'a FeatureMap,
    /// D.
    pub direction: &'a FeatureMap,
}

/// Records the value into `total` and leaves the `outcome`; `partials` has [`partial_bytes`].
///
/// # Errors
/// A plane that no binding can hold.
pub fn value(
    recorder: &mut Recorder<'_>,
    of: Alignment<'_>,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
    outcome: &wgpu::Buffer,
) -> Result<(), GpuError> {
    let slices = slices(of.f.shape, recorder.binding_limit())?;
    let partials = BufferView::first(partials, partial_bytes(slices.len()));
    let params = Params {
        pixels: of.f.shape.pixels() as u32,
        plane: of.f.plane(),
        count: (slices.len() * PARTIALS) as u32,
        ..Params::default()
    };
    for (index, &slice) in slices.iter().enumerate() {
        let values = (slice.count * of.f.shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel: &MEASURE,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                groups: slice.count as u32,
                first_partial: (index * PARTIALS) as u32,
                ..params
            })
            .to_vec(),
            buffers: vec![of.f.view(slice), of.direction.view(slice), partials.clone()],
            workgroups: [PARTIAL_WORKGROUPS, 1, 1],
            flop: 6 * values,
            bytes: 8 * values,
        });
    }
    recorder.push(Command {
        kernel: &CONCLUDE,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            slot: total.slot as u32,
            flags: if total.accumulate { ACCUMULATE } else { 0 },
            power: of.power,
            scale: of.weight / of.f.shape.pixels() as f32,
            ..params
        })
        .to_vec(),
        buffers: vec![
            partials.clone(),
            BufferView::whole(&total.totals),
            BufferView::first(outcome, OUTCOME_BYTES),
        ],
        workgroups: [1, 1, 1],
        flop: 3 * u64::from(params.count),
        bytes: partials.size,
    });
    Ok(())
}

/// Records the gradient with respect to F, after [`value`] has left the `outcome`.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    [f, direction]: [&FeatureMap; 2],
    outcome: &wgpu::Buffer,
    gf: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    for slice in slices(f.shape, recorder.binding_limit())? {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel: &GRADIENT,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                pixels: f.shape.pixels() as u32,
                plane: f.plane(),
                groups: slice.count as u32,
                flags: merge.flags(),
                ..Params::default()
            })
            .to_vec(),
            buffers: vec![
                f.view(slice),
                direction.view(slice),
                gf.view(slice),
                BufferView::first(outcome, OUTCOME_BYTES),
            ],
            workgroups: over_positions(f.shape.pixels(), slice.count),
            flop: 3 * values,
            bytes: 12 * values,
        });
    }
    Ok(())
}
