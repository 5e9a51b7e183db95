// conv3x3_winograd_output — y = relu?(Aᵀ M A + b) for a band of 4x4 tiles; last of three passes
//
// Math      F(4x4, 3x3) of Lavin & Gray (2016) at the points 0, ±√2/2, ±√2, ∞: the tile y[o, t] = Aᵀ m[·, o, t] A
// Backward  the same three passes on gy with turned, transposed weights, flags ACCUMULATE and MASK as needed
// Pooling   `pooled` ends in the 2x2 maximum of relu(conv(x) + b), y: [O/4][H/2 · W/2]. Instead of the map before it, which nobody else
//           reads, it leaves the switches (Zeiler & Fergus 2014) of every tile: bit 4 · pixel + channel is on where a pixel is the
//           first maximum of its window in the order of rows and positive, so that the gradient passes
// Layout    m: [36][O/4][m_stride] vec4   y, mask: [O/4][y_plane] vec4   switches: [O/4][tiles, whole 32] vec2u
// Threads   1 thread = one tile of one channel group
// Dispatch  (ceil(tiles / WORKGROUP), groups in y, 1)
// Bindings  0 params: uniform  1 m: read  2 bias: read  3 y: read_write  4 mask: read  5 switches: read_write
//           6 m_texels: read_texels  7 mask_texels: read_texels
// Knobs     override WORKGROUP, FLAGS (what the epilogue does), TEXELS (m is texels, mask is copied into some)
// Cost      36 vec4 loads and 16 vec4 stores per tile and group
// Why       all of the epilogue happens here, in the order of conv3x3_direct, with its flags as a constant: 12 % faster on Mesa llvmpipe
//           than with a uniform. All output passes of a VGG-19 step at 256² take 68 ms where the products take 280. The bias
//           is read once: next to each store it was read again, half of this pass on Zen 3 (5.9 ms of 64→64 at 128², now 2.9). m keeps its
//           pitch: with rows an odd number of cache lines apart, as v has them, this pass was 50 % slower
// Test      tests/kernels/convolution.rs::conv3x3_winograd, conv3x3_pooled

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

const ADD_BIAS = 1u;
const ACCUMULATE = 2u;
const RELU = 4u;
const MASK = 8u;

@group(0) @binding(0) var<uniform> params: WinogradParams;
@group(0) @binding(1) var<storage, read> m: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read> mask: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> switches: array<vec2u>;
@group(0) @binding(6) var m_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var mask_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override TEXELS: bool = false;
override FLAGS: u32 = 0u;

const COLUMNS = 1024u; // texels of a map in a row
const BLOCK = 64u; // tiles whose frequencies lie side by side

