// style_loss — squared distance between a Gram matrix and its target
//
// Math      value  L = w · mean((G − A)²) over C²           (Gatys et al., equations 3 to 5, as a mean)
//           gradient  gG = 2w / C² · (G − A)
// Backward  the entry point `gradient`
// Layout    g, target_gram, gg: [C][C] f32, row-major   partials: one f32 per thread of `value`
// Threads   value: 4096 threads stride over the entries; gradient: one thread = one entry
// Dispatch  value (64); gradient (ceil(C² / 64) folded over x and y)
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
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> target_gram: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> gg: array<f32>;

@compute @workgroup_size(64)
fn value(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var entry = id.x; entry < p.entries; entry += THREADS) {
        let difference = g[entry] - target_gram[entry];
        sum += difference * difference;
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
    let inside = thread < p.entries;
    let entry = select(0u, thread, inside);
    var result = p.scale * (g[entry] - target_gram[entry]);
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        result += gg[entry];
    }
    if inside {
        gg[entry] = result;
    }
}
