//! VGG as nodes on a tape (Simonyan & Zisserman, arXiv 1409.1556, configurations D and E).

use std::sync::Arc;

use super::architecture::{Architecture, LayerKind};
use super::weights::Weights;
use crate::graph::{Tape, TapeError, ValueId};
use crate::kernels::conv3x3::Filter;
use crate::kernels::picture_input::InputTransform;
use crate::kernels::pool2::Pooling;
use crate::shape::Border;

/// What is left open about a network once its layers and weights are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// How it halves its maps.
    pub pooling: Pooling,
    /// What its convolutions see beyond the border of the picture. [`Border::Replicate`] continues the picture alone,
    /// for conv1_1 (as style-transfer-pytorch does; its maps are still padded with zeros); [`Border::Wrap`] every map.
    pub border: Border,
}

impl From<Pooling> for Treatment {
    /// With zeros around every map, as the networks were trained.
    fn from(pooling: Pooling) -> Self {
        Self {
            pooling,
            border: Border::Zero,
        }
    }
}

/// A network ready to be put on tapes.
#[derive(Clone, Debug)]
pub struct Network {
    /// Which layers it has.
    pub architecture: Architecture,
    transform: InputTransform,
    filters: Vec<Arc<Filter>>,
    fingerprint: Option<&'static str>,
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
            fingerprint: None,
        }
    }

    /// The same with a fingerprint that is known, which nobody needs to take of 80 MB of weights then.
    pub fn known_by(self, fingerprint: &'static str) -> Self {
        Self {
            fingerprint: Some(fingerprint),
            ..self
        }
    }

    /// What it is [known by](Self::known_by).
    pub fn known_fingerprint(&self) -> Option<&'static str> {
        self.fingerprint
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
    /// A picture too small for a pooling on the way; the message names it. With [`Border::Wrap`] also sides that are
    /// no multiples of the downscale of the deepest layer.
    pub fn extend(
        &self,
        tape: &mut Tape,
        treatment: impl Into<Treatment>,
        wanted: &[usize],
    ) -> Result<Vec<ValueId>, TapeError> {
        let Treatment { pooling, border } = treatment.into();
        if border == Border::Wrap {
            self.check_that_it_wraps(tape, wanted)?;
        }
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
                            let filter = Arc::clone(filter);
                            let around = match border {
                                Border::Replicate if index > 0 => Border::Zero,
                                border => border,
                            };
                            tape.conv3x3_within(&layer.name, here, filter, fused, around)?
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

    fn check_that_it_wraps(&self, tape: &Tape, wanted: &[usize]) -> Result<(), TapeError> {
        let Some(&deepest) = wanted.iter().max() else {
            return Ok(());
        };
        let (height, width) = tape.picture_size();
        let multiple = self.architecture.downscale(deepest);
        if width.is_multiple_of(multiple) && height.is_multiple_of(multiple) {
            return Ok(());
        }
        Err(TapeError::Uneven {
            layer: self.architecture.layers()[deepest].name.clone(),
            multiple,
            width,
            height,
        })
    }
}
