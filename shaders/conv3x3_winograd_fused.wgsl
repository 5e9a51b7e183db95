// conv3x3_winograd_fused — y = relu?(conv(x) + b) by F(4x4, 3x3), all three passes in one kernel, block by block
//
// Math      V = Bᵀ d B for every 6x6 window, M[k] = U[k] · V[k] for the 36 frequencies k, y = Aᵀ M A (Lavin & Gray 2016)
// Backward  the same on gy with turned, transposed weights, flags ACCUMULATE and MASK as needed
// Pooling   `pooled` ends in the 2x2 maximum of the ReLU, y: [O/4][H/2 · W/2], and leaves the switches of conv3x3_winograd_output;
//           `unpooled` begins with the gradient of that, x: [C/4][H/2 · W/2]. The map between the two is never in memory
// Layout    x: [C/4][x_plane] vec4   y, mask: [O/4][y_plane] vec4, as pairs of u64   switches: [groups][tiles, whole 32] u64
//           u: as in conv3x3_winograd_multiply   scratch: per workgroup [36][C/4 + 8][64 tiles]
// Threads   1 thread = 8 tiles of a block of 64, over all channels; blocks are dealt to the workgroups in turn
// Dispatch  (workgroups that the scratch has room for, 1, 1)
// Bindings  0 params: uniform  1 x: read  2 u: read_texels  3 scratch: read_write  4 bias: read  5 y: read_write  6 mask: read
//           7 switches: read_write
// Knobs     override FLAGS (what the epilogue does), BORDER; text: GROUPS
// Cost      72·C·O flop per tile
// Why       the three passes of conv3x3_winograd_* spend half of their time on their way through memory where there are few channels. Here
//           a block's frequencies stay in the cache of one core, no lane reads what another wrote, so there are no barriers, and the
//           scratch costs 20 ns to store and 14 to load where texels cost 51 and 5: 64→64 at 256² takes 38 ms instead of 51,
//           128→128 at 128² 27 instead of 30. At 256 channels both are alike, beyond V is read too often. Below 256 tiles, four
//           workgroups, cores and lanes are idle: 128→256 at 12² takes 26 ms, in three passes 4 (two cores of Zen 3). Where texels are
//           preferred, three passes are faster throughout: 64→64 at 128² 18 ms, here 34
//           llvmpipe ends all loops of a thread after 65 535 turns together, so the host cuts a large map into dispatches
// Test      tests/kernels/convolution.rs::conv3x3_winograd_fused, conv3x3_pooled

struct FusedParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    first_block: u32,    // first block of 64 tiles in this dispatch
    end_block: u32,      // one past the last
    workgroups: u32,
    c_groups: u32,       // input channel groups
    o_groups: u32,       // output channel groups
}

const ADD_BIAS = 1u;
const ACCUMULATE = 2u;
const RELU = 4u;
const MASK = 8u;
const REPLICATE = 1u;
const WRAP = 2u;

@group(0) @binding(0) var<uniform> params: FusedParams;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;
@group(0) @binding(2) var u: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read_write> scratch: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read> mask: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read_write> switches: array<u64>;

override FLAGS: u32 = 0u;
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const FREQUENCIES = 36u;
const TILES = 8u;   // tiles per thread, LANES apart
const LANES = 8u;
const GROUPS = 8u; // output channel groups at a time
const BLOCK = 64u; // TILES · LANES

alias Line = array<vec4f, 6>;
alias Window = array<Line, 6>;
alias Row = array<vec4f, 4>;
alias Tile = array<vec4f, 8>;

// Every loop bound depends on the thread: Mesa's lavapipe compiles anew for every dispatch if they are uniforms alone.
@compute @workgroup_size(LANES)
fn main(
    @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let v_step = (params.c_groups + GROUPS) * BLOCK;
    let v_first = workgroup.x * FREQUENCIES * v_step + local.x;
    let m_first = v_first + params.c_groups * BLOCK;
    for (var block = params.first_block + workgroup.x; block < params.end_block; block += params.workgroups) {
        let first_tile = block * BLOCK + local.x;
        transform_windows(first_tile, v_first, m_first, v_step);
        let groups = select(0u, params.o_groups, block < params.end_block);
        for (var group = 0u; group < groups; group += GROUPS) {
            multiply(group / GROUPS, v_first, v_step, lane & 7u);
            let last = m_first + min(GROUPS, groups - group) * BLOCK;
            transform_back(first_tile, group, m_first, last, v_step);
        }
    }
}

