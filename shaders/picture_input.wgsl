// picture_input — from the picture variable to the network's input, and the gradient back
//
// Math      y[k] = Σ_c matrix[k][c] · x[c] + offset[k];   gx[c] = Σ_k matrix[k][c] · gy[k]
//           For Caffe weights: (B, G, R) · 255 − mean; for torchvision: (x − mean) / std.
// Backward  the entry point `gradient`
// Layout    x, gx: [3][H·W] f32, RGB planes in [0, 1]   y, gy: [1][plane] vec4, fourth lane 0
// Threads   one thread = one pixel
// Dispatch  (ceil(H·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 gy: read  4 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx
// Cost      18 flop and 28 bytes per pixel each way
// Why       Zero padding happens after this map, in the network's own space, as in training.
// Test      tests/kernels.rs::picture_input

struct Params {
    // Row k holds matrix[k][0..3] and, in w, offset[k].
    rows: array<vec4<f32>, 3>,
    pixels: u32,
    flags: u32,
}

const ACCUMULATE = 2u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel >= p.pixels {
        return;
    }
    let rgb1 = vec4(x[pixel], x[p.pixels + pixel], x[2u * p.pixels + pixel], 1.0);
    y[pixel] = vec4(dot(p.rows[0], rgb1), dot(p.rows[1], rgb1), dot(p.rows[2], rgb1), 0.0);
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let g = gy[select(0u, pixel, inside)];
    var rgb = g.x * p.rows[0].xyz + g.y * p.rows[1].xyz + g.z * p.rows[2].xyz;
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        rgb += vec3(gx[pixel], gx[p.pixels + pixel], gx[2u * p.pixels + pixel]);
    }
    if inside {
        gx[pixel] = rgb.x;
        gx[p.pixels + pixel] = rgb.y;
        gx[2u * p.pixels + pixel] = rgb.z;
    }
}
