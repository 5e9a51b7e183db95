// gram_broadcast — the partial sums of gram, with lanes along the channels; subgroup broadcasts, loads of two pixels
//
// Math      S[k,i,j] = Σ_{p in strip k} t[p]·F[i,p]·F[j,p], t = 1 unless WEIGHTED
// Backward  gram_gradient
// Layout    f_i, f_j: [C/4][plane] vec4, two at a time   weights: [plane] vec4, t in x   partials: [C][C/4][chunks] vec4, tiles under the diagonal unused
// Threads   1 workgroup = 1 strip of pixels (a chunk) × 32 rows × 64 columns, or 64×64 on the diagonal; lane l has the groups l and l + 8 of the columns j
// Dispatch  above the diagonal (ceil(i_groups/8), ceil(j_groups/16), chunks), DIAGONAL (1, ceil(j_groups/16), chunks)
// Bindings  0 params: uniform  1 f_i: read  4 f_j: read  2 partials: read_write  6 weights: read
//           7 i_texels: read_texels  8 j_texels: read_texels
// Knobs     override WEIGHTED, DIAGONAL, TEXELS (subgroups of at least 8 lanes); text: WORKGROUP, ROWS, COLUMNS
// Cost      C·(C+64)·M flop, a quarter less on the diagonal; per thread and four pixels 6 loads of two vec4 for 1024 multiply-adds, DIAGONAL 4 for 1536
// Why       gram.partial, with lanes along the pixels, loads 8 vec4 for 256 multiply-adds, and loads are the cost on Mesa llvmpipe: 5.4 ms here
//           against 15 for relu1_1 at 256², 5.4 against 17.5 for relu4_1. What halved it from 9.7 and 10.7: on the diagonal rows are columns of
//           other lanes and one quarter mirrors another (relu1_1 9.7 → 6.9); all tiles of a strip before the next strip, which stays in the
//           cache, and strips of 512 pixels, as a tile's sums cost as much to store as hundreds (others 11 → 7); 256-bit loads (→ 5.4). Four
//           pixels are added before they join a sum: each sum costs a load, a blend with the execution mask and a store. 64×64 tiles of four
//           pixels above the diagonal outgrow the instruction cache. A real GPU has no such registers: it takes gram_tiled
//           TEXELS, where loads from buffers are slow (Zen 3): relu1_1 at 128² 2.9 ms instead of 4.5, relu4_1 3.9 instead of 9.4
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
@group(0) @binding(1) var<storage, read> f_i: array<vec4<u64>>;
@group(0) @binding(4) var<storage, read> f_j: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;
@group(0) @binding(7) var i_texels: texture_storage_2d<rgba32float, read>;
@group(0) @binding(8) var j_texels: texture_storage_2d<rgba32float, read>;

override WEIGHTED: bool = false;
override DIAGONAL: bool = false;
override TEXELS: bool = false; // f_i and f_j are copied into texels

const TEXEL_COLUMNS = 1024u;
const WORKGROUP = 8u;
const ROWS = 8u;     // channel groups of a tile's rows, twice as many on the diagonal
const COLUMNS = 16u; // of its columns

// One entry per row of eight groups. A loop over it has a literal bound equal to its length: drivers unroll it, Mesa up to 32.
alias Sums = array<vec4f, 32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(subgroup_invocation_id) lane: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let j_tile = workgroup.y * COLUMNS;
    let i_tile = select(workgroup.x * ROWS, j_tile, DIAGONAL);
    // What lies on the diagonal has a dispatch of its own, what lies below is its mirror image.
    if (!DIAGONAL && params.j_first + j_tile <= params.i_first + i_tile / COLUMNS * COLUMNS) { return; }

    // Groups past the end repeat the last one; their sums are not stored. All in pairs of pixels.
    let plane = params.plane / 2u;
    let row = min(i_tile + lane, params.i_groups - 1u) * plane;
    let near_column = min(j_tile + lane, params.j_groups - 1u) * plane;
    let far_column = min(j_tile + 8u + lane, params.j_groups - 1u) * plane;

    var near_upper: Sums; // columns of the lane's group l, first eight groups of rows
    var far_upper: Sums;  // of its group l + 8
    var far_lower: Sums;  // on the diagonal, the next eight groups of rows; the near ones are the far upper ones mirrored
    let start = workgroup.z * params.strip;
    let end = min(start + params.strip, params.pixels);
    for (var p = start; p < end; p += 4u) {
        let here = p / 2u;
        let next = min(here + 1u, (end - 1u) / 2u);
        // Behind the last pixel there may be anything.
        let inside = vec4u(p, p + 1u, p + 2u, p + 3u) < vec4u(end);
        let near = four(pair_of_j(near_column + here), pair_of_j(near_column + next), inside);
        let far = four(pair_of_j(far_column + here), pair_of_j(far_column + next), inside);
        if (DIAGONAL) {
            let upper = weigh(near, p, inside);
            let lower = weigh(far, p, inside);
            add(&near_upper, near, upper);
            add(&far_upper, far, upper);
            add(&far_lower, far, lower);
        } else {
            let rows = weigh(four(pair_of_i(row + here), pair_of_i(row + next), inside), p, inside);
            add(&near_upper, near, rows);
            add(&far_upper, far, rows);
        }
    }

    let column = j_tile + lane;
    store(&near_upper, i_tile, column, workgroup.z);
    store(&far_upper, i_tile, column + 8u, workgroup.z);
    if (DIAGONAL) { store(&far_lower, i_tile + 8u, column + 8u, workgroup.z); }
}

