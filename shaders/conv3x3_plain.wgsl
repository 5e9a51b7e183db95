// conv3x3_plain — y = relu?(conv(x, w) + b), 3x3, stride 1, padding 1; the lesson and the oracle
//
// Math      y[o,r,q] = b[o] + Σ_c Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  gx = this kernel on gy with w'[c,o,v,u] = w[o,c,2-v,2-u], no bias, flags ACCUMULATE and MASK as needed
// Layout    x, y, mask: [C/4][plane] vec4, pixel = r·width + q   w: [O/4][C/4][9] four vec4, vec4 i = column of input channel i
// Threads   1 thread = 1 pixel × 4 output channels; lanes along pixels; weights at workgroup-uniform addresses
// Dispatch  (ceil(width·height / WORKGROUP), o_groups, 1)
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read
// Knobs     override WORKGROUP, BORDER
// Cost      18·C·O·H·W flop; per thread and input group: 9 vec4 of x, 36 vec4 of w, for 144 multiply-adds
// Why       slower than conv3x3_direct, 2 % against 27–42 % of the FMA peak on Mesa llvmpipe (2 cores, 8 lanes): 5 loads
//           per 16 multiply-adds, and there every load is a loop over the lanes; on RDNA2 32 registers, full occupancy, but load-bound
// Test      tests/kernels/convolution.rs::conv3x3_plain

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

override WORKGROUP: u32 = 64u;
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    let pixel = id.x;
    let o = workgroup.y;
    let row = i32(pixel / params.width);
    let column = i32(pixel % params.width);

    var sum = vec4f();
    var at = ((params.o_first + o) * params.c_groups_total + params.c_first) * 36u;
    var plane = 0u;
    let last = at + params.c_groups * 36u;
    while (at < last) {
        for (var v = row - 1; v <= row + 1; v++) {
            for (var u = column - 1; u <= column + 1; u++) {
                let r = continued(v, params.height);
                let q = continued(u, params.width);
                if (r >= 0 && r < i32(params.height) && q >= 0 && q < i32(params.width)) {
                    let input = x[plane + u32(r) * params.width + u32(q)];
                    sum += mat4x4f(w[at], w[at + 1u], w[at + 2u], w[at + 3u]) * input;
                }
                at += 4u;
            }
        }
        plane += params.x_plane;
    }
    store(o, pixel, pixel < params.width * params.height, sum);
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
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
