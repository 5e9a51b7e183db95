// conv3x3_winograd_input — V = Bᵀ d B for every 6x6 window d of a band of 4x4 tiles; first of three passes
//
// Math      F(4x4, 3x3) of Lavin & Gray (2016) at the points 0, ±√2/2, ±√2, ∞: V[k, c, t] = (Bᵀ d[c, t] B)[k], k = 0..35
// Backward  the same three passes on gy with turned, transposed weights
// Layout    x: [C/4][x_plane] vec4   v: texels, row = [36][v_step: block of 64 tiles, C/4], column = tile of the block
// Threads   1 thread = one tile of one channel group; tiles numbered row by row
// Dispatch  (ceil(tiles / WORKGROUP), groups in x, 1)
// Bindings  0 params: uniform  1 x: read  2 v: write_texels
// Knobs     override WORKGROUP, BORDER
// Cost      36 vec4 loads and 36 vec4 stores per tile and group
// Why       36 loads and 36 stores a tile, of which the stores are two thirds of the time on Mesa llvmpipe: over a VGG-19 step at 256²
//           all input passes together take 109 ms where the products take 280. Texels because the product reads them faster than a
//           buffer (see there); x as texels wins nothing here. The 36 rows that a thread writes lie an odd number of cache lines apart,
//           so that they do not share a few sets of the cache. [block][C/4][36][72] instead cost 30–40 % more
//           RDNA2 (RADV, Mesa 22.3.6): 168 registers, no spill, 6 waves of 32 lanes a SIMD: 36 half-transformed vec4s are 144 of them.
//           In two halves it has 128 and 8 waves, but loads all inputs twice, and it is bound by memory
// Test      tests/kernels/convolution.rs::conv3x3

struct WinogradParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    first_tile: u32,     // first tile of the band
    tiles: u32,          // tiles of the band
    v_step: u32,         // rows of v from one frequency to the next
    m_stride: u32,       // vec4s from one row of m to the next
    c_groups: u32,       // input channel groups in v
    o_groups: u32,       // output channel groups in m
    c_first: u32,        // first input group in this dispatch
    o_first: u32,        // first output group in this dispatch
}

@group(0) @binding(0) var<uniform> params: WinogradParams;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var v: texture_storage_2d<rgba32float, write>;

override WORKGROUP: u32 = 64u;
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const REPLICATE = 1u;
const WRAP = 2u;
const BLOCK = 64u; // tiles whose frequencies lie side by side

alias Line = array<vec4f, 6>;
alias Window = array<Line, 6>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    if (id.x >= params.tiles) { return; }
    let tile = params.first_tile + id.x;
    let tiles_across = (params.width + 3u) / 4u;
    let left = i32(tile % tiles_across * 4u) - 1;
    let top = i32(tile / tiles_across * 4u) - 1;
    let plane = workgroup.y * params.x_plane;

    var columns: Window; // Bᵀ d, one column of the window after the other
    for (var i = 0u; i < 6u; i++) {
        var line: Line;
        let column = continued(left + i32(i), params.width);
        let column_inside = column >= 0 && column < i32(params.width);
        for (var j = 0u; j < 6u; j++) {
            let row = continued(top + i32(j), params.height);
            let inside = column_inside && row >= 0 && row < i32(params.height);
            let at = select(0u, u32(row) * params.width + u32(column), inside);
            line[j] = select(vec4f(), x[plane + at], inside);
        }
        columns[i] = transform(line);
    }
    let first_row = id.x / BLOCK * params.c_groups + params.c_first + workgroup.y;
    for (var j = 0u; j < 6u; j++) {
        var line: Line;
        for (var i = 0u; i < 6u; i++) { line[i] = columns[i][j]; }
        let row = transform(line);
        for (var i = 0u; i < 6u; i++) {
            textureStore(v, vec2u(id.x % BLOCK, first_row + (6u * j + i) * params.v_step), row[i]);
        }
    }
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// Bᵀ times a column of six: the polynomials with all roots but one, t(t²-1/2)(t²-2) over (t - point).
fn transform(d: Line) -> Line {
    const ROOT = 1.4142135623730951;
    const HALF_ROOT = 0.7071067811865476;
    let even_near = d[4] - 2.0 * d[2];
    let odd_near = HALF_ROOT * d[3] - ROOT * d[1];
    let even_far = d[4] - 0.5 * d[2];
    let odd_far = ROOT * d[3] - HALF_ROOT * d[1];
    return Line(
        d[0] - 2.5 * d[2] + d[4],
        even_near + odd_near,
        even_near - odd_near,
        even_far + odd_far,
        even_far - odd_far,
        d[1] - 2.5 * d[3] + d[5],
    );
}
