//! The passes of L-BFGS (`shaders/lbfgs.wgsl`); `optim::lbfgs` puts them in order.

use super::vector_slices;
use crate::gpu::{Access, BufferView, Command, Kernel, Recorder};

/// Workgroups of every pass over the vectors.
const GROUPS: u32 = 128;

/// The same on software adapters: as many as Mesa has threads at most. Each adds up what all of them found, so the
/// sums of a pass take the square of their number.
const GROUPS_ON_SOFTWARE: u32 = 32;

/// Threads of each.
const THREADS: u32 = 128;

/// The same on software adapters. They suspend every eight threads at each barrier of the two sums in a
/// pass; a workgroup of eight never waits.
const THREADS_ON_SOFTWARE: u32 = 8;

/// The longest history that the state on the device has room for.
pub const LONGEST_HISTORY: usize = 128;

/// Bytes of the state: ρ and α of each pair, then six numbers.
pub const STATE_BYTES: u64 = (2 * LONGEST_HISTORY as u64 + 6) * 4;

/// Bytes of one row of partial sums of one slice.
pub const ROW_BYTES: u64 = GROUPS as u64 * 16;

macro_rules! pass {
    ($(#[$doc:meta])* $name:ident, $entry:literal, $($binding:literal $access:ident),+) => {
        $(#[$doc])*
        pub static $name: Kernel = Kernel {
            shader: crate::shader!("lbfgs"),
            entry: $entry,
            bindings: &[(0, Access::Uniform), $(($binding, Access::$access)),+],
            needs_subgroups: false,
        };
    };
}

pass!(
    /// The pair of the last step and its products; binds g, g', x', x, s, y.
    MEASURE, "measure", 2 ReadWrite, 3 Read, 4 ReadWrite, 5 ReadWrite, 6 ReadWrite, 7 ReadWrite, 8 ReadWrite
);
pass!(
    /// Keeps or drops the pair.
    JUDGE, "judge", 1 ReadWrite, 2 ReadWrite
);
pass!(
    /// q = g; binds g, g', q, s of the newest pair.
    BEGIN, "begin", 1 ReadWrite, 2 ReadWrite, 3 Read, 4 ReadWrite, 5 ReadWrite, 7 ReadWrite
);
pass!(
    /// One turn of the first loop; binds q, s of the next older pair, y of this.
    DESCEND, "descend", 1 ReadWrite, 2 ReadWrite, 5 ReadWrite, 7 ReadWrite, 8 ReadWrite
);
pass!(
    /// r = H₀q; binds q, y of the oldest pair.
    TURN, "turn", 1 ReadWrite, 2 ReadWrite, 5 ReadWrite, 8 ReadWrite
);
pass!(
    /// One turn of the second loop; binds r, s of this pair, y of the next newer.
    ASCEND, "ascend", 1 ReadWrite, 2 ReadWrite, 5 ReadWrite, 7 ReadWrite, 8 ReadWrite
);
pass!(
    /// gᵀr and rᵀr; binds g, r.
    AIM, "aim", 2 ReadWrite, 3 Read, 5 ReadWrite
);
pass!(
    /// Falls back to −g if −r does not descend.
    DECIDE, "decide", 1 ReadWrite, 2 ReadWrite
);
pass!(
    /// The step; binds g, g', r, x, x'.
    ADVANCE, "advance", 1 ReadWrite, 3 Read, 4 ReadWrite, 5 ReadWrite, 6 ReadWrite, 7 ReadWrite
);

/// What a pass needs to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassParams {
    /// f32 values of each vector.
    pub values: usize,
    /// Pairs in the ring.
    pub history: usize,
    /// Ring slot of the pair at hand.
    pub slot: usize,
    /// Row of partial sums to add up.
    pub from_row: usize,
    /// Row of partial sums to write.
    pub into_row: usize,
    /// Whether this is the first step of a run.
    pub first: bool,
    /// The step length once there are pairs.
    pub rate: f32,
    /// Whether x stays in \[0, 1\].
    pub clamp: bool,
    /// The longest step along a direction of the recursion, ‖t·d‖₂; 0 for no limit.
    pub longest: f32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    vectors: u32,
    history: u32,
    slot: u32,
    from_row: u32,
    into_row: u32,
    first: u32,
    rate: f32,
    slice: u32,
    slices: u32,
    clamp: u32,
    longest: f32,
    padding: u32,
}

/// How many slices vectors of so many f32 are worked on in.
pub fn slices(values: usize, binding_limit: u64) -> usize {
    vector_slices(values, binding_limit).len()
}

/// Records one pass, a dispatch for every slice of the vectors, and returns how many that are; `buffers` in the
/// order of the kernel's bindings.
pub fn pass(
    recorder: &mut Recorder<'_>,
    kernel: &'static Kernel,
    params: PassParams,
    buffers: &[&wgpu::Buffer],
) -> usize {
    // The two passes that bind nothing but the state and the partial sums run in one workgroup.
    let one_workgroup = kernel.bindings.len() == 3;
    // What the recorder has for software adapters, whose lanes these threads are.
    let (groups, threads) = if recorder.workgroup() == THREADS_ON_SOFTWARE {
        (GROUPS_ON_SOFTWARE, THREADS_ON_SOFTWARE)
    } else {
        (GROUPS, THREADS)
    };
    let parts = vector_slices(params.values, recorder.binding_limit());
    let slices = parts.len();
    let dispatches = if one_workgroup { 1 } else { slices };
    let sums = u64::from(groups) * slices as u64;
    for (slice, part) in parts.take(dispatches).enumerate() {
        let (flop, bytes) = cost(kernel, part.vectors as u64, sums);
        // Behind the uniform, the state and the partial sums.
        let is_vector = |binding: u32| binding > 2;
        let bindings = kernel.bindings.iter().skip(1);
        let views = bindings.zip(buffers).map(|(&(binding, _), &buffer)| {
            if is_vector(binding) {
                part.of(buffer)
            } else {
                BufferView::whole(buffer)
            }
        });
        recorder.push(Command {
            kernel,
            knobs: vec![("THREADS", threads), ("GROUPS", groups)],
            uniform: bytemuck::bytes_of(&Params {
                vectors: part.vectors as u32,
                history: params.history as u32,
                slot: params.slot as u32,
                from_row: params.from_row as u32,
                into_row: params.into_row as u32,
                first: u32::from(params.first),
                rate: params.rate,
                slice: slice as u32,
                slices: slices as u32,
                clamp: u32::from(params.clamp),
                longest: params.longest,
                padding: 0,
            })
            .to_vec(),
            buffers: views.collect(),
            workgroups: [if one_workgroup { 1 } else { groups }, 1, 1],
            flop,
            bytes,
        });
    }
    dispatches
}

/// Operations and bytes of a pass over so many vec4s of each vector. One that works on partial sums alone adds up `sums` vec4s;
/// beside vectors they are little.
fn cost(kernel: &Kernel, vectors: u64, sums: u64) -> (u64, u64) {
    // Of each vec4, and vec4s loaded and stored.
    let (flop, moved) = match kernel.entry {
        "judge" | "decide" => return (4 * sums, 16 * sums),
        "measure" => (32, 6),
        "begin" => (8, 3),
        "turn" => (12, 3),
        "aim" => (16, 2),
        "advance" => (8, 7),
        // One of the two loops.
        _ => (16, 4),
    };
    (flop * vectors, 16 * moved * vectors)
}
