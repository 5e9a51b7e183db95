// fma_peak — how many fused multiply-adds per second the adapter can do at best
//
// Math      ten chains per thread: aᵢ ← aᵢ·aᵢ₊₁ + c (a₉ by a₀), 400 links per turn of the loop
// Backward  none
// Layout    y: one f32 per thread, so that nothing can be optimised away
// Threads   one thread = ten chains, enough to hide the latency of two FMA units with 256-bit vectors
// Dispatch  (any number)
// Bindings  0 p: uniform  1 y: read_write
// Knobs     none; p.turns sets the length
// Cost      800·turns flop per thread, no memory
// Why       Unrolled as text: variables that live across turns go through memory on some software
//           adapters, so each turn must do much. Each chain needs its neighbour's last link: chains that
//           know nothing of each other are put one after the other by LLVM for processors with 16
//           vector registers, and each then waits for itself (Mesa llvmpipe, two cores of an EPYC of
//           Zen 3: 37 GFLOP/s apart, 125 like this). They creep up to where x = x² + c, so nothing
//           overflows and every link still tells; c depends on the thread, so that no two lanes are alike.
// Test      tests/kernels.rs::fma_peak

struct Params {
    turns: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

alias Chains = array<f32, 10>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = 0.2499 - f32(id.x) * 1e-7;
    var a = Chains(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5);
    // Counted from the thread's own index: see README.md, section 4, on bounds that are uniform.
    for (var turn = id.x; turn < id.x + p.turns; turn++) {
        ten_links(&a, c);
        ten_links(&a, c);
        ten_links(&a, c);
        ten_links(&a, c);
    }
    y[id.x] = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7] + a[8] + a[9];
}

fn ten_links(a: ptr<function, Chains>, c: f32) {
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
    link(a, c);
}

fn link(a: ptr<function, Chains>, c: f32) {
    (*a)[0] = fma((*a)[0], (*a)[1], c);
    (*a)[1] = fma((*a)[1], (*a)[2], c);
    (*a)[2] = fma((*a)[2], (*a)[3], c);
    (*a)[3] = fma((*a)[3], (*a)[4], c);
    (*a)[4] = fma((*a)[4], (*a)[5], c);
    (*a)[5] = fma((*a)[5], (*a)[6], c);
    (*a)[6] = fma((*a)[6], (*a)[7], c);
    (*a)[7] = fma((*a)[7], (*a)[8], c);
    (*a)[8] = fma((*a)[8], (*a)[9], c);
    (*a)[9] = fma((*a)[9], (*a)[0], c);
}
