// conv3x3_gemm — y = relu?(conv(x, w) + b), 3x3, stride 1, padding 1; implicit GEMM with tiles in workgroup memory
//
// Math      y[o,r,q] = b[o] + Σ_c Σ_{v,u∈0..2} w[o,c,v,u] · x[c, r+v-1, q+u-1]
// Backward  gx = this kernel on gy with w'[c,o,v,u] = w[o,c,2-v,2-u], no bias, flags ACCUMULATE and MASK as needed
// Layout    x, y, mask: [C/4][plane] vec4   w: [O/8][C/4][9][2][4] vec4, the last index = input channel, the one before = output group
//           HALVES: [O/8][C/4][9][4], group 0 in the low 16 bits, group 1 in the high ones
// Threads   1 workgroup = ACROSS × 4·DOWN pixels × 8·DEEP output channels, 1 thread = 1 pixel across × 4 down × 8 output channels
// Dispatch  (ceil(width/ACROSS) · ceil(height/(4·DOWN)) folded over x and z, y = ceil(o_groups/(2·DEEP))); o_first must be a multiple of 2
// Bindings  0 params: uniform  1 x: read  2 w: read  3 bias: read  4 y: read_write  5 mask: read
// Knobs     override ACROSS, DOWN, DEEP (at most 256 threads in all), HALVES, BORDER; text: TILE_H, OUT_GROUPS
// Cost      18·C·O·H·W flop; per thread and input group: 3.7 vec4 from storage, 90 vec4 from workgroup memory, for 1152 multiply-adds
// Why       meant for GPUs: conv3x3_direct_portable fetches every input and weight from the caches, 18 and 72 vec4 a thread; here a
//           workgroup fetches each once and shares it. Neighbouring lanes load and store neighbouring vec4s, the border of the
//           tile stands beside it, so that all nine taps read the same copy. RDNA2 (RADV, Mesa 22.3.6): 112 registers, no spill,
//           7680 bytes of workgroup memory (in steps of 512), 8 waves of 32 lanes a SIMD, 92 % of the loop's vector instructions multiply and add (the twin: 128, 8, 88 %);
//           RDNA3: 120 registers, no spill, 12 waves. Slow on Mesa llvmpipe, where a barrier puts every lane aside
//           HALVES unpacks on the way into workgroup memory: 2.5 loads instead of 3.7, 91 % multiply-adds, else the same; on RDNA2
//           conv3x3_direct_portable even multiplies the halves as they are (v_fma_mix): 90 %
// Test      tests/kernels/convolution.rs::conv3x3_gemm

struct ConvParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    c_groups: u32,       // input channel groups in this dispatch
    o_groups: u32,       // output channel groups in this dispatch
    c_first: u32,        // first input group within the weights
    o_first: u32,        // first output group within the weights and the bias
    c_groups_total: u32, // input groups of the weights
    flags: u32,
}

const ADD_BIAS = 1u;
const ACCUMULATE = 2u;
const RELU = 4u;
const MASK = 8u;
const REPLICATE = 1u;
const WRAP = 2u;

@group(0) @binding(0) var<uniform> params: ConvParams;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4u>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;

// Threads of a workgroup along columns, rows and output channels.
override ACROSS: u32 = 16u;
override DOWN: u32 = 2u;
override DEEP: u32 = 4u;
override HALVES: bool = false; // weights in f16, times 1024, so that none is a subnormal that an adapter may flush
override BORDER: u32 = 0u; // what lies beyond the map: zeros, its outermost pixels or its opposite side

const TILE_H = 4u;     // pixels down per thread; one across, so that neighbouring lanes touch neighbouring vec4s
const OUT_GROUPS = 2u; // output channel groups per thread
const WINDOW_H = 6u;   // TILE_H + 2: the column of pixels above and below too
const COLUMNS = 72u;   // vec4s of w per input group and OUT_GROUPS output groups: 9 · OUT_GROUPS · 4

// One input group of the workgroup's pixels with a border of one, and of its filters.
var<workgroup> pixels: array<vec4f, (ACROSS + 2) * (DOWN * TILE_H + 2)>;
var<workgroup> columns: array<vec4f, DEEP * COLUMNS>;

// Loops over these arrays have literal bounds equal to the array length: drivers unroll them,
// so that every element is a register.
alias Window = array<vec4f, WINDOW_H>;
alias Tile = array<vec4f, TILE_H>;

