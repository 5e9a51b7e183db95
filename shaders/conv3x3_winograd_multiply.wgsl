// conv3x3_winograd_multiply — M[k] = U[k] · V[k] for the 36 frequencies k of F(4x4, 3x3); second of three passes
//
// Math      m[k, o, t] = Σ_c u[k, o, c] · v[k, c, t]
// Backward  the same three passes on gy with turned, transposed weights
// Layout    v: texels, row = [36][v_step: block of 64 tiles, C/4], column = tile of the block, over four input channels
//           u: texels, column = [C/4][8][4], row = [O/32][36], over four output channels, last index = input channel
//           m: [36][O/4][m_stride] vec4, or TEXELS: m_texels as v, row = [36][m_stride: block of 64 tiles, O/4], column = tile of the block
// Threads   1 thread = TILES tiles × 32 output channels of one frequency
// Dispatch  (ceil(tiles / (TILES·WORKGROUP)), ceil(o_groups / 8), 36)
// Bindings  0 params: uniform  1 v: read_texels  2 u: read_texels  3 m: read_write  4 m_texels: write_texels
// Knobs     override WORKGROUP (8; subgroups of at least 8 lanes), TILES (at most 8), TEXELS; text: GROUPS, CHUNK
// Cost      72·C·O flop per tile; per thread and 8 channels: 16 vec4 of v, 8 vec4 of u, for 2048 multiply-adds
// Why       a quarter of the multiplications of conv3x3_direct; chosen by itself on software adapters where both sides have 256 channels
//           or more (fewer: conv3x3_winograd_fused, from 256 tiles on), everywhere if texels are preferred (no AVX-512). Loads are the cost on Mesa llvmpipe: one feeds eight output groups or, handed
//           round, eight lanes. Two cores reach 95 of their 172 GFLOP/s with v and u as texels, 60 with v in a buffer, 48 with both. P8G8 (8 tiles × 8 groups) 95,
//           P4G8 85, P8G4 84, P16G4 90, P16G8 66, P8G16 67: the large ones no longer fit the instruction cache. On small maps fewer
//           TILES leave fewer lanes idle. Chunked sums cost 5 % and keep the error near 5e-7 rms, direct sums 2e-7: what is compared
//           with others' figures (impasto inspect, tests/golden.rs) takes a direct kernel, as gradients flip at ReLUs and maxima
//           u is f32 alone: the transform multiplies by thirds and √2, so f16 would not be exact even where the filter is
// Test      tests/kernels/convolution.rs::conv3x3_winograd

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
@group(0) @binding(1) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var u: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var m_texels: texture_storage_2d<rgba32float, write>;

override WORKGROUP: u32 = 8u;

override TEXELS: bool = false;
override TILES: u32 = 8u; // tiles per thread, WORKGROUP apart

const FREQUENCIES = 36u;
const GROUPS = 8u; // output channel groups per thread
const BLOCK = 64u; // tiles whose frequencies lie side by side
const CHUNK = 32u; // input channel groups summed by themselves before they join the total

