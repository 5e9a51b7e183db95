// dream_step — one step up a gradient whose mean magnitude is taken to be 1, then the clamp to [0, 1]
//
// Math      x[c, i, j] ← clamp(x + m[i, j] · rate · g[c, (i + down) mod H, (j + right) mod W] / mean|g|, 0, 1),
//           m = 1 unless MASKED
// Backward  none
// Layout    x, g: [3][H][W] f32   mask: [H][W] f32   partials: one f32 per thread of `magnitude`   mean: one f32
// Threads   magnitude: 4096 threads stride over all values; climb: one thread = one value
// Dispatch  magnitude (64); climb (ceil(3·H·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 step: read  2 x: read_write  3 g: read  4 partials: read_write  5 mean: read
//           6 mask: read
// Knobs     override MASKED; what changes from step to step comes in `step`, everything else in p
// Cost      magnitude 2 flop and 4 bytes per value; climb 3 flop and 12 bytes, MASKED 4 flop and 16 bytes
// Why       g is of the picture as roll.wgsl rolled it, so x never has to be rolled back. Gradients of
//           layers and sizes differ by orders of magnitude: divided by the mean one step suits all. A
//           value that is not finite counts as 0, and a gradient that is 0 everywhere moves nothing. The mask
//           lies on the picture and is not rolled; the mean is that of all places, whatever the mask.
// Test      tests/kernels/dream.rs::dream_step

struct Params {
    width: u32,
    height: u32,
    clamp: u32,
}

struct Step {
    // Below W and H.
    right: u32,
    down: u32,
    rate: f32,
}

const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<storage, read> mean: array<f32>;
@group(0) @binding(6) var<storage, read> mask: array<f32>;

override MASKED: bool = false;

// As in adam.wgsl: a test on the bits survives a compiler that assumes there is no NaN.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(64)
fn magnitude(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var at = id.x; at < 3u * p.height * p.width; at += THREADS) {
        sum += select(0.0, abs(g[at]), is_finite(g[at]));
    }
    partials[id.x] = sum;
}

@compute @workgroup_size(64)
fn climb(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    let line = at / p.width;
    let plane = line / p.height * p.height;
    let row = (line - plane + step.down) % p.height;
    let column = (at % p.width + step.right) % p.width;
    let gradient = g[(plane + row) * p.width + column];
    let moves = is_finite(gradient) && mean[0] > 0.0;
    var by = step.rate * (gradient / mean[0]);
    if MASKED {
        by *= mask[at % (p.width * p.height)];
    }
    let moved = select(x[at], x[at] + by, moves);
    x[at] = select(moved, clamp(moved, 0.0, 1.0), p.clamp != 0u);
}
