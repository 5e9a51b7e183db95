// tv_loss — total variation of the picture: how rough it is
//
// Math      value  L = w · mean(dx² + dy²) over 3·H·W, forward differences, 0 at the far border
//           gradient  gx[i,j] = 2w / (3·H·W) · (dx[i,j−1] − dx[i,j] + dy[i−1,j] − dy[i,j])
// Backward  the entry point `gradient`
// Layout    x, gx: [3][H][W] f32, RGB planes   partials: one f32 per thread of `value`
//           A band of the 3·H rows at a time; x also holds the row before and the row after it.
// Threads   value: 4096 threads stride over all values; gradient: one thread = one value
// Dispatch  value (64); gradient (ceil(rows·W / 64) folded over x and y)
// Bindings  0 p: uniform  1 x: read  2 partials: read_write  3 gx: read_write
// Knobs     none; p.flags bit 1 accumulates onto gx
// Cost      5 flop and 12 bytes per value; gradient 8 flop and 24 bytes
// Why       Works on the picture itself, so its weight means the same for every network.
// Test      tests/kernels.rs::tv_loss

struct Params {
    width: u32,
    height: u32,
    flags: u32,
    // 2w / (3·H·W)
    scale: f32,
    // The band: its first row of 3·H, how many there are, and where the first begins in x and in gx.
    top: u32,
    rows: u32,
    x_first: u32,
    gx_first: u32,
    first_partial: u32,
}

const ACCUMULATE = 2u;
const THREADS = 4096u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn value(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var index = id.x; index < p.rows * p.width; index += THREADS) {
        let j = index % p.width;
        let i = (p.top + index / p.width) % p.height;
        let at = p.x_first + index;
        let here = x[at];
        if j + 1u < p.width {
            let dx = x[at + 1u] - here;
            sum += dx * dx;
        }
        if i + 1u < p.height {
            let dy = x[at + p.width] - here;
            sum += dy * dy;
        }
    }
    partials[p.first_partial + id.x] = sum;
}

@compute @workgroup_size(64)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * 64u + lane;
    let inside = thread < p.rows * p.width;
    let index = select(0u, thread, inside);
    let j = index % p.width;
    let i = (p.top + index / p.width) % p.height;
    let at = p.x_first + index;
    let here = x[at];
    var g = 0.0;
    if j > 0u {
        g += here - x[at - 1u];
    }
    if j + 1u < p.width {
        g += here - x[at + 1u];
    }
    if i > 0u {
        g += here - x[at - p.width];
    }
    if i + 1u < p.height {
        g += here - x[at + p.width];
    }
    g *= p.scale;
    if (select(0u, p.flags, inside) & ACCUMULATE) != 0u {
        g += gx[p.gx_first + index];
    }
    if inside {
        gx[p.gx_first + index] = g;
    }
}
