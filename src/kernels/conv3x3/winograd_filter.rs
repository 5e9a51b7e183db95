//! The filter of [`super::winograd`] in frequencies, transformed once, in f64.

use super::Filter;
use super::winograd::OUT_GROUPS;
use super::winograd_bands::FREQUENCIES;
use crate::kernels::feature_map::groups;

/// U = G·w·Gᵀ of one 3×3 kernel.
pub(super) fn transform(kernel: &[f32]) -> [f32; FREQUENCIES] {
    const ROOT: f64 = std::f64::consts::SQRT_2;
    const G: [[f64; 3]; 6] = [
        [1.0, 0.0, 0.0],
        [-2.0 / 3.0, -ROOT / 3.0, -1.0 / 3.0],
        [-2.0 / 3.0, ROOT / 3.0, -1.0 / 3.0],
        [1.0 / 6.0, ROOT / 6.0, 1.0 / 3.0],
        [1.0 / 6.0, -ROOT / 6.0, 1.0 / 3.0],
        [0.0, 0.0, 1.0],
    ];
    // One row of G·w first, then its products with the rows of G.
    let rows: [[f64; 3]; 6] = G.map(|of_rows| {
        std::array::from_fn(|u| {
            (0..3)
                .map(|v| of_rows[v] * f64::from(kernel[3 * v + u]))
                .sum()
        })
    });
    std::array::from_fn(|k| {
        let sum: f64 = rows[k / 6].iter().zip(G[k % 6]).map(|(a, b)| a * b).sum();
        sum as f32
    })
}

/// U as rows `[36][O/32]` of `[C/4][8][4]` vec4 over four output channels, the last index being the input
/// channel, zero where channels pad a group.
pub(super) fn pack(filter: &Filter) -> Vec<f32> {
    let (o_groups, c_groups) = (groups(filter.c_out), groups(filter.c_in));
    let blocks = o_groups.div_ceil(OUT_GROUPS);
    let frequency_length = blocks * c_groups * OUT_GROUPS * 16;
    let mut packed = vec![0.0; FREQUENCIES * frequency_length];
    for (index, kernel) in filter.weight.chunks_exact(9).enumerate() {
        let (o, c) = (index / filter.c_in, index % filter.c_in);
        let (block, group) = (o / 4 / OUT_GROUPS, o / 4 % OUT_GROUPS);
        let column = (block * c_groups + c / 4) * OUT_GROUPS + group;
        let place = (column * 4 + c % 4) * 4 + o % 4;
        for (frequency, value) in transform(kernel).into_iter().enumerate() {
            packed[frequency * frequency_length + place] = value;
        }
    }
    packed
}

/// Values in what [`pack`] makes.
pub(super) fn packed_len([c_in, c_out]: [usize; 2]) -> usize {
    let blocks = groups(c_out).div_ceil(OUT_GROUPS);
    FREQUENCIES * blocks * groups(c_in) * OUT_GROUPS * 16
}
