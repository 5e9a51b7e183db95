// conv3x3_direct — y = relu?(conv(x, w) + b), 3x3, stride 1, padding 1; big register tile, subgroup broadcasts
//
// Math      y[o,r,q] = b[o] + Σ_c Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  gx = this kernel on gy with w'[c,o,v,u] = w[o,c,2-v,2-u], no bias, flags ACCUMULATE and MASK as needed
// Layout    x, y, mask: [C/4][plane] vec4   w: [O/16][C/4][9][4][4] vec4, the last index = input channel, the one before = output group
//           HALVES: [O/16][C/4][9][2][4], groups 0 and 1 in the low 16 bits, 2 and 3 in the high ones
// Threads   1 thread = 4×4 pixels × 16 output channels; tiles numbered row by row, so narrow maps waste no lanes
// Dispatch  (ceil(ceil(width/4)·ceil(height/4) / WORKGROUP), ceil(o_groups/4), 1); o_first must be a multiple of 4
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read  6 x_texels: read_texels  7 w_texels: read_texels
// Knobs     override WORKGROUP (a multiple of 8; subgroups of at least 8 lanes), FLAGS, HALVES, TEXELS, BORDER; text: TILE_W, TILE_H, OUT_GROUPS
// Cost      18·C·O·H·W flop; per thread and input group: 36 vec4 of x, 18 vec4 of w (HALVES: 9), for 9216 multiply-adds
// Why       faster than conv3x3_plain (2 %) and conv3x3_direct_portable (7 %): 27–42 % of the FMA peak on Mesa llvmpipe at every
//           VGG shape, 256² to 16². Loads are the cost there (tens of cycles per component): 216 of them feed 9216
//           multiply-adds, one load fetches 8 weight columns, broadcasting them is nearly free. 256→256 at 64²: 37 %; with
//           tiles of 4×2 pixels 33 %, with 8 channels per thread 32 %, with the nine taps in a loop (dynamic array indices) 18 %.
//           Slower on a GPU: 256 sums and 144 inputs per thread spill (RDNA2: 1086 registers); conv3x3_gemm is for those
//           Weights in f16 (VGG-16) are bit-identical and faster: 40.0 % against 37.7 %, medians over its shapes at 256²
// Test      tests/kernels/convolution.rs::conv3x3_direct

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
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4u>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;
@group(0) @binding(6) var x_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var w_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override FLAGS: u32 = 0u; // what the epilogue does
override HALVES: bool = false; // weights in f16, times 1024, so that none is a subnormal that an adapter may flush
override TEXELS: bool = false; // x and w are copied into texels
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TEXEL_COLUMNS = 1024u;
const TILE_W = 4u;     // pixels across per thread
const TILE_H = 4u;     // pixels down per thread
const OUT_GROUPS = 4u; // output channel groups per thread
const WINDOW_W = 6u;   // TILE_W + 2: the tile and its one-pixel border
const WINDOW_H = 6u;

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them,
// so that every element is a register. Any other index would put the whole array into memory.
alias Window = array<array<vec4f, WINDOW_W>, WINDOW_H>;
alias Offsets = array<array<u32, WINDOW_W>, WINDOW_H>;
alias Inside = array<array<bool, WINDOW_W>, WINDOW_H>;
alias Tile = array<array<vec4f, TILE_W>, TILE_H>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // Lanes past the last tile stay: they carry weights for the others. They read zeros and store nothing.
    let tiles_across = (params.width + TILE_W - 1u) / TILE_W;
    let left = id.x % tiles_across * TILE_W;
    let top = id.x / tiles_across * TILE_H;
    let block = workgroup.y * OUT_GROUPS;

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
    var sum2: Tile;
    var sum3: Tile;
    // Eight lanes read eight neighbouring weight columns at once; add_tap hands them round.
    let step = select(144u, 72u, HALVES);
    let first = ((params.o_first + block) / OUT_GROUPS * params.c_groups_total + params.c_first) * step;
    let last = first + params.c_groups * step;
    var plane = 0u;
    var window: Window;
    for (var group = first; group < last; group += step) {
        for (var j = 0u; j < WINDOW_H; j++) {
            for (var i = 0u; i < WINDOW_W; i++) {
                window[j][i] = select(vec4f(), input(plane + offset[j][i]), inside[j][i]);
            }
        }
        let at = group + (lane & 7u);
        // The 36 products of a group are summed by themselves first: the long sum then has C/4 terms instead of
        // 9·C, which cuts its rounding error to a third, for one addition in 37.
        var part0: Tile;
        var part1: Tile;
        var part2: Tile;
        var part3: Tile;
        add_tap(&part0, &part1, &part2, &part3, &window, 0u, 0u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 0u, 1u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 0u, 2u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 1u, 0u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 1u, 1u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 1u, 2u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 2u, 0u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 2u, 1u, at);
        add_tap(&part0, &part1, &part2, &part3, &window, 2u, 2u, at);
        add_tile(&sum0, &part0);
        add_tile(&sum1, &part1);
        add_tile(&sum2, &part2);
        add_tile(&sum3, &part3);
        plane += params.x_plane;
    }
    store_tile(&sum0, block, left, top);
    store_tile(&sum1, block + 1u, left, top);
    store_tile(&sum2, block + 2u, left, top);
    store_tile(&sum3, block + 3u, left, top);
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// x, and a column of w, wherever they lie.
fn input(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(x_texels, texel(at)); }
    return x[at];
}

