// laplacian_pyramid — a gradient taken apart into bands of detail, each brought to the same strength
//
// Math      shrink  y[i, j] = Σ k[s]·k[t] · x[2i+s−2, 2j+t−2] with k = (1, 4, 6, 4, 1)/16, zeros around;
//           expand  its transpose times 4;   split  y ← y − expand(x);   merge  y ← y/√energy + expand(x)
// Backward  none: gradients are normalised, and not pictures
// Layout    x, y: [3][h][w] f32 of two neighbouring levels   partials: one f32 per thread of `energy`
// Threads   energy: 4096 threads stride over all values; others: one thread = one value of y
// Dispatch  energy (64); others (ceil(3·h·w / 64) of y, folded over x and y)
// Bindings  0 p: uniform  1 x: read  2 y: read_write  3 partials: read_write  4 energies: read
// Knobs     none; p.flags bit 1 of `merge` says that there is a coarser level x to be added
// Cost      shrink 50 flop a value, split and merge 18 on average, energy 2; 4/3 of it over all levels
// Why       Burt & Adelson 1983; as in Mordvintsev's TensorFlow tutorial: a dream without it is all fine
//           detail, because there the gradient is strongest. A band of zeros stays one.
// Test      tests/kernels/dream.rs::laplacian_pyramid

struct Params {
    // Of y.
    width: u32,
    height: u32,
    // Of x.
    from_width: u32,
    from_height: u32,
    flags: u32,
    level: u32,
}

const COARSER = 2u;
const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
// mean(y²) of each level.
@group(0) @binding(4) var<storage, read> energies: array<f32>;

fn weight(distance: i32) -> f32 {
    return select(select(0.0625, 0.25, abs(distance) == 1), 0.375, distance == 0);
}

// Channel, row and column of a value of y.
fn place(at: u32) -> vec3<u32> {
    let line = at / p.width;
    return vec3(line / p.height, line % p.height, at % p.width);
}

fn source(channel: u32, row: i32, column: i32) -> f32 {
    let inside = row >= 0 && column >= 0 && row < i32(p.from_height) && column < i32(p.from_width);
    let at = (channel * p.from_height + u32(max(row, 0))) * p.from_width + u32(max(column, 0));
    return select(0.0, x[select(0u, at, inside)], inside);
}

// What the coarser level x says of a value of y: of its rows those within 2 of half of this one, and so with columns.
fn expanded(at: u32) -> f32 {
    let here = place(at);
    let row = i32(here.y);
    let column = i32(here.z);
    var sum = 0.0;
    for (var s = -1; s <= 1; s++) {
        for (var t = -1; t <= 1; t++) {
            let near = vec2(row / 2 + s, column / 2 + t);
            let distance = vec2(row, column) - 2 * near;
            let counts = all(abs(distance) <= vec2(2));
            let weights = weight(distance.x) * weight(distance.y);
            sum += select(0.0, weights * source(here.x, near.x, near.y), counts);
        }
    }
    return 4.0 * sum;
}

@compute @workgroup_size(64)
fn shrink(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    let here = place(at);
    var sum = 0.0;
    for (var s = -2; s <= 2; s++) {
        for (var t = -2; t <= 2; t++) {
            sum += weight(s) * weight(t)
                * source(here.x, 2 * i32(here.y) + s, 2 * i32(here.z) + t);
        }
    }
    y[at] = sum;
}

@compute @workgroup_size(64)
fn split(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    y[at] -= expanded(at);
}

@compute @workgroup_size(64)
fn energy(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var at = id.x; at < 3u * p.height * p.width; at += THREADS) {
        sum += y[at] * y[at];
    }
    partials[id.x] = sum;
}

@compute @workgroup_size(64)
fn merge(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 64u + lane;
    if at >= 3u * p.height * p.width {
        return;
    }
    let strength = sqrt(energies[p.level]);
    var merged = select(0.0, y[at] / strength, strength > 0.0);
    if (p.flags & COARSER) != 0u {
        merged += expanded(at);
    }
    y[at] = merged;
}
