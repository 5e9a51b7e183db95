// picture_input — from a window of the picture variable to the network's input, and the gradient back
//
// Math      y[k] = Σ_c matrix[k][c] · x[c] + offset[k];   gx[c] = Σ_k matrix[k][c] · gy[k], 0 around the window
//           For Caffe weights: (B, G, R) · 255 − mean; for torchvision: (x − mean) / std.
// Backward  the entry point `gradient`
// Layout    red, green, blue, gx: rows of one plane of [3][H·W] f32, RGB in [0, 1]   y, gy: [1][plane] vec4, fourth lane 0
// Threads   one thread = one pixel; gradient: of one channel
// Dispatch  (ceil(width / 64), height folded over y and z); gradient: once for each channel; once for each band of rows
// Bindings  0 p: uniform  1 red: read  2 green: read  5 blue: read  6 y: read_write  3 gy: read  4 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx
// Cost      18 flop each way; 28 bytes per pixel forward, 60 back
// Why       Zero padding happens after this map, in the network's own space, as in training. The planes are bound one by
//           one, and no more of their rows than the window has: three together may be larger than a binding. Rows are
//           a dimension of the dispatch because Mesa's llvmpipe divides lane by lane: 3.5 instead of 4.0 ms back at 512²
// Test      tests/kernels.rs::picture_input

struct Params {
    // Forward: row k holds matrix[k][0..3] and, in w, offset[k]. Gradient: row 0 holds column c of the matrix.
    rows: array<vec4<f32>, 3>,
    // Where the first pixel stands in the bound part of each plane; the gradient uses the first.
    first: vec3<u32>,
    picture_width: u32,
    // Of the rectangle that is worked on. Forward: rows of the window. Gradient: what is written of the picture.
    width: u32,
    height: u32,
    // Of the window, and where it begins in that rectangle.
    window_width: u32,
    window_height: u32,
    left: u32,
    top: u32,
    flags: u32,
}

const ACCUMULATE = 2u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> red: array<f32>;
@group(0) @binding(2) var<storage, read> green: array<f32>;
@group(0) @binding(5) var<storage, read> blue: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = group.x * 64u + lane;
    let row = group.z * groups.y + group.y;
    if column >= p.width || row >= p.height {
        return;
    }
    let at = row * p.picture_width + column;
    let rgb1 = vec4(red[p.first.x + at], green[p.first.y + at], blue[p.first.z + at], 1.0);
    // Below the first band, p.top wraps.
    y[(row - p.top) * p.width + column] = vec4(dot(p.rows[0], rgb1), dot(p.rows[1], rgb1), dot(p.rows[2], rgb1), 0.0);
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = group.x * 64u + lane;
    let row = group.z * groups.y + group.y;
    let inside = column < p.width && row < p.height;
    // Left of the window and above it, these wrap to numbers beyond its size.
    let j = column - p.left;
    let i = row - p.top;
    let covered = inside && j < p.window_width && i < p.window_height;
    let g = gy[select(0u, i * p.window_width + j, covered)];
    let weights = p.rows[0];
    var value = select(0.0, g.x * weights.x + g.y * weights.y + g.z * weights.z, covered);
    let at = select(0u, p.first.x + row * p.picture_width + column, inside);
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        value += gx[at];
    }
    if inside {
        gx[at] = value;
    }
}
