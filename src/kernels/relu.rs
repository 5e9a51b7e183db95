//! The ReLU as a pass of its own (`shaders/relu.wgsl`); convolutions normally fuse it.

use super::feature_map::{FeatureMap, slices};
use super::{Merge, over_positions};
use crate::gpu::{Access, Command, GpuError, Kernel, Recorder};

/// y = max(x, 0).
pub static FORWARD: Kernel = Kernel {
    shader: crate::shader!("relu"),
    entry: "forward",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gx = gy where y > 0.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("relu"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::Read),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    plane: u32,
    flags: u32,
    padding: u32,
}

/// Records y = max(x, 0); both maps have the same shape.
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    x: &FeatureMap,
    y: &FeatureMap,
) -> Result<(), GpuError> {
    record(recorder, &FORWARD, &[x, y], Merge::default())
}

/// Records gx (+)= gy where the forward result y is positive. A mask by the input's own ReLU would
/// change nothing: where y > 0 the input was positive too.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    y: &FeatureMap,
    gy: &FeatureMap,
    gx: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    record(recorder, &GRADIENT, &[y, gy, gx], merge)
}

fn record(
    recorder: &mut Recorder<'_>,
    kernel: &'static Kernel,
    maps: &[&FeatureMap],
    merge: Merge,
) -> Result<(), GpuError> {
    let shape = maps[0].shape;
    for slice in slices(shape, recorder.binding_limit())? {
        let values = (slice.count * shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                pixels: shape.pixels() as u32,
                plane: maps[0].plane(),
                flags: merge.flags(),
                padding: 0,
            })
            .to_vec(),
            buffers: maps.iter().map(|map| map.view(slice)).collect(),
            workgroups: over_positions(shape.pixels(), slice.count),
            flop: values,
            bytes: 4 * values * (maps.len() + usize::from(merge.accumulate)) as u64,
        });
    }
    Ok(())
}
