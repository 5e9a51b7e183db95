// relu — y = max(x, 0), and its gradient, as passes of their own
//
// Math      forward  y = max(x, 0)          gradient  gx = gy where y > 0, else 0
// Backward  the entry point `gradient`
// Layout    x, y, gy, gx: [C/4][plane] vec4, plane = H·W rounded up to 16
// Threads   one thread = one position of one channel group
// Dispatch  (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 out: read  4 gy: read  5 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx
// Cost      1 flop per value; forward 8 bytes per value, gradient 12 (16 when accumulating)
// Why       The convolutions fuse both directions into their epilogues, where they cost nothing;
//           this pass exists for tapes that keep the value before the ReLU, and to be read.
// Test      tests/kernels.rs::relu

struct Params {
    pixels: u32,
    plane: u32,
    flags: u32,
}

const ACCUMULATE = 2u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> out: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> gx: array<vec4<f32>>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let at = select(0u, group.z * p.plane + pixel, inside);
    let result = max(x[at], vec4(0.0));
    if inside {
        y[at] = result;
    }
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let at = select(0u, group.z * p.plane + pixel, inside);
    var g = select(vec4(0.0), gy[at], out[at] > vec4(0.0));
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        g += gx[at];
    }
    if inside {
        gx[at] = g;
    }
}
