// gram_gradient — gF (+)= 2/M · D·F, the gradient of a Gram loss with respect to the feature map; broadcasts, loads of two pixels
//
// Math      y[o,p] (+)= t[p] · (scale · Σ_c d[o,c] · x[c,p] [+ scale/2 · gμ[o] with flag MEAN]),  d symmetric, t = 1 unless WEIGHTED;
//           then 0 where mask ≤ 0
// Backward  none: the second derivative is never needed
// Layout    x, y, mask: [C/4][plane] vec4, x two at a time (mask is F itself behind a ReLU)   d: [C][C] f32, row-major, as vec4, of moments then gμ
//           weights: [plane] vec4, t in x
// Threads   1 thread = 8 neighbouring pixels × 32 channels of y
// Dispatch  (ceil(ceil(pixels/8) / WORKGROUP), ceil(o_groups/8), 1)
// Bindings  0 params: uniform  1 x: read  2 d: read  4 y: read_write  5 mask: read  6 weights: read  7 x_texels: read_texels
//           8 d_texels: read_texels  9 mask_texels: read_texels
// Knobs     override WORKGROUP (a multiple of 8; subgroups of at least 8 lanes), WEIGHTED, TEXELS; text: STRIP, OUT_GROUPS
// Cost      2·C²·M flop; per thread and input group: 4 loads of two vec4 of x, 4 vec4 of d, for 1024 multiply-adds
// Why       faster than gram_gradient_portable: 25–37 % against 6–9 % of the FMA peak on Mesa llvmpipe, where loads are the cost: one load
//           fetches 8 columns of d for all 8 lanes, and 64-bit integers cost little more than one float (20–28 % with vec4f buffers and the
//           stores in a loop); x two pixels at a time takes 7 % off again. Of a turn 40 % are multiply-adds, 27 % loads of x, 15 % of d.
//           All channels of a strip before the next: no gain. Slower on a GPU: 256 sums per thread spill there (RDNA2: 78 registers)
//           TEXELS, where loads from buffers are slow (Zen 3): relu1_1 at 128² 6.7 ms instead of 16, relu4_1 4.0 instead of 11
// Test      tests/kernels/statistics.rs::gram

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
@group(0) @binding(1) var<storage, read> x: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> d: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read> mask: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;
@group(0) @binding(7) var x_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(8) var d_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(9) var mask_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override WEIGHTED: bool = false;
override TEXELS: bool = false; // x, d and mask are copied into texels

const TEXEL_COLUMNS = 1024u;
const STRIP = 8u;      // pixels per thread
const OUT_GROUPS = 8u; // channel groups of y per thread

// Loops over this array have literal bounds equal to its length: drivers unroll them.
alias Strip = array<vec4f, STRIP>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // Lanes past the last pixel stay: they carry weights for the others.
    let first = id.x * STRIP;
    let block = workgroup.y * OUT_GROUPS;
    var offset: array<u32, STRIP / 2u>; // of two pixels at a time
    for (var i = 0u; i < STRIP / 2u; i++) { offset[i] = min(first / 2u + i, (params.pixels - 1u) / 2u); }

    // Eight lanes read 4 rows × 2 column groups of d at once; groups past the end repeat the last one.
    let group = params.o_first + block;
    let furthest = params.c_groups_total - 1u - group;
    let row = (lane & 3u) * params.c_groups_total;
    let odd = (lane >> 2u) & 1u;
    let at0 = row + min(odd, furthest);
    let at1 = row + min(odd + 2u, furthest);
    let at2 = row + min(odd + 4u, furthest);
    let at3 = row + min(odd + 6u, furthest);

    var sum0: Strip;
    var sum1: Strip;
    var sum2: Strip;
    var sum3: Strip;
    var sum4: Strip;
    var sum5: Strip;
    var sum6: Strip;
    var sum7: Strip;
    var input: Strip;
    let step = 4u * params.c_groups_total;
    let start = params.c_first * step + group;
    let end = start + params.c_groups * step;
    var plane = 0u;
    for (var at = start; at < end; at += step) {
        for (var i = 0u; i < STRIP / 2u; i++) {
            let both = two_pixels(plane + offset[i]);
            input[2u * i] = both[0];
            input[2u * i + 1u] = both[1];
        }
        add_two_groups(&sum0, &sum1, &input, entry_of_d(at + at0));
        add_two_groups(&sum2, &sum3, &input, entry_of_d(at + at1));
        add_two_groups(&sum4, &sum5, &input, entry_of_d(at + at2));
        add_two_groups(&sum6, &sum7, &input, entry_of_d(at + at3));
        plane += params.x_plane / 2u;
    }
    store_strip(&sum0, block, first);
    store_strip(&sum1, block + 1u, first);
    store_strip(&sum2, block + 2u, first);
    store_strip(&sum3, block + 3u, first);
    store_strip(&sum4, block + 4u, first);
    store_strip(&sum5, block + 5u, first);
    store_strip(&sum6, block + 6u, first);
    store_strip(&sum7, block + 7u, first);
}

fn two_pixels(at: u32) -> mat2x4f {
    if (TEXELS) { return mat2x4f(textureLoad(x_texels, texel(2u * at)), textureLoad(x_texels, texel(2u * at + 1u))); }
    let both = x[at];
    return mat2x4f(unpack(both.xy), unpack(both.zw));
}

fn entry_of_d(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(d_texels, texel(at)); }
    return unpack(d[at]);
}

fn is_open(at: u32) -> vec4<bool> {
    if (TEXELS) { return textureLoad(mask_texels, texel(at)) > vec4f(); }
    return unpack(mask[at]) > vec4f();
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// Hands the eight columns of d that the lanes hold round to all of them.
fn add_two_groups(even: ptr<function, Strip>, odd: ptr<function, Strip>, input: ptr<function, Strip>, held: vec4f) {
    multiply_add(even, input,
        subgroupBroadcast(held, 0u), subgroupBroadcast(held, 1u), subgroupBroadcast(held, 2u), subgroupBroadcast(held, 3u));
    multiply_add(odd, input,
        subgroupBroadcast(held, 4u), subgroupBroadcast(held, 5u), subgroupBroadcast(held, 6u), subgroupBroadcast(held, 7u));
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

// The flags pass through a comparison with `o` because Mesa's lavapipe compiles a shader anew for every dispatch when
// a branch depends on uniforms alone.
fn store_strip(sum: ptr<function, Strip>, o: u32, first: u32) {
    let inside = o < params.o_groups;
    let flags = select(0u, params.flags, inside);
    let end = select(0u, params.pixels, inside);
    var mean = vec4f();
    if ((flags & MEAN) != 0u) { mean = 0.5 * params.scale * entry_of_d(mean_at(o)); }
    for (var i = 0u; i < STRIP; i++) {
        if (first + i < end) {
            let at = o * params.y_plane + first + i;
            var value = fma(vec4f(params.scale), (*sum)[i], mean);
            if (WEIGHTED) { value *= weights[first + i].x; }
            if ((flags & ACCUMULATE) != 0u) { value += unpack(y[at]); }
            if ((flags & MASK) != 0u) { value = select(vec4f(), value, is_open(at)); }
            y[at] = pack(value);
        }
    }
}

// Where the means of channel group o lie, behind the matrix.
fn mean_at(o: u32) -> u32 {
    return 4u * params.c_groups_total * params.c_groups_total + params.o_first + o;
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}

fn pack(value: vec4f) -> vec2<u64> {
    let bits = bitcast<vec4u>(value);
    return vec2<u64>(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}
