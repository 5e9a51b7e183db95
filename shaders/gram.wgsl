// gram — G = scale · F·Fᵀ, the Gram matrix of a feature map, in two passes without atomics
//
// Math      partial: S[k,i,j] = Σ_{p in chunk k} t[p]·F[i,p]·F[j,p], t = 1 unless WEIGHTED   reduce: G[i,j] = G[j,i] (+)= scale · Σ_k S[k,i,j]
// Backward  gram_gradient: gF = D·F with D = scale · (gG + gGᵀ), times t
// Layout    F: [C/4][plane] vec4   weights: [plane] vec4, t in x   partials: [C][C/4][chunks] vec4, unread under the diagonal   G: [C][C/4] vec4, row-major
// Threads   partial: 1 workgroup = 1 strip of pixels, 1 thread = every WORKGROUP-th pixel of it (a chunk) × 16×16 channels
//           reduce: 1 thread = 4×4 neighbours of G and their mirror images
// Dispatch  partial: (chunks / WORKGROUP, ceil(i_groups/4), ceil(j_groups/4)); reduce: (ceil(c_groups / WORKGROUP), c_groups, 1)
// Bindings  0 params: uniform  1 f_i: read  2 partials: read_write  3 all_partials: read  4 f_j: read  5 g: read_write  6 weights: read
// Knobs     override WORKGROUP, WEIGHTED; text: TILE; params.flags bit 1 accumulates onto G
// Cost      partial: C·(C+16)·M flop; per thread and pixel 8 vec4 of F for 256 multiply-adds; reduce reads 2·C·(C+4)·chunks bytes
// Why       outer products in registers: 8 loads for 64 vec4 multiply-adds; only tiles on or above the diagonal. 18–26 % of the FMA peak on
//           Mesa llvmpipe, counted as 2·C²·M. Strips matter: pixels dealt out chunk by chunk (256 apart) ran at 6–8 %, since the planes'
//           power-of-two strides share cache sets. RDNA2: 256 registers, 38 spilled, so real GPUs take gram_tiled for the first pass
// Test      tests/kernels/statistics.rs::gram

struct GramParams {
    pixels: u32,
    plane: u32,    // vec4s per channel group of F
    c_groups: u32, // channel groups of the whole map
    i_first: u32,  // first group of the row slice
    i_groups: u32, // groups in the row slice
    j_first: u32,  // first group of the column slice
    j_groups: u32, // groups in the column slice
    chunks: u32,   // a multiple of the partial pass's WORKGROUP
    strip: u32,    // pixels per workgroup, ceil(pixels · WORKGROUP / chunks)
    scale: f32,
    flags: u32,
}

@group(0) @binding(0) var<uniform> params: GramParams;
@group(0) @binding(1) var<storage, read> f_i: array<vec4f>;
@group(0) @binding(4) var<storage, read> f_j: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<storage, read> all_partials: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> g: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;

override WORKGROUP: u32 = 64u;
override WEIGHTED: bool = false;

const ACCUMULATE = 2u;

const TILE = 4u; // channel groups along each side of a tile

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them.
alias Column = array<vec4f, TILE>;
alias Tile = array<array<array<vec4f, TILE>, 4>, TILE>; // [group i][channel of i][group j]

@compute @workgroup_size(WORKGROUP)
fn partial(
    @builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let i_tile = id.y * TILE;
    let j_tile = id.z * TILE;
    if (params.j_first + j_tile < params.i_first + i_tile) { return; }

    // Groups past the end repeat the last one; their sums are not stored.
    var i_base: array<u32, TILE>;
    var j_base: array<u32, TILE>;
    for (var t = 0u; t < TILE; t++) {
        i_base[t] = min(i_tile + t, params.i_groups - 1u) * params.plane;
        j_base[t] = min(j_tile + t, params.j_groups - 1u) * params.plane;
    }

    let start = workgroup.x * params.strip;
    let end = min(start + params.strip, params.pixels);
    var sum: Tile;
    for (var pixel = start + local.x; pixel < end; pixel += WORKGROUP) {
        var a: Column;
        var b: Column;
        for (var t = 0u; t < TILE; t++) {
            a[t] = f_i[i_base[t] + pixel];
            b[t] = f_j[j_base[t] + pixel];
        }
        if (WEIGHTED) {
            let weight = weights[pixel].x;
            for (var t = 0u; t < TILE; t++) { a[t] *= weight; }
        }
        for (var t = 0u; t < TILE; t++) {
            for (var s = 0u; s < TILE; s++) {
                sum[t][0][s] = fma(vec4f(a[t].x), b[s], sum[t][0][s]);
                sum[t][1][s] = fma(vec4f(a[t].y), b[s], sum[t][1][s]);
                sum[t][2][s] = fma(vec4f(a[t].z), b[s], sum[t][2][s]);
                sum[t][3][s] = fma(vec4f(a[t].w), b[s], sum[t][3][s]);
            }
        }
    }

    for (var t = 0u; t < TILE; t++) {
        for (var k = 0u; k < 4u; k++) {
            for (var s = 0u; s < TILE; s++) {
                if (i_tile + t < params.i_groups && j_tile + s < params.j_groups) {
                    let row = (params.i_first + i_tile + t) * 4u + k;
                    let column = params.j_first + j_tile + s;
                    partials[(row * params.c_groups + column) * params.chunks + id.x] = sum[t][k][s];
                }
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(global_invocation_id) id: vec3u) {
    let i = id.y;
    let j = id.x;
    // Where a slice ends within a tile, nothing stored the part of the tile that is below the diagonal.
    if (j >= params.c_groups || j < i) { return; }

    let row = params.c_groups * params.chunks; // of partial sums
    let first = 4u * i * row + j * params.chunks;
    let last = first + params.chunks;
    var sum = mat4x4f();
    for (var at = first; at < last; at++) {
        sum += mat4x4f(all_partials[at], all_partials[at + row], all_partials[at + 2u * row], all_partials[at + 3u * row]);
    }
    sum *= params.scale;

    let upper = 4u * i * params.c_groups + j;
    // Of the tile that this thread shares; a condition on the uniform alone would cost Mesa a compilation.
    let flags = select(params.flags, 0u, j >= params.c_groups);
    if ((flags & ACCUMULATE) != 0u) {
        for (var k = 0u; k < 4u; k++) { sum[k] += g[upper + k * params.c_groups]; }
    }
    for (var k = 0u; k < 4u; k++) { g[upper + k * params.c_groups] = sum[k]; }
    if (j > i) {
        let mirrored = transpose(sum);
        let lower = 4u * j * params.c_groups + i;
        for (var k = 0u; k < 4u; k++) { g[lower + k * params.c_groups] = mirrored[k]; }
    }
}
