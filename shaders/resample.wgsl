// resample — a picture seen through an affine map: moved, scaled, turned, with grey around it
//
// Math      y[c, i, j] = Σ_mn tent(u − n)·tent(v − m)·x[c, m, n], tent(d) = max(0, 1 − |d|), (u, v) = A·(j, i) + b:
//           bilinear; beyond its edge x is `grey`
// Backward  gx[c, m, n] = Σ_ij tent(u − n)·tent(v − m)·gy[c, i, j]: the exact adjoint
// Layout    x, gx: [H][W] vec4, RGB and a fourth that is 0   y, gy: [3][H'][W'] f32
//           map: A row by row, b, A⁻¹ row by row, each a vec4 of which b fills half
// Threads   one thread = one pixel of what it writes
// Dispatch  (ceil(pixels / 64) folded over x and y)
// Bindings  0 p: uniform  1 map: read  2 x: read  3 y: read_write  4 gy: read  5 gx: read_write
// Knobs     none; `map` is a buffer of its own, so that a recording sees another map at each step
// Cost      forward 40 flop and 76 bytes per pixel; gradient about 16 flop and 12 bytes for each of 4 to 16 pixels
// Why       The gradient gathers: a pixel of x looks up the few pixels of y that may have seen it, those of the box
//           around A⁻¹ of its neighbourhood, in a fixed order. Scattering would need float atomics, which there are not
// Test      tests/kernels/visualisation.rs::resample

struct Params {
    width: u32,
    height: u32,
    // Of y.
    seen_width: u32,
    seen_height: u32,
    grey: f32,
}

struct Map {
    // Where the pixel (j, i) of y lies in x: (u, v) = (linear.xy · (j, i), linear.zw · (j, i)) + offset.xy.
    linear: vec4<f32>,
    offset: vec4<f32>,
    inverse: vec4<f32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> map: Map;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> gy: array<f32>;
@group(0) @binding(5) var<storage, read_write> gx: array<vec4<f32>>;

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let plane = p.seen_width * p.seen_height;
    if pixel < plane {
        let place = place_of(vec2(pixel % p.seen_width, pixel / p.seen_width));
        // Far outside everything is grey, and whole numbers stay small.
        let size = vec2(f32(p.width), f32(p.height));
        let near = clamp(place, vec2(-2.0), size + 1.0);
        let corner = floor(near);
        let part = near - corner;
        let n = i32(corner.x);
        let m = i32(corner.y);
        let above = mix(colour(m, n), colour(m, n + 1), part.x);
        let below = mix(colour(m + 1, n), colour(m + 1, n + 1), part.x);
        let seen = mix(above, below, part.y);
        y[pixel] = seen.x;
        y[plane + pixel] = seen.y;
        y[2u * plane + pixel] = seen.z;
    }
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    if pixel < p.width * p.height {
        let here = vec2(f32(pixel % p.width), f32(pixel / p.width));
        let linear = map.inverse;
        let moved = here - map.offset.xy;
        let centre = vec2(dot(linear.xy, moved), dot(linear.zw, moved));
        // A⁻¹ of the square of ±1 around `here` lies within; a hundredth more is safe from rounding, and costs nothing:
        // the tents are 0 there.
        let reach = vec2(abs(linear.x) + abs(linear.y), abs(linear.z) + abs(linear.w)) + 0.01;
        let last = vec2(f32(p.seen_width), f32(p.seen_height)) - 1.0;
        let low = vec2<i32>(ceil(max(centre - reach, vec2(0.0))));
        let high = vec2<i32>(floor(min(centre + reach, last)));
        let plane = p.seen_width * p.seen_height;
        var sum = vec3(0.0);
        for (var i = low.y; i <= high.y; i++) {
            for (var j = low.x; j <= high.x; j++) {
                let place = place_of(vec2(u32(j), u32(i)));
                let tents = max(vec2(0.0), 1.0 - abs(place - here));
                let at = u32(i) * p.seen_width + u32(j);
                sum += tents.x * tents.y * vec3(gy[at], gy[plane + at], gy[2u * plane + at]);
            }
        }
        gx[pixel] = vec4(sum, 0.0);
    }
}

// Where a pixel of y, column and row, lies in x.
fn place_of(pixel: vec2<u32>) -> vec2<f32> {
    let at = vec2<f32>(pixel);
    return vec2(dot(map.linear.xy, at), dot(map.linear.zw, at)) + map.offset.xy;
}

fn colour(row: i32, column: i32) -> vec4<f32> {
    let inside = row >= 0 && row < i32(p.height) && column >= 0 && column < i32(p.width);
    let at = select(0u, u32(row) * p.width + u32(column), inside);
    return select(vec4(p.grey), x[at], inside);
}
