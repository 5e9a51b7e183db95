// maxpool2 — 2×2 maximum, stride 2, odd last row and column dropped
//
// Math      forward  y[i,j] = max of x[2i..2i+1, 2j..2j+1]
//           gradient gx = gy at the first maximum of each window in row-major order, else 0
// Backward  the entry point `gradient`
// Layout    all maps [C/4][plane] vec4; x, gx are H×W, y, gy are floor(H/2)×floor(W/2)
// Threads   one thread = one window of one channel group; the gradient also visits the cut
//           windows of odd borders, which only get zeros
// Dispatch  (ceil(windows / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 gy: read  4 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx, bit 3 masks by x > 0 (fused ReLU gradient)
// Cost      3 flop and 20 bytes per output value; gradient 36 bytes (52 when accumulating)
// Why       The argmax is found again from x instead of stored: one comparison chain is cheaper
//           than an index map, and y is not needed. A gather per window needs no atomics.
// Test      tests/kernels.rs::maxpool2

struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    flags: u32,
}

const ACCUMULATE = 2u;
const MASK = 8u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4<f32>>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = p.width / 2u;
    let window = (group.y * groups.x + group.x) * 64u + lane;
    if window >= columns * (p.height / 2u) {
        return;
    }
    let i = window / columns;
    let j = window % columns;
    let at = group.z * p.x_plane + 2u * i * p.width + 2u * j;
    let above = max(x[at], x[at + 1u]);
    let below = max(x[at + p.width], x[at + p.width + 1u]);
    y[group.z * p.y_plane + window] = max(above, below);
}

fn store(at: u32, flags: u32, value: vec4<f32>, g: vec4<f32>) {
    var result = g;
    if (flags & ACCUMULATE) != 0u {
        result += gx[at];
    }
    if (flags & MASK) != 0u {
        result = select(vec4(0.0), result, value > vec4(0.0));
    }
    gx[at] = result;
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = (p.width + 1u) / 2u;
    let window = (group.y * groups.x + group.x) * 64u + lane;
    if window >= columns * ((p.height + 1u) / 2u) {
        return;
    }
    let i = window / columns;
    let j = window % columns;
    let at = group.z * p.x_plane + 2u * i * p.width + 2u * j;
    let right = 2u * j + 1u < p.width;
    let down = 2u * i + 1u < p.height;
    let none = vec4(0.0);
    let flags = select(0u, p.flags, i < p.height);
    if !(right && down) {
        store(at, flags, x[at], none);
        if right {
            store(at + 1u, flags, x[at + 1u], none);
        }
        if down {
            store(at + p.width, flags, x[at + p.width], none);
        }
        return;
    }
    let a = x[at];
    let b = x[at + 1u];
    let c = x[at + p.width];
    let d = x[at + p.width + 1u];
    let g = gy[group.z * p.y_plane + i * (p.width / 2u) + j];
    let top = max(max(a, b), max(c, d));
    let is_a = a == top;
    let is_b = (b == top) & !is_a;
    let is_c = (c == top) & !is_a & !is_b;
    let is_d = !is_a & !is_b & !is_c;
    store(at, flags, a, select(none, g, is_a));
    store(at + 1u, flags, b, select(none, g, is_b));
    store(at + p.width, flags, c, select(none, g, is_c));
    store(at + p.width + 1u, flags, d, select(none, g, is_d));
}
