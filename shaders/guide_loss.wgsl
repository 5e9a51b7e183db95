// guide_loss — how far the features of a picture point where those of another one do
//
// Math      L = w/(C·M) · Σₚ d · m^k with d = ⟨xₚ, yⱼ⟩, m = max(d / (|xₚ|·|yⱼ|), 0.1); j is the position of the
//           guide with the largest ⟨xₚ, yⱼ⟩, or p itself;   gradient  gxₚ = w/(C·M) · (α·yⱼ + β·xₚ)
//           with α = (k+1)·m^k, β = −k·d·m^k/|xₚ|² above the floor, α = m^k, β = 0 at it
// Backward  the entry point `gradient`; j counts as fixed
// Layout    x, gx: [C/4][plane] vec4   y: the same of N positions   candidates: [chunk][M] (j, bits of d)
//           outcome: [M] (j, bits of α, bits of β, 0)   partials: one f32 per thread of `align`
// Threads   best: one = four positions and 512 of the guide; align: 4096 stride over the positions; gradient: a vec4
// Dispatch  best (ceil(M / 256), 1, chunks from p.first_chunk on), in several dispatches where one would take long;
//           align (64), gradient (ceil(M / 64), 1, C/4); x folded over y
// Bindings  0 p: uniform  1 x: read  2 y: read  3 candidates: read_write  4 outcome: read_write
//           5 partials: read_write  6 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx, bit 3 masks by x > 0, bit 5 takes p itself for j
// Cost      best 2·C flop per pair of positions; align 6 flop and 8 bytes per value, gradient 4 and 12
// Why       Guided dreams of google/deepdream (k = 0, the best j) and lucid's dot × cosine^k (j = p). A thread that
//           holds 4×8 dot products loads 12 vec4s for 128 multiply-adds. Of equal ones the first j wins.
// Test      tests/kernels/dream.rs::guide_loss

struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    guide_pixels: u32,
    guide_plane: u32,
    // w / (C·M)
    scale: f32,
    // k
    power: f32,
    // Of `best`: the first chunk of the guide, of 512 positions, that the dispatch looks at.
    first_chunk: u32,
}

const ACCUMULATE = 2u;
const MASK = 8u;
const ITSELF = 32u;
const THREADS = 4096u;
const CHUNK = 512u;
const FLOOR = 0.1;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> candidates: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> outcome: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;
@group(0) @binding(6) var<storage, read_write> gx: array<vec4<f32>>;

struct Best {
    value: vec4<f32>,
    at: vec4<u32>,
}

// Four positions of the picture against guide position j.
fn better(best: Best, dots: vec4<f32>, j: u32) -> Best {
    let wins = (dots > best.value) & vec4(j < p.guide_pixels);
    return Best(select(best.value, dots, wins), select(best.at, vec4(j), wins));
}

@compute @workgroup_size(64)
fn best(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = 4u * ((group.y * groups.x + group.x) * 64u + lane);
    if first >= p.pixels {
        return;
    }
    // Positions past the last repeat it, and so does the guide.
    let at = min(vec4(first) + vec4(0u, 1u, 2u, 3u), vec4(p.pixels - 1u));
    let last = select(0u, p.groups, first < p.pixels);
    let chunk = p.first_chunk + group.z;
    let begin = chunk * CHUNK;
    let end = select(0u, min(begin + CHUNK, p.guide_pixels), first < p.pixels);
    var found = Best(vec4(-3.4e38), vec4(begin));
    for (var j = begin; j < end; j += 8u) {
        let near = min(vec4(j) + vec4(0u, 1u, 2u, 3u), vec4(p.guide_pixels - 1u));
        let far = min(vec4(j) + vec4(4u, 5u, 6u, 7u), vec4(p.guide_pixels - 1u));
        var d0 = vec4(0.0);
        var d1 = vec4(0.0);
        var d2 = vec4(0.0);
        var d3 = vec4(0.0);
        var d4 = vec4(0.0);
        var d5 = vec4(0.0);
        var d6 = vec4(0.0);
        var d7 = vec4(0.0);
        for (var c = 0u; c < last; c++) {
            let f = c * p.plane;
            // The columns are positions: a vector of the guide times it is four dot products.
            let window = mat4x4(x[f + at.x], x[f + at.y], x[f + at.z], x[f + at.w]);
            let g = c * p.guide_plane;
            d0 += y[g + near.x] * window;
            d1 += y[g + near.y] * window;
            d2 += y[g + near.z] * window;
            d3 += y[g + near.w] * window;
            d4 += y[g + far.x] * window;
            d5 += y[g + far.y] * window;
            d6 += y[g + far.z] * window;
            d7 += y[g + far.w] * window;
        }
        found = better(found, d0, j);
        found = better(found, d1, j + 1u);
        found = better(found, d2, j + 2u);
        found = better(found, d3, j + 3u);
        found = better(found, d4, j + 4u);
        found = better(found, d5, j + 5u);
        found = better(found, d6, j + 6u);
        found = better(found, d7, j + 7u);
    }
    let line = chunk * p.pixels;
    for (var i = 0u; i < 4u; i++) {
        if first + i < p.pixels {
            candidates[line + first + i] = vec2(found.at[i], bitcast<u32>(found.value[i]));
        }
    }
}

// The best of what the chunks of the guide found for a position.
fn chosen(position: u32) -> u32 {
    if (p.flags & ITSELF) != 0u {
        return position;
    }
    var at = candidates[position].x;
    var value = bitcast<f32>(candidates[position].y);
    for (var chunk = 1u; chunk * CHUNK < p.guide_pixels; chunk++) {
        let other = candidates[chunk * p.pixels + position];
        if bitcast<f32>(other.y) > value {
            at = other.x;
            value = bitcast<f32>(other.y);
        }
    }
    return at;
}

@compute @workgroup_size(64)
fn align(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var position = id.x; position < p.pixels; position += THREADS) {
        let j = chosen(position);
        var product = 0.0;
        var squares = vec2(0.0);
        for (var c = 0u; c < p.groups; c++) {
            let here = x[c * p.plane + position];
            let there = y[c * p.guide_plane + j];
            product += dot(here, there);
            squares += vec2(dot(here, here), dot(there, there));
        }
        let cosine = product / (sqrt(squares.x) * sqrt(squares.y) + 1e-12);
        let factor = pow(max(cosine, FLOOR), p.power);
        let above = cosine > FLOOR;
        let alpha = select(factor, (p.power + 1.0) * factor, above);
        let beta = select(0.0, -p.power * product * factor / squares.x, above);
        outcome[position] = vec4(j, bitcast<u32>(alpha), bitcast<u32>(beta), 0u);
        sum += product * factor;
    }
    partials[id.x] = sum;
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let pixel = (group.y * groups.x + group.x) * 64u + lane;
    let inside = pixel < p.pixels;
    let position = select(0u, pixel, inside);
    let at = group.z * p.plane + position;
    let found = outcome[position];
    let there = y[group.z * p.guide_plane + found.x];
    let feature = x[at];
    var g = p.scale * (bitcast<f32>(found.y) * there + bitcast<f32>(found.z) * feature);
    let flags = select(0u, p.flags, inside);
    if (flags & ACCUMULATE) != 0u {
        g += gx[at];
    }
    if (flags & MASK) != 0u {
        g = select(vec4(0.0), g, feature > vec4(0.0));
    }
    if inside {
        gx[at] = g;
    }
}
