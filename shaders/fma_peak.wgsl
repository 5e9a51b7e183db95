// fma_peak — how many fused multiply-adds per second the adapter can do at best
//
// Math      ten independent chains per thread: a ← a·m + c, 400 links per turn of the loop
// Backward  none
// Layout    y: one f32 per thread, so that nothing can be optimised away
// Threads   one thread = ten chains, enough to hide the latency of two FMA units with 256-bit vectors
// Dispatch  (any number)
// Bindings  0 p: uniform  1 y: read_write
// Knobs     none; p.turns sets the length
// Cost      800·turns flop per thread, no memory
// Why       Unrolled as text: variables that live across turns go through memory on some software
//           adapters, so each turn must do much. m < 1 keeps the chains finite; c depends on the
//           thread, so that no two lanes are alike.
// Test      tests/kernels.rs::fma_peak

struct Params {
    turns: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

alias Chains = array<f32, 10>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let m = 0.999 + f32(id.x) * 1e-9;
    let c = f32(id.x) * 1e-7;
    var a = Chains(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0);
    // Counted from the thread's own index: see the note in conv3x3_direct on bounds that are uniform.
    for (var turn = id.x; turn < id.x + p.turns; turn++) {
        ten_links(&a, m, c);
        ten_links(&a, m, c);
        ten_links(&a, m, c);
        ten_links(&a, m, c);
    }
    y[id.x] = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7] + a[8] + a[9];
}

fn ten_links(a: ptr<function, Chains>, m: f32, c: f32) {
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
    link(a, m, c);
}

fn link(a: ptr<function, Chains>, m: f32, c: f32) {
    (*a)[0] = fma((*a)[0], m, c);
    (*a)[1] = fma((*a)[1], m, c);
    (*a)[2] = fma((*a)[2], m, c);
    (*a)[3] = fma((*a)[3], m, c);
    (*a)[4] = fma((*a)[4], m, c);
    (*a)[5] = fma((*a)[5], m, c);
    (*a)[6] = fma((*a)[6], m, c);
    (*a)[7] = fma((*a)[7], m, c);
    (*a)[8] = fma((*a)[8], m, c);
    (*a)[9] = fma((*a)[9], m, c);
}
