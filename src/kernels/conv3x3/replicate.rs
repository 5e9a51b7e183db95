//! The rest of a gradient under [`Border::Replicate`](crate::shape::Border::Replicate): what reached the copies of
//! the edge beyond the map, added to the pixels that they are copies of.

use super::recording::{Params, Part, params};
use super::{DeviceFilter, Weights};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};
use crate::kernels::MASK;
use crate::kernels::feature_map::{FeatureMap, slices};
use crate::shape::Shape;

/// Adds to the edge of a map.
pub static FOLD: Kernel = Kernel {
    shader: crate::shader!("conv3x3_replicate"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (4, Access::Read),
    ],
    needs_subgroups: false,
};

/// How many pixels have a neighbour beyond the map.
fn edge_pixels(Shape { height, width, .. }: Shape) -> usize {
    height.min(2) * width + height.saturating_sub(2) * width.min(2)
}

/// How many positions beyond the map a 3×3 window reaches.
fn positions_beyond(Shape { height, width, .. }: Shape) -> usize {
    2 * (height + width) + 4
}

/// How many products with pixels of the map those positions have: three each along a side but for its ends, one in a corner.
fn taps_beyond(Shape { height, width, .. }: Shape) -> usize {
    6 * (height + width) - 4
}

/// Records the fold of the border: gx += what [`super::record`] of gy with zeros around it leaves out. `filter` is
/// the transposed one, uploaded for [`super::Variant::Plain`], `mask` the forward map if the gradient is masked.
///
/// # Errors
/// A plane that no binding can hold.
pub fn fold(
    recorder: &mut Recorder<'_>,
    filter: &DeviceFilter,
    gy: &FeatureMap,
    gx: &FeatureMap,
    mask: Option<&FeatureMap>,
) -> Result<(), GpuError> {
    let weights = match &filter.weights {
        Weights::Packed(buffer) => buffer,
        // The caller uploads it for `Variant::Plain`.
        _ => unreachable!("weights of the plain kernel are packed"),
    };
    let edge = edge_pixels(gx.shape);
    let limit = recorder.binding_limit();
    for y in slices(gx.shape, limit)? {
        for x in slices(gy.shape, limit)? {
            let part = Part {
                x,
                y,
                flags: if mask.is_some() { MASK } else { 0 },
                workgroup: recorder.workgroup_for(edge),
            };
            let (inputs, outputs) = part.channels(filter);
            let beyond = positions_beyond(gx.shape) as u64;
            let taps = taps_beyond(gx.shape) as u64;
            let params: Params = params(filter, gy, gx, &part);
            recorder.push(Command {
                kernel: &FOLD,
                knobs: vec![("WORKGROUP", part.workgroup)],
                uniform: bytemuck::bytes_of(&params).to_vec(),
                buffers: vec![
                    gy.view(x),
                    BufferView::whole(weights),
                    gx.view(y),
                    // Unused without the flag, but something must be bound.
                    mask.map_or_else(|| BufferView::whole(&filter.bias), |mask| mask.view(y)),
                ],
                workgroups: [
                    (edge as u32).div_ceil(part.workgroup),
                    part.y.count as u32,
                    1,
                ],
                flop: 2 * inputs * outputs * taps,
                bytes: 4 * (inputs + outputs) * beyond + 36 * inputs * outputs,
            });
        }
    }
    Ok(())
}
