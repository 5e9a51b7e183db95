// mean — μ (+)= scale · Σ t·F over the positions of each channel, in two passes without atomics
//
// Math      partial: S[k,c] = Σ_{p in chunk k} t[p]·F[c,p], t = 1 unless WEIGHTED   reduce: μ[c] (+)= scale · Σ_k S[k,c], scale = 1/M
// Backward  gram_gradient and its twin: with params.flags bit 4 they add t·gμ/M to every position
// Layout    F: [C/4][plane] vec4   weights: [plane] vec4, t in x   partials: [C/4][CHUNKS] vec4   moments: [C][C] f32, then the C means
// Threads   partial: 1 workgroup = 1 strip of pixels of 1 channel group, 1 thread = every WORKGROUP-th pixel of it (a chunk)
//           reduce: 1 thread = 1 channel group
// Dispatch  partial: (CHUNKS / WORKGROUP, groups, 1); reduce: (ceil(c_groups / 64), 1, 1)
// Bindings  0 params: uniform  1 f: read  2 partials: read_write  3 all_partials: read  4 moments: read_write  6 weights: read
// Knobs     override WORKGROUP (a divisor of 64), WEIGHTED; text: CHUNKS, TOGETHER; params.flags bit 1 accumulates onto μ
// Cost      C·M flop, 4·C·M bytes: bound by memory
// Why       The order of additions depends on the shape alone, so two runs agree to the bit. As many chunks for every map keep the
//           partials small; a chunk of relu1_1 at 512×512 sums 4096 pixels, which costs a rounding error of some 1e-6. Four pixels a turn, in the same
//           order, since llvmpipe ends all loops of a thread after 65 535 turns: with one, maps of more than 4.2 megapixels lost their last
// Test      tests/kernels/statistics.rs::mean

struct MeanParams {
    pixels: u32,
    plane: u32,    // vec4s per channel group of F
    first: u32,    // first channel group of this dispatch
    c_groups: u32, // channel groups of the whole map
    strip: u32,    // pixels per workgroup, ceil(pixels · WORKGROUP / CHUNKS)
    flags: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: MeanParams;
@group(0) @binding(1) var<storage, read> f: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<storage, read> all_partials: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;

override WORKGROUP: u32 = 64u;
override WEIGHTED: bool = false;

const ACCUMULATE = 2u;

const CHUNKS = 64u;
const TOGETHER = 4u; // pixels a turn

@compute @workgroup_size(WORKGROUP)
fn partial(
    @builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let base = workgroup.y * params.plane;
    let start = workgroup.x * params.strip;
    let end = min(start + params.strip, params.pixels);
    var sum = vec4f();
    for (var first = start + local.x; first < end; first += TOGETHER * WORKGROUP) {
        for (var i = 0u; i < TOGETHER; i++) {
            let pixel = first + i * WORKGROUP;
            if (pixel < end) {
                var value = f[base + pixel];
                if (WEIGHTED) { value *= weights[pixel].x; }
                sum += value;
            }
        }
    }
    partials[(params.first + workgroup.y) * CHUNKS + id.x] = sum;
}

@compute @workgroup_size(64)
fn reduce(@builtin(global_invocation_id) id: vec3u) {
    let group = id.x;
    if (group >= params.c_groups) { return; }
    var sum = vec4f();
    for (var at = group * CHUNKS; at < group * CHUNKS + CHUNKS; at++) { sum += all_partials[at]; }
    sum *= params.scale;
    let at = 4u * params.c_groups * params.c_groups + group;
    // Of a thread: a condition on the uniform alone would cost Mesa a compilation.
    let flags = select(0u, params.flags, group < params.c_groups);
    if ((flags & ACCUMULATE) != 0u) { sum += moments[at]; }
    moments[at] = sum;
}
