// conv3x3_from_rgb — the first layer: y = relu?(conv(x, w) + b) from one channel group (3 channels and a zero)
//
// Math      y[o,r,q] = b[o] + Σ_{c<3} Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  conv3x3_to_rgb on gy with w'[c,o,v,u] = w[o,c,2-v,2-u]
// Layout    x: [1][plane] vec4, .w unread   y, mask: [O/4][plane] vec4   w: [O/4][C/4][9][4] vec4 as in conv3x3_plain
// Threads   1 thread = 4×2 pixels × 16 output channels; the window is read once and kept for the 4 output groups
// Dispatch  (ceil(ceil(width/4)·ceil(height/2) / WORKGROUP), ceil(o_groups/4), 1); c_groups must be 1
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read
// Knobs     override WORKGROUP, FLAGS, BORDER; text: TILE_W, TILE_H, OUT_GROUPS
// Cost      54·O·H·W flop; per thread 24 vec4 of x; per output group 27 vec4 of w for 864 multiply-adds
// Why       faster than conv3x3_plain (14 % against 2.1 % of the FMA peak on Mesa llvmpipe) with no need of subgroups: the window is
//           loaded once for 16 channels; about 2 % of a VGG-19 step's convolutions. The fourth channel is never multiplied.
//           RDNA2 (RADV, Mesa 22.3.6): 120 registers, no spill, 8 waves of 32 lanes a SIMD; 88 % of the loop's vector instructions
//           multiply and add with bias and ReLU. Its turns are output groups, each with its own epilogue: with flags from the
//           uniform instead of FLAGS it was 70 %
// Test      tests/kernels/convolution.rs::conv3x3_from_rgb

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
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;

override WORKGROUP: u32 = 64u;
override FLAGS: u32 = 0u; // what the epilogue does
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TILE_W = 4u;     // pixels across per thread
const TILE_H = 2u;     // pixels down per thread
const OUT_GROUPS = 4u; // output channel groups per thread
const WINDOW_W = 6u;   // TILE_W + 2: the tile and its one-pixel border
const WINDOW_H = 4u;

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them.
alias Window = array<array<vec3f, WINDOW_W>, WINDOW_H>;
alias Tile = array<array<vec4f, TILE_W>, TILE_H>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let tiles_across = (params.width + TILE_W - 1u) / TILE_W;
    let left = id.x % tiles_across * TILE_W;
    let top = id.x / tiles_across * TILE_H;
    if (top >= params.height) { return; }

    var window: Window;
    for (var j = 0u; j < WINDOW_H; j++) {
        for (var i = 0u; i < WINDOW_W; i++) {
            let row = continued(i32(top + j) - 1, params.height);
            let column = continued(i32(left + i) - 1, params.width);
            let inside = row >= 0 && row < i32(params.height) && column >= 0 && column < i32(params.width);
            let at = select(0u, u32(row) * params.width + u32(column), inside);
            window[j][i] = select(vec3f(), x[at].xyz, inside);
        }
    }

    let first = id.y * OUT_GROUPS;
    let last = min(first + OUT_GROUPS, params.o_groups);
    for (var o = first; o < last; o++) {
        var sum: Tile;
        for (var j = 0u; j < TILE_H; j++) {
            for (var i = 0u; i < TILE_W; i++) { sum[j][i] = vec4f(); }
        }
        let at = ((params.o_first + o) * params.c_groups_total + params.c_first) * 36u;
        add_tap(&sum, &window, 0u, 0u, at);
        add_tap(&sum, &window, 0u, 1u, at + 4u);
        add_tap(&sum, &window, 0u, 2u, at + 8u);
        add_tap(&sum, &window, 1u, 0u, at + 12u);
        add_tap(&sum, &window, 1u, 1u, at + 16u);
        add_tap(&sum, &window, 1u, 2u, at + 20u);
        add_tap(&sum, &window, 2u, 0u, at + 24u);
        add_tap(&sum, &window, 2u, 1u, at + 28u);
        add_tap(&sum, &window, 2u, 2u, at + 32u);
        store_tile(&sum, o, left, top);
    }
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// Adds tap (v, u) of the filter for 4 output channels.
fn add_tap(sum: ptr<function, Tile>, window: ptr<function, Window>, v: u32, u: u32, at: u32) {
    let column0 = w[at];
    let column1 = w[at + 1u];
    let column2 = w[at + 2u];
    for (var j = 0u; j < TILE_H; j++) {
        for (var i = 0u; i < TILE_W; i++) {
            let input = (*window)[j + v][i + u];
            let total = fma(vec4f(input.x), column0, (*sum)[j][i]);
            (*sum)[j][i] = fma(vec4f(input.z), column2, fma(vec4f(input.y), column1, total));
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

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order. FLAGS is a
// constant, so what is not wanted costs nothing.
fn store(o: u32, pixel: u32, inside: bool, sum: vec4f) {
    if (!inside) { return; }
    let at = o * params.y_plane + pixel;
    var value = sum;
    if ((FLAGS & ADD_BIAS) != 0u) { value += bias[params.o_first + o]; }
    if ((FLAGS & ACCUMULATE) != 0u) { value += y[at]; }
    if ((FLAGS & RELU) != 0u) { value = max(value, vec4f()); }
    if ((FLAGS & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
    y[at] = value;
}
