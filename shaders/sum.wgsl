// sum — adds up partial sums in a fixed order and stores the scaled total
//
// Math      totals[slot] (+)= scale · Σ partials
// Backward  none: the gradients of the losses do not pass through their values
// Layout    partials: [count] f32   totals: one f32 per loss term of the tape
// Threads   256 threads, each sums every 256th partial; then a tree over workgroup memory
// Dispatch  (1)
// Bindings  0 p: uniform  1 partials: read  2 totals: read_write
// Knobs     none; p.flags bit 1 accumulates onto the total
// Cost      count flop, 4·count bytes: nothing
// Why       Second half of every reduction here; the order of additions never changes, so two runs
//           agree to the bit, and a tree rounds less than one sum: a thread adds count / 256 in a row, then eight levels.
// Test      tests/kernels.rs::sum

struct Params {
    count: u32,
    slot: u32,
    scale: f32,
    flags: u32,
}

const ACCUMULATE = 2u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;

var<workgroup> tree: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var at = lane; at < p.count; at += 256u) {
        sum += partials[at];
    }
    tree[lane] = sum;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            tree[lane] += tree[lane + half];
        }
    }
    let flags = select(0u, p.flags, lane == 0u);
    if lane == 0u {
        var total = p.scale * tree[0];
        if (flags & ACCUMULATE) != 0u {
            total += totals[p.slot];
        }
        totals[p.slot] = total;
    }
}
