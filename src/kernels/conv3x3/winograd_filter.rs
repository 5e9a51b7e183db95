//! The filter of [`super::winograd`] in frequencies, transformed once, in f64.

use super::Filter;
use super::winograd::OUT_GROUPS;
use super::winograd_bands::FREQUENCIES;
use crate::gpu::{Gpu, GpuError, Profile, Texels};
use crate::kernels::feature_map::groups;

/// One value for each of four output channels.
type Four = [f64; 4];

/// U = G·w·Gᵀ of the kernels of four output channels, w\[3·v + u\] holding the weights at row v and column u of each.
///
/// The rows of G are (1, 0, 0), −(2, ±√2, 1)/3, (1, ±√2, 2)/6 and (0, 0, 1): all are sums and differences of an even and an
/// odd part. 2.9 million kernels of VGG-19 are transformed before its first step, in both directions.
pub(super) fn transform(w: &[Four; 9]) -> [Four; FREQUENCIES] {
    let mut columns = [[[0.0; 4]; 6]; 3];
    for (u, column) in columns.iter_mut().enumerate() {
        *column = to_frequencies([w[u], w[3 + u], w[6 + u]]);
    }
    let mut transformed = [[0.0; 4]; FREQUENCIES];
    for (i, row) in transformed.chunks_exact_mut(6).enumerate() {
        row.copy_from_slice(&to_frequencies(columns.map(|column| column[i])));
    }
    transformed
}

/// G times a column of three.
fn to_frequencies(g: [Four; 3]) -> [Four; 6] {
    const ROOT: f64 = std::f64::consts::SQRT_2;
    let mut frequencies = [[0.0; 4]; 6];
    for lane in 0..4 {
        let [first, middle, last] = g.map(|four| four[lane]);
        let (even_near, odd_near) = (-2.0 / 3.0 * first - 1.0 / 3.0 * last, ROOT / 3.0 * middle);
        let (even_far, odd_far) = (1.0 / 6.0 * first + 1.0 / 3.0 * last, ROOT / 6.0 * middle);
        frequencies[0][lane] = first;
        frequencies[1][lane] = even_near - odd_near;
        frequencies[2][lane] = even_near + odd_near;
        frequencies[3][lane] = even_far + odd_far;
        frequencies[4][lane] = even_far - odd_far;
        frequencies[5][lane] = last;
    }
    frequencies
}

/// The kernels from input channel c to four output channels from `o` on, zero past the last.
pub(super) fn kernels_of_four(filter: &Filter, o: usize, c: usize) -> [Four; 9] {
    let mut kernels = [[0.0; 4]; 9];
    for (lane, o) in (o..filter.c_out.min(o + 4)).enumerate() {
        let kernel = &filter.weight[9 * (o * filter.c_in + c)..][..9];
        for (four, &weight) in kernels.iter_mut().zip(kernel) {
            four[lane] = f64::from(weight);
        }
    }
    kernels
}

/// Blocks of output channels that are [`pack`]ed one by one.
fn blocks(c_out: usize) -> usize {
    groups(c_out).div_ceil(OUT_GROUPS)
}

/// The output channels of a block, as 36 rows of `[C/4][8][4]` vec4 over four of them, the last index being the input
/// channel; zero where channels pad a group. `rows` holds zeros or another block of this filter.
fn pack(filter: &Filter, block: usize, rows: &mut [f32]) {
    let row_length = rows.len() / FREQUENCIES;
    let first = block * OUT_GROUPS;
    for group in 0..OUT_GROUPS {
        for c in 0..filter.c_in {
            let o = 4 * (first + group);
            let of_four = transform(&kernels_of_four(filter, o, c));
            let place = 16 * (c / 4 * OUT_GROUPS + group) + 4 * (c % 4);
            for (row, four) in rows.chunks_exact_mut(row_length).zip(of_four) {
                row[place..place + 4].copy_from_slice(&four.map(|value| value as f32));
            }
        }
    }
}

/// Values in all blocks together.
pub(super) fn packed_len([c_in, c_out]: [usize; 2]) -> usize {
    FREQUENCIES * blocks(c_out) * groups(c_in) * OUT_GROUPS * 16
}

/// Whether the transformed filter can be a texture.
pub(super) fn fits_texels(adapter: &Profile, filter: &Filter) -> bool {
    let rows = FREQUENCIES * blocks(filter.c_out);
    adapter.fits_texels(texel_columns(filter), rows as u32)
}

/// Columns of the transformed filter as texels.
fn texel_columns(filter: &Filter) -> u32 {
    (4 * OUT_GROUPS * groups(filter.c_in)) as u32
}

/// Transforms `filter` and uploads it as [`super::winograd::MULTIPLY`] reads it.
///
/// # Errors
/// No room for it.
pub(super) fn upload_texels(gpu: &Gpu, label: &str, filter: &Filter) -> Result<Texels, GpuError> {
    let blocks = blocks(filter.c_out);
    let size = [texel_columns(filter), FREQUENCIES as u32];
    gpu.texels_in_blocks(label, size, blocks, |block, rows| {
        pack(filter, block, rows);
    })
}
