//! VGG as nodes on a tape (Simonyan & Zisserman, arXiv 1409.1556, configurations D and E).

use std::sync::Arc;

use super::architecture::{Architecture, LayerKind};
use super::weights::Weights;
use crate::graph::{Tape, TapeError, ValueId};
use crate::kernels::conv3x3::Filter;
use crate::kernels::picture_input::InputTransform;
use crate::kernels::pool2::Pooling;

/// A network ready to be put on tapes.
#[derive(Clone, Debug)]
pub struct Network {
    /// Which layers it has.
    pub architecture: Architecture,
    transform: InputTransform,
    filters: Vec<Arc<Filter>>,
}

impl Network {
    /// Takes over the weights.
    pub fn new(weights: Weights) -> Self {
        let preprocessing = weights.family.preprocessing();
        let filters = weights.convolutions.into_iter().map(|convolution| {
            Arc::new(Filter {
                c_in: convolution.c_in,
                c_out: convolution.c_out,
                weight: convolution.weight,
                bias: convolution.bias,
            })
        });
        Self {
            architecture: weights.architecture,
            transform: InputTransform {
                matrix: preprocessing.matrix,
                offset: preprocessing.offset,
            },
            filters: filters.collect(),
        }
    }

    /// The filters in order of the convolutions.
    pub fn filters(&self) -> &[Arc<Filter>] {
        &self.filters
    }

    /// Puts the network on `tape`, from the picture up to the deepest of the `wanted` layer indices,
    /// and returns the maps of those, in the order of `wanted`.
    ///
    /// A ReLU is fused into its convolution unless the value before it is wanted too.
    ///
    /// # Errors
    /// A picture too small for a pooling on the way; the message names it.
    pub fn extend(
        &self,
        tape: &mut Tape,
        pooling: Pooling,
        wanted: &[usize],
    ) -> Result<Vec<ValueId>, TapeError> {
        let depth = wanted.iter().max().map_or(0, |deepest| deepest + 1);
        let layers = &self.architecture.layers()[..depth];
        let mut maps: Vec<ValueId> = Vec::with_capacity(depth);
        let mut here = tape.picture_input("input", self.transform)?;
        let mut filters = self.filters.iter();
        let mut fused = false;
        for (index, layer) in layers.iter().enumerate() {
            here = match layer.kind {
                LayerKind::Convolution { .. } => {
                    fused = !wanted.contains(&index);
                    // One filter per convolution: `Weights` is only made that way.
                    match filters.next() {
                        Some(filter) => {
                            tape.conv3x3(&layer.name, here, Arc::clone(filter), fused)?
                        }
                        None => here,
                    }
                }
                LayerKind::Relu if fused => here,
                LayerKind::Relu => tape.relu(&layer.name, here)?,
                LayerKind::Pool => tape.pool(&layer.name, here, pooling)?,
            };
            maps.push(here);
        }
        Ok(wanted.iter().map(|&index| maps[index]).collect())
    }
}
