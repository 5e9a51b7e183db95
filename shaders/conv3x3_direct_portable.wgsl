// conv3x3_direct_portable — y = relu?(conv(x, w) + b), 3x3, stride 1, padding 1; register tile without subgroups
//
// Math      y[o,r,q] = b[o] + Σ_c Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  gx = this kernel on gy with w'[c,o,v,u] = w[o,c,2-v,2-u], no bias, flags ACCUMULATE and MASK as needed
// Layout    x, y, mask: [C/4][plane] vec4   w: [O/8][C/4][9][2][4] vec4, the last index = input channel, the one before = output group
//           HALVES: [O/8][C/4][9][4], group 0 in the low 16 bits, group 1 in the high ones
// Threads   1 thread = 1 pixel across × 4 down × 8 output channels; lanes along columns; weights at workgroup-uniform addresses
// Dispatch  (ceil(width·ceil(height/4) / WORKGROUP), ceil(o_groups/2), 1); o_first must be a multiple of 2
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read
// Knobs     override WORKGROUP, HALVES, BORDER; text: TILE_H, OUT_GROUPS
// Cost      18·C·O·H·W flop; per thread and input group: 18 vec4 of x, 72 vec4 of w (HALVES: 36), for 1152 multiply-adds
// Why       faster than conv3x3_plain (7 % against 2 % of the FMA peak on Mesa llvmpipe): each input serves 8 channels, each weight
//           4 pixels. Meant for GPUs: weights come through scalar loads; on RDNA2 (RADV, Mesa 22.3.6) 128 registers, no spill, 8 waves
//           of 32 lanes a SIMD, 88 % of the loop's vector instructions multiply and add (HALVES: 90 %); RDNA3: 120, no spill. With
//           all 18 inputs of the window at once 160 registers, 6 waves; on RDNA3 30 spilled (llvmpipe: 7.4 % so, 7.1 % now). GPUs take it
//           where a map is too small for the workgroups of conv3x3_gemm.
//           Slower than conv3x3_direct on llvmpipe, where every lane loads every weight for itself
// Test      tests/kernels/convolution.rs::conv3x3_direct_portable

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
@group(0) @binding(2) var<storage, read> w: array<vec4u>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;

override WORKGROUP: u32 = 64u;
override HALVES: bool = false; // weights in f16, times 1024, so that none is a subnormal that an adapter may flush
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TILE_H = 4u;     // pixels down per thread; one across, so that neighbouring lanes read neighbouring vec4s
const OUT_GROUPS = 2u; // output channel groups per thread
const WINDOW_W = 3u;   // the tile and its one-pixel border
const WINDOW_H = 6u;   // TILE_H + 2

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them,
// so that every element is a register. Any other index would put the whole array into memory.
alias Window = array<vec4f, WINDOW_H>;
alias Offsets = array<array<u32, WINDOW_W>, WINDOW_H>;
alias Inside = array<array<bool, WINDOW_W>, WINDOW_H>;
alias Tile = array<vec4f, TILE_H>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    let left = id.x % params.width;
    let top = id.x / params.width * TILE_H;
    let block = workgroup.y * OUT_GROUPS;
    if (top >= params.height) { return; }

    // Where the window lies in a plane does not depend on the channel.
    var offset: Offsets;
    var inside: Inside;
    for (var j = 0u; j < WINDOW_H; j++) {
        for (var i = 0u; i < WINDOW_W; i++) {
            let row = continued(i32(top + j) - 1, params.height);
            let column = continued(i32(left + i) - 1, params.width);
            inside[j][i] = row >= 0 && row < i32(params.height) && column >= 0 && column < i32(params.width);
            offset[j][i] = select(0u, u32(row) * params.width + u32(column), inside[j][i]);
        }
    }

    var sum0: Tile;
    var sum1: Tile;
    let step = select(72u, 36u, HALVES);
    var at = ((params.o_first + block) / OUT_GROUPS * params.c_groups_total + params.c_first) * step;
    let last = at + params.c_groups * step;
    var plane = 0u;
    var window: Window;
    for (; at < last; at += step) {
        // The products of a group are summed by themselves first, for a smaller rounding error; see conv3x3_direct.
        var part0: Tile;
        var part1: Tile;
        // One column of the window after the other: only six inputs are alive at a time.
        for (var u = 0u; u < 3u; u++) {
            for (var j = 0u; j < WINDOW_H; j++) {
                window[j] = select(vec4f(), x[plane + offset[j][u]], inside[j][u]);
            }
            add_tap(&part0, &part1, &window, 0u, u, at);
            add_tap(&part0, &part1, &window, 1u, u, at);
            add_tap(&part0, &part1, &window, 2u, u, at);
        }
        add_tile(&sum0, &part0);
        add_tile(&sum1, &part1);
        plane += params.x_plane;
    }
    store_tile(&sum0, block, left, top);
    store_tile(&sum1, block + 1u, left, top);
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// Adds tap (v, u) of the filter for 8 output channels and 4 input channels.
fn add_tap(
    sum0: ptr<function, Tile>, sum1: ptr<function, Tile>, window: ptr<function, Window>, v: u32, u: u32, at: u32,
) {
    let tap = 3u * v + u;
    multiply_add(sum0, window, v, column(at, tap, 0u), column(at, tap, 1u), column(at, tap, 2u), column(at, tap, 3u));
    multiply_add(sum1, window, v, column(at, tap, 4u), column(at, tap, 5u), column(at, tap, 6u), column(at, tap, 7u));
}

