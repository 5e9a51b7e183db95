// gram_gradient_portable — gF (+)= 2/M · D·F, the gradient of a Gram loss with respect to the feature map; no subgroups
//
// Math      y[o,p] (+)= t[p] · (scale · Σ_c d[o,c] · x[c,p] [+ scale/2 · gμ[o] with flag MEAN]),  d symmetric, t = 1 unless WEIGHTED;
//           then 0 where mask ≤ 0
// Backward  none: the second derivative is never needed
// Layout    x, y, mask: [C/4][plane] vec4 (mask is F itself behind a ReLU)   d: [C][C] f32, row-major, as vec4, of moments then gμ
//           weights: [plane] vec4, t in x
// Threads   1 thread = 4 pixels, WORKGROUP apart, × 16 channels of y; lanes along pixels; d at workgroup-uniform addresses
// Dispatch  (ceil(pixels / (4·WORKGROUP)), ceil(o_groups/4), 1)
// Bindings  0 params: uniform  1 x: read  2 d: read  4 y: read_write  5 mask: read  6 weights: read
// Knobs     override WORKGROUP, WEIGHTED; text: STRIP, OUT_GROUPS
// Cost      2·C²·M flop; per thread and input group: 4 vec4 of x, 16 vec4 of d, for 256 multiply-adds
// Why       slower than gram_gradient on Mesa llvmpipe (6–9 % against 25–37 % of the FMA peak), where every lane loads every d for
//           itself; meant for GPUs: neighbouring lanes read neighbouring pixels, d comes through scalar loads. RDNA2 (RADV, Mesa 22.3.6):
//           88 registers, no spill, 10 waves of 32 lanes a SIMD, 98 % of the loop's vector instructions multiply and add
// Test      tests/kernels/statistics.rs::gram_gradient_portable

struct GramGradientParams {
    pixels: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    c_groups: u32,       // groups of x in this dispatch
    o_groups: u32,       // groups of y in this dispatch
    c_first: u32,        // first group of x within d
    o_first: u32,        // first group of y within d
    c_groups_total: u32, // groups of the whole map
    flags: u32,
    scale: f32,          // 2 / M
}

const ACCUMULATE = 2u;
const MASK = 8u;
const MEAN = 16u;

@group(0) @binding(0) var<uniform> params: GramGradientParams;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> d: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;

override WORKGROUP: u32 = 64u;
override WEIGHTED: bool = false;

const STRIP = 4u;      // pixels per thread
const OUT_GROUPS = 4u; // channel groups of y per thread

// Loops over this array have literal bounds equal to its length: drivers unroll them.
alias Strip = array<vec4f, STRIP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let first = workgroup.x * STRIP * WORKGROUP + local.x;
    let block = workgroup.y * OUT_GROUPS;
    var offset: array<u32, STRIP>;
    for (var i = 0u; i < STRIP; i++) { offset[i] = min(first + i * WORKGROUP, params.pixels - 1u); }

    // Groups past the end repeat the last one; their sums are not stored.
    let group = params.o_first + block;
    let furthest = params.c_groups_total - 1u - group;
    let group1 = min(1u, furthest);
    let group2 = min(2u, furthest);
    let group3 = min(3u, furthest);

    var sum0: Strip;
    var sum1: Strip;
    var sum2: Strip;
    var sum3: Strip;
    var input: Strip;
    let step = 4u * params.c_groups_total;
    let start = params.c_first * step + group;
    let end = start + params.c_groups * step;
    var plane = 0u;
    for (var at = start; at < end; at += step) {
        for (var i = 0u; i < STRIP; i++) { input[i] = x[plane + offset[i]]; }
        add_group(&sum0, &input, at);
        add_group(&sum1, &input, at + group1);
        add_group(&sum2, &input, at + group2);
        add_group(&sum3, &input, at + group3);
        plane += params.x_plane;
    }
    store_strip(&sum0, block, first);
    store_strip(&sum1, block + 1u, first);
    store_strip(&sum2, block + 2u, first);
    store_strip(&sum3, block + 3u, first);
}

fn add_group(sum: ptr<function, Strip>, input: ptr<function, Strip>, at: u32) {
    let pitch = params.c_groups_total;
    multiply_add(sum, input, d[at], d[at + pitch], d[at + 2u * pitch], d[at + 3u * pitch]);
}

// sum += D[channels of o, 4 channels of x] · x; D is symmetric, so its rows serve as columns.
fn multiply_add(
    sum: ptr<function, Strip>, input: ptr<function, Strip>,
    column0: vec4f, column1: vec4f, column2: vec4f, column3: vec4f,
) {
    for (var i = 0u; i < STRIP; i++) {
        let value = (*input)[i];
        var total = fma(vec4f(value.x), column0, (*sum)[i]);
        total = fma(vec4f(value.y), column1, total);
        total = fma(vec4f(value.z), column2, total);
        (*sum)[i] = fma(vec4f(value.w), column3, total);
    }
}

// The flags pass through `inside` because Mesa's lavapipe compiles a shader anew for every dispatch when a branch
// or a loop bound depends on uniforms alone.
fn store_strip(sum: ptr<function, Strip>, o: u32, first: u32) {
    for (var i = 0u; i < STRIP; i++) {
        let pixel = first + i * WORKGROUP;
        let inside = (o < params.o_groups) & (pixel < params.pixels);
        let flags = select(0u, params.flags, inside);
        let at = o * params.y_plane + pixel;
        var value = params.scale * (*sum)[i];
        if ((flags & MEAN) != 0u) { value += 0.5 * params.scale * d[mean_at(o)]; }
        if (WEIGHTED) { value *= weights[min(pixel, params.pixels - 1u)].x; }
        if ((flags & ACCUMULATE) != 0u) { value += y[at]; }
        if ((flags & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
        if (inside) { y[at] = value; }
    }
}

// Where the means of channel group o lie, behind the matrix.
fn mean_at(o: u32) -> u32 {
    return 4u * params.c_groups_total * params.c_groups_total + params.o_first + o;
}
