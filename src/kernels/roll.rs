//! A planar picture rolled to the right and down (`shaders/roll.wgsl`).

use super::over_positions;
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// y[c, i, j] = x[c, i − down, j − right], around the borders.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("roll"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    padding: [u32; 2],
}

/// Buffers of a roll: both pictures planar RGB.
#[derive(Clone, Copy)]
pub struct RollBuffers<'a> {
    /// Two u32, below W and H: how far to the right and how far down. Rewritten before each roll.
    pub step: &'a wgpu::Buffer,
    /// The picture as it is.
    pub x: &'a wgpu::Buffer,
    /// The picture rolled.
    pub y: &'a wgpu::Buffer,
}

/// Records the roll of a picture of `size` (W, H).
///
/// # Errors
/// A picture that no binding can hold: every part of the result may come from every part of it.
pub fn main(
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    buffers: RollBuffers<'_>,
) -> Result<(), GpuError> {
    let bytes = whole_picture(size, recorder.binding_limit())?;
    let [width, height] = size.map(|side| side as u32);
    recorder.push(Command {
        kernel: &MAIN,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            width,
            height,
            padding: [0; 2],
        })
        .to_vec(),
        buffers: vec![
            BufferView::whole(buffers.step),
            BufferView::first(buffers.x, bytes),
            BufferView::first(buffers.y, bytes),
        ],
        workgroups: over_positions(3 * size[0] * size[1], 1),
        flop: 0,
        bytes: 2 * bytes,
    });
    Ok(())
}

/// Bytes of a planar picture of `size` (W, H), if one binding of `limit` bytes can hold it.
///
/// # Errors
/// If none can.
pub fn whole_picture([width, height]: [usize; 2], limit: u64) -> Result<u64, GpuError> {
    let bytes = 12 * (width * height) as u64;
    if bytes > limit {
        return Err(GpuError::BindingTooLarge {
            label: format!("a picture of {width}×{height}"),
            mebibytes: bytes.div_ceil(1 << 20),
            limit_mebibytes: limit >> 20,
        });
    }
    Ok(bytes)
}
