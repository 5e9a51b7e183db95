// content_loss — squared distance between a feature map and its target
//
// Math      value  L = w · mean(t·(F − P)²) over C·M, t = 1 unless WEIGHTED   (Gatys et al., equation 1, as a mean)
//           gradient  gF = 2w / (C·M) · t·(F − P)
// Backward  the entry point `gradient`
// Layout    f, target_map, gf: [C/4][plane] vec4   weights: [plane] vec4, t in x   partials: one f32 per thread of `value`
// Threads   value: 64 workgroups share the vec4s in runs; gradient: one thread = one vec4
// Dispatch  value (64); gradient (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 f: read  2 target_map: read  3 partials: read_write  4 gf: read_write
//           5 weights: read
// Knobs     override WEIGHTED; p.flags bit 1 accumulates onto gf, bit 3 masks by F > 0 (fused ReLU gradient)
// Cost      value 3 flop and 8 bytes per value; gradient 2 flop and 12 bytes
// Why       A fixed number of partial sums, added up in a fixed order by sum.wgsl: no float atomics,
//           so two runs agree to the bit. Padded channels are 0 in both maps and add nothing. A workgroup has a
//           run of vec4s, whose loads lie in a row: with that and no divisions `value` at 512 x 64² takes 6.8 instead of 7.8 ms
// Test      tests/kernels.rs::content_loss

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
@group(0) @binding(2) var<storage, read> target_map: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> gf: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> weights: array<vec4<f32>>;

override WEIGHTED: bool = false;

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
        let at = group * p.plane + pixel;
        let difference = f[at] - target_map[at];
        var square = dot(difference, difference);
        if WEIGHTED {
            square *= weights[pixel].x;
        }
        sum += square;
        pixel += pixels_on;
        let is_next = pixel >= p.pixels;
        pixel -= select(0u, p.pixels, is_next);
        group += groups_on + u32(is_next);
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
    var g = p.scale * (feature - target_map[at]);
    if WEIGHTED {
        g *= weights[select(0u, pixel, inside)].x;
    }
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
