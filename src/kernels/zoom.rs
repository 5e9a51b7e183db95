//! A picture enlarged around its middle and turned (`shaders/zoom.wgsl`).

use super::over_positions;
use super::roll::whole_picture;
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// The whole picture.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("zoom"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// How a frame follows from the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// How much larger things are; below 1 they get smaller, and the edge goes on around them.
    pub factor: f32,
    /// How far they turn clockwise, in degrees.
    pub degrees: f32,
}

impl Zoom {
    /// Where a pixel of the result lies in the picture, relative to the middle, row by row.
    pub fn linear(self) -> [f32; 4] {
        let (sine, cosine) = f64::from(self.degrees).to_radians().sin_cos();
        let scale = 1.0 / f64::from(self.factor);
        [cosine, sine, -sine, cosine].map(|entry| (entry * scale) as f32)
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    padding: [u32; 2],
    linear: [f32; 4],
}

/// Records the zoom of the planar picture `x` of `size` (W, H) into `y`.
///
/// # Errors
/// A picture that no binding can hold.
pub fn main(
    recorder: &mut Recorder<'_>,
    zoom: Zoom,
    size: [usize; 2],
    [x, y]: [&wgpu::Buffer; 2],
) -> Result<(), GpuError> {
    let bytes = whole_picture(size, recorder.binding_limit())?;
    recorder.push(Command {
        kernel: &MAIN,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            width: size[0] as u32,
            height: size[1] as u32,
            padding: [0; 2],
            linear: zoom.linear(),
        })
        .to_vec(),
        buffers: vec![BufferView::first(x, bytes), BufferView::first(y, bytes)],
        workgroups: over_positions(size[0] * size[1], 1),
        flop: 38 * (size[0] * size[1]) as u64,
        bytes: 2 * bytes,
    });
    Ok(())
}
