//! How the sums of a Gram matrix are shared out over workgroups.

use super::{BROADCAST, PARTIAL, TILED, matrix_bytes};
use crate::gpu::{Gpu, Kernel};
use crate::kernels::feature_map::GroupSlice;
use crate::shape::Shape;

/// Pixels of a chunk at most: Mesa's llvmpipe ends the loops of a thread after 65 535 turns, and a sum of 58 000 values was off by
/// 1.2e-5, of half of that by less than 1e-5.
const LONGEST_CHUNK: usize = 32_768;
/// Bytes of partial sums up to which [`Tiling::Workgroups`] cuts pixels into more chunks than the others: a GPU has thousands of
/// threads to keep busy, and a map of few channels has few tiles.
const BUDGET: usize = 8 << 20;
/// Channel groups of the rows of a tile of [`BROADCAST`] above the diagonal.
const BROADCAST_ROWS: usize = 8;

/// How the sums are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// [`PARTIAL`]: a large tile in the registers of each thread, which has pixels of its own.
    Threads,
    /// [`BROADCAST`]: a larger tile over the lanes of a subgroup, which share their pixels.
    Lanes,
    /// [`TILED`]: a tile for a whole workgroup, in the memory that it shares.
    Workgroups,
}

impl Tiling {
    /// All, from plain to special.
    pub const ALL: [Self; 3] = [Self::Threads, Self::Lanes, Self::Workgroups];

    /// The shipped rule.
    pub fn choose(gpu: &Gpu) -> Self {
        Self::fastest(gpu.adapter().is_software(), gpu.can_run(&BROADCAST))
    }

    pub(in crate::kernels) fn fastest(software: bool, broadcasts: bool) -> Self {
        // A barrier costs a software adapter more than it wins; a real GPU spills the large tiles.
        match (software, broadcasts) {
            (true, true) => Self::Lanes,
            (true, false) => Self::Threads,
            (false, _) => Self::Workgroups,
        }
    }

    /// Whether the adapter can run it.
    pub fn is_supported(self, gpu: &Gpu) -> bool {
        gpu.can_run(self.kernel())
    }

    /// Its first pass.
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Self::Threads => &PARTIAL,
            Self::Lanes => &BROADCAST,
            Self::Workgroups => &TILED,
        }
    }

    /// Channel groups along each side of a tile.
    pub(super) fn groups(self) -> usize {
        match self {
            Self::Threads => 4,
            Self::Lanes | Self::Workgroups => 16,
        }
    }

    /// The dispatches that fill the part of the matrix where two slices of the channels meet.
    pub(super) fn parts(self, i_slice: GroupSlice, j_slice: GroupSlice) -> &'static [Part] {
        match self {
            Self::Lanes if i_slice != j_slice => &[Part::Above],
            Self::Lanes if j_slice.count <= self.groups() => &[Part::Diagonal],
            Self::Lanes => &[Part::Above, Part::Diagonal],
            Self::Threads | Self::Workgroups => &[Part::Upper],
        }
    }

    /// Chunks of pixels.
    pub(super) fn chunks(self, shape: Shape) -> usize {
        match self {
            // Each stores a whole tile, which costs as much as hundreds of pixels.
            Self::Lanes => shape.pixels().div_ceil(512).min(chunks(shape)),
            Self::Threads => chunks(shape),
            Self::Workgroups => {
                let held = BUDGET / matrix_bytes(shape).max(1) as usize;
                shape.pixels().div_ceil(256).min(held).max(chunks(shape))
            }
        }
    }

    /// How many chunks of pixels one workgroup sums.
    pub(super) fn chunks_per_workgroup(self, chunks: usize, widest: u32) -> usize {
        match self {
            Self::Threads => workgroup(chunks, widest),
            Self::Lanes | Self::Workgroups => 1,
        }
    }

    /// Multiply-adds per pixel that it really does for a part of the matrix: those of whole tiles, of which one on the diagonal
    /// computes both halves or, with [`BROADCAST`], three quarters.
    pub(super) fn real_products(self, part: Part, i_slice: GroupSlice, j_slice: GroupSlice) -> u64 {
        let columns = self.groups();
        let rows = match part {
            Part::Above => BROADCAST_ROWS,
            Part::Upper | Part::Diagonal => columns,
        };
        let of_tile = (16 * rows * columns) as u64;
        if part == Part::Diagonal {
            return j_slice.count.div_ceil(columns) as u64 * of_tile / 4 * 3;
        }
        // As the shaders have it.
        let is_computed = |i: usize, j: usize| {
            let (i, j) = (i_slice.first + i / columns * columns, j_slice.first + j);
            j > i || (j == i && part == Part::Upper)
        };
        let beside = |i: usize| {
            let across = (0..j_slice.count).step_by(columns);
            across.filter(|&j| is_computed(i, j)).count() as u64
        };
        (0..i_slice.count).step_by(rows).map(beside).sum::<u64>() * of_tile
    }

    /// Multiply-adds per pixel that fill its part of the matrix, each pair of channels once.
    pub(super) fn products(self, part: Part, i_slice: GroupSlice, j_slice: GroupSlice) -> u64 {
        let (i, j) = (4 * i_slice.count as u64, 4 * j_slice.count as u64);
        let triangle = |rows: u64| rows * (rows + 1) / 2;
        let side = 4 * self.groups() as u64;
        let on_diagonal = i / side * triangle(side) + triangle(i % side);
        match part {
            Part::Diagonal => on_diagonal,
            _ if i_slice != j_slice => i * j,
            Part::Above => triangle(i) - on_diagonal,
            Part::Upper => triangle(i),
        }
    }

    /// Workgroups of a dispatch. [`BROADCAST`] takes all tiles of a chunk before the next, which lies in the cache meanwhile.
    pub(super) fn workgroups(
        self,
        part: Part,
        i_slice: GroupSlice,
        j_slice: GroupSlice,
        chunks: usize,
    ) -> [u32; 3] {
        let columns = j_slice.count.div_ceil(self.groups()) as u32;
        let rows = match part {
            Part::Upper => i_slice.count.div_ceil(self.groups()) as u32,
            Part::Above => i_slice.count.div_ceil(BROADCAST_ROWS) as u32,
            Part::Diagonal => 1,
        };
        match self {
            Self::Lanes => [rows, columns, chunks as u32],
            Self::Threads | Self::Workgroups => [chunks as u32, rows, columns],
        }
    }
}

