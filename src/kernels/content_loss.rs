//! w · mean(t·(F − P)²) over a feature map and its gradient (`shaders/content_loss.wgsl`).

use super::feature_map::{FeatureMap, slices};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::weighted::{Weighted, weighted, weights_or};
use super::{Merge, over_positions};
use crate::gpu::{Access, Command, GpuError, Kernel, Recorder};

/// Partial sums of t·(F − P)².
pub static VALUE: Kernel = Kernel {
    shader: crate::shader!("content_loss"),
    entry: "value",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (5, Access::Read),
    ],
    needs_subgroups: false,
};

/// gF (+)= 2w/(C·M) · t·(F − P).
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("content_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (4, Access::ReadWrite),
        (5, Access::Read),
    ],
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
pub(super) struct MapLossParams {
    pub pixels: u32,
    pub plane: u32,
    pub groups: u32,
    pub flags: u32,
    pub first_partial: u32,
    pub scale: f32,
    pub padding: [u32; 2],
}

/// Records the value into `total`; `partials` has room for [`PARTIALS`] f32 per slice of the map.
///
/// # Errors
/// A plane that no binding can hold.
pub fn value(
    recorder: &mut Recorder<'_>,
    weight: f32,
    (f, weights): Weighted<'_>,
    target: &FeatureMap,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) -> Result<(), GpuError> {
    let slices = slices(f.shape, recorder.binding_limit())?;
    for (index, &slice) in slices.iter().enumerate() {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel: &VALUE,
            knobs: vec![weighted(weights)],
            uniform: bytemuck::bytes_of(&MapLossParams {
                pixels: f.shape.pixels() as u32,
                plane: f.plane(),
                groups: slice.count as u32,
                flags: 0,
                first_partial: (index * PARTIALS) as u32,
                scale: 0.0,
                padding: [0; 2],
            })
            .to_vec(),
            buffers: vec![
                f.view(slice),
                target.view(slice),
                partial_view(partials, slices.len()),
                weights_or(f, weights),
            ],
            workgroups: [PARTIAL_WORKGROUPS, 1, 1],
            flop: 3 * values,
            bytes: 8 * values,
        });
    }
    let scale = weight / f.shape.len() as f32;
    sum::main(recorder, partials, slices.len() * PARTIALS, scale, total);
    Ok(())
}

/// Records the gradient with respect to F.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    weight: f32,
    (f, weights): Weighted<'_>,
    target: &FeatureMap,
    gf: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    for slice in slices(f.shape, recorder.binding_limit())? {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel: &GRADIENT,
            knobs: vec![weighted(weights)],
            uniform: bytemuck::bytes_of(&MapLossParams {
                pixels: f.shape.pixels() as u32,
                plane: f.plane(),
                groups: slice.count as u32,
                flags: merge.flags(),
                first_partial: 0,
                scale: 2.0 * weight / f.shape.len() as f32,
                padding: [0; 2],
            })
            .to_vec(),
            buffers: vec![
                f.view(slice),
                target.view(slice),
                gf.view(slice),
                weights_or(f, weights),
            ],
            workgroups: over_positions(f.shape.pixels(), slice.count),
            flop: 2 * values,
            bytes: 12 * values,
        });
    }
    Ok(())
}
