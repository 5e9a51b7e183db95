//! One step of Adam on the picture (`shaders/adam.wgsl`).

use serde::{Deserialize, Serialize};

use super::{over_positions, vector_slices};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// The whole step.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("adam"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
        (3, Access::Read),
        (4, Access::ReadWrite),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// What stays the same over a run (Kingma & Ba, algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamSettings {
    /// α, in units of the picture ([0, 1]).
    pub learning_rate: f32,
    /// β₁, the decay of the first moment.
    pub beta1: f32,
    /// β₂, the decay of the second moment.
    pub beta2: f32,
    /// ε, added to the root of the second moment.
    pub epsilon: f32,
    /// Keep every value in [0, 1].
    pub clamp: bool,
}

impl Default for AdamSettings {
    /// For painting: a fiftieth of the range a step, a short memory for squares, kept in [0, 1].
    fn default() -> Self {
        Self {
            learning_rate: 0.02,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            clamp: true,
        }
    }
}

impl AdamSettings {
    /// The two numbers that change from step to step, counted from 1: α/(1−β₁ᵗ) and 1/√(1−β₂ᵗ).
    pub fn step_numbers(&self, step: u32) -> [f32; 2] {
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(step.min(i32::MAX as u32) as i32);
        [
            (f64::from(self.learning_rate) / correction(self.beta1)) as f32,
            (1.0 / correction(self.beta2).sqrt()) as f32,
        ]
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    vectors: u32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    clamp: u32,
    padding: [u32; 3],
}

/// Buffers of the step: all as long as the picture, but for `step_numbers` (two f32).
#[derive(Clone, Copy)]
pub struct AdamBuffers<'a> {
    /// See [`AdamSettings::step_numbers`]; rewritten before each step.
    pub step_numbers: &'a wgpu::Buffer,
    /// The picture.
    pub x: &'a wgpu::Buffer,
    /// Its gradient.
    pub gradient: &'a wgpu::Buffer,
    /// The first moment.
    pub first: &'a wgpu::Buffer,
    /// The second moment.
    pub second: &'a wgpu::Buffer,
}

/// Records one step over `values` f32, in slices where they are more than a binding holds.
pub fn main(
    recorder: &mut Recorder<'_>,
    settings: AdamSettings,
    values: usize,
    buffers: AdamBuffers<'_>,
) {
    for part in vector_slices(values, recorder.binding_limit()) {
        recorder.push(Command {
            kernel: &MAIN,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                vectors: part.vectors as u32,
                beta1: settings.beta1,
                beta2: settings.beta2,
                epsilon: settings.epsilon,
                clamp: u32::from(settings.clamp),
                padding: [0; 3],
            })
            .to_vec(),
            buffers: vec![
                BufferView::whole(buffers.step_numbers),
                part.of(buffers.x),
                part.of(buffers.gradient),
                part.of(buffers.first),
                part.of(buffers.second),
            ],
            workgroups: over_positions(part.vectors, 1),
            flop: 52 * part.vectors as u64,
            bytes: 112 * part.vectors as u64,
        });
    }
}
