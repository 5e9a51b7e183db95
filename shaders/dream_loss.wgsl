// dream_loss — how strongly a layer answers: a mean over some of the channels of a feature map
//
// Math      value  L = w · mean(F²), w · √mean(F²) or w · mean(F) over S·M, the S channels in the set;
//           gradient  gF = 2w / (S·M) · F,  w² / (S·M) / L · F  or  w / (S·M) there, 0 elsewhere
// Backward  the entry point `gradient`
// Layout    f, gf: [C/4][plane] vec4   partials: one f32 per thread of `value`   totals: one f32 per term
// Threads   value: 64 workgroups share the vec4s in runs, see content_loss; root: one; gradient: one thread = one vec4
// Dispatch  value (64); root (1); gradient (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 f: read  2 partials: read_write  3 gf: read_write  4 totals: read_write
// Knobs     none; p.flags bit 1 accumulates onto gf, bit 3 masks by F > 0 (fused ReLU gradient)
// Cost      value 2 flop and 4 bytes per value; gradient 1 flop and 8 bytes
// Why       DeepDream (Mordvintsev et al. 2015) ascends this; content_loss with a zero target would
//           read a second map for nothing. The root's gradient is divided by the value, which stands in
//           the totals by then. The set is a bit for each channel, 512 of them, in the uniform.
// Test      tests/kernels/dream.rs::dream_loss

struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    // 2w / (S·M), w² / (S·M) or w / (S·M)
    scale: f32,
    // 0 mean(F²), 1 its root, 2 mean(F)
    measure: u32,
    slot: u32,
    // w
    weight: f32,
    first_group: u32,
    channels: array<vec4<u32>, 4>,
}

const ACCUMULATE = 2u;
const MASK = 8u;
const THREADS = 4096u;
const ROOT = 1u;
const MEAN = 2u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> gf: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> totals: array<f32>;

// 1 for those of the four channels of a group that are in the set, 0 for the others.
fn chosen(group: u32) -> vec4<f32> {
    let channel = 4u * (p.first_group + group);
    let bits = p.channels[channel / 128u][channel / 32u % 4u] >> (channel % 32u);
    return vec4<f32>((vec4(bits) >> vec4(0u, 1u, 2u, 3u)) & vec4(1u));
}

@compute @workgroup_size(64)
fn value(
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
        let feature = f[group * p.plane + pixel];
        sum += dot(chosen(group) * feature, select(feature, vec4(1.0), p.measure == MEAN));
        pixel += pixels_on;
        let is_next = pixel >= p.pixels;
        pixel -= select(0u, p.pixels, is_next);
        group += groups_on + u32(is_next);
    }
    partials[p.first_partial + id.x] = sum;
}

@compute @workgroup_size(1)
fn root() {
    totals[p.slot] = p.weight * sqrt(totals[p.slot]);
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
    let flags = select(0u, p.flags, inside);
    var scale = p.scale;
    if p.measure == ROOT {
        // A map that is 0 everywhere has no direction.
        scale = select(0.0, p.scale / totals[p.slot], totals[p.slot] != 0.0);
    }
    var g = scale * chosen(group.z) * select(feature, vec4(1.0), p.measure == MEAN);
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
