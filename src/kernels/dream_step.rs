//! One step up a normalised gradient (`shaders/dream_step.wgsl`).

use super::over_positions;
use super::roll::whole_picture;
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// Partial sums of |g|.
pub static MAGNITUDE: Kernel = Kernel {
    shader: crate::shader!("dream_step"),
    entry: "magnitude",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// x ← clamp(x + m · rate · g / mean|g|), with g rolled back.
pub static CLIMB: Kernel = Kernel {
    shader: crate::shader!("dream_step"),
    entry: "climb",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
        (3, Access::Read),
        (5, Access::Read),
        (6, Access::Read),
    ],
    needs_subgroups: false,
};

/// What changes from step to step.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::NoUninit)]
pub struct StepNumbers {
    /// How far the picture is rolled to the right, below W.
    pub right: u32,
    /// How far down, below H.
    pub down: u32,
    /// What a gradient of mean magnitude moves a value by, in units of the picture ([0, 1]).
    pub rate: f32,
    /// To 16 bytes.
    pub padding: u32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    clamp: u32,
    padding: u32,
}

/// Buffers of a step.
#[derive(Clone, Copy)]
pub struct DreamStepBuffers<'a> {
    /// One [`StepNumbers`], rewritten before each step.
    pub step: &'a wgpu::Buffer,
    /// The picture, planar RGB.
    pub x: &'a wgpu::Buffer,
    /// The gradient of the rolled picture.
    pub gradient: &'a wgpu::Buffer,
    /// Scratch of [`PARTIALS`] f32.
    pub partials: &'a wgpu::Buffer,
    /// Room for mean|g|, one f32.
    pub mean: &'a wgpu::Buffer,
    /// The share of a step that each pixel takes, (H, W) f32; `None` for all of it everywhere.
    pub mask: Option<&'a wgpu::Buffer>,
}

/// Records one step of a picture of `size` (W, H).
///
/// # Errors
/// A picture that no binding can hold.
pub fn main(
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    clamp: bool,
    buffers: DreamStepBuffers<'_>,
) -> Result<(), GpuError> {
    let bytes = whole_picture(size, recorder.binding_limit())?;
    let values = bytes / 4;
    let [width, height] = size.map(|side| side as u32);
    let uniform = bytemuck::bytes_of(&Params {
        width,
        height,
        clamp: u32::from(clamp),
        padding: 0,
    })
    .to_vec();
    let gradient = BufferView::first(buffers.gradient, bytes);
    recorder.push(Command {
        kernel: &MAGNITUDE,
        knobs: vec![],
        uniform: uniform.clone(),
        buffers: vec![
            gradient.clone(),
            BufferView::first(buffers.partials, 4 * PARTIALS as u64),
        ],
        workgroups: [PARTIAL_WORKGROUPS, 1, 1],
        flop: 2 * values,
        bytes,
    });
    let mean = TotalSlot {
        totals: buffers.mean.clone(),
        slot: 0,
        accumulate: false,
    };
    sum::main(
        recorder,
        buffers.partials,
        PARTIALS,
        1.0 / values as f32,
        &mean,
    );
    // Without a mask the kernel reads none, and something else is bound in its place.
    let mask = buffers.mask.unwrap_or(buffers.mean);
    let is_masked = u32::from(buffers.mask.is_some());
    recorder.push(Command {
        kernel: &CLIMB,
        knobs: vec![("MASKED", is_masked)],
        uniform,
        buffers: vec![
            BufferView::whole(buffers.step),
            BufferView::first(buffers.x, bytes),
            gradient,
            BufferView::whole(buffers.mean),
            BufferView::whole(mask),
        ],
        workgroups: over_positions(3 * size[0] * size[1], 1),
        flop: u64::from(3 + is_masked) * values,
        bytes: u64::from(3 + is_masked) * bytes,
    });
    Ok(())
}
