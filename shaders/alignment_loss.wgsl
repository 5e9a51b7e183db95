// alignment_loss — how much a feature map looks in a direction, and how much of it does
//
// Math      s = ΣF·D over C·M, c = s / (‖F‖·‖D‖ + ε);   L = w · s/M · max(c, FLOOR)^p
// Backward  gF = a·D − b·F with a = w/M·(1 + p)·c^p, b = w/M·p·c^(p+1)·‖D‖/‖F‖; at the floor a = w/M·FLOOR^p, b = 0
// Layout    f, direction, gf: [C/4][plane] vec4   partials: [3][count] f32, F·D then F·F then D·D   outcome: a, b
// Threads   measure: 64 workgroups share the vec4s in runs, see content_loss; conclude: one workgroup; gradient: one thread = one vec4
// Dispatch  measure (64); conclude (1); gradient (ceil(H·W / 64) folded over x and y, C/4)
// Bindings  0 p: uniform  1 f: read  2 direction: read  3 partials: read_write  4 totals: read_write
//           5 outcome: read_write  6 gf: read_write  7 known: read
// Knobs     none; p.flags of conclude bit 1 accumulates onto the total, of gradient onto gf, bit 3 masks by F > 0
// Cost      measure 6 flop and 8 bytes per value; gradient 3 flop and 12 bytes
// Why       A channel is the direction that is 1 there and 0 elsewhere, a neuron the direction whose only entry is M,
//           at one position; features of a picture make a caricature of it (p = 1, after lucid): one op. At p = 0 it is linear, and dead features
//           have a gradient too. conclude leaves a and b for the gradient, so no sum is made twice
// Test      tests/kernels/visualisation.rs::alignment_loss

struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    first_partial: u32,
    // Partial sums of each kind.
    count: u32,
    slot: u32,
    power: f32,
    // w/M
    scale: f32,
}

const ACCUMULATE = 2u;
const MASK = 8u;
const THREADS = 4096u;
const EPSILON = 1e-12;
// A direction that features do not show at all still has a slope.
const FLOOR = 0.1;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> direction: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> totals: array<f32>;
@group(0) @binding(5) var<storage, read_write> outcome: vec4<f32>;
@group(0) @binding(6) var<storage, read_write> gf: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> known: vec4<f32>;

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
    var sums = vec3(0.0);
    // The place of vec4 number i, kept up to date: Mesa's llvmpipe divides lane by lane, and would in every turn.
    let groups_on = 64u / p.pixels;
    let pixels_on = 64u % p.pixels;
    var group = first / p.pixels;
    var pixel = first % p.pixels;
    for (var i = first; i < end; i += 64u) {
        let at = group * p.plane + pixel;
        let feature = f[at];
        let wanted = direction[at];
        sums += vec3(dot(feature, wanted), dot(feature, feature), dot(wanted, wanted));
        pixel += pixels_on;
        let is_next = pixel >= p.pixels;
        pixel -= select(0u, p.pixels, is_next);
        group += groups_on + u32(is_next);
    }
    let at = p.first_partial + id.x;
    partials[at] = sums.x;
    partials[p.count + at] = sums.y;
    partials[2u * p.count + at] = sums.z;
}

var<workgroup> tree: array<vec3<f32>, 256>;

@compute @workgroup_size(256)
fn conclude(@builtin(local_invocation_index) lane: u32) {
    var sums = vec3(0.0);
    for (var at = lane; at < p.count; at += 256u) {
        sums += vec3(partials[at], partials[p.count + at], partials[2u * p.count + at]);
    }
    tree[lane] = sums;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            tree[lane] += tree[lane + half];
        }
    }
    let flags = select(0u, p.flags, lane == 0u);
    if lane == 0u {
        let s = tree[0].x;
        let lengths = sqrt(tree[0].yz);
        let cosine = s / (lengths.x * lengths.y + EPSILON);
        let shown = max(cosine, FLOOR);
        // pow(c, 0) need not be exactly 1.
        let factor = select(pow(shown, p.power), 1.0, p.power == 0.0);
        var total = p.scale * s * factor;
        if (flags & ACCUMULATE) != 0u {
            total += totals[p.slot];
        }
        totals[p.slot] = total;
        let curved = select(0.0, p.power, cosine > FLOOR);
        let b = curved * factor * shown * lengths.y / max(lengths.x, EPSILON);
        outcome = p.scale * vec4((1.0 + curved) * factor, b, 0.0, 0.0);
    }
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
    var g = known.x * direction[at] - known.y * feature;
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
