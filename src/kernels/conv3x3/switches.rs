//! Which pixels a 2×2 maximum took (the *switches* of Zeiler & Fergus, arXiv 1311.2901, section 2.1), where the pooling
//! is part of a convolution: a bit for each value of the map before it, which then need not be in memory.
//!
//! `[C/4][tiles of 4×4 pixels, rounded up to 32]` pairs of u32, see `shaders/conv3x3_winograd_output.wgsl`.

use crate::gpu::BufferView;
use crate::kernels::feature_map::{GroupSlice, groups};
use crate::shape::Shape;

/// Bytes of the switches of a tile, four channels of it.
const TILE: u64 = 8;

/// Switches on the device.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The buffer; it may be larger.
    pub buffer: wgpu::Buffer,
    /// C×H×W of the map before the pooling.
    pub shape: Shape,
}

/// Bytes for a map of `shape` before the pooling.
pub fn bytes(shape: Shape) -> u64 {
    group_bytes(shape) * groups(shape.channels) as u64
}

/// Every channel group starts at a multiple of 256 bytes, as those of a feature map do.
fn group_bytes(shape: Shape) -> u64 {
    let tiles = shape.width.div_ceil(4) * shape.height.div_ceil(4);
    tiles.next_multiple_of(32) as u64 * TILE
}

impl Switches {
    /// The bytes of these groups.
    pub(super) fn view(&self, slice: GroupSlice) -> BufferView {
        BufferView {
            buffer: self.buffer.clone(),
            offset: slice.first as u64 * group_bytes(self.shape),
            size: slice.count as u64 * group_bytes(self.shape),
        }
    }
}
