// conv3x3_from_rgb_broadcast — the first layer as conv3x3_from_rgb, weights handed round by subgroup broadcast
//
// Math      y[o,r,q] = b[o] + Σ_{c<3} Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  conv3x3_to_rgb on gy with w'[c,o,v,u] = w[o,c,2-v,2-u]
// Layout    x: [1][plane] vec4, .w unread   y, mask: [O/4][plane] vec4, as pairs of u64   w: [O/4][32] vec4 over four output channels,
//           entry 3·tap + c, the bias in the one after them, the last four unused
// Threads   1 thread = 8×1 pixels × all output channels; the window stays in registers
// Dispatch  (ceil(ceil(width/8)·height / WORKGROUP), 1, 1); c_groups must be 1
// Bindings  0 params: uniform  1 x: read  2 w: read  4 y: read_write  5 mask: read  6 x_texels: read_texels  7 w_texels: read_texels
// Knobs     override WORKGROUP (a multiple of 8; subgroups of at least 8 lanes), FLAGS (what the epilogue does), TEXELS, BORDER
// Cost      54·O·H·W flop; per thread 30 vec4 of x; per output group 4 vec4 of w for 864 multiply-adds
// Why       on Mesa llvmpipe 4.8 ms for 3 → 64 at 256×256, conv3x3_direct 13.8, conv3x3_from_rgb 13.4: one load fetches 8 columns of w for
//           8 lanes, and the loop over the output groups is one piece of code that stays in the instruction cache, where the
//           unrolled 16 channels of conv3x3_direct are fetched anew by every thread. What is left is storing y
//           TEXELS and the bias among the weights, where loads from buffers are slow (Zen 3): at 128² 1.7 ms instead of 6.3
// Test      tests/kernels/convolution.rs::conv3x3_from_rgb_broadcast

struct ConvParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    c_groups: u32,       // input channel groups in this dispatch
    o_groups: u32,       // output channel groups in this dispatch
    c_first: u32,        // first input group within the weights
    o_first: u32,        // first output group within the weights and the bias
    c_groups_total: u32, // input groups of the weights
    flags: u32,          // unread: FLAGS
}

const ADD_BIAS = 1u;
const ACCUMULATE = 2u;
const RELU = 4u;
const MASK = 8u;
const REPLICATE = 1u;
const WRAP = 2u;

@group(0) @binding(0) var<uniform> params: ConvParams;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read> mask: array<vec2<u64>>;
@group(0) @binding(6) var x_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var w_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override FLAGS: u32 = 0u;
override TEXELS: bool = false; // x and w are copied into texels
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TEXEL_COLUMNS = 1024u;
const TILE_W = 8u;
const COLUMNS = 32u; // entries of w per output group

alias Strip = array<vec4f, 8>;
alias Line = array<vec4f, 10>; // a strip with its neighbours

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
    // Lanes past the last strip stay: they carry weights for the others.
    let across = (params.width + TILE_W - 1u) / TILE_W;
    let left = id.x % across * TILE_W;
    let row = id.x / across;
    var above = load(i32(row) - 1, i32(left));
    var here = load(i32(row), i32(left));
    var below = load(i32(row) + 1, i32(left));
    let columns = select(0u, min(TILE_W, params.width - left), row < params.height);

    // A bound that depends on the lane: Mesa's lavapipe compiles anew for every dispatch if it is uniforms alone.
    let first = params.o_first * COLUMNS + (lane & 7u);
    let end = first + params.o_groups * COLUMNS;
    var out = row * params.width + left;
    for (var at = first; at < end; at += COLUMNS) {
        let a = column_of_w(at);
        let b = column_of_w(at + 8u);
        let c = column_of_w(at + 16u);
        let d = column_of_w(at + 24u);
        let bias = subgroupBroadcast(d, 3u);
        var sum: Strip;
        add(&sum, &above, 0u, subgroupBroadcast(a, 0u), subgroupBroadcast(a, 1u), subgroupBroadcast(a, 2u));
        add(&sum, &above, 1u, subgroupBroadcast(a, 3u), subgroupBroadcast(a, 4u), subgroupBroadcast(a, 5u));
        add(&sum, &above, 2u, subgroupBroadcast(a, 6u), subgroupBroadcast(a, 7u), subgroupBroadcast(b, 0u));
        add(&sum, &here, 0u, subgroupBroadcast(b, 1u), subgroupBroadcast(b, 2u), subgroupBroadcast(b, 3u));
        add(&sum, &here, 1u, subgroupBroadcast(b, 4u), subgroupBroadcast(b, 5u), subgroupBroadcast(b, 6u));
        add(&sum, &here, 2u, subgroupBroadcast(b, 7u), subgroupBroadcast(c, 0u), subgroupBroadcast(c, 1u));
        add(&sum, &below, 0u, subgroupBroadcast(c, 2u), subgroupBroadcast(c, 3u), subgroupBroadcast(c, 4u));
        add(&sum, &below, 1u, subgroupBroadcast(c, 5u), subgroupBroadcast(c, 6u), subgroupBroadcast(c, 7u));
        add(&sum, &below, 2u, subgroupBroadcast(d, 0u), subgroupBroadcast(d, 1u), subgroupBroadcast(d, 2u));
        for (var i = 0u; i < TILE_W; i++) {
            if (i < columns) { store(out + i, sum[i], bias); }
        }
        out += params.y_plane;
    }
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// A row of the window, which may lie beyond the map.
fn load(at: i32, left: i32) -> Line {
    var line: Line;
    let row = continued(at, params.height);
    let row_inside = row >= 0 && row < i32(params.height);
    for (var i = 0u; i < 10u; i++) {
        let column = continued(left + i32(i) - 1, params.width);
        let inside = row_inside && column >= 0 && column < i32(params.width);
        let at = select(0u, u32(row) * params.width + u32(column), inside);
        line[i] = select(vec4f(), input(at), inside);
    }
    return line;
}

// x, and a column of w, wherever they lie.
fn input(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(x_texels, texel(at)); }
    return unpack(x[at]);
}

fn column_of_w(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(w_texels, texel(at)); }
    return unpack(w[at]);
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// sum += one tap of the filter: three input channels onto four of the output.
fn add(sum: ptr<function, Strip>, line: ptr<function, Line>, u: u32, of_x: vec4f, of_y: vec4f, of_z: vec4f) {
    for (var i = 0u; i < TILE_W; i++) {
        let value = (*line)[i + u];
        (*sum)[i] = fma(vec4f(value.z), of_z, fma(vec4f(value.y), of_y, fma(vec4f(value.x), of_x, (*sum)[i])));
    }
}

// FLAGS is a constant: what is not wanted is not compiled.
fn store(at: u32, sum: vec4f, bias: vec4f) {
    var value = sum;
    if ((FLAGS & ADD_BIAS) != 0u) { value += bias; }
    if ((FLAGS & ACCUMULATE) != 0u) { value += unpack(y[at]); }
    if ((FLAGS & RELU) != 0u) { value = max(value, vec4f()); }
    if ((FLAGS & MASK) != 0u) { value = select(vec4f(), value, unpack(mask[at]) > vec4f()); }
    y[at] = pack(value);
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}

fn pack(value: vec4f) -> vec2<u64> {
    let bits = bitcast<vec4u>(value);
    return vec2<u64>(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}
