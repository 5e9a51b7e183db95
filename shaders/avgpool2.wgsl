// avgpool2 — 2×2 mean, stride 2, odd last row and column dropped
//
// Math      forward  y[i,j] = ¼ Σ x[2i..2i+1, 2j..2j+1]      gradient  gx = ¼ gy of the window
// Backward  the entry point `gradient`
// Layout    all maps [C/4][plane] vec4; x, gx are H×W, y, gy are floor(H/2)×floor(W/2)
// Threads   forward: one thread = one window; gradient: one thread = one position of x
// Dispatch  (ceil(threads / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 gy: read  4 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx, bit 3 masks by x > 0 (fused ReLU gradient)
// Cost      4 flop and 20 bytes per output value; gradient 20 bytes per 4 values (16 more for each flag)
// Why       The gentler sibling of maxpool2 (Gatys et al. paint with it, section 2; areas come out smoother).
// Test      tests/kernels.rs::avgpool2

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
    let above = x[at] + x[at + 1u];
    let below = x[at + p.width] + x[at + p.width + 1u];
    y[group.z * p.y_plane + window] = 0.25 * (above + below);
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel >= p.width * p.height {
        return;
    }
    let i = pixel / p.width / 2u;
    let j = pixel % p.width / 2u;
    let at = group.z * p.x_plane + pixel;
    var g = vec4(0.0);
    if i < p.height / 2u && j < p.width / 2u {
        g = 0.25 * gy[group.z * p.y_plane + i * (p.width / 2u) + j];
    }
    let flags = select(0u, p.flags, i < p.height);
    if (flags & ACCUMULATE) != 0u {
        g += gx[at];
    }
    if (flags & MASK) != 0u {
        g = select(vec4(0.0), g, x[at] > vec4(0.0));
    }
    gx[at] = g;
}