@compute @workgroup_size(LANES)
fn pooled(
    @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let v_step = (params.c_groups + GROUPS) * BLOCK;
    let v_first = workgroup.x * FREQUENCIES * v_step + local.x;
    let m_first = v_first + params.c_groups * BLOCK;
    for (var block = params.first_block + workgroup.x; block < params.end_block; block += params.workgroups) {
        let first_tile = block * BLOCK + local.x;
        transform_windows(first_tile, v_first, m_first, v_step);
        let groups = select(0u, params.o_groups, block < params.end_block);
        for (var group = 0u; group < groups; group += GROUPS) {
            multiply(group / GROUPS, v_first, v_step, lane & 7u);
            let last = m_first + min(GROUPS, groups - group) * BLOCK;
            transform_back_and_pool(first_tile, group, m_first, last, v_step);
        }
    }
}

@compute @workgroup_size(LANES)
fn unpooled(
    @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let v_step = (params.c_groups + GROUPS) * BLOCK;
    let v_first = workgroup.x * FREQUENCIES * v_step + local.x;
    let m_first = v_first + params.c_groups * BLOCK;
    for (var block = params.first_block + workgroup.x; block < params.end_block; block += params.workgroups) {
        let first_tile = block * BLOCK + local.x;
        transform_unpooled_windows(first_tile, v_first, m_first, v_step);
        let groups = select(0u, params.o_groups, block < params.end_block);
        for (var group = 0u; group < groups; group += GROUPS) {
            multiply(group / GROUPS, v_first, v_step, lane & 7u);
            let last = m_first + min(GROUPS, groups - group) * BLOCK;
            transform_back(first_tile, group, m_first, last, v_step);
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

fn transform_windows(first_tile: u32, first: u32, last: u32, v_step: u32) {
    let tiles_across = (params.width + 3u) / 4u;
    var n = 0u;
    for (var at = first; at < last; at += LANES) {
        let tile = first_tile + n % TILES * LANES;
        let left = i32(tile % tiles_across * 4u) - 1;
        let top = i32(tile / tiles_across * 4u) - 1;
        let plane = n / TILES * params.x_plane;
        n++;
        var columns: Window;
        for (var i = 0u; i < 6u; i++) {
            var line: Line;
            let column = continued(left + i32(i), params.width);
            let column_inside = column >= 0 && column < i32(params.width);
            for (var j = 0u; j < 6u; j++) {
                let row = continued(top + i32(j), params.height);
                let inside = column_inside && row >= 0 && row < i32(params.height);
                let at = select(0u, u32(row) * params.width + u32(column), inside);
                line[j] = select(vec4f(), unpack(x[plane + at]), inside);
            }
            columns[i] = to_frequencies(line);
        }
        store_frequencies(&columns, at, v_step);
    }
}

// A window of the gradient of the maximum: where a switch is on, that of the 2x2 window around it, else zero.
fn transform_unpooled_windows(first_tile: u32, first: u32, last: u32, v_step: u32) {
    let across = (params.width + 3u) / 4u;
    let down = (params.height + 3u) / 4u;
    let size = vec2i(vec2u(params.width, params.height) / 2u);
    let bits = vec4u(1u, 2u, 4u, 8u);
    var n = 0u;
    for (var at = first; at < last; at += LANES) {
        let tile = first_tile + n % TILES * LANES;
        let tile_column = tile % across;
        let tile_row = tile / across;
        let plane = n / TILES * params.x_plane;
        let switch_plane = n / TILES * switches_per_group();
        n++;
        var columns: Window;
        var gradient: Row;   // of the four 2x2 windows that a column of the 6x6 window crosses
        var above: u32;      // the switches of the column's tile, and of those above and below it
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
                    gradient[b] = select(vec4f(), unpack(x[plane + index]), inside);
                }
            }
            if (i < 2u || i == 5u) {
                // What lies beyond the map has no gradient, so any switches will do there.
                let aside = i32(tile_column) + select(select(0, -1, i == 0u), 1, i == 5u);
                let beside = switch_plane + u32(clamp(aside, 0, i32(across) - 1));
                let row = min(tile_row, down - 1u); // the last block may reach beyond the map
                let middle = switches[beside + row * across];
                above = u32(switches[beside + (max(row, 1u) - 1u) * across] >> 32u);
                upper = u32(middle);
                lower = u32(middle >> 32u);
                below = u32(switches[beside + min(row + 1u, down - 1u) * across]);
            }
            let shift = 4u * ((i + 3u) % 4u);
            let even = bits << vec4u(shift);
            let odd = bits << vec4u(shift + 16u);
            columns[i] = to_frequencies(Line(
                select(vec4f(), gradient[0], (vec4u(above) & odd) != vec4u()),
                select(vec4f(), gradient[1], (vec4u(upper) & even) != vec4u()),
                select(vec4f(), gradient[1], (vec4u(upper) & odd) != vec4u()),
                select(vec4f(), gradient[2], (vec4u(lower) & even) != vec4u()),
                select(vec4f(), gradient[2], (vec4u(lower) & odd) != vec4u()),
                select(vec4f(), gradient[3], (vec4u(below) & even) != vec4u()),
            ));
        }
        store_frequencies(&columns, at, v_step);
    }
}

