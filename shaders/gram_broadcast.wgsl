// gram_broadcast — the partial sums of gram, with lanes along the channels; subgroup broadcasts
//
// Math      S[k,i,j] = Σ_{p in strip k} t[p]·F[i,p]·F[j,p], t = 1 unless WEIGHTED
// Backward  gram_gradient
// Layout    f_i, f_j: [C/4][plane] vec4   weights: [plane] vec4, t in x   partials: [C][C/4][chunks] vec4, tiles under the diagonal unused
// Threads   1 workgroup = 1 strip of pixels (a chunk) × 64×64 channels; lane l has the groups l and l + 8 of the columns j
// Dispatch  (chunks, ceil(i_groups/16), ceil(j_groups/16))
// Bindings  0 params: uniform  1 f_i: read  4 f_j: read  2 partials: read_write  6 weights: read
// Knobs     override WEIGHTED (subgroups of at least 8 lanes)   text: WORKGROUP, TILE
// Cost      C·(C+64)·M flop; per thread and pixel 4 vec4 of F for 512 multiply-adds
// Why       gram.partial, with lanes along the pixels, loads 8 vec4 for 256 multiply-adds, and loads are the cost on Mesa llvmpipe. A lane's
//           load serves all eight here: 9.7 ms against 15 for relu1_1 at 256², 8.2 against 17.5 for relu4_1. Two pixels are added before
//           they join the sum, which halves the traffic of the 128 sums and the terms to round. 64-bit loads gain nothing any more.
//           Arrays of 64 sums, which Mesa does not unroll, took 48 ms. A real GPU has no such registers: it takes gram_tiled
// Test      tests/kernels/statistics.rs::gram_broadcast

struct GramParams {
    pixels: u32,
    plane: u32,    // vec4s per channel group of F
    c_groups: u32, // channel groups of the whole map
    i_first: u32,  // first group of the row slice
    i_groups: u32, // groups in the row slice
    j_first: u32,  // first group of the column slice
    j_groups: u32, // groups in the column slice
    chunks: u32,
    strip: u32,    // pixels per workgroup, ceil(pixels / chunks)
    scale: f32,    // unread: the second pass applies it
}

@group(0) @binding(0) var<uniform> params: GramParams;
@group(0) @binding(1) var<storage, read> f_i: array<vec4f>;
@group(0) @binding(4) var<storage, read> f_j: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;

override WEIGHTED: bool = false;

const WORKGROUP = 8u;
const TILE = 16u; // channel groups along each side of a tile

// One entry per row of half a tile. A loop over it has a literal bound equal to its length: drivers unroll it, Mesa up to 32.
alias Sums = array<vec4f, 32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    let i_tile = workgroup.y * TILE;
    let j_tile = workgroup.z * TILE;
    if (params.j_first + j_tile < params.i_first + i_tile) { return; }

    // Groups past the end repeat the last one; their sums are not stored.
    let near_row = min(i_tile + local.x, params.i_groups - 1u) * params.plane;
    let far_row = min(i_tile + 8u + local.x, params.i_groups - 1u) * params.plane;
    let near_column = min(j_tile + local.x, params.j_groups - 1u) * params.plane;
    let far_column = min(j_tile + 8u + local.x, params.j_groups - 1u) * params.plane;

    var near_upper: Sums; // columns of the lane's group l, rows of the tile's upper half
    var near_lower: Sums;
    var far_upper: Sums; // of its group l + 8
    var far_lower: Sums;
    let start = workgroup.x * params.strip;
    let end = min(start + params.strip, params.pixels);
    for (var p = start; p < end; p += 2u) {
        let next = min(p + 1u, end - 1u);
        // A strip of odd length has a zero behind its last pixel.
        let weight = select(0.0, 1.0, next > p);
        let a = Pair(f_j[near_column + p], weight * f_j[near_column + next]);
        let b = Pair(f_j[far_column + p], weight * f_j[far_column + next]);
        var c = Pair(f_i[near_row + p], f_i[near_row + next]);
        var d = Pair(f_i[far_row + p], f_i[far_row + next]);
        if (WEIGHTED) {
            let here = weights[p].x;
            let there = weights[next].x;
            c = Pair(here * c.here, there * c.next);
            d = Pair(here * d.here, there * d.next);
        }
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 0u), subgroupBroadcast(c.next, 0u), 0u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 1u), subgroupBroadcast(c.next, 1u), 4u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 2u), subgroupBroadcast(c.next, 2u), 8u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 3u), subgroupBroadcast(c.next, 3u), 12u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 4u), subgroupBroadcast(c.next, 4u), 16u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 5u), subgroupBroadcast(c.next, 5u), 20u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 6u), subgroupBroadcast(c.next, 6u), 24u);
        add(&near_upper, &far_upper, a, b, subgroupBroadcast(c.here, 7u), subgroupBroadcast(c.next, 7u), 28u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 0u), subgroupBroadcast(d.next, 0u), 0u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 1u), subgroupBroadcast(d.next, 1u), 4u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 2u), subgroupBroadcast(d.next, 2u), 8u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 3u), subgroupBroadcast(d.next, 3u), 12u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 4u), subgroupBroadcast(d.next, 4u), 16u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 5u), subgroupBroadcast(d.next, 5u), 20u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 6u), subgroupBroadcast(d.next, 6u), 24u);
        add(&near_lower, &far_lower, a, b, subgroupBroadcast(d.here, 7u), subgroupBroadcast(d.next, 7u), 28u);
    }

    let column = j_tile + local.x;
    store(&near_upper, i_tile, column, workgroup.x);
    store(&near_lower, i_tile + 8u, column, workgroup.x);
    store(&far_upper, i_tile, column + 8u, workgroup.x);
    store(&far_lower, i_tile + 8u, column + 8u, workgroup.x);
}

// Stores the sums of one column group with the rows of eight groups from `i` on.
fn store(sums: ptr<function, Sums>, i: u32, j: u32, chunk: u32) {
    if (j >= params.j_groups) { return; }
    let first = (params.i_first + i) * 4u * params.c_groups + params.j_first + j;
    for (var n = 0u; n < 32u; n++) {
        if (i + n / 4u < params.i_groups) { partials[(first + n * params.c_groups) * params.chunks + chunk] = (*sums)[n]; }
    }
}

// A channel group at two pixels.
struct Pair {
    here: vec4f,
    next: vec4f,
}

// Adds the products of the lane's two column groups with one row group, which starts at row `n` of the tile.
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
