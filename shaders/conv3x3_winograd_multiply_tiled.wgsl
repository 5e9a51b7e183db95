// conv3x3_winograd_multiply_tiled — M[k] = U[k] · V[k] as conv3x3_winograd_multiply, with tiles in workgroup memory
//
// Math      m[k, o, t] = Σ_c u[k, o, c] · v[k, c, t]
// Backward  the same three passes on gy with turned, transposed weights
// Layout    v: texels, row = [36][v_step: block of 64 tiles, C/4], column = tile of the block, over four input channels
//           u: [36][O/64][C/16][16][16] vec4 over four output channels, last index = output group, the one before = input channel
//           m: [36][O/4][m_stride] vec4
// Threads   1 workgroup = 64 tiles × 64 output channels of one frequency, 1 thread = 4 tiles × 8 output channels
// Dispatch  (ceil(tiles / 64), ceil(o_groups / 16), 36)
// Bindings  0 params: uniform  1 v: read_texels  2 u: read  3 m: read_write
// Knobs     none; text: ACROSS, TILES, DEEP, STEP
// Cost      72·C·O flop per tile; per thread and 16 input channels: 2 vec4 of v, 2 of u, 48 from workgroup memory, for 512 multiply-adds
// Why       meant for GPUs: the sibling holds 64 vec4 of sums a thread, of which RDNA2 spills hundreds, and needs subgroups. Here
//           128 threads share what they fetch; every step of 16 channels is summed by itself, so the total has only
//           C/16 terms to round. RDNA2 (RADV, Mesa 22.3.6): 104 registers, no spill, 8192 bytes, 8 waves of
//           32 lanes a SIMD, 85 % of the loop's vector instructions multiply and add; RDNA3: 108 registers, no spill, 14 waves
//           u is f32 alone: the transform multiplies by thirds and √2, so f16 would not be exact even where the filter is
// Test      tests/kernels/convolution.rs::conv3x3_winograd_tiled

struct WinogradParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    first_tile: u32,     // first tile of the band
    tiles: u32,          // tiles of the band
    v_step: u32,         // rows of v from one frequency to the next
    m_stride: u32,       // vec4s from one row of m to the next
    c_groups: u32,       // input channel groups in v
    o_groups: u32,       // output channel groups in m
    c_first: u32,        // first input group in this dispatch
    o_first: u32,        // first output group in this dispatch
}

@group(0) @binding(0) var<uniform> params: WinogradParams;
@group(0) @binding(1) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> u: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;

const ACROSS = 16u;    // threads along the tiles
const TILES = 4u;      // tiles per thread, ACROSS apart: neighbouring lanes touch neighbouring vec4s
const DEEP = 8u;       // threads along the output groups; a thread has groups n and n + DEEP
const THREADS = 128u;  // ACROSS · DEEP
const STEP = 4u;       // input channel groups in workgroup memory at a time
const TILE_W = 64u;    // ACROSS · TILES
const OUT_GROUPS = 16u; // 2 · DEEP

var<workgroup> inputs: array<vec4f, STEP * TILE_W>;          // [input group][tile]
var<workgroup> columns: array<vec4f, STEP * 4 * OUT_GROUPS>; // [input channel][output group]

// Loops over this array have literal bounds equal to its length: drivers unroll them.
alias Tile = array<vec4f, TILES>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let i = index % ACROSS;
    let k = index / ACROSS;
    let row = workgroup.z * params.v_step + workgroup.x * params.c_groups;

    var near_sum: Tile;
    var far_sum: Tile;
    let blocks = (params.o_groups + OUT_GROUPS - 1u) / OUT_GROUPS;
    let length = (params.c_groups + STEP - 1u) / STEP * STEP * 4u * OUT_GROUPS;
    let first = (workgroup.z * blocks + workgroup.y) * length;
    var c = 0u;
    for (var at = first; at < first + length; at += STEP * 4u * OUT_GROUPS) {
        for (var n = index; n < STEP * TILE_W; n += THREADS) {
            let group = c + n / TILE_W;
            let input = textureLoad(v, vec2u(n % TILE_W, row + min(group, params.c_groups - 1u)));
            inputs[n] = select(vec4f(), input, group < params.c_groups);
        }
        for (var n = index; n < STEP * 4u * OUT_GROUPS; n += THREADS) { columns[n] = u[at + n]; }
        workgroupBarrier();
        // The 16 products of a step are summed by themselves first, for a smaller rounding error.
        var near_part: Tile;
        var far_part: Tile;
        for (var group = 0u; group < STEP; group++) {
            var input: Tile;
            for (var n = 0u; n < TILES; n++) { input[n] = inputs[group * TILE_W + n * ACROSS + i]; }
            multiply_add(&near_part, &input, group * 4u * OUT_GROUPS + k);
            multiply_add(&far_part, &input, group * 4u * OUT_GROUPS + k + DEEP);
        }
        for (var n = 0u; n < TILES; n++) {
            near_sum[n] += near_part[n];
            far_sum[n] += far_part[n];
        }
        c += STEP;
        workgroupBarrier();
    }
    let group = workgroup.y * OUT_GROUPS + k;
    let tile = workgroup.x * TILE_W + i;
    store(&near_sum, group, workgroup.z, tile);
    store(&far_sum, group + DEEP, workgroup.z, tile);
}

// sum += U[4 output channels, 4 input channels] · input.
fn multiply_add(sum: ptr<function, Tile>, input: ptr<function, Tile>, at: u32) {
    let column0 = columns[at];
    let column1 = columns[at + OUT_GROUPS];
    let column2 = columns[at + 2u * OUT_GROUPS];
    let column3 = columns[at + 3u * OUT_GROUPS];
    for (var n = 0u; n < TILES; n++) {
        let value = (*input)[n];
        var total = fma(vec4f(value.x), column0, (*sum)[n]);
        total = fma(vec4f(value.y), column1, total);
        total = fma(vec4f(value.z), column2, total);
        (*sum)[n] = fma(vec4f(value.w), column3, total);
    }
}

fn store(sum: ptr<function, Tile>, group: u32, frequency: u32, tile: u32) {
    if (group >= params.o_groups) { return; }
    let at = (frequency * params.o_groups + group) * params.m_stride + tile;
    for (var n = 0u; n < TILES; n++) { m[at + n * ACROSS] = (*sum)[n]; }
}
