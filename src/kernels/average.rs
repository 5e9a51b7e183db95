//! The weighted mean of the pictures of a run (`shaders/average.wgsl`).

use serde::{Deserialize, Serialize};

use super::{over_positions, vector_slices};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// One update of the mean.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("average"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// How fast a mean of pictures forgets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Averaging {
    /// β in \[0, 1): the weight of a picture relative to the next one. 0 keeps the last picture alone.
    pub decay: f32,
}

impl Averaging {
    /// What the `update`th picture after the first, counted from 1, counts in the mean:
    /// (1−β) / (1−βᵗ⁺¹), the inverse of the sum of all weights.
    pub fn rate(self, update: u32) -> f32 {
        let decay = f64::from(self.decay);
        let past = decay.powi(update.saturating_add(1).min(i32::MAX as u32) as i32);
        ((1.0 - decay) / (1.0 - past)) as f32
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    vectors: u32,
    padding: [u32; 3],
}

/// Buffers of an update: both pictures as long as each other, `rate` one f32.
#[derive(Clone, Copy)]
pub struct AverageBuffers<'a> {
    /// See [`Averaging::rate`]; rewritten before each update.
    pub rate: &'a wgpu::Buffer,
    /// The picture that joins.
    pub x: &'a wgpu::Buffer,
    /// The mean.
    pub mean: &'a wgpu::Buffer,
}

/// Records one update over `values` f32, in slices where they are more than a binding holds.
pub fn main(recorder: &mut Recorder<'_>, values: usize, buffers: AverageBuffers<'_>) {
    for part in vector_slices(values, recorder.binding_limit()) {
        recorder.push(Command {
            kernel: &MAIN,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                vectors: part.vectors as u32,
                padding: [0; 3],
            })
            .to_vec(),
            buffers: vec![
                BufferView::whole(buffers.rate),
                part.of(buffers.x),
                part.of(buffers.mean),
            ],
            workgroups: over_positions(part.vectors, 1),
            flop: 12 * part.vectors as u64,
            bytes: 48 * part.vectors as u64,
        });
    }
}
