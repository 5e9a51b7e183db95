// average — one more picture into the weighted mean of the pictures of a run
//
// Math      a ← a + rate · (x − a)  with rate = (1−β) / (1−βᵗ⁺¹): after t updates Σ βᵗ⁻ᵏ xₖ / Σ βᵗ⁻ᵏ over
//           k = 0 … t, an exponential moving average that is corrected for its short past
// Backward  none
// Layout    x, a: flat vec4s over [3][H][W] f32, zero behind the last value
// Threads   one thread = four values
// Dispatch  (ceil(3·H·W / 256) folded over x and y)
// Bindings  0 p: uniform  1 step: read  2 x: read  3 a: read_write
// Knobs     none; what changes from step to step comes in `step`, everything else in p
// Cost      3 flop and 12 bytes per value
// Why       The mean is kept corrected, so nothing is divided when it is read. A value that is not finite
//           leaves the mean as it is: else one bad step would stay in it for ever.
// Test      tests/kernels.rs::average

struct Params {
    vectors: u32,
}

struct Step {
    rate: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> a: array<vec4<f32>>;

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
    let value = x[at];
    // As in adam.wgsl: a test on the bits survives a compiler that assumes there is no NaN.
    let finite = (bitcast<vec4<u32>>(value) & vec4(0x7f800000u)) != vec4(0x7f800000u);
    a[at] = select(a[at], a[at] + step.rate * (value - a[at]), finite);
}
