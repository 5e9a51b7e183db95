// style_loss — squared distance between a Gram matrix and its target
//
// Math      value  L = w · mean((G − A)²) over C²           (Gatys et al., equations 3 to 5, as a mean)
//           gradient  gG = 2w / C² · (G − A)
// Backward  the entry point `gradient`
// Layout    g, target_gram, gg: [C][C] f32, row-major, in vec4s of which the last may not be full   partials: one f32 per thread of `value`
// Threads   value: 64 workgroups share the vec4s in runs; gradient: one thread = one vec4
// Dispatch  value (64); gradient (ceil(C² / 256) folded over x and y)
// Bindings  0 p: uniform  1 g: read  2 target_gram: read  3 partials: read_write  4 gg: read_write
// Knobs     none; p.flags bit 1 accumulates onto gg
// Cost      3 flop and 8 bytes per entry; gradient 2 flop and 12 bytes
// Why       At most 512² entries: nothing beside one convolution. See content_loss for the partials.
// Test      tests/kernels.rs::style_loss

struct Params {
    entries: u32,
    flags: u32,
    // 2w / C²
    scale: f32,
}

const ACCUMULATE = 2u;
const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read> target_gram: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> gg: array<vec4f>;

// Which lanes of a vec4 are entries of the matrix.
fn are_entries(at: u32) -> vec4<bool> {
    return vec4u(4u * at) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.entries);
}

@compute @workgroup_size(64)
fn value(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // A run of vec4s for every workgroup, see content_loss.
    let share = (p.entries + 4u * THREADS - 1u) / (4u * THREADS) * 64u;
    let end = min((p.entries + 3u) / 4u, (workgroup.x + 1u) * share);
    var sum = 0.0;
    for (var at = workgroup.x * share + lane; at < end; at += 64u) {
        let difference = select(vec4f(), g[at] - target_gram[at], are_entries(at));
        sum += dot(difference, difference);
    }
    partials[id.x] = sum;
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = 4u * thread < p.entries;
    let at = select(0u, thread, inside);
    var result = p.scale * (g[at] - target_gram[at]);
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        result += gg[at];
    }
    if 4u * thread + 3u < p.entries {
        gg[at] = result;
    } else if inside {
        gg[at] = select(gg[at], result, are_entries(at));
    }
}
