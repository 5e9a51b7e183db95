// gaussian_cascade — a planar picture smoothed by the mean of three Gaussians, one along each axis at a time
//
// Math      across  t[c, i, j] = Σₛ w[s] · x[c, i, j + s − 4];   down  y[c, i, j] (+)= ⅓ Σₛ w[s] · t[c, i + s − 4, j]
//           over s = 0 … 8, around the borders, w the weights of one Gaussian
// Backward  none: gradients are smoothed, and not pictures
// Layout    x, t, y: [3][H][W] f32   weights: [3][9] f32
// Threads   one thread = one value
// Dispatch  (ceil(3·H·W / 64) folded over x and y), both entry points for each Gaussian
// Bindings  0 p: uniform  1 weights: read  2 x: read  3 y: read_write
// Knobs     none; p.gaussian says which, from the second on `down` adds
// Cost      18 flop and 8 bytes per value and pass, six passes
// Why       A 9×9 window is 81 loads a value, two lines of three Gaussians are 54. The picture was rolled
//           before its gradient was taken, so its borders are no borders: the windows go around them.
// Test      tests/kernels/dream.rs::gaussian_cascade

struct Params {
    width: u32,
    height: u32,
    gaussian: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn across(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    let column = at % p.width;
    let line = at - column;
    var sum = 0.0;
    for (var s = 0u; s < 9u; s++) {
        // Four widths more, so that the difference is never below zero.
        sum += weights[9u * p.gaussian + s] * x[line + (column + 4u * p.width + s - 4u) % p.width];
    }
    y[at] = sum;
}

@compute @workgroup_size(64)
fn down(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    let line = at / p.width;
    let row = line % p.height;
    let first = at - row * p.width;
    var sum = 0.0;
    for (var s = 0u; s < 9u; s++) {
        let source_row = (row + 4u * p.height + s - 4u) % p.height;
        sum += weights[9u * p.gaussian + s] * x[first + source_row * p.width];
    }
    sum /= 3.0;
    if p.gaussian != 0u {
        sum += y[at];
    }
    y[at] = sum;
}