// Column i of the eight of a tap.
fn column(at: u32, tap: u32, i: u32) -> vec4f {
    if (!HALVES) { return bitcast<vec4f>(w[at + 8u * tap + i]); }
    let pairs = w[at + 4u * tap + i % 4u];
    if (i < 4u) { return low_halves(pairs); }
    return high_halves(pairs);
}

// Two weights lie in a u32, as f16 and times 1024: see HALVES.
fn low_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).x, unpack2x16float(pairs.y).x, unpack2x16float(pairs.z).x, unpack2x16float(pairs.w).x);
}

fn high_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).y, unpack2x16float(pairs.y).y, unpack2x16float(pairs.z).y, unpack2x16float(pairs.w).y);
}

// sum += column0 · x.x + column1 · x.y + column2 · x.z + column3 · x.w for the tile shifted down by v in the window.
fn multiply_add(
    sum: ptr<function, Tile>, window: ptr<function, Window>, v: u32,
    column0: vec4f, column1: vec4f, column2: vec4f, column3: vec4f,
) {
    for (var j = 0u; j < TILE_H; j++) {
        let input = (*window)[j + v];
        var total = fma(vec4f(input.x), column0, (*sum)[j]);
        total = fma(vec4f(input.y), column1, total);
        total = fma(vec4f(input.z), column2, total);
        (*sum)[j] = fma(vec4f(input.w), column3, total);
    }
}

fn add_tile(sum: ptr<function, Tile>, part: ptr<function, Tile>) {
    for (var j = 0u; j < TILE_H; j++) {
        (*sum)[j] += (*part)[j];
    }
}

fn store_tile(sum: ptr<function, Tile>, o: u32, left: u32, top: u32) {
    for (var j = 0u; j < TILE_H; j++) {
        let inside = (o < params.o_groups) & (top + j < params.height);
        store(o, (top + j) * params.width + left, inside, (*sum)[j]);
    }
}

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order.
// The flags pass through `inside` because Mesa's lavapipe compiles a shader anew for every dispatch when a branch
// or a loop bound depends on uniforms alone.
fn store(o: u32, pixel: u32, inside: bool, sum: vec4f) {
    let at = o * params.y_plane + pixel;
    let flags = select(0u, params.flags, inside);
    var value = select(sum, sum / 1024.0, HALVES);
    if ((flags & ADD_BIAS) != 0u) { value += bias[params.o_first + o]; }
    if ((flags & ACCUMULATE) != 0u) { value += y[at]; }
    if ((flags & RELU) != 0u) { value = max(value, vec4f()); }
    if ((flags & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
    if (inside) { y[at] = value; }
}
