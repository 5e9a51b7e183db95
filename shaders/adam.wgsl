// adam — one step of Adam on the picture, then the clamp to [0, 1]
//
// Math      m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  x ← clamp(x − rate · m / (√v · root + ε), 0, 1)
//           with rate = α / (1−β₁ᵗ) and root = 1 / √(1−β₂ᵗ)        (Kingma & Ba, algorithm 1)
// Backward  none
// Layout    x, g, m, v: flat vec4s over [3][H][W] f32, zero behind the last value
// Threads   one thread = four values
// Dispatch  (ceil(3·H·W / 256) folded over x and y)
// Bindings  0 p: uniform  1 step: read  2 x: read_write  3 g: read  4 m: read_write  5 v: read_write
// Knobs     none; what changes from step to step comes in `step`, everything else in p
// Cost      13 flop and 28 bytes per value
// Why       A value whose gradient is not finite keeps its place and its moments: one bad pixel or
//           one bad step must not paint black.
// Test      tests/optimisers.rs::adam

struct Params {
    vectors: u32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    clamp: u32,
}

struct Step {
    rate: f32,
    root: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= p.vectors {
        return;
    }
    let gradient = g[at];
    // NaN and the infinities have an exponent of all ones; a test on the bits survives a compiler
    // that assumes there are none.
    let finite = (bitcast<vec4<u32>>(gradient) & vec4(0x7f800000u)) != vec4(0x7f800000u);
    let first = select(m[at], p.beta1 * m[at] + (1.0 - p.beta1) * gradient, finite);
    let second = select(v[at], p.beta2 * v[at] + (1.0 - p.beta2) * gradient * gradient, finite);
    let moved = x[at] - step.rate * first / (sqrt(second) * step.root + p.epsilon);
    m[at] = first;
    v[at] = second;
    var result = select(x[at], moved, finite);
    if select(0u, p.clamp, at < p.vectors) != 0u {
        result = clamp(result, vec4(0.0), vec4(1.0));
    }
    x[at] = result;
}
