// lbfgs — the two-loop recursion and the step, without a number leaving the device
//
// Math      d = −H·g by Nocedal & Wright, algorithm 7.4, over a ring of pairs s = x' − x, y = g' − g;
//           x ← x + t·d, t = min(1, 1/‖g‖₁) while there is no pair, then 1 (torch.optim.LBFGS);
//           with `clamp` x stays in [0, 1], and s is what it really moved by; with `longest` t·‖d‖₂ is at most that where there are pairs
// Backward  none
// Layout    vectors: flat vec4s over [3][H][W] f32, zero behind the last value
//           partials: rows of GROUPS vec4 per slice, one per workgroup; row `from` is summed, row `into` written
// Threads   GROUPS workgroups × THREADS over strips of the vectors; judge and decide: one workgroup
// Dispatch  (GROUPS), or (1) for judge and decide
// Bindings  0 p: uniform  1 state: read_write  2 partials: read_write  3 g: read  4 a: read_write  5 b: read_write  6 c: read_write  7 s: read_write  8 y: read_write
// Knobs     override THREADS (a power of two), GROUPS
// Cost      per step and pair: 8 flop and 32 bytes per value; per step 19 flop and 84 bytes more; memory 8 bytes per value and pair
// Why       Each pass also makes the partial sums of the dot product that the next pass needs, and
//           every workgroup adds those up for itself in the same order: one dispatch per half pair,
//           no read-back, no atomics. A dropped pair keeps its place in the ring with ρ = 0. Barriers are
//           the cost on Mesa llvmpipe, unless a workgroup is eight threads, which never wait: with 20 pairs THREADS = 8 takes
//           a quarter of the time of 128 at 256², a tenth at 64². There GROUPS = 32: without AVX-512 llvmpipe loads a
//           partial sum for eight lanes in 210 ns, and 128 groups that load 128 sums took 140 ms a step with 100 pairs
//           at 40×20; with 32 it is 40 ms, and at 160² and 320² as much less (beside other work).
//           Order: measure, judge, begin, descend (newest → oldest), turn, ascend (oldest →
//           newest), aim, decide, advance. See src/reference/lbfgs.rs for the recovery rules.
// Test      tests/optimisers.rs::lbfgs

override THREADS: u32 = 128u;
override GROUPS: u32 = 128u;

const PAIRS = 128u;
const SMALLEST_CURVATURE = 1e-10;

struct Params {
    vectors: u32,
    history: u32,
    // Ring slot of the pair at hand.
    slot: u32,
    from_row: u32,
    into_row: u32,
    first: u32,
    rate: f32,
    // Vectors longer than a binding come in slices, one dispatch after the other.
    slice: u32,
    slices: u32,
    clamp: u32,
    // 0 for no limit.
    longest: f32,
}

