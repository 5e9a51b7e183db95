// conv3x3_winograd_input — V = Bᵀ d B for every 6x6 window d of a band of 4x4 tiles; first of three passes
//
// Math      F(4x4, 3x3) of Lavin & Gray (2016) at the points 0, ±√2/2, ±√2, ∞: V[k, c, t] = (Bᵀ d[c, t] B)[k], k = 0..35
// Backward  the same three passes on gy with turned, transposed weights
// Pooling   `unpooled` begins with the gradient of a 2x2 maximum, x: [C/4][H/2 · W/2], and spreads it by the switches that
//           conv3x3_winograd_output left: 16 and 9 loads instead of 36
// Layout    x: [C/4][x_plane] vec4   switches: [C/4][tiles, whole 32] vec2u
//           v: texels, row = [36][v_step: block of 64 tiles, C/4], column = tile of the block
// Threads   1 thread = one tile of one channel group; tiles numbered row by row
// Dispatch  (ceil(tiles / WORKGROUP), groups in x, 1)
// Bindings  0 params: uniform  1 x: read  2 v: write_texels  3 switches: read  4 x_texels: read_texels
// Knobs     override WORKGROUP, TEXELS (x is copied into texels), BORDER
// Cost      36 vec4 loads and 36 vec4 stores per tile and group
// Why       36 loads and 36 stores a tile, of which the stores are two thirds of the time on Mesa llvmpipe: over a VGG-19 step at 256²
//           all input passes together take 109 ms where the products take 280. Texels because the product reads them faster than a
//           buffer (see there); x as texels wins nothing with AVX-512; without it (Zen 3) a
//           load of vec4f takes 210 ns, of a texel 6. The 36 rows that a thread writes lie an odd number of cache lines apart,
//           so that they do not share a few sets of the cache. [block][C/4][36][72] instead cost 30–40 % more
//           RDNA2 (RADV, Mesa 22.3.6): 168 registers, no spill, 6 waves of 32 lanes a SIMD: 36 half-transformed vec4s are 144 of them.
//           In two halves it has 128 and 8 waves, but loads all inputs twice, and it is bound by memory
// Test      tests/kernels/convolution.rs::conv3x3_winograd, conv3x3_pooled

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
@group(0) @binding(3) var<storage, read> switches: array<vec2u>;
@group(0) @binding(4) var x_texels: texture_storage_2d<rgba32float, read>;

override WORKGROUP: u32 = 64u;
override TEXELS: bool = false;
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const REPLICATE = 1u;
const WRAP = 2u;
const COLUMNS = 1024u; // texels of a map in a row
const BLOCK = 64u; // tiles whose frequencies lie side by side

alias Line = array<vec4f, 6>;
alias Window = array<Line, 6>;
alias Row = array<vec4f, 4>;

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
            line[j] = select(vec4f(), input(plane + at), inside);
        }
        columns[i] = transform(line);
    }
    store_frequencies(&columns, id.x, workgroup.y);
}

@compute @workgroup_size(WORKGROUP)
fn unpooled(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    if (id.x >= params.tiles) { return; }
    let tile = params.first_tile + id.x;
    let across = (params.width + 3u) / 4u;
    let down = (params.height + 3u) / 4u;
    let tile_column = tile % across;
    let tile_row = tile / across;
    let size = vec2i(vec2u(params.width, params.height) / 2u);
    let plane = workgroup.y * params.x_plane;
    let switch_plane = workgroup.y * ((across * down + 31u) / 32u * 32u);
    let bits = vec4u(1u, 2u, 4u, 8u);

    var columns: Window;
    var gradient: Row; // of the four 2x2 windows that a column of the 6x6 window crosses
    var above: u32;    // the switches of the column's tile, and of those above and below it
    var upper: u32;
    var lower: u32;
    var below: u32;
    for (var i = 0u; i < 6u; i++) {
        if (i == 0u || i % 2u == 1u) {
            let column = 2 * i32(tile_column) - 1 + i32((i + 1u) / 2u);
            for (var b = 0u; b < 4u; b++) {
                let row = 2 * i32(tile_row) - 1 + i32(b);
                let inside = column >= 0 && column < size.x && row >= 0 && row < size.y;
                let index = select(0u, u32(row * size.x + column), inside);
                gradient[b] = select(vec4f(), input(plane + index), inside);
            }
        }
        if (i < 2u || i == 5u) {
            // What lies beyond the map has no gradient, so any switches will do there.
            let aside = i32(tile_column) + select(select(0, -1, i == 0u), 1, i == 5u);
            let beside = switch_plane + u32(clamp(aside, 0, i32(across) - 1));
            let middle = switches[beside + tile_row * across];
            above = switches[beside + (max(tile_row, 1u) - 1u) * across].y;
            upper = middle.x;
            lower = middle.y;
            below = switches[beside + min(tile_row + 1u, down - 1u) * across].x;
        }
        let shift = 4u * ((i + 3u) % 4u);
        let even = bits << vec4u(shift);
        let odd = bits << vec4u(shift + 16u);
        columns[i] = transform(Line(
            select(vec4f(), gradient[0], (vec4u(above) & odd) != vec4u()),
            select(vec4f(), gradient[1], (vec4u(upper) & even) != vec4u()),
            select(vec4f(), gradient[1], (vec4u(upper) & odd) != vec4u()),
            select(vec4f(), gradient[2], (vec4u(lower) & even) != vec4u()),
            select(vec4f(), gradient[2], (vec4u(lower) & odd) != vec4u()),
            select(vec4f(), gradient[3], (vec4u(below) & even) != vec4u()),
        ));
    }
    store_frequencies(&columns, id.x, workgroup.y);
}

// The second half of Bᵀ d B, given Bᵀ d, to where the product reads it.
fn store_frequencies(columns: ptr<function, Window>, tile: u32, group: u32) {
    let first_row = tile / BLOCK * params.c_groups + params.c_first + group;
    for (var j = 0u; j < 6u; j++) {
        var line: Line;
        for (var i = 0u; i < 6u; i++) { line[i] = (*columns)[i][j]; }
        let row = transform(line);
        for (var i = 0u; i < 6u; i++) {
            textureStore(v, vec2u(tile % BLOCK, first_row + (6u * j + i) * params.v_step), row[i]);
        }
    }
}

fn input(at: u32) -> vec4f {
    if (TEXELS) { return textureLoad(x_texels, vec2u(at % COLUMNS, at / COLUMNS)); }
    return x[at];
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
