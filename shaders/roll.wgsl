// roll — a picture rolled to the right and down; what leaves on one side enters on the other
//
// Math      y[c, i, j] = x[c, (i − down) mod H, (j − right) mod W]
// Backward  none: dream_step.wgsl takes the gradient back to where its pixel came from
// Layout    x, y: [3][H][W] f32
// Threads   one thread = one value
// Dispatch  (ceil(3·H·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 step: read  2 x: read  3 y: read_write
// Knobs     none; how far comes in `step`, which changes from step to step
// Cost      no flop, 8 bytes per value
// Why       The jitter of dreams (Mordvintsev, Olah & Tyka 2015): a network with pools prefers some
//           places to others, and under a picture that moves nothing of that stays.
// Test      tests/kernels/dream.rs::roll

struct Params {
    width: u32,
    height: u32,
}

struct Step {
    // Below W and H.
    right: u32,
    down: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
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
    let row = (line - plane + p.height - step.down) % p.height;
    let column = (at % p.width + p.width - step.right) % p.width;
    y[at] = x[(plane + row) * p.width + column];
}
