// matrix_product_tiled — Y = (scale · L + share · I)·R as matrix_product_broadcast, with tiles in workgroup memory
//
// Math      y[i,j] = scale · Σ_k l[i,k] · r[k,j] + share · r[i,j], where l[i,k] is read as l[k,i], since L is symmetric
// Backward  none: wasserstein_loss has its gradient in closed form
// Layout    l, r, y: [C][C] f32, row-major, as vec4
// Threads   1 workgroup = 64×64 entries of y, 1 thread = 8×8 of them
// Dispatch  (ceil(groups/16), ceil(groups/16), 1)
// Bindings  0 params: uniform  1 l: read  2 r: read  3 y: read_write
// Knobs     none; text: TILE, BATCH; params.flags: SYMMETRIC, ADD
// Cost      2·C³ flop, half of it where y is symmetric; per thread and 8 rows: 4 vec4 from storage, 32 from workgroup memory, for
//           512 multiply-adds
// Why       meant for GPUs and for adapters without subgroups: gram_tiled with rows for pixels. Slow on Mesa llvmpipe, where a
//           barrier puts every lane aside
// Test      tests/kernels/statistics.rs::matrix_product

struct MatrixProductParams {
    groups: u32, // C/4
    flags: u32,
    scale: f32,
    share: f32,
}

@group(0) @binding(0) var<uniform> params: MatrixProductParams;
@group(0) @binding(1) var<storage, read> l: array<vec4f>;
@group(0) @binding(2) var<storage, read> r: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

const SYMMETRIC = 1u; // compute the upper triangle, mirror it
const ADD = 2u;       // add share · R

const TILE = 16u;    // groups along each side of a workgroup's tile
const HALF = 8u;     // threads along each side; a thread has groups n and n + HALF
const THREADS = 64u; // HALF · HALF
const BATCH = 8u;    // rows in workgroup memory at a time
const PITCH = 17u;   // TILE + 1: neighbouring rows in different banks, whether written or read

var<workgroup> rows: array<vec4f, BATCH * PITCH>;
var<workgroup> columns: array<vec4f, BATCH * PITCH>;

// Loops over this array have literal bounds equal to its length: drivers unroll them.
alias Tile = array<vec4f, 4>; // [row of the group]

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let j_tile = workgroup.x * TILE;
    let i_tile = workgroup.y * TILE;
    // Of the workgroup: a condition on the uniform alone would cost Mesa a compilation.
    let flags = select(0u, params.flags, i_tile < params.groups);
    if ((flags & SYMMETRIC) != 0u && j_tile < i_tile) { return; }
    let i = index / HALF;
    let j = index % HALF;

    var near_near: Tile;
    var near_far: Tile;
    var far_near: Tile;
    var far_far: Tile;
    let end = select(0u, 4u * params.groups, i_tile < params.groups);
    for (var batch = 0u; batch < end; batch += BATCH) {
        for (var n = index; n < TILE * BATCH; n += THREADS) {
            let group = n % TILE;
            let k = batch + n / TILE;
            let at = n / TILE * PITCH + group;
            // Rows past the end are zeros, which add nothing; groups past the end are never stored.
            let inside = k < end;
            let base = select(0u, k * params.groups, inside);
            rows[at] = select(vec4f(), l[base + min(i_tile + group, params.groups - 1u)], inside);
            columns[at] = select(vec4f(), r[base + min(j_tile + group, params.groups - 1u)], inside);
        }
        workgroupBarrier();
        for (var p = 0u; p < BATCH * PITCH; p += PITCH) {
            let near_row = rows[p + i];
            let far_row = rows[p + i + HALF];
            let near_column = columns[p + j];
            let far_column = columns[p + j + HALF];
            add_product(&near_near, near_row, near_column);
            add_product(&near_far, near_row, far_column);
            add_product(&far_near, far_row, near_column);
            add_product(&far_far, far_row, far_column);
        }
        workgroupBarrier();
    }
    store(&near_near, i_tile + i, j_tile + j, flags);
    store(&near_far, i_tile + i, j_tile + j + HALF, flags);
    store(&far_near, i_tile + i + HALF, j_tile + j, flags);
    store(&far_far, i_tile + i + HALF, j_tile + j + HALF, flags);
}

fn add_product(sum: ptr<function, Tile>, row: vec4f, column: vec4f) {
    for (var k = 0u; k < 4u; k++) { (*sum)[k] = fma(vec4f(row[k]), column, (*sum)[k]); }
}

fn store(sum: ptr<function, Tile>, i: u32, j: u32, flags: u32) {
    store_block(Block((*sum)[0], (*sum)[1], (*sum)[2], (*sum)[3]), i, j, flags);
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
        row0 += params.share * r[at];
        row1 += params.share * r[at + params.groups];
        row2 += params.share * r[at + 2u * params.groups];
        row3 += params.share * r[at + 3u * params.groups];
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
