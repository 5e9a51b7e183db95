//! From the picture variable to the network's input and back (`shaders/picture_input.wgsl`).

use super::feature_map::FeatureMap;
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// `input[k] = Σ matrix[k][c]·x[c] + offset[k]`.
pub static FORWARD: Kernel = Kernel {
    shader: crate::shader!("picture_input"),
    entry: "forward",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// `gx[c] = Σ matrix[k][c]·g[k]`.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("picture_input"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The affine map of a family of weights, see `net::weights::Family`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputTransform {
    /// Rows are network channels, columns R, G, B.
    pub matrix: [[f32; 3]; 3],
    /// Added after the matrix, per network channel.
    pub offset: [f32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    rows: [[f32; 4]; 3],
    pixels: u32,
    flags: u32,
    padding: [u32; 2],
}

/// Records the forward map from planar RGB `x` (3·H·W f32) to a map of three channels.
pub fn forward(
    recorder: &mut Recorder,
    transform: InputTransform,
    x: &wgpu::Buffer,
    y: &FeatureMap,
) {
    let buffers = vec![BufferView::whole(x), y.whole()];
    record(recorder, &FORWARD, transform, y, buffers, Merge::default());
}

/// Records gx (+)= matrixᵀ·gy, planar RGB.
pub fn gradient(
    recorder: &mut Recorder,
    transform: InputTransform,
    gy: &FeatureMap,
    gx: &wgpu::Buffer,
    merge: Merge,
) {
    let buffers = vec![gy.whole(), BufferView::whole(gx)];
    record(recorder, &GRADIENT, transform, gy, buffers, merge);
}

fn record(
    recorder: &mut Recorder,
    kernel: &'static Kernel,
    transform: InputTransform,
    map: &FeatureMap,
    buffers: Vec<BufferView>,
    merge: Merge,
) {
    let mut rows = [[0.0; 4]; 3];
    for (k, row) in rows.iter_mut().enumerate() {
        row[..3].copy_from_slice(&transform.matrix[k]);
        row[3] = transform.offset[k];
    }
    let pixels = map.shape.pixels();
    recorder.push(Command {
        kernel,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            rows,
            pixels: pixels as u32,
            flags: merge.flags(),
            padding: [0; 2],
        })
        .to_vec(),
        buffers,
        workgroups: over_positions(pixels, 1),
        flop: 18 * pixels as u64,
        bytes: 28 * pixels as u64,
    });
}
