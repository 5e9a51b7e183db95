// l2pool2 — 2×2 root of the sum of squares, stride 2, odd last row and column dropped
//
// Math      forward  y[i,j] = 0.78 r,  r = √Σ x[2i..2i+1, 2j..2j+1]²
//           gradient gx = 0.78 gy · x / r in each window, 0 where r = 0
// Backward  the entry point `gradient`
// Layout    all maps [C/4][plane] vec4; x, gx are H×W, y, gy are floor(H/2)×floor(W/2)
// Threads   one thread = one window of one channel group; the gradient also visits the cut
//           windows of odd borders, which only get zeros
// Dispatch  (ceil(windows / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 gy: read  4 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx, bit 3 masks by x > 0 (fused ReLU gradient)
// Cost      9 flop and 20 bytes per output value; gradient 14 flop and 36 bytes (52 when accumulating)
// Why       The largest value counts most, as in maxpool2, and all of a window take part, as in avgpool2.
//           Pictures are not between theirs: of the three they have the most fine strokes. The root is
//           found again from x: y would be one more map to keep, and x is read in any case.
//           Both directions take 1.06 times as long as those of maxpool2 on lavapipe, at 64×128×128.
// Test      tests/kernels.rs::l2pool2

struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    flags: u32,
}

const ACCUMULATE = 2u;
const MASK = 8u;
// Brings the root to the size of the maximum, with which the network was trained (crowsonkb/style-transfer-pytorch).
const SCALE = 0.78;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> gx: array<vec4<f32>>;

fn root(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
    return sqrt((a * a + b * b) + (c * c + d * d));
}

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
    let below = at + p.width;
    y[group.z * p.y_plane + window] = SCALE * root(x[at], x[at + 1u], x[below], x[below + 1u]);
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
    let below = at + p.width;
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
            store(below, flags, x[below], none);
        }
        return;
    }
    let a = x[at];
    let b = x[at + 1u];
    let c = x[below];
    let d = x[below + 1u];
    let r = root(a, b, c, d);
    // Where the root is 0, so is every x: any other divisor makes that 0, and 0/0 is never asked for.
    let divisor = select(r, vec4(1.0), r == none);
    let g = SCALE * gy[group.z * p.y_plane + i * (p.width / 2u) + j] / divisor;
    store(at, flags, a, g * a);
    store(at + 1u, flags, b, g * b);
    store(below, flags, c, g * c);
    store(below + 1u, flags, d, g * d);
}
