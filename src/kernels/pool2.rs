//! 2×2 pooling with stride 2: the maximum (`shaders/maxpool2.wgsl`), the mean (`shaders/avgpool2.wgsl`) or the root of the
//! sum of squares (`shaders/l2pool2.wgsl`).

use super::feature_map::{FeatureMap, slices};
use super::{Merge, over_positions};
use crate::gpu::{Access, Command, GpuError, Kernel, Recorder};
use crate::shape::Shape;

/// What a 2×2 window is reduced to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The largest value, as VGG was trained.
    Max,
    /// The mean, which Gatys et al. paint with (section 2) and which makes smoother areas.
    Average,
    /// 0.78 times the root of the sum of squares: as large as the maximum, and no value of a window is without effect.
    L2,
}

impl Pooling {
    /// Every pooling.
    pub const ALL: [Self; 3] = [Self::Max, Self::Average, Self::L2];

    /// Whether the gradient depends on what was pooled, also without the mask of a ReLU.
    pub fn gradient_reads_x(self) -> bool {
        match self {
            Self::Max | Self::L2 => true,
            Self::Average => false,
        }
    }
}

const FORWARD_BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::ReadWrite),
];
const GRADIENT_BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
];

/// Maximum, forward.
pub static MAX_FORWARD: Kernel = Kernel {
    shader: crate::shader!("maxpool2"),
    entry: "forward",
    bindings: FORWARD_BINDINGS,
    needs_subgroups: false,
};
/// Maximum, gradient.
pub static MAX_GRADIENT: Kernel = Kernel {
    shader: crate::shader!("maxpool2"),
    entry: "gradient",
    bindings: GRADIENT_BINDINGS,
    needs_subgroups: false,
};
/// Mean, forward.
pub static AVERAGE_FORWARD: Kernel = Kernel {
    shader: crate::shader!("avgpool2"),
    entry: "forward",
    bindings: FORWARD_BINDINGS,
    needs_subgroups: false,
};
/// Mean, gradient.
pub static AVERAGE_GRADIENT: Kernel = Kernel {
    shader: crate::shader!("avgpool2"),
    entry: "gradient",
    bindings: GRADIENT_BINDINGS,
    needs_subgroups: false,
};

/// Root of the sum of squares, forward.
pub static L2_FORWARD: Kernel = Kernel {
    shader: crate::shader!("l2pool2"),
    entry: "forward",
    bindings: FORWARD_BINDINGS,
    needs_subgroups: false,
};
/// Root of the sum of squares, gradient.
pub static L2_GRADIENT: Kernel = Kernel {
    shader: crate::shader!("l2pool2"),
    entry: "gradient",
    bindings: GRADIENT_BINDINGS,
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    flags: u32,
    padding: [u32; 3],
}

/// The shape after pooling, C×⌊H/2⌋×⌊W/2⌋.
pub fn pooled(shape: Shape) -> Shape {
    Shape::new(shape.channels, shape.height / 2, shape.width / 2)
}

/// Records y = pool(x).
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    pooling: Pooling,
    x: &FeatureMap,
    y: &FeatureMap,
) -> Result<(), GpuError> {
    let (kernel, flop) = match pooling {
        Pooling::Max => (&MAX_FORWARD, 3),
        Pooling::Average => (&AVERAGE_FORWARD, 4),
        Pooling::L2 => (&L2_FORWARD, 9),
    };
    for slice in slices(x.shape, recorder.binding_limit())? {
        let outputs = (slice.count * y.shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel,
            knobs: vec![],
            uniform: params(x, y, Merge::default()),
            buffers: vec![x.view(slice), y.view(slice)],
            workgroups: over_positions(y.shape.pixels(), slice.count),
            flop: flop * outputs,
            bytes: 20 * outputs,
        });
    }
    Ok(())
}

/// Records gx (+)= the gradient of pooling, given gy. `x` is the forward map: the maximum finds its
/// argmax in it and L2 its root, the mean needs it for the mask alone and takes `None` without one.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    pooling: Pooling,
    x: Option<&FeatureMap>,
    gy: &FeatureMap,
    gx: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    let shape = gx.shape;
    // The cut windows of odd borders included.
    let windows = shape.width.div_ceil(2) * shape.height.div_ceil(2);
    let (kernel, threads, flop_per_window) = match pooling {
        Pooling::Max => (&MAX_GRADIENT, windows, 4),
        Pooling::Average => (&AVERAGE_GRADIENT, shape.pixels(), 4),
        Pooling::L2 => (&L2_GRADIENT, windows, 14),
    };
    for slice in slices(shape, recorder.binding_limit())? {
        let inputs = (slice.count * shape.pixels() * 4) as u64;
        recorder.push(Command {
            kernel,
            knobs: vec![],
            uniform: params(gx, gy, merge),
            // What is not read must still be bound, and gx itself may not be bound twice.
            buffers: vec![x.unwrap_or(gy).view(slice), gy.view(slice), gx.view(slice)],
            workgroups: over_positions(threads, slice.count),
            flop: flop_per_window * inputs / 4,
            bytes: inputs * gradient_bytes(pooling, merge),
        });
    }
    Ok(())
}

/// Bytes that the gradient moves for each value of gx: gx itself and a quarter of gy, what is there already, and x where
/// it is read.
fn gradient_bytes(pooling: Pooling, merge: Merge) -> u64 {
    let reads_x = pooling.gradient_reads_x() || merge.mask;
    5 + 4 * u64::from(merge.accumulate) + 4 * u64::from(reads_x)
}

fn params(x: &FeatureMap, y: &FeatureMap, merge: Merge) -> Vec<u8> {
    bytemuck::bytes_of(&Params {
        width: x.shape.width as u32,
        height: x.shape.height as u32,
        x_plane: x.plane(),
        y_plane: y.plane(),
        flags: merge.flags(),
        padding: [0; 3],
    })
    .to_vec()
}
