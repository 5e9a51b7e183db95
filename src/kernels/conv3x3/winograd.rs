//! Winograd's F(4×4, 3×3) in three passes (Lavin & Gray, arXiv 1509.09308): transform the windows of a
//! band of 4×4 tiles, multiply in each of the 36 frequencies, transform back with the epilogue.
//!
//! At the points 0, ±√2/2, ±√2, ∞, whose rounding error is a few times smaller than that of the usual
//! 0, ±1, ±2, ∞ (Barabasz et al., arXiv 1803.10986). The filter is transformed once, in f64.

use super::{DeviceFilter, Filter};
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};
use crate::kernels::feature_map::{FeatureMap, groups};

/// Windows to frequencies.
pub static INPUT: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_input"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};
/// One product of matrices per frequency.
pub static MULTIPLY: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_multiply"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: true,
};
/// Frequencies to tiles, then the epilogue.
pub static OUTPUT: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_output"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (4, Access::Read),
    ],
    needs_subgroups: false,
};

/// Frequencies of a 6×6 window.
const FREQUENCIES: usize = 36;
/// Output channel groups of a thread of [`MULTIPLY`].
const OUT_GROUPS: usize = 8;
/// Tiles of a workgroup of [`MULTIPLY`]: 8 threads of 8 tiles each.
const QUANTUM: usize = 64;
/// Bytes that the frequencies of a band may take, in and out together.
const BUDGET: usize = 16 << 20;
/// Tiles by which rows lie further apart than the band: rows at powers of two share cache sets.
const ROW_GAP: usize = 8;

/// Same order as `WinogradParams` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    first_tile: u32,
    tiles: u32,
    stride: u32,
    c_groups: u32,
    o_groups: u32,
    flags: u32,
    padding: [u32; 2],
}

/// Tiles of a band: as many as the budget holds, in whole workgroups.
fn band(c_in: usize, c_out: usize) -> usize {
    let per_tile = FREQUENCIES * 16 * (groups(c_in) + groups(c_out));
    (BUDGET / per_tile / QUANTUM * QUANTUM).max(QUANTUM)
}

/// Bytes of the frequencies of a band over `channels`, for a filter from `c_in` to `c_out` channels.
pub(super) fn workspace_bytes(channels: usize, [c_in, c_out]: [usize; 2]) -> u64 {
    (FREQUENCIES * 16 * groups(channels) * (band(c_in, c_out) + ROW_GAP)) as u64
}

/// U = G·w·Gᵀ as `[36][O/32][C/4][8][4]` vec4 over four output channels, the last index being the input
/// channel, zero where channels pad a group.
pub(super) fn pack(filter: &Filter) -> Vec<f32> {
    const ROOT: f64 = std::f64::consts::SQRT_2;
    const G: [[f64; 3]; 6] = [
        [1.0, 0.0, 0.0],
        [-2.0 / 3.0, -ROOT / 3.0, -1.0 / 3.0],
        [-2.0 / 3.0, ROOT / 3.0, -1.0 / 3.0],
        [1.0 / 6.0, ROOT / 6.0, 1.0 / 3.0],
        [1.0 / 6.0, -ROOT / 6.0, 1.0 / 3.0],
        [0.0, 0.0, 1.0],
    ];
    let (o_groups, c_groups) = (groups(filter.c_out), groups(filter.c_in));
    let blocks = o_groups.div_ceil(OUT_GROUPS);
    let frequency_length = blocks * c_groups * OUT_GROUPS * 16;
    let mut packed = vec![0.0; FREQUENCIES * frequency_length];
    for (index, kernel) in filter.weight.chunks_exact(9).enumerate() {
        let (o, c) = (index / filter.c_in, index % filter.c_in);
        let (block, group) = (o / 4 / OUT_GROUPS, o / 4 % OUT_GROUPS);
        let column = (block * c_groups + c / 4) * OUT_GROUPS + group;
        let place = (column * 4 + c % 4) * 4 + o % 4;
        for (j, of_rows) in G.iter().enumerate() {
            // One row of G·w first, then its products with the rows of G.
            let row: [f64; 3] = std::array::from_fn(|u| {
                (0..3)
                    .map(|v| of_rows[v] * f64::from(kernel[3 * v + u]))
                    .sum()
            });
            for (i, of_columns) in G.iter().enumerate() {
                let sum: f64 = row.iter().zip(of_columns).map(|(a, b)| a * b).sum();
                packed[(6 * j + i) * frequency_length + place] = sum as f32;
            }
        }
    }
    packed
}

/// Records the three passes for every band of tiles; x and y each fit one binding.
pub(super) fn record(
    recorder: &mut Recorder,
    filter: &DeviceFilter,
    [v, m]: [&wgpu::Buffer; 2],
    x: &FeatureMap,
    y: &FeatureMap,
    mask: Option<&FeatureMap>,
    flags: u32,
) {
    let all_tiles = y.shape.width.div_ceil(4) * y.shape.height.div_ceil(4);
    let band = band(filter.c_in, filter.c_out).min(all_tiles.next_multiple_of(QUANTUM));
    let (c_groups, o_groups) = (groups(filter.c_in), groups(filter.c_out));
    // By the definition of the convolution, shared out over the bands by their tiles.
    let flop = (18 * filter.c_in * filter.c_out * y.shape.pixels()) as u64;
    for first in (0..all_tiles).step_by(band) {
        let tiles = band.min(all_tiles - first);
        let share = |end: usize| flop * end as u64 / all_tiles as u64;
        let params = Params {
            width: y.shape.width as u32,
            height: y.shape.height as u32,
            x_plane: x.plane(),
            y_plane: y.plane(),
            first_tile: first as u32,
            tiles: tiles as u32,
            stride: (band + ROW_GAP) as u32,
            c_groups: c_groups as u32,
            o_groups: o_groups as u32,
            flags,
            padding: [0; 2],
        };
        let eights = tiles.div_ceil(8) as u32;
        let frequency_bytes = |groups: usize| (FREQUENCIES * 16 * groups * (band + ROW_GAP)) as u64;
        let v = BufferView::first(v, frequency_bytes(c_groups));
        let m = BufferView::first(m, frequency_bytes(o_groups));
        let bias = BufferView::whole(&filter.bias);
        let mut push = |kernel, workgroups, flop, bytes, buffers| {
            recorder.push(Command {
                kernel,
                knobs: vec![("WORKGROUP", 8)],
                uniform: bytemuck::bytes_of(&params).to_vec(),
                buffers,
                workgroups,
                flop,
                bytes,
            });
        };
        let (v_bytes, m_bytes) = (v.size, m.size);
        push(
            &INPUT,
            [eights, c_groups as u32, 1],
            0,
            2 * v_bytes,
            vec![x.whole(), v.clone()],
        );
        push(
            &MULTIPLY,
            [
                tiles.div_ceil(QUANTUM) as u32,
                o_groups.div_ceil(OUT_GROUPS) as u32,
                FREQUENCIES as u32,
            ],
            share(first + tiles) - share(first),
            v_bytes + m_bytes + filter.weights.size(),
            vec![v, BufferView::whole(&filter.weights), m.clone()],
        );
        let mask = mask.map_or_else(|| bias.clone(), FeatureMap::whole);
        push(
            &OUTPUT,
            [eights, o_groups as u32, 1],
            0,
            2 * m_bytes,
            vec![m, bias, y.whole(), mask],
        );
    }
}
