// normalise — the gradient of a term at its map, made as strong as its pull, joins the gradient of the map
//
// Math      gF (+)= pull · g / (‖g‖₁ + ε), ‖g‖₁ = Σ|g| over C·M, ε = 1e-8   (jcjohnson/neural-style, -normalize_gradients)
// Backward  none: it is a step of the way back already, and of no function the gradient
// Layout    g, gf, f: [C/4][plane] vec4   partials: one f32 per thread of `measure`   norm: one f32, from sum.wgsl
// Threads   measure: 64 workgroups share the vec4s in runs, see content_loss; add: one thread = one vec4
// Dispatch  measure (64); add (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 g: read  2 partials: read_write  3 norm: read  4 gf: read_write  5 f: read
// Knobs     none; p.flags bit 1 accumulates onto gf, bit 3 masks by F > 0 (fused ReLU gradient)
// Cost      measure 8 flop per vec4 and 4 bytes per value; add 1 flop and 8 bytes per value (12 when accumulating)
// Why       The norm is that of one term alone, so g comes in scratch memory of its own, and only here the shares of others
//           are added and the mask is applied. A g of 0 stays 0, such as that of the content in the first step from it. One
//           of rounding errors is made as strong as any: 5e-4 in place of 1e3, where other kernels made the target
// Test      tests/kernels/statistics.rs::normalise

struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    pull: f32,
}

const ACCUMULATE = 2u;
const MASK = 8u;
const THREADS = 4096u;
const EPSILON = 1e-8;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> gf: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> f: array<vec4<f32>>;

@compute @workgroup_size(64)
fn measure(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // A run of vec4s for every workgroup: whole rounds of its threads.
    let all = p.groups * p.pixels;
    let share = (all + THREADS - 1u) / THREADS * 64u;
    let first = workgroup.x * share + lane;
    let end = min(all, (workgroup.x + 1u) * share);
    var sum = 0.0;
    // The place of vec4 number i, kept up to date: Mesa's llvmpipe divides lane by lane, and would in every turn.
    let groups_on = 64u / p.pixels;
    let pixels_on = 64u % p.pixels;
    var group = first / p.pixels;
    var pixel = first % p.pixels;
    for (var i = first; i < end; i += 64u) {
        sum += dot(abs(g[group * p.plane + pixel]), vec4(1.0));
        pixel += pixels_on;
        let is_next = pixel >= p.pixels;
        pixel -= select(0u, p.pixels, is_next);
        group += groups_on + u32(is_next);
    }
    partials[p.first_partial + id.x] = sum;
}

@compute @workgroup_size(64)
fn add(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let at = select(0u, group.z * p.plane + pixel, inside);
    var sum = p.pull / (norm[0] + EPSILON) * g[at];
    let flags = select(0u, p.flags, inside);
    if (flags & ACCUMULATE) != 0u {
        sum += gf[at];
    }
    if (flags & MASK) != 0u {
        sum = select(vec4(0.0), sum, f[at] > vec4(0.0));
    }
    if inside {
        gf[at] = sum;
    }
}
