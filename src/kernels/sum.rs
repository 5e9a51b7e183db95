//! Partial sums to one scaled total, in a fixed order (`shaders/sum.wgsl`).

use super::ACCUMULATE;
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// `totals[slot] (+)= scale · Σ partials`.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("sum"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// How many partial sums each value pass of a loss writes: one per thread.
pub const PARTIALS: usize = 4096;
/// Workgroups of such a pass, of 64 threads each.
pub const PARTIAL_WORKGROUPS: u32 = (PARTIALS / 64) as u32;

/// The partial sums of one value pass over `slices` slices of a map.
pub(super) fn partial_view(partials: &wgpu::Buffer, slices: usize) -> BufferView {
    BufferView::first(partials, (4 * PARTIALS * slices) as u64)
}

/// Where a loss term leaves its value.
#[derive(Clone, Debug)]
pub struct TotalSlot {
    /// One f32 per term of the tape.
    pub totals: wgpu::Buffer,
    /// The index of this term.
    pub slot: usize,
    /// Add onto what is there: another part of the map has left its share before.
    pub accumulate: bool,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    count: u32,
    slot: u32,
    scale: f32,
    flags: u32,
}

/// Records `totals[slot] (+)= scale · Σ` of the first `count` partials.
pub fn main(
    recorder: &mut Recorder<'_>,
    partials: &wgpu::Buffer,
    count: usize,
    scale: f32,
    total: &TotalSlot,
) {
    recorder.push(Command {
        kernel: &MAIN,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            count: count as u32,
            slot: total.slot as u32,
            scale,
            flags: if total.accumulate { ACCUMULATE } else { 0 },
        })
        .to_vec(),
        buffers: vec![
            BufferView::first(partials, 4 * count as u64),
            BufferView::whole(&total.totals),
        ],
        workgroups: [1, 1, 1],
        flop: count as u64,
        bytes: 4 * count as u64,
    });
}
