// wasserstein_loss — what lies between the matrix products of the Wasserstein-2 distance of two Gaussians, and its gradient
//
// Math      L = w · [mean((μ − μ*)²) + (1/C) · tr(Σ* + Σ − 2·√A)], A = R·Σ·R, R = √Σ*, Σ = S − μμᵀ + ε·I, ε = κ · tr Σ* / C
//           energy ‖m‖²   covariance Σ/tr Σ*   normalise M = A/‖A‖, X = a·I − b·M (the first turn of the iteration for A^-½)
//           value tr √A = Σ A ∘ A^-½   gradient gS = w/C · (I − R·A^-½·R)   gradient_means gμ = 2w/C · (μ − μ*) − 2·gS·μ
// Backward  `gradient` and `gradient_means` run with the value, which has found the root; `carry` hands on what they left
// Layout    moments, outcome: [C][C] f32, then C means; target: R, then μ*; matrices [C][C]; scalars: tr Σ*, ‖A / tr Σ*‖²
// Threads   energy, value: 4096 threads stride over the entries; gradient_means: one thread = one channel; else one = one entry
// Dispatch  energy, value (64); gradient_means (ceil(C / 8)); else (ceil(entries / 64) folded over x and y)
// Bindings  0 p: uniform  1 moments: read  2 root: read  3 matrix: read  4 inverse: read  5 scalars: read  6 result: read_write
//           7 second: read_write
// Knobs     none; p.flags bit 1 accumulates in `carry`
// Cost      a few flop and 4 to 16 bytes per entry; gradient_means 2·C² flop
// Why       C² entries, where the products between (matrix_product) cost C³. A and its iterates are divided by tr Σ* and ‖A‖: sums of
//           squares of [0,255] features to the fourth would leave the range of f32. See kernels/wasserstein_loss.rs for the iteration
// Test      tests/kernels/statistics.rs::wasserstein_loss

struct WassersteinParams {
    channels: u32,
    entries: u32,   // C², of `carry` C² + C
    flags: u32,
    epsilon: f32,   // κ / C
    weight: f32,    // w / C
    diagonal: f32,  // a
    factor: f32,    // b
}

const ACCUMULATE = 2u;
const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: WassersteinParams;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> root: array<f32>;
@group(0) @binding(3) var<storage, read> matrix: array<f32>;
@group(0) @binding(4) var<storage, read> inverse: array<f32>;
@group(0) @binding(5) var<storage, read> scalars: array<f32>;
@group(0) @binding(6) var<storage, read_write> result: array<f32>;
@group(0) @binding(7) var<storage, read_write> second: array<f32>;

@compute @workgroup_size(64)
fn energy(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var entry = id.x; entry < p.entries; entry += THREADS) { sum += matrix[entry] * matrix[entry]; }
    result[id.x] = sum;
}

// Entry of the covariance in row i and column j of the features.
fn covariance_at(i: u32, j: u32) -> f32 {
    let product = moments[p.entries + i] * moments[p.entries + j];
    let regularised = select(0.0, p.epsilon * scalars[0], i == j);
    return moments[i * p.channels + j] - product + regularised;
}

@compute @workgroup_size(64)
fn covariance(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let entry = (group.y * groups.x + group.x) * 64u + lane;
    if entry < p.entries { result[entry] = covariance_at(entry / p.channels, entry % p.channels) / scalars[0]; }
}

@compute @workgroup_size(64)
fn normalise(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let entry = (group.y * groups.x + group.x) * 64u + lane;
    if entry < p.entries {
        let value = matrix[entry] / sqrt(scalars[1]);
        result[entry] = value;
        second[entry] = select(0.0, p.diagonal, entry / p.channels == entry % p.channels) - p.factor * value;
    }
}

@compute @workgroup_size(64)
fn value(@builtin(global_invocation_id) id: vec3<u32>) {
    // From A / tr Σ* and (A / ‖A‖)^-½ to √A.
    let rescale = sqrt(scalars[0]) / sqrt(sqrt(scalars[1]));
    var sum = 0.0;
    for (var entry = id.x; entry < p.entries; entry += THREADS) {
        let i = entry / p.channels;
        let j = entry % p.channels;
        sum += root[entry] * root[entry] - 2.0 * rescale * matrix[entry] * inverse[entry];
        if i == j {
            let difference = moments[p.entries + i] - root[p.entries + i];
            sum += covariance_at(i, i) + difference * difference;
        }
    }
    result[id.x] = sum;
}

// R·A^-½·R from R·X·R.
fn map_at(entry: u32) -> f32 {
    return matrix[entry] / (sqrt(sqrt(scalars[1])) * sqrt(scalars[0]));
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let entry = (group.y * groups.x + group.x) * 64u + lane;
    if entry < p.entries {
        let one = select(0.0, 1.0, entry / p.channels == entry % p.channels);
        result[entry] = p.weight * (one - map_at(entry));
    }
}

@compute @workgroup_size(8)
fn gradient_means(@builtin(global_invocation_id) id: vec3<u32>) {
    let channel = id.x;
    if channel >= p.channels { return; }
    // The matrix is symmetric: neighbouring threads read neighbouring entries.
    var mapped = 0.0;
    for (var at = channel; at < p.entries; at += p.channels) {
        mapped += map_at(at) * moments[p.entries + at / p.channels];
    }
    result[p.entries + channel] = 2.0 * p.weight * (mapped - root[p.entries + channel]);
}

@compute @workgroup_size(64)
fn carry(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.entries;
    let entry = select(0u, thread, inside);
    var carried = matrix[entry];
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u { carried += result[entry]; }
    if inside { result[entry] = carried; }
}