fn column_of_w(at: u32) -> vec4u {
    if (TEXELS) { return bitcast<vec4u>(textureLoad(w_texels, texel(at))); }
    return w[at];
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// Adds tap (v, u) of the filter for 16 output channels and 4 input channels.
fn add_tap(
    sum0: ptr<function, Tile>, sum1: ptr<function, Tile>, sum2: ptr<function, Tile>, sum3: ptr<function, Tile>,
    window: ptr<function, Window>, v: u32, u: u32, at: u32,
) {
    let tap = 3u * v + u;
    var a: vec4f;
    var b: vec4f;
    if (HALVES) {
        let pairs = column_of_w(at + 8u * tap);
        a = low_halves(pairs);
        b = high_halves(pairs);
    } else {
        a = bitcast<vec4f>(column_of_w(at + 16u * tap));
        b = bitcast<vec4f>(column_of_w(at + 16u * tap + 8u));
    }
    multiply_add(sum0, window, v, u,
        subgroupBroadcast(a, 0u), subgroupBroadcast(a, 1u), subgroupBroadcast(a, 2u), subgroupBroadcast(a, 3u));
    multiply_add(sum1, window, v, u,
        subgroupBroadcast(a, 4u), subgroupBroadcast(a, 5u), subgroupBroadcast(a, 6u), subgroupBroadcast(a, 7u));
    multiply_add(sum2, window, v, u,
        subgroupBroadcast(b, 0u), subgroupBroadcast(b, 1u), subgroupBroadcast(b, 2u), subgroupBroadcast(b, 3u));
    multiply_add(sum3, window, v, u,
        subgroupBroadcast(b, 4u), subgroupBroadcast(b, 5u), subgroupBroadcast(b, 6u), subgroupBroadcast(b, 7u));
}

// Two weights lie in a u32, as f16 and times 1024: see HALVES.
fn low_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).x, unpack2x16float(pairs.y).x, unpack2x16float(pairs.z).x, unpack2x16float(pairs.w).x);
}

fn high_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).y, unpack2x16float(pairs.y).y, unpack2x16float(pairs.z).y, unpack2x16float(pairs.w).y);
}

// sum += column0 · x.x + column1 · x.y + column2 · x.z + column3 · x.w for the tile shifted by (v, u) in the window.
fn multiply_add(
    sum: ptr<function, Tile>, window: ptr<function, Window>, v: u32, u: u32,
    column0: vec4f, column1: vec4f, column2: vec4f, column3: vec4f,
) {
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

fn add_tile(sum: ptr<function, Tile>, part: ptr<function, Tile>) {
    for (var j = 0u; j < TILE_H; j++) {
        for (var i = 0u; i < TILE_W; i++) { (*sum)[j][i] += (*part)[j][i]; }
    }
}

// The bias. Read once: next to each store, before which it might have changed, it was read again.
fn shift_of(o: u32) -> vec4f {
    if ((FLAGS & ADD_BIAS) == 0u || o >= params.o_groups) { return vec4f(); }
    return bias[params.o_first + o];
}

// Every store is there once for each of the 64 results: a loop would index the tile in memory, at 190 ns a store.
fn store_tile(sum: ptr<function, Tile>, o: u32, left: u32, top: u32) {
    let shift = shift_of(o);
    for (var j = 0u; j < TILE_H; j++) {
        for (var i = 0u; i < TILE_W; i++) {
            let inside = o < params.o_groups && top + j < params.height && left + i < params.width;
            store(o, (top + j) * params.width + left + i, inside, (*sum)[j][i], shift);
        }
    }
}

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order. FLAGS is a
// constant, so what is not wanted costs nothing.
fn store(o: u32, pixel: u32, inside: bool, sum: vec4f, shift: vec4f) {
    if (!inside) { return; }
    let at = o * params.y_plane + pixel;
    var value = select(sum, sum / 1024.0, HALVES);
    if ((FLAGS & ADD_BIAS) != 0u) { value += shift; }
    if ((FLAGS & ACCUMULATE) != 0u) { value += y[at]; }
    if ((FLAGS & RELU) != 0u) { value = max(value, vec4f()); }
    if ((FLAGS & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
    y[at] = value;
}
