// dream_loss — the mean square of a feature map: how strongly a layer answers
//
// Math      value  L = w · mean(F²) over C·M;   gradient  gF = 2w / (C·M) · F
// Backward  the entry point `gradient`
// Layout    f, gf: [C/4][plane] vec4   partials: one f32 per thread of `value`
// Threads   value: 4096 threads stride over all vec4s; gradient: one thread = one vec4
// Dispatch  value (64); gradient (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 f: read  2 partials: read_write  3 gf: read_write
// Knobs     none; p.flags bit 1 accumulates onto gf, bit 3 masks by F > 0 (fused ReLU gradient)
// Cost      value 2 flop and 4 bytes per value; gradient 1 flop and 8 bytes
// Why       DeepDream (Mordvintsev et al. 2015) ascends this; content_loss with a zero target would
//           read a second map for nothing.
// Test      tests/kernels.rs::dream_loss

struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    // 2w / (C·M)
    scale: f32,
}

const ACCUMULATE = 2u;
const MASK = 8u;
const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> gf: array<vec4<f32>>;

@compute @workgroup_size(64)
fn value(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var i = id.x; i < p.groups * p.pixels; i += THREADS) {
        let feature = f[i / p.pixels * p.plane + i % p.pixels];
        sum += dot(feature, feature);
    }
    partials[p.first_partial + id.x] = sum;
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let at = select(0u, group.z * p.plane + pixel, inside);
    let feature = f[at];
    var g = p.scale * feature;
    let flags = select(0u, p.flags, inside);
    if (flags & ACCUMULATE) != 0u {
        g += gf[at];
    }
    if (flags & MASK) != 0u {
        g = select(vec4(0.0), g, feature > vec4(0.0));
    }
    if inside {
        gf[at] = g;
    }
}
