//! How the frequencies of [`super::winograd`] lie in memory, band by band, and what its three passes cost on
//! paper.

use super::Cost;
use crate::gpu::{Asked, UNUSED, asked_texels};
use crate::kernels::feature_map::{groups, slices};
use crate::shape::Shape;

/// Frequencies of a 6×6 window.
pub(super) const FREQUENCIES: usize = 36;
/// Tiles whose frequencies lie side by side: those of the largest workgroup of any product, which so
/// reads one stretch of memory from end to end.
pub(super) const BLOCK: usize = 64;
/// Texels from one row of the input's frequencies to the next: an odd number of cache lines, as the number
/// of rows of each frequency is odd. A thread of the input pass writes all 36, and at a power of two they would
/// share a few sets of the cache. (The output pass, which reads as many, is faster at powers of two.)
const ROW: usize = BLOCK + 4;
/// Bytes that the frequencies of a band may take on either side of the product, at least one block, to stay in the cache of a
/// processor.
const BUDGET: usize = 2 << 20;
/// Name of the scratch buffer that all convolutions in frequencies share.
pub const SCRATCH: &str = "winograd frequencies";
/// Name of the scratch texels that hold the input's frequencies.
pub const V: &str = "winograd frequencies of the input";
/// Name of those that hold the product, where that is not in [`SCRATCH`].
pub const M: &str = "winograd frequencies of the output";
/// Rows of texels that every adapter has.
pub(super) const MOST_ROWS: usize = 8192;
/// Operations of the input pass per tile and channel: twelve times six sums, as the shader has them.
pub(super) const INPUT_FLOP: usize = 12 * 20;
/// Operations of the output pass per tile and channel: ten times four sums.
pub(super) const OUTPUT_FLOP: usize = 10 * 16;

/// Bytes of the frequencies of one tile over `channels`.
pub(super) fn tile_bytes(channels: usize) -> usize {
    FREQUENCIES * 16 * groups(channels)
}

/// Into what bands the tiles of a map are cut, and how the frequencies of one lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bands {
    /// C and O.
    channels: [usize; 2],
    /// Blocks of a band.
    blocks: usize,
}

impl Bands {
    /// Those of `channels`, C and O. For a processor as large as its cache holds; for the product in tiles, which is for GPUs,
    /// as large as texels of `texture_side` rows hold: every band reads all weights again, and has to keep all of a GPU busy.
    pub(super) fn new(channels: [usize; 2], is_tiled: bool, texture_side: u32) -> Self {
        let [c_in, c_out] = channels;
        let widest = c_in.max(c_out);
        let held = |rows: usize| (rows / FREQUENCIES).saturating_sub(1) / groups(widest);
        let blocks = if is_tiled {
            held(texture_side as usize)
        } else {
            (BUDGET / (tile_bytes(widest) * BLOCK)).min(held(MOST_ROWS))
        };
        Self {
            channels,
            blocks: blocks.max(1),
        }
    }

    /// Tiles of a band.
    pub(super) fn tiles(self) -> usize {
        self.blocks * BLOCK
    }

    /// Rows of texels of one frequency of the input.
    pub(super) fn v_rows(self) -> usize {
        rows(self.blocks, self.channels[0])
    }

    /// The same for the output's frequencies, where they are texels.
    pub(super) fn m_rows(self) -> usize {
        rows(self.blocks, self.channels[1])
    }

    /// vec4s from one row of the output's frequencies to the next, where they are in a buffer.
    pub(super) fn m_stride(self) -> usize {
        self.tiles() + 8
    }

    /// Columns and rows of the texels that hold the input's frequencies.
    pub(super) fn v_size(self) -> [u32; 2] {
        [ROW as u32, (FREQUENCIES * self.v_rows()) as u32]
    }

    /// The same for the output's frequencies, where they are texels.
    pub(super) fn m_size(self) -> [u32; 2] {
        [ROW as u32, (FREQUENCIES * self.m_rows()) as u32]
    }

    /// Bytes of the output's frequencies.
    pub(super) fn m_bytes(self) -> u64 {
        (FREQUENCIES * 16 * groups(self.channels[1]) * self.m_stride()) as u64
    }

    /// Scratch memory of the three passes on paper, but for the copies of maps.
    pub(super) fn asked(self, as_texels: bool) -> Asked {
        let m = if as_texels {
            asked_texels(M, self.m_size())
        } else {
            (SCRATCH, self.m_bytes())
        };
        let unused = asked_texels(UNUSED, [1, 1]);
        vec![asked_texels(V, self.v_size()), m, unused]
    }

    /// Dispatches that the three passes take onto a map of `output` shape.
    pub(super) fn dispatches(self, output: Shape, limit: u64) -> usize {
        let [c_in, c_out] = self.channels;
        let tiles = output.width.div_ceil(4) * output.height.div_ceil(4);
        let pieces =
            |channels| slices(output.with_channels(channels), limit).map_or(1, |of| of.len());
        tiles.div_ceil(self.tiles()) * (pieces(c_in) + 1 + pieces(c_out))
    }

    /// The three passes on paper, with `weights` values in the transformed filter; `flop` is left to the caller.
    pub(super) fn cost(self, weights: usize, [width, height]: [usize; 2]) -> Cost {
        let [c_in, c_out] = self.channels;
        let tiles = width.div_ceil(4) * height.div_ceil(4);
        let (c, o) = (4 * groups(c_in), 4 * groups(c_out));
        let transforms = (c * INPUT_FLOP + o * OUTPUT_FLOP) * tiles;
        let bands = tiles.div_ceil(self.tiles());
        let of_tile = 3 * tile_bytes(c_in) + 2 * tile_bytes(c_out) + 4 * 16 * o;
        Cost {
            flop: 0,
            real_flop: (transforms + product_flop(c_in, c_out, tiles)) as u64,
            bytes: (tiles * of_tile + bands * 4 * weights) as u64,
        }
    }
}

/// Rows of one frequency, for so many blocks over `channels`.
fn rows(blocks: usize, channels: usize) -> usize {
    (blocks * groups(channels)) | 1
}

/// Operations of the products of `tiles` tiles, over whole groups of channels.
pub(super) fn product_flop(c_in: usize, c_out: usize, tiles: usize) -> usize {
    2 * FREQUENCIES * 16 * groups(c_in) * groups(c_out) * tiles
}
