//! w · mean(dx² + dy²) over the picture and its gradient (`shaders/tv_loss.wgsl`).

use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// Partial sums of dx² + dy².
pub static VALUE: Kernel = Kernel {
    shader: crate::shader!("tv_loss"),
    entry: "value",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The gradient with respect to the picture.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("tv_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    flags: u32,
    scale: f32,
}

/// Records the value of planar RGB `x`, `width`×`height`, into `total`.
pub fn value(
    recorder: &mut Recorder,
    weight: f32,
    [width, height]: [usize; 2],
    x: &wgpu::Buffer,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) {
    let values = 3 * width * height;
    recorder.push(Command {
        kernel: &VALUE,
        knobs: vec![],
        uniform: params([width, height], Merge::default(), 0.0),
        buffers: vec![BufferView::whole(x), partial_view(partials, 1)],
        workgroups: [PARTIAL_WORKGROUPS, 1, 1],
        flop: 5 * values as u64,
        bytes: 12 * values as u64,
    });
    sum::main(recorder, partials, PARTIALS, weight / values as f32, total);
}

/// Records gx (+)= the gradient at planar RGB `x`.
pub fn gradient(
    recorder: &mut Recorder,
    weight: f32,
    [width, height]: [usize; 2],
    x: &wgpu::Buffer,
    gx: &wgpu::Buffer,
    merge: Merge,
) {
    let values = 3 * width * height;
    recorder.push(Command {
        kernel: &GRADIENT,
        knobs: vec![],
        uniform: params([width, height], merge, 2.0 * weight / values as f32),
        buffers: [x, gx].map(BufferView::whole).to_vec(),
        workgroups: over_positions(values, 1),
        flop: 8 * values as u64,
        bytes: 24 * values as u64,
    });
}

fn params([width, height]: [usize; 2], merge: Merge, scale: f32) -> Vec<u8> {
    bytemuck::bytes_of(&Params {
        width: width as u32,
        height: height as u32,
        flags: merge.flags(),
        scale,
    })
    .to_vec()
}
