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
/// Bytes that the frequencies of a band may take on either side of the product, at least one block.
const BUDGET: usize = 2 << 20;
/// Name of the scratch buffer that all convolutions in frequencies share.
pub const SCRATCH: &str = "winograd frequencies";
/// Name of the scratch texels that hold the input's frequencies.
pub const V: &str = "winograd frequencies of the input";
/// Name of those that hold the product, where that is not in [`SCRATCH`].
pub const M: &str = "winograd frequencies of the output";
/// Rows of texels that every adapter has.
const MOST_ROWS: usize = 8192;
/// Operations of the input pass per tile and channel: twelve times six sums, as the shader has them.
pub(super) const INPUT_FLOP: usize = 12 * 20;
/// Operations of the output pass per tile and channel: ten times four sums.
pub(super) const OUTPUT_FLOP: usize = 10 * 16;

/// Bytes of the frequencies of one tile over `channels`.
pub(super) fn tile_bytes(channels: usize) -> usize {
    FREQUENCIES * 16 * groups(channels)
}

/// Bytes of the frequencies of one block over `channels`.
fn block_bytes(channels: usize) -> usize {
    tile_bytes(channels) * BLOCK
}

/// Rows of one frequency of the input, for so many blocks over `channels`.
pub(super) fn rows(blocks: usize, channels: usize) -> usize {
    (blocks * groups(channels)) | 1
}

/// vec4s from one row of the output's frequencies to the next.
pub(super) fn m_stride(c_in: usize, c_out: usize) -> usize {
    band(c_in, c_out) * BLOCK + 8
}

/// Blocks of a band: as many as the budget and the texels hold.
pub(super) fn band(c_in: usize, c_out: usize) -> usize {
    let widest = c_in.max(c_out);
    let most = (MOST_ROWS / FREQUENCIES - 1) / groups(widest);
    (BUDGET / block_bytes(widest)).min(most).max(1)
}

/// Columns and rows of the texels that hold the input's frequencies.
pub(super) fn v_size([c_in, c_out]: [usize; 2]) -> [u32; 2] {
    let rows = FREQUENCIES * rows(band(c_in, c_out), c_in);
    [ROW as u32, rows as u32]
}

/// The same for the output's frequencies, where they are texels.
pub(super) fn m_size([c_in, c_out]: [usize; 2]) -> [u32; 2] {
    let rows = FREQUENCIES * rows(band(c_in, c_out), c_out);
    [ROW as u32, rows as u32]
}

/// Bytes of the output's frequencies.
pub(super) fn m_bytes([c_in, c_out]: [usize; 2]) -> u64 {
    (FREQUENCIES * 16 * groups(c_out) * m_stride(c_in, c_out)) as u64
}

/// Scratch memory of the three passes on paper, but for the copies of maps.
pub(super) fn asked(channels: [usize; 2], as_texels: bool) -> Asked {
    let m = if as_texels {
        asked_texels(M, m_size(channels))
    } else {
        (SCRATCH, m_bytes(channels))
    };
    let unused = asked_texels(UNUSED, [1, 1]);
    vec![asked_texels(V, v_size(channels)), m, unused]
}

/// Dispatches that the three passes take onto a map of `output` shape.
pub(super) fn dispatches([c_in, c_out]: [usize; 2], output: Shape, limit: u64) -> usize {
    let tiles = output.width.div_ceil(4) * output.height.div_ceil(4);
    let bands = tiles.div_ceil(BLOCK * band(c_in, c_out));
    let pieces = |channels| slices(output.with_channels(channels), limit).map_or(1, |of| of.len());
    bands * (pieces(c_in) + 1 + pieces(c_out))
}

/// Operations of the products of `tiles` tiles, over whole groups of channels.
pub(super) fn product_flop(c_in: usize, c_out: usize, tiles: usize) -> usize {
    2 * FREQUENCIES * 16 * groups(c_in) * groups(c_out) * tiles
}

/// The three passes on paper, with `weights` values in the transformed filter; `flop` is left to the caller.
pub(super) fn cost(weights: usize, [c_in, c_out]: [usize; 2], [width, height]: [usize; 2]) -> Cost {
    let tiles = width.div_ceil(4) * height.div_ceil(4);
    let (c, o) = (4 * groups(c_in), 4 * groups(c_out));
    let transforms = (c * INPUT_FLOP + o * OUTPUT_FLOP) * tiles;
    let bands = tiles.div_ceil(band(c_in, c_out) * BLOCK);
    let of_tile = 3 * tile_bytes(c_in) + 2 * tile_bytes(c_out) + 4 * 16 * o;
    Cost {
        flop: 0,
        real_flop: (transforms + product_flop(c_in, c_out, tiles)) as u64,
        bytes: (tiles * of_tile + bands * 4 * weights) as u64,
    }
}
