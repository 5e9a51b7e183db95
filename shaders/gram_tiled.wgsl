// gram_tiled — the first pass of gram with tiles in workgroup memory: sums of F·Fᵀ over strips of pixels
//
// Math      S[k,i,j] = Σ_{p in strip k} t[p]·F[i,p]·F[j,p], t = 1 unless WEIGHTED; the second pass is gram.reduce, as for gram.partial
// Backward  gram_gradient_portable
// Layout    F: [C/4][plane] vec4   weights: [plane] vec4, t in x   partials: [C][C/4][chunks] vec4, one chunk per strip, tiles under the diagonal unused
// Threads   1 workgroup = 64×64 channels of one strip, 1 thread = 8×8 of them
// Dispatch  (chunks, ceil(i_groups/16), ceil(j_groups/16))
// Bindings  0 params: uniform  1 f_i: read  2 partials: read_write  4 f_j: read  6 weights: read
// Knobs     override WEIGHTED; text: TILE, BATCH
// Cost      C·(C+64)·M flop; per thread and 8 pixels: 4 vec4 of F from storage, 32 from workgroup memory, for 512 multiply-adds
// Why       meant for GPUs: gram.partial holds 256 sums a thread, of which RDNA2 spills 38, and fetches 8 vec4 a pixel through the
//           caches. Here 64 threads share what they fetch. RDNA2 (RADV, Mesa 22.3.6): 88 registers, no spill, 4608 bytes (in steps of 512), 10 waves
//           of 32 lanes a SIMD, 94 % of the loop's vector instructions multiply and add; RDNA3: 96 registers, no spill, 14 waves.
//           With 16 pixels at a time 8 waves, for want of workgroup memory. Slow on Mesa llvmpipe, where a barrier puts every lane aside
// Test      tests/kernels/statistics.rs::gram_tiled

struct GramParams {
    pixels: u32,
    plane: u32,    // vec4s per channel group of F
    c_groups: u32, // channel groups of the whole map
    i_first: u32,  // first group of the row slice, a multiple of 4
    i_groups: u32, // groups in the row slice
    j_first: u32,  // first group of the column slice, a multiple of 4
    j_groups: u32, // groups in the column slice
    chunks: u32,   // strips, one workgroup each
    strip: u32,    // pixels per strip
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: GramParams;
@group(0) @binding(1) var<storage, read> f_i: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read> f_j: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;

override WEIGHTED: bool = false;

const TILE = 16u;    // channel groups along each side of a workgroup's tile
const HALF = 8u;     // threads along each side; a thread has groups n and n + HALF
const THREADS = 64u; // HALF · HALF
const BATCH = 8u;   // pixels in workgroup memory at a time
const PITCH = 17u;   // TILE + 1: neighbouring pixels in different banks, whether written or read

var<workgroup> rows: array<vec4f, BATCH * PITCH>;
var<workgroup> columns: array<vec4f, BATCH * PITCH>;

// Loops over this array have literal bounds equal to its length: drivers unroll them.
alias Tile = array<vec4f, 4>; // [channel of i]

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let i_tile = workgroup.y * TILE;
    let j_tile = workgroup.z * TILE;
    if (params.j_first + j_tile < params.i_first + i_tile) { return; }
    let i = index / HALF;
    let j = index % HALF;

    var near_near: Tile;
    var near_far: Tile;
    var far_near: Tile;
    var far_far: Tile;
    let start = workgroup.x * params.strip;
    let end = min(start + params.strip, params.pixels);
    for (var batch = start; batch < end; batch += BATCH) {
        for (var n = index; n < TILE * BATCH; n += THREADS) {
            let pixel = batch + n % BATCH;
            let group = n / BATCH;
            let at = n % BATCH * PITCH + group;
            // Pixels past the end are zeros, which add nothing; groups past the end are never stored.
            let inside = pixel < end;
            let i_at = min(i_tile + group, params.i_groups - 1u) * params.plane + pixel;
            let j_at = min(j_tile + group, params.j_groups - 1u) * params.plane + pixel;
            var row = f_i[select(0u, i_at, inside)];
            if (WEIGHTED) { row *= weights[select(0u, pixel, inside)].x; }
            rows[at] = select(vec4f(), row, inside);
            columns[at] = select(vec4f(), f_j[select(0u, j_at, inside)], inside);
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
    store(&near_near, i_tile + i, j_tile + j, workgroup.x);
    store(&near_far, i_tile + i, j_tile + j + HALF, workgroup.x);
    store(&far_near, i_tile + i + HALF, j_tile + j, workgroup.x);
    store(&far_far, i_tile + i + HALF, j_tile + j + HALF, workgroup.x);
}

fn add_product(sum: ptr<function, Tile>, row: vec4f, column: vec4f) {
    for (var k = 0u; k < 4u; k++) { (*sum)[k] = fma(vec4f(row[k]), column, (*sum)[k]); }
}

fn store(sum: ptr<function, Tile>, i: u32, j: u32, chunk: u32) {
    if (i >= params.i_groups || j >= params.j_groups) { return; }
    for (var k = 0u; k < 4u; k++) {
        let row = (params.i_first + i) * 4u + k;
        partials[(row * params.c_groups + params.j_first + j) * params.chunks + chunk] = (*sum)[k];
    }
}
