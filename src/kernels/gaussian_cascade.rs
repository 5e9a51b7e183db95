//! A planar picture smoothed by the mean of three Gaussians (`shaders/gaussian_cascade.wgsl`).

use super::over_positions;
use super::roll::whole_picture;
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// One Gaussian along the rows.
pub static ACROSS: Kernel = kernel("across");

/// One Gaussian down the columns, and its third of the mean.
pub static DOWN: Kernel = kernel("down");

const fn kernel(entry: &'static str) -> Kernel {
    Kernel {
        shader: crate::shader!("gaussian_cascade"),
        entry,
        bindings: &[
            (0, Access::Uniform),
            (1, Access::Read),
            (2, Access::Read),
            (3, Access::ReadWrite),
        ],
        needs_subgroups: false,
    }
}

/// Pixels from the middle of a window to its end.
pub const REACH: usize = 4;

/// Deviations of the three, relative to that in the middle (Gordić, pytorch-deepdream, `CascadeGaussianSmoothing`).
pub const CASCADE: [f64; 3] = [0.5, 1.0, 2.0];

/// Weights of the three Gaussians of a cascade around `deviation` pixels, each with sum 1.
pub fn weights(deviation: f64) -> [f32; 3 * (2 * REACH + 1)] {
    let mut all = [0.0; 3 * (2 * REACH + 1)];
    for (line, factor) in all.chunks_exact_mut(2 * REACH + 1).zip(CASCADE) {
        let weight = |at: usize| {
            let distance = (at as f64 - REACH as f64) / (factor * deviation);
            (-0.5 * distance * distance).exp()
        };
        let sum: f64 = (0..=2 * REACH).map(weight).sum();
        for (at, value) in line.iter_mut().enumerate() {
            *value = (weight(at) / sum) as f32;
        }
    }
    all
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    gaussian: u32,
    padding: u32,
}

/// Buffers of a cascade: all but the weights planar RGB.
#[derive(Clone, Copy)]
pub struct CascadeBuffers<'a> {
    /// See [`weights`]; rewritten before each cascade.
    pub weights: &'a wgpu::Buffer,
    /// What is smoothed.
    pub x: &'a wgpu::Buffer,
    /// Scratch.
    pub half: &'a wgpu::Buffer,
    /// What is smooth.
    pub y: &'a wgpu::Buffer,
}

/// Records the smoothing of a picture of `size` (W, H).
///
/// # Errors
/// A picture that no binding can hold.
pub fn main(
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    buffers: CascadeBuffers<'_>,
) -> Result<(), GpuError> {
    let bytes = whole_picture(size, recorder.binding_limit())?;
    for gaussian in 0..CASCADE.len() as u32 {
        let passes = [
            (&ACROSS, buffers.x, buffers.half),
            (&DOWN, buffers.half, buffers.y),
        ];
        for (kernel, from, to) in passes {
            recorder.push(Command {
                kernel,
                knobs: vec![],
                uniform: bytemuck::bytes_of(&Params {
                    width: size[0] as u32,
                    height: size[1] as u32,
                    gaussian,
                    padding: 0,
                })
                .to_vec(),
                buffers: vec![
                    BufferView::whole(buffers.weights),
                    BufferView::first(from, bytes),
                    BufferView::first(to, bytes),
                ],
                workgroups: over_positions(3 * size[0] * size[1], 1),
                flop: 18 * bytes / 4,
                bytes: 2 * bytes,
            });
        }
    }
    Ok(())
}
