// copy_bandwidth — how many bytes per second a kernel can move at best
//
// Math      y[i] = x[i]
// Backward  none
// Layout    x, y: vec4 in a row, as many in each, larger than any cache
// Threads   one thread = 4 vec4, each as far from the last as there are threads, so that neighbours read neighbours
// Dispatch  (ceil(length / 256), 1, 1)
// Bindings  0 x: read  1 y: read_write
// Knobs     none
// Cost      32 bytes per vec4, no flop
// Why       Sets the other roof: a kernel with few operations per byte cannot be faster than this. Four copies a thread keep
//           more loads on their way than one would and the dispatch below 65 535 workgroups for 192 MiB.
// Test      tests/kernels.rs::copy_bandwidth

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
    let threads = workgroups.x * 64u;
    copy(id.x);
    copy(id.x + threads);
    copy(id.x + 2u * threads);
    copy(id.x + 3u * threads);
}

fn copy(at: u32) {
    if (at < arrayLength(&y)) { y[at] = x[at]; }
}
