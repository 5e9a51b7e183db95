//! The bands of a gradient brought to the same strength (`shaders/laplacian_pyramid.wgsl`).

use super::over_positions;
use super::roll::whole_picture;
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};

/// The next coarser level.
pub static SHRINK: Kernel = kernel(
    "shrink",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
);

/// A level without what the coarser one says of it.
pub static SPLIT: Kernel = kernel(
    "split",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
);

/// Partial sums of squares.
pub static ENERGY: Kernel = kernel(
    "energy",
    &[
        (0, Access::Uniform),
        (2, Access::ReadWrite),
        (3, Access::ReadWrite),
    ],
);

/// A level over its root mean square, and the coarser ones with it.
pub static MERGE: Kernel = kernel(
    "merge",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
        (4, Access::Read),
    ],
);

const fn kernel(entry: &'static str, bindings: &'static [(u32, Access)]) -> Kernel {
    Kernel {
        shader: crate::shader!("laplacian_pyramid"),
        entry,
        bindings,
        needs_subgroups: false,
    }
}

/// Bands of detail, beside what is left when all are taken away (`lap_n` of the TensorFlow tutorial).
pub const BANDS: usize = 4;

/// A coarser level is there, see the shader.
const COARSER: u32 = 2;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    from_width: u32,
    from_height: u32,
    flags: u32,
    level: u32,
    padding: [u32; 2],
}

/// Buffers of the normalisation.
#[derive(Clone, Copy)]
pub struct PyramidBuffers<'a> {
    /// The gradient, planar RGB, which is replaced.
    pub gradient: &'a wgpu::Buffer,
    /// The coarser levels, of the [`sizes`] after the first.
    pub coarser: &'a [wgpu::Buffer],
    /// Scratch of [`PARTIALS`] f32.
    pub partials: &'a wgpu::Buffer,
    /// Room for one f32 per level.
    pub energies: &'a wgpu::Buffer,
}

/// (W, H) of all levels of a picture, finest first: sides are halved and rounded up.
pub fn sizes(size: [usize; 2]) -> [[usize; 2]; BANDS + 1] {
    let mut sizes = [size; BANDS + 1];
    for level in 1..sizes.len() {
        sizes[level] = sizes[level - 1].map(|side| side.div_ceil(2));
    }
    sizes
}

/// Records the normalisation of a gradient of `size` (W, H).
///
/// # Errors
/// A picture that no binding can hold.
pub fn main(
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    buffers: PyramidBuffers<'_>,
) -> Result<(), GpuError> {
    whole_picture(size, recorder.binding_limit())?;
    let sizes = sizes(size);
    let level = |level: usize| Level {
        size: sizes[level],
        buffer: match level {
            0 => buffers.gradient,
            coarser => &buffers.coarser[coarser - 1],
        },
    };
    for at in 0..BANDS {
        let (fine, coarse) = (level(at), level(at + 1));
        push(recorder, &SHRINK, (&coarse, Some(&fine)), at, None);
        push(recorder, &SPLIT, (&fine, Some(&coarse)), at, None);
    }
    for at in (0..=BANDS).rev() {
        measure(recorder, &level(at), at, &buffers);
        let coarse = (at < BANDS).then(|| level(at + 1));
        let energies = Some(buffers.energies);
        push(
            recorder,
            &MERGE,
            (&level(at), coarse.as_ref()),
            at,
            energies,
        );
    }
    Ok(())
}

struct Level<'a> {
    size: [usize; 2],
    buffer: &'a wgpu::Buffer,
}

impl Level<'_> {
    fn values(&self) -> usize {
        3 * self.size[0] * self.size[1]
    }

    fn view(&self) -> BufferView {
        BufferView::first(self.buffer, 4 * self.values() as u64)
    }
}

/// One kernel that writes `to` and may read `from`, of which there is none at the coarsest level.
fn push(
    recorder: &mut Recorder<'_>,
    kernel: &'static Kernel,
    (to, from): (&Level<'_>, Option<&Level<'_>>),
    level: usize,
    energies: Option<&wgpu::Buffer>,
) {
    let values = to.values() as u64;
    let flop = if kernel == &SHRINK { 50 } else { 18 };
    // What is not read is bound all the same: the energies are as good as anything that is not written.
    let source = from.map(Level::view).or(energies.map(BufferView::whole));
    let mut views: Vec<BufferView> = source.into_iter().chain([to.view()]).collect();
    views.extend(energies.map(BufferView::whole));
    recorder.push(Command {
        kernel,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&params(to, from, level)).to_vec(),
        buffers: views,
        workgroups: over_positions(to.values(), 1),
        flop: flop * values,
        bytes: 12 * values,
    });
}

/// mean(y²) of a level.
fn measure(
    recorder: &mut Recorder<'_>,
    of: &Level<'_>,
    level: usize,
    buffers: &PyramidBuffers<'_>,
) {
    let values = of.values() as u64;
    recorder.push(Command {
        kernel: &ENERGY,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&params(of, None, level)).to_vec(),
        buffers: vec![
            of.view(),
            BufferView::first(buffers.partials, 4 * PARTIALS as u64),
        ],
        workgroups: [PARTIAL_WORKGROUPS, 1, 1],
        flop: 2 * values,
        bytes: 4 * values,
    });
    let slot = TotalSlot {
        totals: buffers.energies.clone(),
        slot: level,
        accumulate: false,
    };
    sum::main(
        recorder,
        buffers.partials,
        PARTIALS,
        1.0 / values as f32,
        &slot,
    );
}

fn params(to: &Level<'_>, from: Option<&Level<'_>>, level: usize) -> Params {
    let [width, height] = to.size.map(|side| side as u32);
    let [from_width, from_height] = from.map_or([0; 2], |from| from.size.map(|side| side as u32));
    Params {
        width,
        height,
        from_width,
        from_height,
        flags: if from.is_some() { COARSER } else { 0 },
        level: level as u32,
        padding: [0; 2],
    }
}
