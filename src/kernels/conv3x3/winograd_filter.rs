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
    // One row of G·w first, then its products with the rows of G. Plain loops: 3.5 million kernels of a network
    // are transformed before its first step.
    let mut transformed = [0.0; FREQUENCIES];
    for i in 0..6 {
        let mut row = [0.0; 3];
        for (u, sum) in row.iter_mut().enumerate() {
            for v in 0..3 {
                *sum += G[i][v] * f64::from(kernel[3 * v + u]);
            }
        }
        for (j, of_columns) in G.iter().enumerate() {
            let sum = row[0] * of_columns[0] + row[1] * of_columns[1] + row[2] * of_columns[2];
            transformed[6 * i + j] = sum as f32;
        }
    }
    transformed
}

/// U as rows `[36][O/32]` of `[C/4][8][4]` vec4 over four output channels, the last index being the input
/// channel, zero where channels pad a group.
pub(super) fn pack(filter: &Filter) -> Vec<f32> {
    let (o_groups, c_groups) = (groups(filter.c_out), groups(filter.c_in));
    let blocks = o_groups.div_ceil(OUT_GROUPS);
    let frequency_length = blocks * c_groups * OUT_GROUPS * 16;
    let mut packed = vec![0.0; FREQUENCIES * frequency_length];
    for o_group in 0..o_groups {
        let (block, group) = (o_group / OUT_GROUPS, o_group % OUT_GROUPS);
        for c_group in 0..c_groups {
            let column = (block * c_groups + c_group) * OUT_GROUPS + group;
            // The four by four kernels of two groups lie side by side in every frequency, so that cache lines are
            // written whole: the frequencies are far apart.
            let of_groups = transform_groups(filter, o_group, c_group);
            for (frequency, values) in of_groups.iter().enumerate() {
                let place = frequency * frequency_length + 16 * column;
                packed[place..place + 16].copy_from_slice(values);
            }
        }
    }
    packed
}

/// `[36][4][4]` of a group of input channels and, innermost, one of output channels.
fn transform_groups(filter: &Filter, o_group: usize, c_group: usize) -> [[f32; 16]; FREQUENCIES] {
    let mut of_groups = [[0.0; 16]; FREQUENCIES];
    for o in 4 * o_group..filter.c_out.min(4 * o_group + 4) {
        for c in 4 * c_group..filter.c_in.min(4 * c_group + 4) {
            let kernel = &filter.weight[9 * (o * filter.c_in + c)..][..9];
            for (values, value) in of_groups.iter_mut().zip(transform(kernel)) {
                values[4 * (c % 4) + o % 4] = value;
            }
        }
    }
    of_groups
}

/// Values in what [`pack`] makes.
pub(super) fn packed_len([c_in, c_out]: [usize; 2]) -> usize {
    let blocks = groups(c_out).div_ceil(OUT_GROUPS);
    FREQUENCIES * blocks * groups(c_in) * OUT_GROUPS * 16
}
