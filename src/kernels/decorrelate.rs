//! Colours from uncorrelated numbers and back (`shaders/decorrelate.wgsl`).

use super::over_positions;
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// x = σ(M·t).
pub static FORWARD: Kernel = Kernel {
    shader: crate::shader!("decorrelate"),
    entry: "forward",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gt = Mᵀ·(gx ⊙ x ⊙ (1 − x)).
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("decorrelate"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::Read),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    padding: [u32; 3],
    rows: [[f32; 4]; 3],
}

/// M: rows are R, G and B.
pub type ColourMatrix = [[f32; 3]; 3];

/// Records x from t, both `pixels` vec4.
pub fn forward(
    recorder: &mut Recorder<'_>,
    matrix: ColourMatrix,
    pixels: usize,
    t: &wgpu::Buffer,
    x: &wgpu::Buffer,
) {
    push(recorder, &FORWARD, (matrix, pixels), &[t, x], [30, 32]);
}

/// Records gt from the colours `x` that [`forward`] made and the gradient `gx` at them.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    matrix: ColourMatrix,
    pixels: usize,
    [x, gx]: [&wgpu::Buffer; 2],
    gt: &wgpu::Buffer,
) {
    push(
        recorder,
        &GRADIENT,
        (matrix, pixels),
        &[x, gx, gt],
        [27, 48],
    );
}

fn push(
    recorder: &mut Recorder<'_>,
    kernel: &'static Kernel,
    (matrix, pixels): (ColourMatrix, usize),
    buffers: &[&wgpu::Buffer],
    [flop, bytes]: [u64; 2],
) {
    recorder.push(Command {
        kernel,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            pixels: pixels as u32,
            padding: [0; 3],
            rows: matrix.map(|[r, g, b]| [r, g, b, 0.0]),
        })
        .to_vec(),
        buffers: buffers
            .iter()
            .map(|buffer| BufferView::whole(buffer))
            .collect(),
        workgroups: over_positions(pixels, 1),
        flop: flop * pixels as u64,
        bytes: bytes * pixels as u64,
    });
}