// The second half of Bᵀ d B, given Bᵀ d.
fn store_frequencies(columns: ptr<function, Window>, at: u32, v_step: u32) {
    for (var j = 0u; j < 6u; j++) {
        var line: Line;
        for (var i = 0u; i < 6u; i++) { line[i] = (*columns)[i][j]; }
        let row = to_frequencies(line);
        for (var i = 0u; i < 6u; i++) { scratch[at + (6u * j + i) * v_step] = pack(row[i]); }
    }
}

// u64s from one channel group's switches to the next's.
fn switches_per_group() -> u32 {
    return (((params.width + 3u) / 4u) * ((params.height + 3u) / 4u) + 31u) / 32u * 32u;
}

// Bᵀ times a column of six: the polynomials with all roots but one, t(t²-1/2)(t²-2) over (t - point).
fn to_frequencies(d: Line) -> Line {
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

fn multiply(block: u32, v_first: u32, v_step: u32, lane: u32) {
    for (var k = 0u; k < FREQUENCIES; k++) {
        let u_row = block * FREQUENCIES + k;
        var at = lane;
        let first = v_first + k * v_step;
        let last = first + params.c_groups * BLOCK;
        var sum0: Tile;
        var sum1: Tile;
        var sum2: Tile;
        var sum3: Tile;
        var sum4: Tile;
        var sum5: Tile;
        var sum6: Tile;
        var sum7: Tile;
        for (var row = first; row < last; row += BLOCK) {
            var input: Tile;
            for (var i = 0u; i < TILES; i++) { input[i] = unpack(scratch[row + i * LANES]); }
            let a = textureLoad(u, vec2u(at, u_row));
            let b = textureLoad(u, vec2u(at + 8u, u_row));
            let c = textureLoad(u, vec2u(at + 16u, u_row));
            let d = textureLoad(u, vec2u(at + 24u, u_row));
            add(&sum0, &input, low(a));
            add(&sum1, &input, high(a));
            add(&sum2, &input, low(b));
            add(&sum3, &input, high(b));
            add(&sum4, &input, low(c));
            add(&sum5, &input, high(c));
            add(&sum6, &input, low(d));
            add(&sum7, &input, high(d));
            at += 32u;
        }
        store(&sum0, last);
        store(&sum1, last + BLOCK);
        store(&sum2, last + 2u * BLOCK);
        store(&sum3, last + 3u * BLOCK);
        store(&sum4, last + 4u * BLOCK);
        store(&sum5, last + 5u * BLOCK);
        store(&sum6, last + 6u * BLOCK);
        store(&sum7, last + 7u * BLOCK);
    }
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

fn store(sum: ptr<function, Tile>, at: u32) {
    for (var i = 0u; i < TILES; i++) { scratch[at + i * LANES] = pack((*sum)[i]); }
}

fn transform_back(first_tile: u32, first_group: u32, first: u32, last: u32, v_step: u32) {
    let tiles_across = (params.width + 3u) / 4u;
    var n = 0u;
    for (var at = first; at < last; at += LANES) {
        let tile = first_tile + n % TILES * LANES;
        let left = tile % tiles_across * 4u;
        let top = tile / tiles_across * 4u;
        let group = first_group + n / TILES;
        n++;
        let shift = shift_of(group);
        var rows = half_back(at, v_step);
        for (var i = 0u; i < 4u; i++) {
            let column = column_back(&rows, i);
            for (var j = 0u; j < 4u; j++) {
                let inside = left + i < params.width && top + j < params.height;
                put(group, (top + j) * params.width + left + i, inside, column[j] + shift);
            }
        }
    }
}

fn transform_back_and_pool(first_tile: u32, first_group: u32, first: u32, last: u32, v_step: u32) {
    let across = (params.width + 3u) / 4u;
    let size = vec2u(params.width, params.height) / 2u;
    var n = 0u;
    for (var at = first; at < last; at += LANES) {
        let tile = first_tile + n % TILES * LANES;
        let left = tile % across * 2u;
        let top = tile / across * 2u;
        let group = first_group + n / TILES;
        n++;
        let shift = bias[group];
        var rows = half_back(at, v_step);
        var upper = vec4u();   // switches of the upper 2x2 windows, a component a channel
        var lower = vec4u();
        for (var i = 0u; i < 2u; i++) {
            let one = column_back(&rows, 2u * i);
            let two = column_back(&rows, 2u * i + 1u);
            for (var j = 0u; j < 2u; j++) {
                let window = Row(one[2u * j], two[2u * j], one[2u * j + 1u], two[2u * j + 1u]);
                let inside = left + i < size.x && top + j < size.y;
                let winners = put_maximum(group, (top + j) * size.x + left + i, inside, window, shift);
                if (j == 0u) { upper |= winners << vec4u(8u * i); } else { lower |= winners << vec4u(8u * i); }
            }
        }
        if (tile < across * ((params.height + 3u) / 4u)) {
            switches[group * switches_per_group() + tile] = u64(bits_of(upper)) | (u64(bits_of(lower)) << 32u);
        }
    }
}

// The maximum of a window after bias and ReLU. Returns which of the four it is, by the bits 0, 4, 16 and 20 of each channel:
// the first in the order of rows, as in maxpool2, and none where the ReLU has clipped all.
fn put_maximum(group: u32, pixel: u32, inside: bool, window: Row, shift: vec4f) -> vec4u {
    let a = window[0] + shift;
    let b = window[1] + shift;
    let c = window[2] + shift;
    let d = window[3] + shift;
    let top = max(max(a, b), max(c, d));
    if (inside) { y[group * params.y_plane + pixel] = pack(max(top, vec4f())); }
    let of_row = select(vec4u(1u << 20u), vec4u(1u << 16u), c == top);
    let first = select(select(of_row, vec4u(1u << 4u), b == top), vec4u(1u), a == top);
    return select(vec4u(), first, (top > vec4f()) & vec4<bool>(inside));
}

// Bit 4 · pixel + channel of a row of pairs of windows.
fn bits_of(winners: vec4u) -> u32 {
    return winners.x | (winners.y << 1u) | (winners.z << 2u) | (winners.w << 3u);
}

// M A, row by row.
fn half_back(at: u32, v_step: u32) -> array<Row, 6> {
    var rows: array<Row, 6>;
    for (var j = 0u; j < 6u; j++) {
        var line: Line;
        for (var i = 0u; i < 6u; i++) { line[i] = unpack(scratch[at + (6u * j + i) * v_step]); }
        rows[j] = from_frequencies(line);
    }
    return rows;
}

// A column of Aᵀ M A.
fn column_back(rows: ptr<function, array<Row, 6>>, i: u32) -> Row {
    var line: Line;
    for (var j = 0u; j < 6u; j++) { line[j] = (*rows)[j][i]; }
    return from_frequencies(line);
}

// Aᵀ times a column of six: row n holds the n-th powers of the points.
fn from_frequencies(m: Line) -> Row {
    const ROOT = 1.4142135623730951;
    let even_near = m[1] + m[2];
    let odd_near = m[1] - m[2];
    let even_far = m[3] + m[4];
    let odd_far = m[3] - m[4];
    return Row(
        m[0] + even_near + even_far,
        0.5 * ROOT * odd_near + ROOT * odd_far,
        0.5 * even_near + 2.0 * even_far,
        0.25 * ROOT * odd_near + 2.0 * ROOT * odd_far + m[5],
    );
}

// What the epilogue adds first. Read once: next to each store, before which it might have changed, it was read again.
fn shift_of(group: u32) -> vec4f {
    if ((FLAGS & ADD_BIAS) != 0u) { return bias[group]; }
    return vec4f();
}

fn put(group: u32, pixel: u32, inside: bool, sum: vec4f) {
    // Pixels outside read the first one, since release pipelines check no bounds.
    let at = select(0u, group * params.y_plane + pixel, inside);
    var value = sum;
    if ((FLAGS & ACCUMULATE) != 0u) { value += unpack(y[at]); }
    if ((FLAGS & RELU) != 0u) { value = max(value, vec4f()); }
    if ((FLAGS & MASK) != 0u) { value = select(vec4f(), value, unpack(mask[at]) > vec4f()); }
    if (inside) { y[at] = pack(value); }
}

// Four floats from two integers of two floats each, the first in the low half.
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}

fn pack(value: vec4f) -> vec2<u64> {
    let bits = bitcast<vec4u>(value);
    return vec2<u64>(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}