alias Line = array<vec4f, 6>;
alias Row = array<vec4f, 4>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    if (id.x >= params.tiles) { return; }
    let tile = params.first_tile + id.x;
    let tiles_across = (params.width + 3u) / 4u;
    let left = tile % tiles_across * 4u;
    let top = tile / tiles_across * 4u;
    let shift = shift_of(workgroup.y);
    var rows = half_back(id.x, workgroup.y);
    for (var i = 0u; i < 4u; i++) {
        let column = column_back(&rows, i);
        for (var j = 0u; j < 4u; j++) {
            let inside = left + i < params.width && top + j < params.height;
            put(workgroup.y, (top + j) * params.width + left + i, inside, column[j] + shift);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn pooled(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    if (id.x >= params.tiles) { return; }
    let tile = params.first_tile + id.x;
    let tiles_across = (params.width + 3u) / 4u;
    let tiles_down = (params.height + 3u) / 4u;
    let size = vec2u(params.width, params.height) / 2u;
    let left = tile % tiles_across * 2u;
    let top = tile / tiles_across * 2u;
    let shift = bias[params.o_first + workgroup.y];
    var rows = half_back(id.x, workgroup.y);
    var upper = vec4u(); // switches of the upper two windows, a component a channel
    var lower = vec4u();
    for (var i = 0u; i < 2u; i++) {
        let one = column_back(&rows, 2u * i);
        let two = column_back(&rows, 2u * i + 1u);
        for (var j = 0u; j < 2u; j++) {
            let window = Row(one[2u * j], two[2u * j], one[2u * j + 1u], two[2u * j + 1u]);
            let inside = left + i < size.x && top + j < size.y;
            let winners = put_maximum(workgroup.y, (top + j) * size.x + left + i, inside, window, shift);
            if (j == 0u) { upper |= winners << vec4u(8u * i); } else { lower |= winners << vec4u(8u * i); }
        }
    }
    let switch_plane = (tiles_across * tiles_down + 31u) / 32u * 32u;
    switches[workgroup.y * switch_plane + tile] = vec2u(bits_of(upper), bits_of(lower));
}

// m A, one row of frequencies after the other.
fn half_back(tile: u32, group: u32) -> array<Row, 6> {
    var rows: array<Row, 6>;
    for (var j = 0u; j < 6u; j++) {
        var line: Line;
        for (var i = 0u; i < 6u; i++) { line[i] = frequency(6u * j + i, params.o_first + group, tile); }
        rows[j] = transform(line);
    }
    return rows;
}

fn frequency(k: u32, group: u32, tile: u32) -> vec4f {
    if (TEXELS) {
        return textureLoad(m_texels, vec2u(tile % BLOCK, k * params.m_stride + tile / BLOCK * params.o_groups + group));
    }
    return m[(k * params.o_groups + group) * params.m_stride + tile];
}

fn is_open(at: u32) -> vec4<bool> {
    if (TEXELS) { return textureLoad(mask_texels, vec2u(at % COLUMNS, at / COLUMNS)) > vec4f(); }
    return mask[at] > vec4f();
}

// A column of Aᵀ m A.
fn column_back(rows: ptr<function, array<Row, 6>>, i: u32) -> Row {
    var line: Line;
    for (var j = 0u; j < 6u; j++) { line[j] = (*rows)[j][i]; }
    return transform(line);
}

// Aᵀ times a column of six: row n holds the n-th powers of the points.
fn transform(m: Line) -> Row {
    const ROOT = 1.4142135623730951;
    let even_near = m[1] + m[2];
    let odd_near = m[1] - m[2];
    let even_far = m[3] + m[4];
    let odd_far = m[3] - m[4];
    return Row(
        m[0] + even_near + even_far,
        0.5 * ROOT * odd_near + ROOT * odd_far,
        0.5 * even_near + 2.0 * even_far,
        0.25 * ROOT * odd_near + 2.0 * ROOT * odd_far + m[5],
    );
}

// What the epilogue adds first. Read once: next to each store, before which it might have changed, it was read again.
fn shift_of(group: u32) -> vec4f {
    if ((FLAGS & ADD_BIAS) != 0u) { return bias[params.o_first + group]; }
    return vec4f();
}

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order.
// FLAGS is a constant, so what is not wanted costs nothing: branches around 16 pixels were a quarter of this pass.
fn put(group: u32, pixel: u32, inside: bool, sum: vec4f) {
    // Pixels outside read the first one, since release pipelines check no bounds.
    let at = select(0u, group * params.y_plane + pixel, inside);
    var value = sum;
    if ((FLAGS & ACCUMULATE) != 0u) { value += y[at]; }
    if ((FLAGS & RELU) != 0u) { value = max(value, vec4f()); }
    if ((FLAGS & MASK) != 0u) { value = select(vec4f(), value, is_open(at)); }
    if (inside) { y[at] = value; }
}

// Stores the maximum of a window after bias and ReLU. Returns which of the four it is, by the bits 0, 4, 16 and 20 of each
// channel: the first in the order of rows, as in maxpool2, and none where the ReLU has clipped all.
fn put_maximum(group: u32, pixel: u32, inside: bool, window: Row, shift: vec4f) -> vec4u {
    let a = window[0] + shift;
    let b = window[1] + shift;
    let c = window[2] + shift;
    let d = window[3] + shift;
    let top = max(max(a, b), max(c, d));
    if (inside) { y[group * params.y_plane + pixel] = max(top, vec4f()); }
    let of_row = select(vec4u(1u << 20u), vec4u(1u << 16u), c == top);
    let first = select(select(of_row, vec4u(1u << 4u), b == top), vec4u(1u), a == top);
    return select(vec4u(), first, (top > vec4f()) & vec4<bool>(inside));
}

// Channel by channel side by side.
fn bits_of(winners: vec4u) -> u32 {
    return winners.x | (winners.y << 1u) | (winners.z << 2u) | (winners.w << 3u);
}