alias Tile = array<vec4f, 8>; // as far as TILES

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // The tiles of a workgroup are in one block, so that all its lanes take the same turns.
    let first_tile = workgroup.x * WORKGROUP * TILES;
    let block = first_tile / BLOCK;
    let tile = first_tile + local.x;
    let column = tile % BLOCK;
    let u_row = workgroup.y * FREQUENCIES + workgroup.z;
    var at = lane & 7u;
    let first = workgroup.z * params.v_step + block * params.c_groups;
    let last = first + params.c_groups;

    var sum0: Tile;
    var sum1: Tile;
    var sum2: Tile;
    var sum3: Tile;
    var sum4: Tile;
    var sum5: Tile;
    var sum6: Tile;
    var sum7: Tile;
    // Bounds that come from workgroup_id: Mesa's lavapipe compiles anew for every dispatch if they are uniforms alone.
    for (var chunk = first; chunk < last; chunk += CHUNK) {
        let end = min(last, chunk + CHUNK);
        var part0: Tile;
        var part1: Tile;
        var part2: Tile;
        var part3: Tile;
        var part4: Tile;
        var part5: Tile;
        var part6: Tile;
        var part7: Tile;
        for (var row = chunk; row < end; row++) {
            var input: Tile;
            for (var i = 0u; i < TILES; i++) { input[i] = textureLoad(v, vec2u(column + i * WORKGROUP, row)); }
            // Eight lanes read eight neighbouring columns of u at once and hand them round.
            let a = textureLoad(u, vec2u(at, u_row));
            let b = textureLoad(u, vec2u(at + 8u, u_row));
            let c = textureLoad(u, vec2u(at + 16u, u_row));
            let d = textureLoad(u, vec2u(at + 24u, u_row));
            add(&part0, &input, low(a));
            add(&part1, &input, high(a));
            add(&part2, &input, low(b));
            add(&part3, &input, high(b));
            add(&part4, &input, low(c));
            add(&part5, &input, high(c));
            add(&part6, &input, low(d));
            add(&part7, &input, high(d));
            at += 32u;
        }
        add_tile(&sum0, &part0);
        add_tile(&sum1, &part1);
        add_tile(&sum2, &part2);
        add_tile(&sum3, &part3);
        add_tile(&sum4, &part4);
        add_tile(&sum5, &part5);
        add_tile(&sum6, &part6);
        add_tile(&sum7, &part7);
    }
    let group = workgroup.y * GROUPS;
    store(&sum0, group, workgroup.z, tile);
    store(&sum1, group + 1u, workgroup.z, tile);
    store(&sum2, group + 2u, workgroup.z, tile);
    store(&sum3, group + 3u, workgroup.z, tile);
    store(&sum4, group + 4u, workgroup.z, tile);
    store(&sum5, group + 5u, workgroup.z, tile);
    store(&sum6, group + 6u, workgroup.z, tile);
    store(&sum7, group + 7u, workgroup.z, tile);
}

fn low(w: vec4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(w, 0u), subgroupBroadcast(w, 1u), subgroupBroadcast(w, 2u), subgroupBroadcast(w, 3u));
}

fn high(w: vec4f) -> mat4x4f {
    return mat4x4f(subgroupBroadcast(w, 4u), subgroupBroadcast(w, 5u), subgroupBroadcast(w, 6u), subgroupBroadcast(w, 7u));
}

// sum += columns · input. The four products are summed first, so that the long sum has C/4 terms.
fn add(sum: ptr<function, Tile>, input: ptr<function, Tile>, columns: mat4x4f) {
    for (var i = 0u; i < TILES; i++) {
        let value = (*input)[i];
        var part = vec4f(value.x) * columns[0];
        part = fma(vec4f(value.y), columns[1], part);
        part = fma(vec4f(value.z), columns[2], part);
        part = fma(vec4f(value.w), columns[3], part);
        (*sum)[i] += part;
    }
}

fn add_tile(sum: ptr<function, Tile>, part: ptr<function, Tile>) {
    for (var i = 0u; i < TILES; i++) { (*sum)[i] += (*part)[i]; }
}

fn store(sum: ptr<function, Tile>, group: u32, frequency: u32, tile: u32) {
    if (group >= params.o_groups) { return; }
    if (TEXELS) {
        let texel_row = frequency * params.m_stride + tile / BLOCK * params.o_groups + group;
        for (var i = 0u; i < TILES; i++) { textureStore(m_texels, vec2u(tile % BLOCK + i * WORKGROUP, texel_row), (*sum)[i]); }
        return;
    }
    let at = (frequency * params.o_groups + group) * params.m_stride + tile;
    for (var i = 0u; i < TILES; i++) { m[at + i * WORKGROUP] = (*sum)[i]; }
}
