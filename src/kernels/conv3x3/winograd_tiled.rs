//! The product of [`super::winograd`] for real GPUs: tiles in workgroup memory, no subgroups. Both
//! transforms are the same.

use super::Filter;
use super::winograd::Params;
use super::winograd_bands::FREQUENCIES;
use super::winograd_filter;
use crate::gpu::{Access, Kernel};
use crate::kernels::feature_map::groups;

/// One product of matrices per frequency.
pub static MULTIPLY_TILED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_multiply_tiled"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::ReadTexels),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Tiles of a workgroup; bands are multiples of it.
const TILE_W: u32 = 64;
/// Output channel groups of a workgroup.
const OUT_GROUPS: usize = 16;
/// Input channels in workgroup memory at a time.
const STEP: usize = 16;

/// U = G·w·Gᵀ as `[36][O/64][C/16][16][16]` vec4 over four output channels, the last index being the output
/// group, the one before the input channel, zero where channels pad a workgroup's share.
pub(super) fn pack(filter: &Filter) -> Vec<f32> {
    let blocks = groups(filter.c_out).div_ceil(OUT_GROUPS);
    let steps = filter.c_in.div_ceil(STEP);
    let frequency_length = blocks * steps * STEP * OUT_GROUPS * 4;
    let mut packed = vec![0.0; FREQUENCIES * frequency_length];
    for o_group in 0..groups(filter.c_out) {
        let (block, group) = (o_group / OUT_GROUPS, o_group % OUT_GROUPS);
        for c in 0..filter.c_in {
            // STEP input channels after the other make up all of them: [C/16][16] is [C], rounded up.
            let place = 4 * ((block * steps * STEP + c) * OUT_GROUPS + group);
            let kernels = winograd_filter::kernels_of_four(filter, 4 * o_group, c);
            let of_four = winograd_filter::transform(&kernels);
            for (frequency, four) in packed.chunks_exact_mut(frequency_length).zip(of_four) {
                frequency[place..place + 4].copy_from_slice(&four.map(|value| value as f32));
            }
        }
    }
    packed
}

/// Values in what [`pack`] makes.
pub(super) fn packed_len([c_in, c_out]: [usize; 2]) -> usize {
    let blocks = groups(c_out).div_ceil(OUT_GROUPS);
    FREQUENCIES * blocks * c_in.div_ceil(STEP) * STEP * OUT_GROUPS * 4
}

/// Workgroups for one band of tiles.
pub(super) fn workgroups(params: &Params) -> [u32; 3] {
    [
        params.tiles.div_ceil(TILE_W),
        params.o_groups.div_ceil(OUT_GROUPS as u32),
        FREQUENCIES as u32,
    ]
}
