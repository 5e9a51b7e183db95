//! w · mean(F²) over a feature map and its gradient (`shaders/dream_loss.wgsl`).

use super::content_loss::MapLossParams;
use super::feature_map::{FeatureMap, slices};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, Command, GpuError, Kernel, Recorder};

/// Partial sums of F².
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

/// gF (+)= 2w/(C·M) · F.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("dream_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Records the value into `total`; `partials` has room for [`PARTIALS`] f32 per slice of the map.
///
/// # Errors
/// A plane that no binding can hold.
pub fn value(
    recorder: &mut Recorder,
    weight: f32,
    f: &FeatureMap,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) -> Result<(), GpuError> {
    let slices = slices(f.shape, recorder.binding_limit())?;
    for (index, &slice) in slices.iter().enumerate() {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        let mut params = params(f, slice.count);
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
    let scale = weight / f.shape.len() as f32;
    sum::main(recorder, partials, slices.len() * PARTIALS, scale, total);
    Ok(())
}

/// Records the gradient with respect to F.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder,
    weight: f32,
    f: &FeatureMap,
    gf: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    for slice in slices(f.shape, recorder.binding_limit())? {
        let values = (slice.count * f.shape.pixels() * 4) as u64;
        let mut params = params(f, slice.count);
        params.flags = merge.flags();
        params.scale = 2.0 * weight / f.shape.len() as f32;
        recorder.push(Command {
            kernel: &GRADIENT,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers: vec![f.view(slice), gf.view(slice)],
            workgroups: over_positions(f.shape.pixels(), slice.count),
            flop: values,
            bytes: 8 * values,
        });
    }
    Ok(())
}

fn params(f: &FeatureMap, groups: usize) -> MapLossParams {
    MapLossParams {
        pixels: f.shape.pixels() as u32,
        plane: f.plane(),
        groups: groups as u32,
        flags: 0,
        first_partial: 0,
        scale: 0.0,
        padding: [0; 2],
    }
}