struct State {
    rho: array<f32, PAIRS>,
    alpha: array<f32, PAIRS>,
    // H₀ = sᵀy / yᵀy of the newest accepted pair.
    scale: f32,
    // t, the length of the step along d.
    step: f32,
    // ‖g‖₁ at the last point with a finite gradient.
    norm: f32,
    // Bad gradients in a row.
    failures: f32,
    // 1 when d is to be plain −g.
    steepest: f32,
    // 1 once a gradient was finite: there is a point to go back to.
    known: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> state: State;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> b: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> s: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> tree: array<vec4<f32>, THREADS>;

// The sum of `mine` over the workgroup, for every thread of it.
fn add_up(lane: u32, mine: vec4<f32>) -> vec4<f32> {
    tree[lane] = mine;
    for (var span = THREADS / 2u; span > 0u; span /= 2u) {
        workgroupBarrier();
        if lane < span {
            tree[lane] += tree[lane + span];
        }
    }
    workgroupBarrier();
    let total = tree[0];
    workgroupBarrier();
    return total;
}

// A workgroup works on vec4s that lie side by side: whole pages, in the order in which memory is fetched.
fn strip_start(group: u32) -> u32 {
    let turns = (p.vectors + GROUPS * THREADS - 1u) / (GROUPS * THREADS);
    return group * turns * THREADS;
}

fn strip_end(group: u32) -> u32 {
    return min(strip_start(group + 1u), p.vectors);
}

// Sum of the row that the pass before has written.
fn collect(lane: u32) -> vec4<f32> {
    var sum = vec4(0.0);
    for (var group = lane; group < GROUPS * p.slices; group += THREADS) {
        sum += partials[p.from_row * p.slices * GROUPS + group];
    }
    return add_up(lane, sum);
}

// The same of its first numbers alone, which is a load of a quarter.
fn collect_first(lane: u32) -> f32 {
    var sum = 0.0;
    for (var group = lane; group < GROUPS * p.slices; group += THREADS) {
        sum += partials[p.from_row * p.slices * GROUPS + group].x;
    }
    return add_up(lane, vec4(sum, 0.0, 0.0, 0.0)).x;
}

fn publish(group: u32, lane: u32, mine: vec4<f32>) {
    let total = add_up(lane, mine);
    if lane == 0u {
        partials[(p.into_row * p.slices + p.slice) * GROUPS + group] = total;
    }
}

// On the bits, because a compiler may assume that NaN and infinity do not happen.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

// Called by lane 0 alone, and told so: see the note on `first` in judge.
fn forget_pairs(lane: u32) {
    for (var i = lane; i < p.history; i++) {
        state.rho[i] = 0.0;
    }
    state.scale = 1.0;
}

fn first_length() -> f32 {
    return p.rate * min(1.0, 1.0 / max(state.norm, 1e-30));
}

// s = x − x' and y = g − g' of the step just taken; partial sums of (yᵀs, yᵀy, ‖g‖₁, 0).
// a = g' and b = x' (at the last good point), c = x.
@compute @workgroup_size(THREADS)
fn measure(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var sums = vec4(0.0);
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        let gradient = g[at];
        let displacement = c[at] - b[at];
        let change = gradient - a[at];
        s[at] = displacement;
        y[at] = change;
        sums += vec4(dot(change, displacement), dot(change, change), dot(abs(gradient), vec4(1.0)), 0.0);
    }
    publish(group.x, lane, sums);
}

// Keeps or drops the pair, and notices a gradient that is not finite.
@compute @workgroup_size(THREADS)
fn judge(@builtin(local_invocation_index) lane: u32) {
    let sums = collect(lane);
    // Tied to the lane, because Mesa's lavapipe compiles a shader anew for every dispatch when a branch
    // or a loop bound depends on uniforms alone.
    let first = select(0u, p.first, lane == 0u) != 0u;
    if lane != 0u {
        return;
    }
    state.rho[p.slot] = 0.0;
    state.steepest = 0.0;
    if first {
        forget_pairs(lane);
        state.norm = 0.0;
        state.failures = 0.0;
        state.known = 0.0;
    }
    if !is_finite(sums.z) {
        forget_pairs(lane);
        state.failures += 1.0;
        state.steepest = 1.0;
        state.step = first_length() * pow(0.1, state.failures);
        return;
    }
    state.failures = 0.0;
    state.known = 1.0;
    state.norm = sums.z;
    if !first && sums.x > SMALLEST_CURVATURE && is_finite(sums.x) && is_finite(sums.y) {
        state.rho[p.slot] = 1.0 / sums.x;
        state.scale = sums.x / sums.y;
    }
    var pairs = 0u;
    for (var i = lane; i < p.history; i++) {
        pairs += select(0u, 1u, state.rho[i] != 0.0);
    }
    state.step = p.rate;
    if pairs == 0u {
        state.step = first_length();
        state.scale = 1.0;
    }
}

