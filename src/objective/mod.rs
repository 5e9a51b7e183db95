//! Floor 3: objectives, that is, loss terms written onto a tape above a network.

mod alignment;
mod dream;
mod features;
mod gaussian;
mod region;
mod style;
mod tape;
mod targets;

pub use alignment::{Pursuit, PursuitTape, before_relu, direction};
pub use dream::{DreamTape, DreamTerms, Guidance, GuideFeatures, dream_executable};
pub use features::{Features, Wanted, features, features_on_paper, features_tape};
pub use region::{LayerRegion, Mask, Regions, StyleRegion};
pub use style::{LayerWeight, LossSummary, Statistics, StyleTerms};
pub use tape::{StyleTape, style_executable};
pub use targets::StyleTargets;

use thiserror::Error;

use crate::gpu::GpuError;
use crate::graph::TapeError;

/// An objective that cannot be built or computed.
#[derive(Debug, Error)]
pub enum ObjectiveError {
    /// The layers do not fit the picture.
    #[error("{0}")]
    Tape(#[from] TapeError),
    /// The device failed.
    #[error("{0}")]
    Gpu(#[from] GpuError),
}
