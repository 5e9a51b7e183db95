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
    /// So many of them one after the other.
    pub fn times(self, number: usize) -> Self {
        let number = number as f64;
        // Beyond these a picture shows no more than its middle, or its edge.
        let factor = f64::from(self.factor).powf(number).clamp(1e-6, 1e6);
        Self {
            factor: factor as f32,
            degrees: (f64::from(self.degrees) * number % 360.0) as f32,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_zooms_are_one() {
        let zoom = Zoom {
            factor: 1.2,
            degrees: 130.0,
        };
        let [a, b, c, d] = zoom.linear().map(f64::from);
        // The matrix times itself.
        let twice = [a * a + b * c, a * b + b * d, c * a + d * c, c * b + d * d];
        for (at, (one, two)) in zoom.times(2).linear().into_iter().zip(twice).enumerate() {
            assert!((f64::from(one) - two).abs() < 1e-5, "{at}: {one} {two}");
        }
        assert_eq!(zoom.times(1).linear(), zoom.linear());
        assert!(zoom.times(9999).linear().into_iter().all(f32::is_finite));
    }
}
