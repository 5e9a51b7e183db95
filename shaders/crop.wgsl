// crop — a window of one map into a window of another: crops, pastes, and the gradients of both
//
// Math      y[c, i + y_top, j + y_left] (+)= x[c, i + x_top, j + x_left] for the positions (i, j) of the window;
//           where the written rectangle is larger than the window, the rest (+)= 0
// Backward  itself with x and y exchanged: the gradient of a crop pastes, the gradient of a paste crops
// Layout    x, y, mask: [C/4][plane] vec4, plane = H·W rounded up to 16; mask has the shape of y
// Threads   one thread = one position of the written rectangle, one channel group
// Dispatch  (ceil(width·height / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 x: read  2 mask: read  3 y: read_write
// Knobs     none; p.flags bit 1 accumulates onto y, bit 3 then zeroes where the mask is not positive
// Cost      no flop (1 per value when accumulating); 8 bytes per value, 4 more when accumulating and when masking
// Why       A tile of a picture is a picture of its own to every other kernel, which so need not know of tiles. The
//           first gradient to arrive writes zeros around its window, so nothing need be cleared before
// Test      tests/kernels.rs::crop

struct Params {
    // The rectangle of y that is written.
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    // The window, in x and in y.
    x_left: u32,
    x_top: u32,
    y_left: u32,
    y_top: u32,
    window_width: u32,
    window_height: u32,
    x_width: u32,
    y_width: u32,
    x_plane: u32,
    y_plane: u32,
    flags: u32,
}

const ACCUMULATE = 2u;
const MASK = 8u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let position = (group.y * groups.x + group.x) * 64u + lane;
    let inside = position < p.width * p.height;
    let here = select(0u, position, inside);
    let column = p.left + here % p.width;
    let row = p.top + here / p.width;
    // Left of the window and above it, these wrap to numbers beyond its size.
    let j = column - p.y_left;
    let i = row - p.y_top;
    let covered = j < p.window_width && i < p.window_height;
    let source = select(0u, (p.x_top + i) * p.x_width + p.x_left + j, covered);
    var value = select(vec4(0.0), x[group.z * p.x_plane + source], covered);

    let at = group.z * p.y_plane + row * p.y_width + column;
    let flags = select(0u, p.flags, inside);
    if (flags & ACCUMULATE) != 0u {
        value += y[at];
    }
    if (flags & MASK) != 0u {
        value = select(vec4(0.0), value, mask[at] > vec4(0.0));
    }
    if inside {
        y[at] = value;
    }
}
