// fourier — colours from their spectrum: the inverse Fourier transform of a real picture of any size
//
// Math      columns  T[r, l] = Σ_k s[k, l]·S[k, l]·e^(2πi·k·r/H)
//           rows  x[r, q] = Σ_l w_l·Re(T[r, l]·e^(2πi·l·q/W)), w_l = 1 where l = 0 or 2l = W, else 2: the half of
//           the spectrum that is not here mirrors the other. With s = 1/√(H·W) it is numpy's irfft2(S, norm="ortho")
// Backward  rows_gradient  gT[r, l] = w_l·Σ_q gx[r, q]·e^(−2πi·l·q/W);
//           columns_gradient  gS[k, l] = s[k, l]·Σ_r gT[r, l]·e^(−2πi·k·r/H), real and imaginary parts as two variables
// Layout    S, T: [H][L][2] vec4, L = W/2 + 1, real then imaginary, three colours in one vec4   x: [H][W] vec4
//           scale: [H][L] f32, s   turns: cosine and sine of 2πn/N for n < N, N = H for columns, W for rows
// Threads   one thread = one complex number of three colours, or one pixel
// Dispatch  (ceil(H·L / 64) folded over x and y); rows (ceil(H·W / 64) folded)
// Bindings  0 p: uniform  1 source: read  2 scale: read  3 turns: read  4 result: read_write
// Knobs     none
// Cost      up to 24 flop per term, H·L·H + H·W·L of them; a term loads 44 bytes in columns, 40 in rows, 24 in rows_gradient
// Why       Two products with a table are exact at any size, and 24·H·W·(H + W)/2 flop are little beside a
//           network: at 128×128 0.2 % of a step of VGG-19 to relu4_1. A fast transform would be a chain of passes
// Test      tests/kernels/visualisation.rs::fourier

struct Params {
    height: u32,
    width: u32,
    // L
    columns: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> turns: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>;

// Sums end with a number that depends on the thread: Mesa's software driver compiles a kernel anew at every dispatch
// where the ends of its loops depend on uniforms alone.

@compute @workgroup_size(64)
fn columns(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.height * p.columns;
    let terms = select(0u, p.height, inside);
    let i = thread / p.columns;
    var at = thread % p.columns;
    var turn = 0u;
    var real = vec4(0.0);
    var imaginary = vec4(0.0);
    for (var k = 0u; k < terms; k++) {
        let rotation = scale[at] * turns[turn];
        let a = source[2u * at];
        let b = source[2u * at + 1u];
        real += rotation.x * a - rotation.y * b;
        imaginary += rotation.x * b + rotation.y * a;
        at += p.columns;
        turn = after(turn, i, terms);
    }
    if inside {
        result[2u * thread] = real;
        result[2u * thread + 1u] = imaginary;
    }
}

@compute @workgroup_size(64)
fn rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.height * p.width;
    let terms = select(0u, p.columns, inside);
    let j = thread % p.width;
    let first = thread / p.width * p.columns;
    var turn = 0u;
    var sum = vec4(0.0);
    for (var l = 0u; l < terms; l++) {
        let rotation = times(l) * turns[turn];
        sum += rotation.x * source[2u * (first + l)] - rotation.y * source[2u * (first + l) + 1u];
        turn = after(turn, j, p.width);
    }
    if inside {
        result[thread] = sum;
    }
}

@compute @workgroup_size(64)
fn rows_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.height * p.columns;
    let terms = select(0u, p.width, inside);
    let l = thread % p.columns;
    let first = thread / p.columns * p.width;
    var turn = 0u;
    var real = vec4(0.0);
    var imaginary = vec4(0.0);
    for (var j = 0u; j < terms; j++) {
        let rotation = turns[turn];
        let g = source[first + j];
        real += rotation.x * g;
        imaginary -= rotation.y * g;
        turn = after(turn, l, terms);
    }
    if inside {
        result[2u * thread] = times(l) * real;
        result[2u * thread + 1u] = times(l) * imaginary;
    }
}

@compute @workgroup_size(64)
fn columns_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.height * p.columns;
    let terms = select(0u, p.height, inside);
    let k = thread / p.columns;
    var at = thread % p.columns;
    var turn = 0u;
    var real = vec4(0.0);
    var imaginary = vec4(0.0);
    for (var i = 0u; i < terms; i++) {
        let rotation = turns[turn];
        let a = source[2u * at];
        let b = source[2u * at + 1u];
        real += rotation.x * a + rotation.y * b;
        imaginary += rotation.x * b - rotation.y * a;
        at += p.columns;
        turn = after(turn, k, terms);
    }
    if inside {
        result[2u * thread] = scale[thread] * real;
        result[2u * thread + 1u] = scale[thread] * imaginary;
    }
}

// How often column l stands in the whole spectrum.
fn times(l: u32) -> f32 {
    return select(2.0, 1.0, l == 0u || 2u * l == p.width);
}

// The next multiple of an angle, in parts of a whole turn.
fn after(turn: u32, step: u32, whole: u32) -> u32 {
    let next = turn + step;
    return select(next, next - whole, next >= whole);
}
