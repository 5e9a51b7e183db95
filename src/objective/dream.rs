//! Dreams as an objective: how strongly layers answer (Mordvintsev, Olah & Tyka 2015).

use super::{LayerWeight, ObjectiveError};
use crate::gpu::Gpu;
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape};
use crate::kernels::conv3x3::Preference;
use crate::kernels::dream_loss::{Channels, DreamGoal, Measure};
use crate::kernels::pool2::Pooling;
use crate::net::Network;

/// What a dream wants to see more of.
#[derive(Clone, Debug, PartialEq)]
pub struct DreamTerms {
    /// The layers, each with the weight of its term.
    pub layers: Vec<LayerWeight>,
    /// What is measured of each.
    pub measure: Measure,
    /// In these channels of each layer; empty for all.
    pub channels: Vec<usize>,
    /// How the network halves its maps.
    pub pooling: Pooling,
}

impl DreamTerms {
    /// mean(F²) over all channels of `layers`.
    pub fn of(layers: &[LayerWeight], pooling: Pooling) -> Self {
        Self {
            layers: layers.to_vec(),
            measure: Measure::Square,
            channels: Vec::new(),
            pooling,
        }
    }
}

/// Σ w · mean(F²) over `layers`, or another measure, as nodes on a tape; the terms are called `dream:<layer>`.
///
/// # Errors
/// A picture too small for a layer, or a channel that a layer has not.
pub fn dream_tape(
    network: &Network,
    terms: &DreamTerms,
    [width, height]: [usize; 2],
) -> Result<Tape, ObjectiveError> {
    let mut tape = Tape::new(width, height);
    let indices: Vec<usize> = terms.layers.iter().map(|term| term.layer).collect();
    let values = network.extend(&mut tape, terms.pooling, &indices)?;
    for (term, value) in terms.layers.iter().zip(values) {
        let layer = &network.architecture.layers()[term.layer].name;
        let count = tape.shape(value).map_or(0, |shape| shape.channels);
        let channels = match &terms.channels[..] {
            [] => Channels::first(count),
            some => Channels::of(some.iter().copied()),
        };
        let goal = DreamGoal {
            weight: term.weight,
            measure: terms.measure,
            channels,
        };
        tape.dream_loss_of(&format!("dream:{layer}"), value, goal)?;
    }
    Ok(tape)
}

/// Builds the executable of [`dream_tape`] and its gradient, to be ascended, as `strategy` says.
///
/// # Errors
/// As of [`dream_tape`], or a failure of the device.
pub fn dream_executable(
    gpu: &Gpu,
    network: &Network,
    terms: &DreamTerms,
    size: [usize; 2],
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Executable, ObjectiveError> {
    let tape = dream_tape(network, terms, size)?;
    let program = Program::with_strategy(tape, strategy, gpu.binding_limit());
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    Ok(Executable::build(gpu, program, &options)?)
}
