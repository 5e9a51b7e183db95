//! Floor 2: the network. [`weights`] reads it, [`vgg`] writes it onto a tape.

pub mod architecture;
pub mod vgg;
pub mod weights;

pub use architecture::{Architecture, LayerKind};
pub use vgg::Network;
pub use weights::{Weights, WeightsError};
