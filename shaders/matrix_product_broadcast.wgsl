// matrix_product_broadcast — Y = (scale · L + share · I)·R of square matrices, L symmetric, with lanes along the rows; subgroup broadcasts
//
// Math      y[i,j] = scale · Σ_k l[i,k] · r[k,j] + share · r[i,j], where l[i,k] is read as l[k,i], since L is symmetric
// Backward  none: wasserstein_loss has its gradient in closed form
// Layout    l, r, y: [C][C] f32, row-major, as vec4
// Threads   1 workgroup = 64 rows × 32 columns of y; 1 thread = 8 neighbouring rows of them
// Dispatch  (ceil(groups/8), ceil(groups/16), 1)
// Bindings  0 params: uniform  1 l: read  2 r: read  3 y: read_write  4 l_texels: read_texels  5 r_texels: read_texels
// Knobs     override TEXELS (subgroups of at least 8 lanes); text: WORKGROUP, ROWS, GROUPS; params.flags: SYMMETRIC, ADD
// Cost      2·C³ flop, half of it where y is symmetric; per thread and 4 columns of l: 8 vec4 of l, 4 vec4 of r, for 1024 multiply-adds
// Why       loads are the cost on Mesa llvmpipe: a load of l serves 8 column groups, one of r all 8 lanes, and two components read as one
//           64-bit integer cost little more than one. C = 512, half: 4–5 ms on two busy cores (vec4f loads 5–6, texels 3–5, but something
//           had to fill them); the pattern of gram_broadcast, tiles of 64×64 on two lanes' groups, took 28–30. Of a y that would be
//           symmetric but for rounding the upper triangle is computed and mirrored, in blocks of 4×4: half the work, and what iterates
//           on y stays symmetric to the bit. What is added is a share of R and no third matrix: as such it was read from a buffer
//           beside the stores, which with stores of vec4f cost a fifth of all where that is slow (TEXELS, on Zen 3: the Wasserstein
//           loss of 512 channels 187 → 153 ms, medians of five in turns). There a turn of the loop is 4900 instructions for 1024
//           multiply-adds, of which 2048 compute, 770 load, blend and store sums and 900 gather texels; four groups of columns instead of
//           eight win a tenth more there, but load more where loads cost more. A real GPU has no such registers: it takes
//           matrix_product_tiled
// Test      tests/kernels/statistics.rs::matrix_product

struct MatrixProductParams {
    groups: u32, // C/4
    flags: u32,
    scale: f32,
    share: f32,
}

@group(0) @binding(0) var<uniform> params: MatrixProductParams;
@group(0) @binding(1) var<storage, read> l: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read> r: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(4) var l_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var r_texels: texture_storage_2d<rgba32float, read>;

override TEXELS: bool = false; // l and r are copied into texels

const SYMMETRIC = 1u; // compute the upper triangle, mirror it
const ADD = 2u;       // add share · R

const TEXEL_COLUMNS = 1024u;
const WORKGROUP = 8u;
const ROWS = 8u;   // per thread
const GROUPS = 8u; // groups of columns per thread

// One entry per row. Loops over it have literal bounds equal to its length: drivers unroll them.
alias Rows = array<vec4f, ROWS>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // Tiles of rows from both ends in turn: the upper ones of a symmetric y have more to do, and Mesa gives each core
    // as many workgroups as the others.
    let tiles = (params.groups + 15u) / 16u;
    let half = workgroup.y / 2u;
    let i_tile = 16u * select(half, tiles - 1u - half, (workgroup.y & 1u) != 0u);
    let j_tile = workgroup.x * GROUPS;
    // Of the thread: Mesa's lavapipe compiles a shader anew for every dispatch when a branch or a loop bound depends on
    // uniforms alone, and sees through a comparison that it finds a second time.
    let inside = j_tile + local.x < 4u * params.groups;
    let flags = select(0u, params.flags, inside);
    if ((flags & SYMMETRIC) != 0u && j_tile + GROUPS <= i_tile) { return; }

    // Rows and groups past the end repeat the last one; their sums are not stored.
    let most = params.groups - 1u;
    let i = i_tile + 2u * local.x;
    let upper = min(i, most);
    let lower = min(i + 1u, most);
    // Eight lanes read 4 rows × 2 column groups of r at once.
    let column = j_tile + ((lane >> 2u) & 1u);
    let at0 = (lane & 3u) * params.groups + min(column, most);
    let at1 = (lane & 3u) * params.groups + min(column + 2u, most);
    let at2 = (lane & 3u) * params.groups + min(column + 4u, most);
    let at3 = (lane & 3u) * params.groups + min(column + 6u, most);

    var sum0: Rows;
    var sum1: Rows;
    var sum2: Rows;
    var sum3: Rows;
    var sum4: Rows;
    var sum5: Rows;
    var sum6: Rows;
    var sum7: Rows;
    let end = select(0u, params.groups, inside);
    for (var k = 0u; k < end; k++) {
        let at = 4u * k * params.groups;
        let left = Left(
            entry_of_l(at + upper), entry_of_l(at + lower),
            entry_of_l(at + params.groups + upper), entry_of_l(at + params.groups + lower),
            entry_of_l(at + 2u * params.groups + upper), entry_of_l(at + 2u * params.groups + lower),
            entry_of_l(at + 3u * params.groups + upper), entry_of_l(at + 3u * params.groups + lower),
        );
        add_two_groups(&sum0, &sum1, left, entry_of_r(at + at0));
        add_two_groups(&sum2, &sum3, left, entry_of_r(at + at1));
        add_two_groups(&sum4, &sum5, left, entry_of_r(at + at2));
        add_two_groups(&sum6, &sum7, left, entry_of_r(at + at3));
    }
    store(&sum0, i, j_tile, flags);
    store(&sum1, i, j_tile + 1u, flags);
    store(&sum2, i, j_tile + 2u, flags);
    store(&sum3, i, j_tile + 3u, flags);
    store(&sum4, i, j_tile + 4u, flags);
    store(&sum5, i, j_tile + 5u, flags);
    store(&sum6, i, j_tile + 6u, flags);
    store(&sum7, i, j_tile + 7u, flags);
}

