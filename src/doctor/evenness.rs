//! Whether the positions of a map all count alike.

use super::comparison::{draw_coarse, input_map};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::FeatureMap;
use crate::shape::Shape;

/// How much the positions of a map count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evenness {
    /// All alike.
    Even,
    /// By weights, some of which are 0.
    Weighted,
}

impl Evenness {
    /// One weight for each position of a map of `shape`, if they differ.
    pub(super) fn weights(self, seed: u64, shape: Shape) -> Option<Vec<f32>> {
        let drawn = || draw_coarse(seed, shape.pixels());
        let positive = |drawn: Vec<f32>| drawn.into_iter().map(|value| value.max(0.0)).collect();
        (self == Self::Weighted).then(|| positive(drawn()))
    }
}

/// The weights of a map of `shape` on the device.
///
/// # Errors
/// No room for them.
pub(super) fn uploaded(
    gpu: &Gpu,
    shape: Shape,
    weights: Option<Vec<f32>>,
) -> Result<Option<FeatureMap>, GpuError> {
    let upload = |weights: Vec<f32>| input_map(gpu, shape.with_channels(1), &weights);
    weights.map(upload).transpose()
}