// q = g, or the last good gradient when this one is bad; partial sum of sᵀq for the newest pair.
// a = g', b = q.
@compute @workgroup_size(THREADS)
fn begin(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let failed = state.failures > 0.0;
    var sum = 0.0;
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        var q = g[at];
        if failed {
            q = a[at];
        }
        b[at] = q;
        sum += dot(s[at], q);
    }
    publish(group.x, lane, vec4(sum));
}

// First loop: α = ρ sᵀq, q ← q − α y; partial sum for the next older pair, whose s is bound as `s`.
// b = q, y = this pair's y.
@compute @workgroup_size(THREADS)
fn descend(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rho = state.rho[p.slot];
    let product = collect_first(lane);
    var alpha = 0.0;
    if rho != 0.0 {
        alpha = rho * product;
    }
    if group.x == 0u && lane == 0u {
        // Every slice says the same.
        state.alpha[p.slot] = alpha;
    }
    var sum = 0.0;
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        var q = b[at];
        if rho != 0.0 {
            q -= alpha * y[at];
            b[at] = q;
        }
        sum += dot(s[at], q);
    }
    publish(group.x, lane, vec4(sum));
}

// r = H₀ q; partial sum of yᵀr for the oldest pair. b = q, then r.
@compute @workgroup_size(THREADS)
fn turn(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let scale = state.scale;
    var sum = 0.0;
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        let r = scale * b[at];
        b[at] = r;
        sum += dot(y[at], r);
    }
    publish(group.x, lane, vec4(sum));
}

// Second loop: r ← r + (α − ρ yᵀr) s; partial sum for the next newer pair, whose y is bound as `y`.
// b = r, s = this pair's s.
@compute @workgroup_size(THREADS)
fn ascend(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rho = state.rho[p.slot];
    let product = collect_first(lane);
    let weight = state.alpha[p.slot] - rho * product;
    var sum = 0.0;
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        var r = b[at];
        if rho != 0.0 {
            r += weight * s[at];
            b[at] = r;
        }
        sum += dot(y[at], r);
    }
    publish(group.x, lane, vec4(sum));
}

// Partial sums of gᵀr, the descent along −r, and of rᵀr. b = r.
@compute @workgroup_size(THREADS)
fn aim(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var sums = vec4(0.0);
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        let r = b[at];
        sums += vec4(dot(g[at], r), dot(r, r), 0.0, 0.0);
    }
    publish(group.x, lane, sums);
}

// Falls back to −g when −r does not descend or is not finite; shortens a step along −r that would be too long.
@compute @workgroup_size(THREADS)
fn decide(@builtin(local_invocation_index) lane: u32) {
    let sums = collect(lane);
    let descent = sums.x;
    // Tied to the lane, see judge.
    let limits = select(0.0, p.longest, lane == 0u) > 0.0;
    if lane != 0u || state.failures > 0.0 {
        return;
    }
    if !is_finite(descent) || descent <= 0.0 {
        forget_pairs(lane);
        state.steepest = 1.0;
        state.step = first_length();
    } else if limits {
        state.step = min(state.step, p.longest * inverseSqrt(max(sums.y, 1e-30)));
    }
}

// x ← x + t·d from the last good point; remembers that point, its gradient and d.
// a = g', b = r, then d; c = x; s = x of the last good point.
@compute @workgroup_size(THREADS)
fn advance(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let failed = state.failures > 0.0;
    let steepest = state.steepest > 0.0;
    let step = state.step;
    // Tied to the lane, see judge.
    let clamps = select(0u, p.clamp, lane < THREADS) != 0u;
    if state.known == 0.0 {
        return;
    }
    let end = strip_end(group.x);
    for (var at = strip_start(group.x) + lane; at < end; at += THREADS) {
        if !failed {
            a[at] = g[at];
            s[at] = c[at];
        }
        var d = -b[at];
        if steepest {
            d = -a[at];
        }
        b[at] = d;
        var moved = s[at] + step * d;
        if clamps {
            moved = clamp(moved, vec4(0.0), vec4(1.0));
        }
        c[at] = moved;
    }
}