fn entry_of_l(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(l_texels, texel(at)); }
    return unpack(l[at]);
}

fn entry_of_r(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(r_texels, texel(at)); }
    return unpack(r[at]);
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// Four columns of l, each of two groups of rows.
struct Left {
    upper0: vec4f,
    lower0: vec4f,
    upper1: vec4f,
    lower1: vec4f,
    upper2: vec4f,
    lower2: vec4f,
    upper3: vec4f,
    lower3: vec4f,
}

// Hands the rows of two column groups that the lanes hold round to all of them.
fn add_two_groups(even: ptr<function, Rows>, odd: ptr<function, Rows>, left: Left, held: vec4f) {
    multiply_add(even, left,
        subgroupBroadcast(held, 0u), subgroupBroadcast(held, 1u), subgroupBroadcast(held, 2u), subgroupBroadcast(held, 3u));
    multiply_add(odd, left,
        subgroupBroadcast(held, 4u), subgroupBroadcast(held, 5u), subgroupBroadcast(held, 6u), subgroupBroadcast(held, 7u));
}

// sum += left · R[4 rows, a column group]. The four products are summed first, so that the long sum has C/4 terms.
fn multiply_add(
    sum: ptr<function, Rows>, left: Left, right0: vec4f, right1: vec4f, right2: vec4f, right3: vec4f,
) {
    for (var n = 0u; n < 4u; n++) {
        var part = vec4f(left.upper0[n]) * right0;
        part = fma(vec4f(left.upper1[n]), right1, part);
        part = fma(vec4f(left.upper2[n]), right2, part);
        part = fma(vec4f(left.upper3[n]), right3, part);
        (*sum)[n] += part;
    }
    for (var n = 0u; n < 4u; n++) {
        var part = vec4f(left.lower0[n]) * right0;
        part = fma(vec4f(left.lower1[n]), right1, part);
        part = fma(vec4f(left.lower2[n]), right2, part);
        part = fma(vec4f(left.lower3[n]), right3, part);
        (*sum)[n + 4u] += part;
    }
}

// Stores the sums of two row groups from i on.
fn store(sum: ptr<function, Rows>, i: u32, j: u32, flags: u32) {
    store_block(Block((*sum)[0], (*sum)[1], (*sum)[2], (*sum)[3]), i, j, flags);
    store_block(Block((*sum)[4], (*sum)[5], (*sum)[6], (*sum)[7]), i + 1u, j, flags);
}

// Four rows of four entries.
struct Block {
    row0: vec4f,
    row1: vec4f,
    row2: vec4f,
    row3: vec4f,
}

// Stores the entries of row group i and column group j, and their mirror image.
fn store_block(sum: Block, i: u32, j: u32, flags: u32) {
    let symmetric = (flags & SYMMETRIC) != 0u;
    if (i >= params.groups || j >= params.groups || (symmetric && j < i)) { return; }
    let at = 4u * i * params.groups + j;
    var row0 = params.scale * sum.row0;
    var row1 = params.scale * sum.row1;
    var row2 = params.scale * sum.row2;
    var row3 = params.scale * sum.row3;
    if ((flags & ADD) != 0u) {
        row0 += params.share * entry_of_r(at);
        row1 += params.share * entry_of_r(at + params.groups);
        row2 += params.share * entry_of_r(at + 2u * params.groups);
        row3 += params.share * entry_of_r(at + 3u * params.groups);
    }
    if (symmetric && i == j) {
        row1.x = row0.y;
        row2 = vec4f(row0.z, row1.z, row2.zw);
        row3 = vec4f(row0.w, row1.w, row2.w, row3.w);
    }
    y[at] = pack(row0);
    y[at + params.groups] = pack(row1);
    y[at + 2u * params.groups] = pack(row2);
    y[at + 3u * params.groups] = pack(row3);
    if (symmetric && i < j) {
        let mirrored = 4u * j * params.groups + i;
        y[mirrored] = pack(vec4f(row0.x, row1.x, row2.x, row3.x));
        y[mirrored + params.groups] = pack(vec4f(row0.y, row1.y, row2.y, row3.y));
        y[mirrored + 2u * params.groups] = pack(vec4f(row0.z, row1.z, row2.z, row3.z));
        y[mirrored + 3u * params.groups] = pack(vec4f(row0.w, row1.w, row2.w, row3.w));
    }
}

fn pack(value: vec4f) -> vec2<u64> {
    let bits = bitcast<vec4u>(value);
    return vec2(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}