// A channel group at four pixels, zero at those that are not inside.
fn four(here: mat2x4f, next: mat2x4f, inside: vec4<bool>) -> mat4x4f {
    return mat4x4f(
        here[0], // p is inside
        select(vec4f(), here[1], inside.y),
        select(vec4f(), next[0], inside.z),
        select(vec4f(), next[1], inside.w),
    );
}

// Two pixels of a channel group.
fn pair_of_i(at: u32) -> mat2x4f {
    if (TEXELS) { return mat2x4f(textureLoad(i_texels, texel(2u * at)), textureLoad(i_texels, texel(2u * at + 1u))); }
    let pair = f_i[at];
    return mat2x4f(unpack(pair.xy), unpack(pair.zw));
}

fn pair_of_j(at: u32) -> mat2x4f {
    if (TEXELS) { return mat2x4f(textureLoad(j_texels, texel(2u * at)), textureLoad(j_texels, texel(2u * at + 1u))); }
    let pair = f_j[at];
    return mat2x4f(unpack(pair.xy), unpack(pair.zw));
}

// Where entry `at` of what was copied into texels lies.
fn texel(at: u32) -> vec2u {
    return vec2u(at % TEXEL_COLUMNS, at / TEXEL_COLUMNS);
}

// Times the weights of the four pixels from p on; a plane is a multiple of them.
fn weigh(f: mat4x4f, p: u32, inside: vec4<bool>) -> mat4x4f {
    if (!WEIGHTED) { return f; }
    let plane = vec4f(weights[p].x, weights[p + 1u].x, weights[p + 2u].x, weights[p + 3u].x);
    let weight = select(vec4f(), plane, inside);
    return mat4x4f(f[0] * weight.x, f[1] * weight.y, f[2] * weight.z, f[3] * weight.w);
}

// Adds the products of the lane's column group with the row groups of all eight lanes.
fn add(sums: ptr<function, Sums>, f: mat4x4f, rows: mat4x4f) {
    add_row(sums, f, broadcast0(rows), 0u);
    add_row(sums, f, broadcast1(rows), 4u);
    add_row(sums, f, broadcast2(rows), 8u);
    add_row(sums, f, broadcast3(rows), 12u);
    add_row(sums, f, broadcast4(rows), 16u);
    add_row(sums, f, broadcast5(rows), 20u);
    add_row(sums, f, broadcast6(rows), 24u);
    add_row(sums, f, broadcast7(rows), 28u);
}

fn add_row(sums: ptr<function, Sums>, f: mat4x4f, row: mat4x4f, n: u32) {
    (*sums)[n] = product(f, vec4f(row[0].x, row[1].x, row[2].x, row[3].x), (*sums)[n]);
    (*sums)[n + 1u] = product(f, vec4f(row[0].y, row[1].y, row[2].y, row[3].y), (*sums)[n + 1u]);
    (*sums)[n + 2u] = product(f, vec4f(row[0].z, row[1].z, row[2].z, row[3].z), (*sums)[n + 2u]);
    (*sums)[n + 3u] = product(f, vec4f(row[0].w, row[1].w, row[2].w, row[3].w), (*sums)[n + 3u]);
}

// The four products are summed first, which leaves the long sum fewer terms to round.
fn product(f: mat4x4f, row: vec4f, sum: vec4f) -> vec4f {
    return sum + fma(f[3], vec4f(row.w), fma(f[2], vec4f(row.z), fma(f[1], vec4f(row.y), f[0] * row.x)));
}

// One function for each lane, as subgroupBroadcast wants it as a constant.
fn broadcast0(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 0u), subgroupBroadcast(f[1], 0u), subgroupBroadcast(f[2], 0u), subgroupBroadcast(f[3], 0u));
}

fn broadcast1(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 1u), subgroupBroadcast(f[1], 1u), subgroupBroadcast(f[2], 1u), subgroupBroadcast(f[3], 1u));
}

fn broadcast2(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 2u), subgroupBroadcast(f[1], 2u), subgroupBroadcast(f[2], 2u), subgroupBroadcast(f[3], 2u));
}

fn broadcast3(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 3u), subgroupBroadcast(f[1], 3u), subgroupBroadcast(f[2], 3u), subgroupBroadcast(f[3], 3u));
}

fn broadcast4(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 4u), subgroupBroadcast(f[1], 4u), subgroupBroadcast(f[2], 4u), subgroupBroadcast(f[3], 4u));
}

fn broadcast5(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 5u), subgroupBroadcast(f[1], 5u), subgroupBroadcast(f[2], 5u), subgroupBroadcast(f[3], 5u));
}

fn broadcast6(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 6u), subgroupBroadcast(f[1], 6u), subgroupBroadcast(f[2], 6u), subgroupBroadcast(f[3], 6u));
}

fn broadcast7(f: mat4x4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(f[0], 7u), subgroupBroadcast(f[1], 7u), subgroupBroadcast(f[2], 7u), subgroupBroadcast(f[3], 7u));
}

// Stores the sums of one column group with the rows of eight groups from `i` on.
fn store(sums: ptr<function, Sums>, i: u32, j: u32, chunk: u32) {
    if (j >= params.j_groups) { return; }
    let first = (params.i_first + i) * 4u * params.c_groups + params.j_first + j;
    for (var n = 0u; n < 32u; n++) {
        if (i + n / 4u < params.i_groups) { partials[(first + n * params.c_groups) * params.chunks + chunk] = (*sums)[n]; }
    }
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}
