//! How a gradient kernel's result joins what is already there.

/// Adds a bias per output channel.
pub const BIAS: u32 = 1;
/// Adds onto the values already in the output.
pub const ACCUMULATE: u32 = 2;
/// Clips below zero after everything was added.
pub const RELU: u32 = 4;
/// Zeroes where the forward map was not positive: the gradient of a ReLU fused into it.
pub const MASK: u32 = 8;

/// Adds the gradient of the means of the map, which lies behind that of its second moments.
pub const MEAN: u32 = 16;

/// How a gradient joins the gradient of its map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// Another consumer of the map has written its share before: add.
    pub accumulate: bool,
    /// This is the last share and the map came out of a fused ReLU: apply its mask.
    pub mask: bool,
}

impl Merge {
    /// The bits that shaders test.
    pub fn flags(self) -> u32 {
        let accumulate = if self.accumulate { ACCUMULATE } else { 0 };
        let mask = if self.mask { MASK } else { 0 };
        accumulate | mask
    }
}
