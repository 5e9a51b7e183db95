//! The Gram matrix G = F·Fᵀ/M of a feature map (`shaders/gram.wgsl`, or `gram_broadcast.wgsl` or
//! `gram_tiled.wgsl` and the former's second pass), and the [way back](fn@gradient).

mod gradient;
mod tiling;

pub use gradient::{GRADIENT, GRADIENT_PORTABLE, gradient, gradient_scratch};
pub(super) use gradient::{gradient_kernel, gradient_of_moments};
use tiling::Part;
pub use tiling::Tiling;

use super::ACCUMULATE;
use super::feature_map::{FeatureMap, GroupSlice, bytes, first_slice_bytes, groups, slices};
use super::weighted::{Weighted, weighted, weights_or};
use crate::gpu::{Access, Asked, BufferView, Command, GpuError, Kernel, Profile, Recorder};
use crate::shape::Shape;

/// Sums over chunks of pixels, a tile of the upper triangle each.
pub static PARTIAL: Kernel = Kernel {
    shader: crate::shader!("gram"),
    entry: "partial",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (4, Access::Read),
        (2, Access::ReadWrite),
        (6, Access::Read),
    ],
    needs_subgroups: false,
};

/// The same sums, with lanes along the channels.
pub static BROADCAST: Kernel = Kernel {
    shader: crate::shader!("gram_broadcast"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (4, Access::Read),
        (2, Access::ReadWrite),
        (6, Access::Read),
        (7, Access::ReadTexels),
        (8, Access::ReadTexels),
    ],
    needs_subgroups: true,
};

/// The same sums, with the tiles in workgroup memory.
pub static TILED: Kernel = Kernel {
    shader: crate::shader!("gram_tiled"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (4, Access::Read),
        (2, Access::ReadWrite),
        (6, Access::Read),
    ],
    needs_subgroups: false,
};

/// The chunks added up in order, scaled, mirrored.
pub static REDUCE: Kernel = Kernel {
    shader: crate::shader!("gram"),
    entry: "reduce",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (5, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Same order as `GramParams` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct GramParams {
    pixels: u32,
    plane: u32,
    c_groups: u32,
    i_first: u32,
    i_groups: u32,
    j_first: u32,
    j_groups: u32,
    chunks: u32,
    strip: u32,
    scale: f32,
    flags: u32,
    padding: u32,
}

/// Bytes of partial sums for the Gram matrix of a map.
pub fn workspace_bytes(shape: Shape) -> u64 {
    let chunks = Tiling::ALL.map(|tiling| tiling.chunks(shape));
    matrix_bytes(shape) * chunks.into_iter().max().unwrap_or(1) as u64
}

/// How often the sums of a map are computed where it takes several bindings, 1 where it takes one: a tile of the
/// matrix is as wide as ever, however few channels a slice leaves for it.
pub fn repetition(shape: Shape, binding_limit: u64) -> f64 {
    let side = Tiling::Lanes.groups();
    let tiles = |slices: &[GroupSlice]| -> usize {
        let of = |slice: GroupSlice| slice.count.div_ceil(side);
        pairs(slices).map(|[i, j]| of(i) * of(j)).sum()
    };
    let whole = slices(shape, u64::MAX);
    match (slices(shape, binding_limit), whole) {
        (Ok(several), Ok(one)) => tiles(&several) as f64 / tiles(&one).max(1) as f64,
        // Such a map is refused when it is recorded.
        _ => 1.0,
    }
}

/// Scratch memory that the sums of a map of this shape ask for.
pub fn scratch(adapter: &Profile, shape: Shape) -> Asked {
    if Tiling::fastest(adapter.is_software, adapter.can_run(&BROADCAST)) != Tiling::Lanes {
        return Vec::new();
    }
    let size = [shape.width, shape.height];
    let slice = first_slice_bytes(shape, size, adapter.binding_limit);
    adapter.read_as_texels([Some(slice), (slice < bytes(shape)).then_some(slice)])
}

/// How many dispatches [`forward`] takes on a map of this shape, by the shipped rule: those of each pair of slices, and
/// the sum of all.
///
/// # Errors
/// A plane that no binding can hold.
pub fn dispatches(adapter: &Profile, shape: Shape) -> Result<usize, GpuError> {
    let tiling = Tiling::fastest(adapter.is_software, adapter.can_run(&BROADCAST));
    let slices = slices(shape, adapter.binding_limit)?;
    let parts = |[i_slice, j_slice]: [GroupSlice; 2]| tiling.parts(i_slice, j_slice).len();
    Ok(pairs(&slices).map(parts).sum::<usize>() + 1)
}

/// The slices whose products make up the upper triangle.
fn pairs(slices: &[GroupSlice]) -> impl Iterator<Item = [GroupSlice; 2]> {
    let rows = slices.iter().enumerate();
    rows.flat_map(|(index, &i)| slices[index..].iter().map(move |&j| [i, j]))
}

/// Bytes of the C×C matrix itself.
pub fn matrix_bytes(shape: Shape) -> u64 {
    (4 * shape.channels * shape.channels) as u64
}

/// What part of a Gram matrix a map contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// M, the positions of the whole map.
    pub positions: usize,
    /// Add onto what other parts of the map have contributed.
    pub accumulate: bool,
}

impl Share {
    /// All of it.
    pub fn whole(shape: Shape) -> Self {
        Self {
            positions: shape.pixels(),
            accumulate: false,
        }
    }
}

/// Records g (+)= F·T·Fᵀ/M with the weights on the diagonal of T, C×C row-major; C is a multiple of four and
/// `partials` has [`workspace_bytes`].
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    tiling: Tiling,
    (f, weights): Weighted<'_>,
    partials: &wgpu::Buffer,
    g: &wgpu::Buffer,
    share: Share,
) -> Result<(), GpuError> {
    let slices = slices(f.shape, recorder.binding_limit())?;
    for pair in pairs(&slices) {
        let [i_slice, j_slice] = pair;
        let partials = BufferView::first(partials, workspace_bytes(f.shape));
        let widest = recorder.workgroup();
        let (texels, knob) = match tiling {
            Tiling::Lanes => recorder.read_as_texels([&f.view(i_slice), &f.view(j_slice)])?,
            Tiling::Threads | Tiling::Workgroups => (Vec::new(), None),
        };
        for part in tiling.parts(i_slice, j_slice) {
            let tile = (tiling, *part, widest);
            let mut command = partial_command(tile, (f, weights), pair, partials.clone());
            command.knobs.extend(knob);
            recorder.push_with_texels(command, texels.clone());
            let products = tiling.real_products(*part, i_slice, j_slice);
            recorder.set_real_flop(2 * products * f.shape.pixels() as u64);
        }
    }
    let c_groups = groups(f.shape.channels) as u32;
    let chunks = tiling.chunks(f.shape);
    let partial_bytes = matrix_bytes(f.shape) * chunks as u64;
    let whole = GroupSlice {
        first: 0,
        count: c_groups as usize,
    };
    // The strips do not matter here.
    let params = GramParams {
        scale: 1.0 / share.positions as f32,
        flags: if share.accumulate { ACCUMULATE } else { 0 },
        ..gram_params(f, whole, whole, chunks, 1)
    };
    recorder.push(Command {
        kernel: &REDUCE,
        knobs: vec![("WORKGROUP", 64)],
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers: vec![
            BufferView::first(partials, partial_bytes),
            BufferView::first(g, matrix_bytes(f.shape)),
        ],
        workgroups: [c_groups.div_ceil(64), c_groups, 1],
        flop: partial_bytes / 4,
        bytes: partial_bytes,
    });
    Ok(())
}

