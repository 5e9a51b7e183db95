// conv3x3_replicate — what a gradient lacks at the edge where the border was replicated; runs after any other conv3x3_*
//
// Math      y[o,r,q] += Σ_(v,u) conv(x, w)[o,v,u] over the positions (v, u) beyond the map whose nearest pixel is (r, q)
// Backward  none: it is the gradient of a forward pass with BORDER = 1, whose other part is a convolution with zeros around gy
// Layout    x (gy), y (gx), mask: [C/4][plane] vec4   w: [O/4][C/4][9] four vec4, as in conv3x3_plain, turned and transposed
// Threads   1 thread = 1 pixel of the edge × 4 output channels
// Dispatch  (ceil(pixels of the edge / WORKGROUP), o_groups, 1)
// Bindings  0 params: uniform  1 x: read  2 w: read  3 y: read_write  4 mask: read
// Knobs     override WORKGROUP
// Cost      C·O·(12·(H + W) − 8) flop: a position beyond the map meets three pixels of it, fewer at the corners; per thread and input group
//           mostly 3 vec4 of x and 12 of w
// Why       no faster than conv3x3_plain, and need not be: at 64→3 on 256² it has 1.6 % of the pixels. It leaves all other kernels
//           alone, where a padded map and a crop of what is made from it would cost a 64-channel map more
// Test      tests/kernels/convolution.rs::conv3x3_borders

struct ConvParams {
    width: u32,
    height: u32,
    x_plane: u32,        // vec4s per channel group of x
    y_plane: u32,        // vec4s per channel group of y and mask
    c_groups: u32,       // input channel groups in this dispatch
    o_groups: u32,       // output channel groups in this dispatch
    c_first: u32,        // first input group within the weights
    o_first: u32,        // first output group within the weights
    c_groups_total: u32, // input groups of the weights
    flags: u32,
}

const MASK = 8u;

@group(0) @binding(0) var<uniform> params: ConvParams;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read> mask: array<vec4f>;

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u) {
    // The first and the last row, then what the first and the last column have beside them.
    let of_rows = min(params.height, 2u) * params.width;
    let sides = min(params.width, 2u);
    let k = id.x - of_rows; // unused where it wraps
    let is_in_a_row = id.x < of_rows;
    let row = select(1u + k / sides, id.x / params.width * (params.height - 1u), is_in_a_row);
    let column = select(k % sides * (params.width - 1u), id.x % params.width, is_in_a_row);
    if (row >= params.height || (!is_in_a_row && row + 1u == params.height)) { return; }

    var sum = vec4f();
    for (var v = -1; v <= 1; v++) {
        for (var u = -1; u <= 1; u++) {
            let above = i32(row) + v;
            let before = i32(column) + u;
            let row_is_beyond = above < 0 || above >= i32(params.height);
            let column_is_beyond = before < 0 || before >= i32(params.width);
            let is_nearest = (v == 0 || row_is_beyond) && (u == 0 || column_is_beyond);
            if (is_nearest && (row_is_beyond || column_is_beyond)) { sum += convolve(workgroup.y, above, before); }
        }
    }
    let at = workgroup.y * params.y_plane + row * params.width + column;
    // Tied to the thread: Mesa's lavapipe compiles anew for every dispatch if a branch depends on uniforms alone.
    let flags = select(0u, params.flags, row < params.height);
    if ((flags & MASK) != 0u) { sum = select(vec4f(), sum, mask[at] > vec4f()); }
    y[at] += sum;
}

// The convolution at a position that need not lie in the map, with zeros around it.
fn convolve(o: u32, row: i32, column: i32) -> vec4f {
    var sum = vec4f();
    var at = ((params.o_first + o) * params.c_groups_total + params.c_first) * 36u;
    var plane = 0u;
    let last = at + params.c_groups * 36u;
    while (at < last) {
        for (var v = row - 1; v <= row + 1; v++) {
            for (var u = column - 1; u <= column + 1; u++) {
                if (v >= 0 && v < i32(params.height) && u >= 0 && u < i32(params.width)) {
                    let input = x[plane + u32(v) * params.width + u32(u)];
                    sum += mat4x4f(w[at], w[at + 1u], w[at + 2u], w[at + 3u]) * input;
                }
                at += 4u;
            }
        }
        plane += params.x_plane;
    }
    return sum;
}
