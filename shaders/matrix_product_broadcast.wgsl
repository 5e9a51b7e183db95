// matrix_product_broadcast — Y = scale · L·R + share · D of square matrices, L symmetric, with lanes along the rows; subgroup broadcasts
//
// Math      y[i,j] = scale · Σ_k l[i,k] · r[k,j] + share · d[i,j]
// Backward  none: wasserstein_loss has its gradient in closed form
// Layout    l, r, d, y: [C][C] f32, row-major, as vec4
// Threads   1 workgroup = 64 rows × 32 columns of y; 1 thread = 8 neighbouring rows of them
// Dispatch  (ceil(groups/8), ceil(groups/16), 1)
// Bindings  0 params: uniform  1 l: read  2 r: read  3 d: read  4 y: read_write  5 l_texels: read_texels
//           6 r_texels: read_texels
// Knobs     override TEXELS (subgroups of at least 8 lanes)   text: WORKGROUP, ROWS, GROUPS; params.flags: SYMMETRIC, ADD
// Cost      2·C³ flop, half of it where y is symmetric; per thread and 4 columns of l: 8 vec4 of l, 4 vec4 of r, for 1024 multiply-adds
// Why       loads are the cost on Mesa llvmpipe: a load of l serves 8 column groups, one of r all 8 lanes, and two components read as one
//           64-bit integer cost little more than one. C = 512, half: 4–5 ms on two busy cores (vec4f loads 5–6, texels 3–5, but something
//           had to fill them); the pattern of gram_broadcast, tiles of 64×64 on two lanes' groups, took 28–30. Of a y that would be
//           symmetric but for rounding the upper triangle is computed and mirrored, in blocks of 4×4: half the work, and what iterates
//           on y stays symmetric to the bit. A real GPU has no such registers: it takes matrix_product_tiled
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
@group(0) @binding(3) var<storage, read> d: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var l_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var r_texels: texture_storage_2d<rgba32float, read>;

override TEXELS: bool = false; // l and r are copied into texels

const SYMMETRIC = 1u; // compute the upper triangle, mirror it
const ADD = 2u;       // add share · D

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
    let first = 4u * i_tile + ROWS * local.x;
    var row: array<u32, ROWS>;
    for (var n = 0u; n < ROWS; n++) { row[n] = min(first + n, 4u * params.groups - 1u) * params.groups; }
    // Eight lanes read 4 rows × 2 column groups of r at once.
    let most = params.groups - 1u;
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
    var left: Rows;
    let end = select(0u, params.groups, inside);
    for (var k = 0u; k < end; k++) {
        for (var n = 0u; n < ROWS; n++) { left[n] = entry_of_l(row[n] + k); }
        let at = 4u * k * params.groups;
        add_two_groups(&sum0, &sum1, &left, entry_of_r(at + at0));
        add_two_groups(&sum2, &sum3, &left, entry_of_r(at + at1));
        add_two_groups(&sum4, &sum5, &left, entry_of_r(at + at2));
        add_two_groups(&sum6, &sum7, &left, entry_of_r(at + at3));
    }
    let i = i_tile + 2u * local.x;
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

// Hands the rows of two column groups that the lanes hold round to all of them.
fn add_two_groups(even: ptr<function, Rows>, odd: ptr<function, Rows>, left: ptr<function, Rows>, held: vec4f) {
    multiply_add(even, left,
        subgroupBroadcast(held, 0u), subgroupBroadcast(held, 1u), subgroupBroadcast(held, 2u), subgroupBroadcast(held, 3u));
    multiply_add(odd, left,
        subgroupBroadcast(held, 4u), subgroupBroadcast(held, 5u), subgroupBroadcast(held, 6u), subgroupBroadcast(held, 7u));
}

// sum += left · R[4 rows, a column group]. The four products are summed first, so that the long sum has C/4 terms.
fn multiply_add(
    sum: ptr<function, Rows>, left: ptr<function, Rows>, right0: vec4f, right1: vec4f, right2: vec4f, right3: vec4f,
) {
    for (var n = 0u; n < ROWS; n++) {
        let value = (*left)[n];
        var part = vec4f(value.x) * right0;
        part = fma(vec4f(value.y), right1, part);
        part = fma(vec4f(value.z), right2, part);
        part = fma(vec4f(value.w), right3, part);
        (*sum)[n] += part;
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
        row0 += params.share * d[at];
        row1 += params.share * d[at + params.groups];
        row2 += params.share * d[at + 2u * params.groups];
        row3 += params.share * d[at + 3u * params.groups];
    }
    if (symmetric && i == j) {
        row1.x = row0.y;
        row2 = vec4f(row0.z, row1.z, row2.zw);
        row3 = vec4f(row0.w, row1.w, row2.w, row3.w);
    }
    y[at] = row0;
    y[at + params.groups] = row1;
    y[at + 2u * params.groups] = row2;
    y[at + 3u * params.groups] = row3;
    if (symmetric && i < j) {
        let mirrored = 4u * j * params.groups + i;
        y[mirrored] = vec4f(row0.x, row1.x, row2.x, row3.x);
        y[mirrored + params.groups] = vec4f(row0.y, row1.y, row2.y, row3.y);
        y[mirrored + 2u * params.groups] = vec4f(row0.z, row1.z, row2.z, row3.z);
        y[mirrored + 3u * params.groups] = vec4f(row0.w, row1.w, row2.w, row3.w);
    }
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}