@compute @workgroup_size(ACROSS * DOWN * DEEP)
fn main(
    @builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
) {
    let tiles_across = (params.width + ACROSS - 1u) / ACROSS;
    // The fold may end beyond the last tile: nothing there is inside the map.
    let tile = workgroup.z * workgroups.x + workgroup.x;
    let left = tile % tiles_across * ACROSS;
    let top = tile / tiles_across * DOWN * TILE_H;
    let block = workgroup.y * DEEP;
    // This thread's place in the tile.
    let i = index % ACROSS;
    let j = index / ACROSS % DOWN * TILE_H;
    let k = index / (ACROSS * DOWN);

    var sum0: Tile;
    var sum1: Tile;
    let last_block = (params.o_groups - 1u) / OUT_GROUPS;
    // Tied to workgroup_id: Mesa's lavapipe compiles anew for every dispatch if bounds are uniforms alone.
    let stored = select(COLUMNS, COLUMNS / 2u, HALVES);
    let step = params.c_groups_total * stored;
    let first = (params.o_first / OUT_GROUPS + block) * step + params.c_first * stored;
    let last = first + params.c_groups * stored;
    var plane = 0u;
    for (var at = first; at < last; at += stored) {
        for (var p = index; p < (ACROSS + 2u) * (DOWN * TILE_H + 2u); p += ACROSS * DOWN * DEEP) {
            let row = continued(i32(top + p / (ACROSS + 2u)) - 1, params.height);
            let column = continued(i32(left + p % (ACROSS + 2u)) - 1, params.width);
            let inside = row >= 0 && row < i32(params.height) && column >= 0 && column < i32(params.width);
            let pixel = select(0u, u32(row) * params.width + u32(column), inside);
            pixels[p] = select(vec4f(), x[plane + pixel], inside);
        }
        for (var c = index; c < DEEP * stored; c += ACROSS * DOWN * DEEP) {
            // Blocks past the end repeat the last one; their sums are not stored.
            let read = w[at + min(c / stored, last_block - block) * step + c % stored];
            if (HALVES) {
                // Four for each tap, with columns 0 to 3 in the low halves and 4 to 7 in the high ones.
                let column = c / 4u * 8u + c % 4u;
                columns[column] = low_halves(read);
                columns[column + 4u] = high_halves(read);
            } else {
                columns[c] = bitcast<vec4f>(read);
            }
        }
        workgroupBarrier();
        // The 36 products of a group are summed by themselves first, for a smaller rounding error; see conv3x3_direct.
        var part0: Tile;
        var part1: Tile;
        add_column(&part0, &part1, i, j, k, 0u);
        add_column(&part0, &part1, i, j, k, 1u);
        add_column(&part0, &part1, i, j, k, 2u);
        add_tile(&sum0, &part0);
        add_tile(&sum1, &part1);
        plane += params.x_plane;
        workgroupBarrier();
    }
    let o = (block + k) * OUT_GROUPS;
    store_tile(&sum0, o, left + i, top + j);
    store_tile(&sum1, o + 1u, left + i, top + j);
}

// The row or column of a map of `length` that stands at `at`, which may lie beyond it: itself if there are zeros.
fn continued(at: i32, length: u32) -> i32 {
    let end = i32(length);
    if (BORDER == REPLICATE) { return clamp(at, 0, end - 1); }
    if (BORDER == WRAP) { return select(select(at, at - end, at >= end), at + end, at < 0); }
    return at;
}

// Two weights lie in a u32, as f16 and times 1024: see HALVES.
fn low_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).x, unpack2x16float(pairs.y).x, unpack2x16float(pairs.z).x, unpack2x16float(pairs.w).x);
}

fn high_halves(pairs: vec4u) -> vec4f {
    return vec4f(unpack2x16float(pairs.x).y, unpack2x16float(pairs.y).y, unpack2x16float(pairs.z).y, unpack2x16float(pairs.w).y);
}

// Adds column u of the filters.
fn add_column(part0: ptr<function, Tile>, part1: ptr<function, Tile>, i: u32, j: u32, k: u32, u: u32) {
    var window: Window;
    for (var n = 0u; n < WINDOW_H; n++) { window[n] = pixels[(j + n) * (ACROSS + 2u) + i + u]; }
    let at = k * COLUMNS + u * 8u;
    multiply_add(part0, &window, 0u, at);
    multiply_add(part1, &window, 0u, at + 4u);
    multiply_add(part0, &window, 1u, at + 24u);
    multiply_add(part1, &window, 1u, at + 28u);
    multiply_add(part0, &window, 2u, at + 48u);
    multiply_add(part1, &window, 2u, at + 52u);
}

// sum += column0 · x.x + column1 · x.y + column2 · x.z + column3 · x.w for the tile shifted down by v in the window.
fn multiply_add(sum: ptr<function, Tile>, window: ptr<function, Window>, v: u32, at: u32) {
    let column0 = columns[at];
    let column1 = columns[at + 1u];
    let column2 = columns[at + 2u];
    let column3 = columns[at + 3u];
    for (var n = 0u; n < TILE_H; n++) {
        let input = (*window)[n + v];
        var total = fma(vec4f(input.x), column0, (*sum)[n]);
        total = fma(vec4f(input.y), column1, total);
        total = fma(vec4f(input.z), column2, total);
        (*sum)[n] = fma(vec4f(input.w), column3, total);
    }
}

fn add_tile(sum: ptr<function, Tile>, part: ptr<function, Tile>) {
    for (var n = 0u; n < TILE_H; n++) { (*sum)[n] += (*part)[n]; }
}

fn store_tile(sum: ptr<function, Tile>, o: u32, column: u32, top: u32) {
    for (var n = 0u; n < TILE_H; n++) {
        let inside = (o < params.o_groups) & (top + n < params.height) & (column < params.width);
        store(o, (top + n) * params.width + column, inside, (*sum)[n]);
    }
}

// Stores one pixel of one output group if it is inside: bias, accumulate, ReLU and mask in this order.
// The flags pass through `inside`: see README.md, section 4, on branches that depend on uniforms alone.
fn store(o: u32, pixel: u32, inside: bool, sum: vec4f) {
    let at = o * params.y_plane + pixel;
    let flags = select(0u, params.flags, inside);
    var value = select(sum, sum / 1024.0, HALVES);
    if ((flags & ADD_BIAS) != 0u) { value += bias[params.o_first + o]; }
    if ((flags & ACCUMULATE) != 0u) { value += y[at]; }
    if ((flags & RELU) != 0u) { value = max(value, vec4f()); }
    if ((flags & MASK) != 0u) { value = select(vec4f(), value, mask[at] > vec4f()); }
    if (inside) { y[at] = value; }
}
