//! Dreams as an objective: how strongly layers answer (Mordvintsev, Olah & Tyka 2015).

use super::{LayerWeight, ObjectiveError};
use crate::gpu::Gpu;
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape};
use crate::kernels::conv3x3::Preference;
use crate::kernels::pool2::Pooling;
use crate::net::Network;

/// Σ w · mean(F²) over `layers` as nodes on a tape; the terms are called `dream:<layer>`.
///
/// # Errors
/// A picture too small for a layer.
pub fn dream_tape(
    network: &Network,
    pooling: Pooling,
    layers: &[LayerWeight],
    [width, height]: [usize; 2],
) -> Result<Tape, ObjectiveError> {
    let mut tape = Tape::new(width, height);
    let indices: Vec<usize> = layers.iter().map(|term| term.layer).collect();
    let values = network.extend(&mut tape, pooling, &indices)?;
    for (term, value) in layers.iter().zip(values) {
        let layer = &network.architecture.layers()[term.layer].name;
        tape.dream_loss(&format!("dream:{layer}"), value, term.weight)?;
    }
    Ok(tape)
}

/// Builds the executable of [`dream_tape`] and its gradient, to be ascended, as `strategy` says.
///
/// # Errors
/// A picture too small for a layer, or a failure of the device.
pub fn dream_executable(
    gpu: &Gpu,
    network: &Network,
    pooling: Pooling,
    layers: &[LayerWeight],
    size: [usize; 2],
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Executable, ObjectiveError> {
    let tape = dream_tape(network, pooling, layers, size)?;
    let program = Program::with_strategy(tape, strategy, gpu.binding_limit());
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    Ok(Executable::build(gpu, program, &options)?)
}
