//! What stands on a tape: values, and the nodes that make them.

use std::sync::Arc;

use crate::kernels::conv3x3::Filter;
use crate::kernels::crop::Placement;
use crate::kernels::dream_loss::DreamGoal;
use crate::kernels::guide_loss::GuideGoal;
use crate::kernels::picture_input::InputTransform;
use crate::kernels::pool2::Pooling;
use crate::kernels::{feature_map, moments};
use crate::shape::{Border, Shape, Window};

/// A value on a tape: the picture, a constant, or what a node produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(super) usize);

/// What a value is and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The picture variable or its gradient: planar RGB, 3·H·W f32.
    Picture {
        /// H in pixels.
        height: usize,
        /// W in pixels.
        width: usize,
    },
    /// A feature map in the layout of [`crate::kernels::feature_map`].
    Map(Shape),
    /// A C×C matrix of f32.
    Gram(usize),
    /// C×C second moments, then C means, see [`crate::kernels::moments`].
    Moments(usize),
    /// One number in the totals of the tape, at this index.
    Loss(usize),
    /// Scratch memory of one step, in bytes.
    Workspace(u64),
}

/// A value with its name.
#[derive(Clone, Debug)]
pub struct Value {
    /// Name of the node that makes it, of the constant, or `picture`.
    pub name: String,
    /// What it is.
    pub extent: Extent,
    /// The node that makes it; `None` for the picture and constants.
    pub producer: Option<usize>,
}

/// What a node computes. Weights of losses multiply a mean, see the files of [`crate::reference`].
#[derive(Clone, Debug)]
pub enum Op {
    /// The network's input from a window of the picture.
    PictureInput {
        /// To the network's channels.
        transform: InputTransform,
        /// All of the picture, but for a tile.
        window: Window,
    },
    /// 3×3 convolution plus bias, with the ReLU fused or not.
    Conv3x3 {
        /// The frozen weights.
        filter: Arc<Filter>,
        /// Clip below zero.
        relu: bool,
        /// How the input goes on beyond its edge.
        border: Border,
    },
    /// max(x, 0) by itself.
    Relu,
    /// 2×2 pooling, stride 2.
    Pool(Pooling),
    /// A window of a map.
    Crop(Window),
    /// A window of a map, put where it belongs in a larger one.
    Paste(Placement),
    /// F·Fᵀ / M, or F·T·Fᵀ / M with the weights of a second input on the diagonal of T.
    Gram {
        /// M: all positions of the layer, also where F is a tile of it.
        positions: usize,
    },
    /// F·Fᵀ / M and ΣF / M, or F·T·Fᵀ / M and F·t / M with the weights t of a second input.
    Moments {
        /// M, as of [`Op::Gram`].
        positions: usize,
    },
    /// weight · mean((F − P)²), or weight · mean(t·(F − P)²) with the weights t of a third input.
    ContentLoss {
        /// w.
        weight: f32,
    },
    /// weight · mean((G − A)²).
    StyleLoss {
        /// w.
        weight: f32,
    },
    /// weight times the squared Wasserstein-2 distance of two Gaussians, over C.
    WassersteinLoss {
        /// w.
        weight: f32,
    },
    /// weight · mean(F²), or another measure of some channels of F.
    DreamLoss(DreamGoal),
    /// How far F points where the features of a guide do, see [`crate::reference::guide_loss`].
    GuideLoss(GuideGoal),
    /// weight times the dot product with a direction over M, times a power of the cosine, see
    /// [`crate::reference::alignment_loss`].
    AlignmentLoss {
        /// w; negative to align the features while descending.
        weight: f32,
        /// Of the cosine; at 0 the loss is linear.
        power: f32,
    },
    /// weight · mean(dx² + dy²) of the picture.
    TvLoss {
        /// w.
        weight: f32,
    },
}

/// One entry of the tape. The first input is the one that gradients flow to; others are targets and weights.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique on the tape; a layer name where there is one.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it computes it from.
    pub inputs: Vec<ValueId>,
    /// What it makes; tiles of one layer share its statistics and a loss.
    pub output: ValueId,
    /// The node of the tape as it was written that this one computes again or for a tile.
    pub origin: Option<usize>,
    /// What the absolute values of its share of the gradient of its first input are to add up to; `None` leaves the share
    /// as it is. See [`super::Tape::normalise`].
    pub pull: Option<f32>,
}

impl Extent {
    /// What a value of this extent takes on the device; `None` for what has a place of its own.
    pub(super) fn bytes(self) -> Option<u64> {
        match self {
            Self::Map(shape) => Some(feature_map::bytes(shape)),
            Self::Gram(channels) => Some((channels * channels * size_of::<f32>()) as u64),
            Self::Moments(channels) => Some(moments::bytes(channels)),
            Self::Workspace(bytes) => Some(bytes),
            Self::Picture { .. } | Self::Loss(_) => None,
        }
    }

    /// Whether it is a sum over the positions of a map, to which every tile of it adds: a Gram matrix or moments.
    pub(super) fn is_statistics(self) -> bool {
        matches!(self, Self::Gram(_) | Self::Moments(_))
    }
}

impl Op {
    /// Whether it sums over the positions of a map, see [`Extent::is_statistics`].
    pub(super) fn is_statistics(&self) -> bool {
        matches!(self, Self::Gram { .. } | Self::Moments { .. })
    }

    /// Whether it is a loss on such sums: it waits until all tiles have added theirs.
    pub(super) fn judges_statistics(&self) -> bool {
        matches!(self, Self::StyleLoss { .. } | Self::WassersteinLoss { .. })
    }
}
