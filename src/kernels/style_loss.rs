//! w · mean((G − A)²) over a Gram matrix and its gradient (`shaders/style_loss.wgsl`).

use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// Partial sums of (G − A)².
pub static VALUE: Kernel = Kernel {
    shader: crate::shader!("style_loss"),
    entry: "value",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// gG (+)= 2w/C² · (G − A).
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("style_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    entries: u32,
    flags: u32,
    scale: f32,
    padding: u32,
}

/// Records the value into `total`. `g` and `target` are C×C f32, `partials` has room for [`PARTIALS`].
pub fn value(
    recorder: &mut Recorder<'_>,
    weight: f32,
    channels: usize,
    [g, target]: [&wgpu::Buffer; 2],
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) {
    let entries = channels * channels;
    recorder.push(Command {
        kernel: &VALUE,
        knobs: vec![],
        uniform: params(entries, Merge::default(), 0.0),
        buffers: vec![
            matrix(g, entries),
            matrix(target, entries),
            partial_view(partials, 1),
        ],
        workgroups: [PARTIAL_WORKGROUPS, 1, 1],
        flop: 3 * entries as u64,
        bytes: 8 * entries as u64,
    });
    sum::main(recorder, partials, PARTIALS, weight / entries as f32, total);
}

/// Records the gradient with respect to G.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    weight: f32,
    channels: usize,
    [g, target, gg]: [&wgpu::Buffer; 3],
    merge: Merge,
) {
    let entries = channels * channels;
    recorder.push(Command {
        kernel: &GRADIENT,
        knobs: vec![],
        uniform: params(entries, merge, 2.0 * weight / entries as f32),
        buffers: [g, target, gg]
            .map(|buffer| matrix(buffer, entries))
            .to_vec(),
        workgroups: over_positions(entries.div_ceil(4), 1),
        flop: 2 * entries as u64,
        bytes: 12 * entries as u64,
    });
}

fn matrix(buffer: &wgpu::Buffer, entries: usize) -> BufferView {
    BufferView::first(buffer, 4 * entries as u64)
}

fn params(entries: usize, merge: Merge, scale: f32) -> Vec<u8> {
    bytemuck::bytes_of(&Params {
        entries: entries as u32,
        flags: merge.flags(),
        scale,
        padding: 0,
    })
    .to_vec()
}