/// Which tiles a dispatch computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All on and above the diagonal.
    Upper,
    /// Those above it.
    Above,
    /// Those on it, of which a part is the mirror image of another.
    Diagonal,
}

/// Into how many chunks the pixels are split, each with partial sums of its own. More of them keep
/// more threads busy and cost more sums: past 32 the reduction begins to show on software adapters, and
/// so it does where a chunk has fewer than 128 pixels. None is longer than [`LONGEST_CHUNK`].
pub(super) fn chunks(shape: Shape) -> usize {
    let most = if shape.channels <= 128 { 64 } else { 32 };
    let pixels = shape.pixels();
    let wanted = pixels.div_ceil(128).next_multiple_of(8).min(most);
    wanted.max(pixels.div_ceil(LONGEST_CHUNK).next_multiple_of(8))
}

/// Threads of a workgroup of [`PARTIAL`], a divisor of `chunks`.
fn workgroup(chunks: usize, widest: u32) -> usize {
    [64, 32, 16]
        .into_iter()
        .find(|&size| chunks.is_multiple_of(size) && size <= widest as usize)
        .unwrap_or(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_really_computed_is_what_the_headers_say() {
        let of = |tiling: Tiling, channels: u64| -> u64 {
            let whole = GroupSlice {
                first: 0,
                count: channels as usize / 4,
            };
            let parts = tiling.parts(whole, whole).iter();
            parts
                .map(|&part| tiling.real_products(part, whole, whole))
                .sum()
        };
        for c in [64, 128, 512] {
            assert_eq!(2 * of(Tiling::Threads, c), c * (c + 16));
            assert_eq!(2 * of(Tiling::Workgroups, c), c * (c + 64));
            // Above the diagonal all, on it three quarters.
            assert_eq!(2 * of(Tiling::Lanes, c), c * (c - 64) + 96 * c);
        }
    }

    #[test]
    fn a_map_of_few_channels_keeps_a_gpu_busy() {
        let chunks = |channels, side| Tiling::Workgroups.chunks(Shape::new(channels, side, side));
        assert_eq!(chunks(64, 512), 512);
        assert_eq!(chunks(64, 256), 256);
        assert_eq!(chunks(512, 64), 32);
        let shape = Shape::new(64, 512, 512);
        for tiling in Tiling::ALL {
            let bytes = matrix_bytes(shape) * tiling.chunks(shape) as u64;
            assert!(bytes <= super::super::workspace_bytes(shape));
        }
    }
}