fn partial_command(
    (tiling, part, widest): (Tiling, Part, u32),
    (f, weights): Weighted<'_>,
    [i_slice, j_slice]: [GroupSlice; 2],
    partials: BufferView,
) -> Command {
    let chunks = tiling.chunks(f.shape);
    let together = tiling.chunks_per_workgroup(chunks, widest);
    let (i, j) = (4 * i_slice.count as u64, 4 * j_slice.count as u64);
    Command {
        kernel: tiling.kernel(),
        knobs: match tiling {
            Tiling::Threads => vec![("WORKGROUP", together as u32), weighted(weights)],
            Tiling::Lanes => vec![
                ("DIAGONAL", (part == Part::Diagonal) as u32),
                weighted(weights),
            ],
            Tiling::Workgroups => vec![weighted(weights)],
        },
        uniform: bytemuck::bytes_of(&gram_params(f, i_slice, j_slice, chunks, together)).to_vec(),
        buffers: vec![
            f.view(i_slice),
            f.view(j_slice),
            partials,
            weights_or(f, weights),
        ],
        workgroups: tiling.workgroups(part, i_slice, j_slice, chunks / together),
        flop: 2 * tiling.products(part, i_slice, j_slice) * f.shape.pixels() as u64,
        bytes: 4 * (i + j) * f.shape.pixels() as u64,
    }
}

fn gram_params(
    f: &FeatureMap,
    i_slice: GroupSlice,
    j_slice: GroupSlice,
    chunks: usize,
    together: usize,
) -> GramParams {
    GramParams {
        pixels: f.shape.pixels() as u32,
        plane: f.plane(),
        c_groups: groups(f.shape.channels) as u32,
        i_first: i_slice.first as u32,
        i_groups: i_slice.count as u32,
        j_first: j_slice.first as u32,
        j_groups: j_slice.count as u32,
        chunks: chunks as u32,
        strip: (f.shape.pixels() * together)
            .div_ceil(chunks)
            .next_multiple_of(4) as u32,
        // Scale and flags are for the second pass.
        scale: 0.0,
        flags: 0,
        padding: 0,
    }
}
