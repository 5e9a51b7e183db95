// conv3x3_to_rgb — the gradient of the first layer: y = conv(x, w) into one channel group (3 channels and a zero)
//
// Math      y[o,r,q] = b[o] + Σ_c Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1],  o < 3
// Backward  conv3x3_from_rgb on gy with w'[c,o,v,u] = w[o,c,2-v,2-u]; a style step never needs it
// Layout    x: [C/4][plane] vec4   y, mask: [1][plane] vec4   w: [O/4][C/4][9][4] vec4 as in conv3x3_plain
// Threads   1 thread = 4×4 pixels × the one output group; weights at addresses that are the same for all threads
// Dispatch  (ceil(ceil(width/4)·ceil(height/4) / WORKGROUP), o_groups, 1)
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read  6 x_texels: read_texels  7 w_texels: read_texels
// Knobs     override WORKGROUP, TEXELS, BORDER; text: TILE_W, TILE_H
// Cost      54·C·H·W flop; per thread and input group: 36 vec4 of x, 36 vec4 of w, for 2304 multiply-adds
// Why       faster than conv3x3_plain (15 % against 2.3 % of the FMA peak on Mesa llvmpipe): a weight serves 16 pixels; conv3x3_direct
//           would waste 12 of its 16 channels; about 2 % of a VGG-19 step's convolutions. One sum over all inputs, not one per group as in
//           conv3x3_direct: no ReLU follows whose gradient could flip, and RDNA2 (RADV, Mesa 22.3.6) would spill 14 registers; now
//           216, no spill, 4 waves of 32 lanes a SIMD, 89 %: bound by memory, and each lane has 36 loads on their way; RDNA3: 130 spilled.
//           Tiles of 3×2 have 112, 8 waves, 84 %, but 53 loads for 16 pixels; 4×2 have 136, 6 waves; 4×4 row by row has 128 and
//           8 waves, but keeps all 36 weight columns alive and spills 137 scalar registers
//           TEXELS, where loads from buffers are slow (Zen 3): 64→3 at 128² 2.4 ms instead of 18
// Test      tests/kernels/convolution.rs::conv3x3_to_rgb

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
    flags: u32,
}

const ADD_BIAS = 1u;
const ACCUMULATE = 2u;
const RELU = 4u;
const MASK = 8u;
const REPLICATE = 1u;
const WRAP = 2u;

@group(0) @binding(0) var<uniform> params: ConvParams;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;
@group(0) @binding(6) var x_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var w_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override TEXELS: bool = false; // x and w are copied into texels
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TEXEL_COLUMNS = 1024u;
const TILE_W = 4u;     // pixels across per thread
const TILE_H = 4u;     // pixels down per thread
const WINDOW_W = 6u;   // TILE_W + 2: the tile and its one-pixel border
const WINDOW_H = 6u;

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them,
// so that every element is a register. Any other index would put the whole array into memory.
alias Window = array<array<vec4f, WINDOW_W>, WINDOW_H>;
alias Tile = array<array<vec4f, TILE_W>, TILE_H>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    let tiles_across = (params.width + TILE_W - 1u) / TILE_W;
    let left = id.x % tiles_across * TILE_W;
    let top = id.x / tiles_across * TILE_H;
    if (top >= params.height) { return; }

    var sum: Tile;
    var window: Window;
    var at = ((params.o_first + workgroup.y) * params.c_groups_total + params.c_first) * 36u;
    let last = at + params.c_groups * 36u;
    var plane = 0u;
    for (; at < last; at += 36u) {
        for (var j = 0u; j < WINDOW_H; j++) {
            for (var i = 0u; i < WINDOW_W; i++) {
                window[j][i] = read_padded(plane, i32(top + j) - 1, i32(left + i) - 1);
            }
        }
        add_tap(&sum, &window, 0u, 0u, at);
        add_tap(&sum, &window, 0u, 1u, at + 4u);
        add_tap(&sum, &window, 0u, 2u, at + 8u);
        add_tap(&sum, &window, 1u, 0u, at + 12u);
        add_tap(&sum, &window, 1u, 1u, at + 16u);
        add_tap(&sum, &window, 1u, 2u, at + 20u);
        add_tap(&sum, &window, 2u, 0u, at + 24u);
        add_tap(&sum, &window, 2u, 1u, at + 28u);
        add_tap(&sum, &window, 2u, 2u, at + 32u);
        plane += params.x_plane;
    }
    store_tile(&sum, workgroup.y, left, top);
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// x at a pixel of the plane that starts at `plane`, which may lie beyond it.
fn read_padded(plane: u32, above: i32, before: i32) -> vec4f {
    let row = continued(above, params.height);
    let column = continued(before, params.width);
    let inside = row >= 0 && row < i32(params.height) && column >= 0 && column < i32(params.width);
    let pixel = select(0u, u32(row) * params.width + u32(column), inside);
    return select(vec4f(), input(plane + pixel), inside);
}

// x, and a column of w, wherever they lie.
fn input(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(x_texels, texel(at)); }
    return x[at];
}

fn column_of_w(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(w_texels, texel(at)); }
    return w[at];
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// Adds tap (v, u) of the filter for 4 output and 4 input channels.
fn add_tap(sum: ptr<function, Tile>, window: ptr<function, Window>, v: u32, u: u32, at: u32) {
    let column0 = column_of_w(at);
    let column1 = column_of_w(at + 1u);
    let column2 = column_of_w(at + 2u);
    let column3 = column_of_w(at + 3u);
    for (var j = 0u; j < TILE_H; j++) {
        for (var i = 0u; i < TILE_W; i++) {
            let input = (*window)[j + v][i + u];
            var total = fma(vec4f(input.x), column0, (*sum)[j][i]);
            total = fma(vec4f(input.y), column1, total);
            total = fma(vec4f(input.z), column2, total);
            (*sum)[j][i] = fma(vec4f(input.w), column3, total);
        }
    }
}

fn store_tile(sum: ptr<function, Tile>, o: u32, left: u32, top: u32) {
    for (var j = 0u; j < TILE_H; j++) {
        for (var i = 0u; i < TILE_W; i++) {
            let inside = (top + j < params.height) & (left + i < params.width);
            store(o, (top + j) * params.width + left + i, inside, (*sum)[j][i]);
        }
    }
}

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order.
// The flags pass through `inside` because Mesa's lavapipe compiles a shader anew for every dispatch when a branch
// or a loop bound depends on uniforms alone.
fn store(o: u32, pixel: u32, inside: bool, sum: vec4f) {
    let at = o * params.y_plane + pixel;
    let flags = select(0u, params.flags, inside);
    var value = sum;
    if ((flags & ADD_BIAS) != 0u) { value += bias[params.o_first + o]; }
    if ((flags & ACCUMULATE) != 0u) { value += y[at]; }
    if ((flags & RELU) != 0u) { value = max(value, vec4f()); }
    if ((flags & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
    if (inside) { y[at] = value; }
}
