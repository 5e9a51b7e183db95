// matrix_product_broadcast — Y = scale · LᵀR + share · D of square matrices, with lanes along the columns; subgroup broadcasts
//
// Math      y[i,j] = scale · Σ_k l[k,i] · r[k,j] + share · d[i,j]; the columns of a symmetric l are its rows
// Backward  none: wasserstein_loss has its gradient in closed form
// Layout    l, r, d, y: [C][C] f32, row-major, as vec4
// Threads   1 workgroup = 64×64 entries of y; lane n has the column groups n and n + 8
// Dispatch  (ceil(groups/16), ceil(groups/16), 1)
// Bindings  0 params: uniform  1 l: read  2 r: read  3 d: read  4 y: read_write
// Knobs     none (subgroups of at least 8 lanes)   text: WORKGROUP, TILE; params.flags: SYMMETRIC, ADD
// Cost      2·C³ flop, half of it where y is symmetric; per thread and row of l and r: 4 vec4 for 512 multiply-adds
// Why       gram_broadcast with rows for pixels. Of a y that would be symmetric but for rounding the upper triangle is computed and
//           mirrored, in blocks of 4×4: that halves the work, and what iterates on y stays symmetric to the bit
// Test      tests/kernels.rs::matrix_product

struct MatrixProductParams {
    groups: u32, // C/4
    flags: u32,
    scale: f32,
    share: f32,
}

@group(0) @binding(0) var<uniform> params: MatrixProductParams;
@group(0) @binding(1) var<storage, read> l: array<vec4f>;
@group(0) @binding(2) var<storage, read> r: array<vec4f>;
@group(0) @binding(3) var<storage, read> d: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

const SYMMETRIC = 1u; // compute the upper triangle, mirror it
const ADD = 2u;       // add share · D

const WORKGROUP = 8u;
const TILE = 16u; // groups along each side of a tile

// One entry per row of half a tile. A loop over it has a literal bound equal to its length: drivers unroll it, Mesa up to 32.
alias Sums = array<vec4f, 32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    let j_tile = workgroup.x * TILE;
    let i_tile = workgroup.y * TILE;
    // Of the workgroup: a condition on the uniform alone would cost Mesa a compilation.
    let flags = select(0u, params.flags, i_tile < params.groups);
    if ((flags & SYMMETRIC) != 0u && j_tile < i_tile) { return; }

    // Groups past the end repeat the last one; their sums are not stored.
    let most = params.groups - 1u;
    let near_row = min(i_tile + local.x, most);
    let far_row = min(i_tile + 8u + local.x, most);
    let near_column = min(j_tile + local.x, most);
    let far_column = min(j_tile + 8u + local.x, most);

    var near_upper: Sums; // columns of the lane's group n, rows of the tile's upper half
    var near_lower: Sums;
    var far_upper: Sums; // of its group n + 8
    var far_lower: Sums;
    let end = select(0u, 4u * params.groups * params.groups, i_tile < params.groups);
    for (var k = 0u; k < end; k += 2u * params.groups) {
        let next = k + params.groups;
        let a = Pair(r[k + near_column], r[next + near_column]);
        let b = Pair(r[k + far_column], r[next + far_column]);
        let c = Pair(l[k + near_row], l[next + near_row]);
        let e = Pair(l[k + far_row], l[next + far_row]);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 0u), subgroupBroadcast(c.next, 0u), 0u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 1u), subgroupBroadcast(c.next, 1u), 4u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 2u), subgroupBroadcast(c.next, 2u), 8u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 3u), subgroupBroadcast(c.next, 3u), 12u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 4u), subgroupBroadcast(c.next, 4u), 16u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 5u), subgroupBroadcast(c.next, 5u), 20u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 6u), subgroupBroadcast(c.next, 6u), 24u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 7u), subgroupBroadcast(c.next, 7u), 28u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 0u), subgroupBroadcast(e.next, 0u), 0u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 1u), subgroupBroadcast(e.next, 1u), 4u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 2u), subgroupBroadcast(e.next, 2u), 8u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 3u), subgroupBroadcast(e.next, 3u), 12u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 4u), subgroupBroadcast(e.next, 4u), 16u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 5u), subgroupBroadcast(e.next, 5u), 20u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 6u), subgroupBroadcast(e.next, 6u), 24u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(e.here, 7u), subgroupBroadcast(e.next, 7u), 28u);
    }

    let column = j_tile + local.x;
    store(&near_upper, i_tile, column, flags);
    store(&near_lower, i_tile + 8u, column, flags);
    store(&far_upper, i_tile, column + 8u, flags);
    store(&far_lower, i_tile + 8u, column + 8u, flags);
}

// Stores the sums of one column group with the rows of eight groups from `first` on.
fn store(sums: ptr<function, Sums>, first: u32, j: u32, flags: u32) {
    for (var n = 0u; n < 8u; n++) {
        let block = Block((*sums)[4u * n], (*sums)[4u * n + 1u], (*sums)[4u * n + 2u], (*sums)[4u * n + 3u]);
        store_block(block, first + n, j, flags);
    }
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

// A group of columns in two rows.
struct Pair {
    here: vec4f,
    next: vec4f,
}

// Adds the products of the lane's two column groups with one row group, which starts at row `n` of the half tile.
fn add(near: ptr<function, Sums>, far: ptr<function, Sums>, a: Pair, b: Pair, here: vec4f, next: vec4f, n: u32) {
    (*near)[n] += fma(a.next, vec4f(next.x), a.here * here.x);
    (*far)[n] += fma(b.next, vec4f(next.x), b.here * here.x);
    (*near)[n + 1u] += fma(a.next, vec4f(next.y), a.here * here.y);
    (*far)[n + 1u] += fma(b.next, vec4f(next.y), b.here * here.y);
    (*near)[n + 2u] += fma(a.next, vec4f(next.z), a.here * here.z);
    (*far)[n + 2u] += fma(b.next, vec4f(next.z), b.here * here.z);
    (*near)[n + 3u] += fma(a.next, vec4f(next.w), a.here * here.w);
    (*far)[n + 3u] += fma(b.next, vec4f(next.w), b.here * here.w);
}
