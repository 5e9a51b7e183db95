// decorrelate — from three uncorrelated numbers to a colour, within its range whatever they are
//
// Math      x = σ(M·t), σ(z) = 1 / (1 + e^−z)
// Backward  gt = Mᵀ·(gx ⊙ x ⊙ (1 − x)): the entry point `gradient`
// Layout    t, x, gx, gt: [H·W] vec4, three channels and a fourth that is 0
// Threads   one thread = one pixel
// Dispatch  (ceil(H·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 t: read  2 x: read_write  3 colour: read  4 gx: read  5 gt: read_write
// Knobs     none; the matrix comes in p
// Cost      forward 30 flop and 32 bytes per pixel; gradient 27 flop and 48 bytes
// Why       Colours of photographs vary together. M is the square root of their covariance, so a step in t is as long
//           in every direction in which photographs vary (Olah, Mordvintsev & Schubert, "Feature Visualization", 2017)
// Test      tests/kernels/visualisation.rs::decorrelate

struct Params {
    pixels: u32,
    // Rows of M are R, G and B.
    red: vec4<f32>,
    green: vec4<f32>,
    blue: vec4<f32>,
}

// Beyond, σ is 0 or 1 in f32 anyway, and e^z stays a number.
const FLAT = 40.0;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> colour: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gx: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> gt: array<vec4<f32>>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel < p.pixels {
        let here = t[pixel];
        let z = vec3(dot(p.red, here), dot(p.green, here), dot(p.blue, here));
        x[pixel] = vec4(1.0 / (1.0 + exp(-clamp(z, vec3(-FLAT), vec3(FLAT)))), 0.0);
    }
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel < p.pixels {
        let here = colour[pixel];
        let g = gx[pixel] * here * (1.0 - here);
        gt[pixel] = g.x * p.red + g.y * p.green + g.z * p.blue;
    }
}
