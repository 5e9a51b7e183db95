//! A convolution as the variants in frequencies are given it, with the pooling that is fused into it.

use super::Switches;
use crate::gpu::GpuError;
use crate::kernels::feature_map::{FeatureMap, GroupSlice, slices};
use crate::shape::{Border, Shape};

/// One convolution.
pub(super) struct Job<'a> {
    /// Per output channel.
    pub bias: &'a wgpu::Buffer,
    /// How the input goes on beyond its edge.
    pub border: Border,
    /// Input.
    pub x: &'a FeatureMap,
    /// Output.
    pub y: &'a FeatureMap,
    /// Forward map of the output's shape for the flag `MASK`.
    pub mask: Option<&'a FeatureMap>,
    /// What the epilogue does.
    pub flags: u32,
    /// The maximum before or after it.
    pub pool: Pool<'a>,
}

/// A 2×2 maximum that is fused into a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pool<'a> {
    /// None.
    Without,
    /// The output is the maximum of the ReLU of the sum; these switches are written.
    After(&'a Switches),
    /// The input is the gradient of a maximum that left these switches.
    Before(&'a Switches),
}

impl Job<'_> {
    /// Of the convolution, where nothing is pooled.
    pub(super) fn size(&self) -> [usize; 2] {
        let full = match self.pool {
            Pool::After(_) => self.x,
            Pool::Without | Pool::Before(_) => self.y,
        };
        [full.shape.width, full.shape.height]
    }

    /// The slices of a map of these channels at that size, which those of a pooled map follow.
    pub(super) fn slices(&self, channels: usize, limit: u64) -> Result<Vec<GroupSlice>, GpuError> {
        let [width, height] = self.size();
        slices(Shape::new(channels, height, width), limit)
    }
}
