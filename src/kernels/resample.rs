//! A picture seen through an affine map and the gradient of that (`shaders/resample.wgsl`).

use super::over_positions;
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// y from x.
pub static FORWARD: Kernel = Kernel {
    shader: crate::shader!("resample"),
    entry: "forward",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gx from gy.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("resample"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (4, Access::Read),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    size: [u32; 2],
    seen: [u32; 2],
    grey: f32,
    padding: [u32; 3],
}

/// (u, v) = linear · (j, i) + offset: where the pixel in column j and row i of what is seen lies in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// A, row by row; it has an inverse.
    pub linear: [[f64; 2]; 2],
    /// b, in pixels.
    pub offset: [f64; 2],
}

impl Affine {
    /// Everything where it is.
    pub const IDENTITY: Self = Self {
        linear: [[1.0, 0.0], [0.0, 1.0]],
        offset: [0.0, 0.0],
    };

    /// f32 of [`Affine::numbers`].
    pub const NUMBERS: usize = 12;

    /// What the kernels read: A, b, A⁻¹.
    pub fn numbers(&self) -> [f32; Self::NUMBERS] {
        let [[a, b], [c, d]] = self.linear;
        let [x, y] = self.offset;
        let determinant = a * d - b * c;
        let inverse = [d, -b, -c, a].map(|entry| entry / determinant);
        let mut numbers = [0.0; Self::NUMBERS];
        let rows = [[a, b, c, d], [x, y, 0.0, 0.0], inverse];
        for (number, value) in numbers.iter_mut().zip(rows.concat()) {
            *number = value as f32;
        }
        numbers
    }
}

/// What is seen of what.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The numbers of an [`Affine`]; they may change between two runs of a recording.
    pub map: &'a wgpu::Buffer,
    /// W and H of the picture.
    pub size: [usize; 2],
    /// W and H of what is seen.
    pub seen: [usize; 2],
    /// The value of all colours around the picture.
    pub grey: f32,
}

/// Records planar RGB `y` from `x`, (H, W) vec4.
pub fn forward(recorder: &mut Recorder<'_>, view: View<'_>, x: &wgpu::Buffer, y: &wgpu::Buffer) {
    let [width, height] = view.seen;
    push(recorder, &FORWARD, view, [x, y], (width * height, 40, 76));
}

/// Records gx, (H, W) vec4, from planar `gy`.
pub fn gradient(recorder: &mut Recorder<'_>, view: View<'_>, gy: &wgpu::Buffer, gx: &wgpu::Buffer) {
    let [width, height] = view.size;
    // Of about nine neighbours of each pixel.
    push(
        recorder,
        &GRADIENT,
        view,
        [gy, gx],
        (width * height, 144, 124),
    );
}

fn push(
    recorder: &mut Recorder<'_>,
    kernel: &'static Kernel,
    view: View<'_>,
    [from, to]: [&wgpu::Buffer; 2],
    (pixels, flop, bytes): (usize, u64, u64),
) {
    recorder.push(Command {
        kernel,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            size: view.size.map(|side| side as u32),
            seen: view.seen.map(|side| side as u32),
            grey: view.grey,
            padding: [0; 3],
        })
        .to_vec(),
        buffers: [view.map, from, to].map(BufferView::whole).to_vec(),
        workgroups: over_positions(pixels, 1),
        flop: flop * pixels as u64,
        bytes: bytes * pixels as u64,
    });
}
