// zoom — a picture enlarged around its middle and turned, its edge going on
//
// Math      y[c, i, j] = bilinear x[c] at (u, v) = m + A·((j, i) − m), m = ((W − 1)/2, (H − 1)/2), clamped to the picture
// Backward  none: the next frame of a dream begins there, nothing is differentiated
// Layout    x, y: [3][H][W] f32
// Threads   one thread = one pixel, three channels
// Dispatch  (ceil(H·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 x: read  2 y: read_write
// Knobs     none; p.linear is A row by row: 1/factor times a rotation
// Cost      38 flop and 24 bytes per pixel
// Why       The feedback of google/deepdream's videos, there scipy's affine_transform with order 1. Between two
//           pixels a mix keeps both, mix(a, b, 0) is a to the bit: with A = 1 the picture stays what it is.
// Test      tests/kernels/dream.rs::zoom

struct Params {
    width: u32,
    height: u32,
    padding: vec2<u32>,
    linear: vec4<f32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixels = p.width * p.height;
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel >= pixels {
        return;
    }
    let most = vec2<f32>(vec2(p.width, p.height) - vec2(1u));
    let middle = 0.5 * most;
    let offset = vec2<f32>(vec2(pixel % p.width, pixel / p.width)) - middle;
    let turned = vec2(dot(p.linear.xy, offset), dot(p.linear.zw, offset));
    let at = clamp(middle + turned, vec2(0.0), most);
    let near = vec2<u32>(floor(at));
    let far = min(near + vec2(1u), vec2(p.width, p.height) - vec2(1u));
    let share = at - floor(at);
    for (var channel = 0u; channel < 3u; channel++) {
        let plane = channel * pixels;
        let upper = plane + near.y * p.width;
        let lower = plane + far.y * p.width;
        let above = mix(x[upper + near.x], x[upper + far.x], share.x);
        let below = mix(x[lower + near.x], x[lower + far.x], share.x);
        y[plane + pixel] = mix(above, below, share.y);
    }
}
