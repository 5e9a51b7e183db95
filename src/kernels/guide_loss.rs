//! How far features point where those of a guide do, and the gradient (`shaders/guide_loss.wgsl`).

use std::ops::Range;

use super::feature_map::{self, FeatureMap};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot};
use super::{Merge, Pass, over_positions};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder};
use crate::shape::Shape;

/// The best positions of a guide, of each chunk of it.
pub static BEST: Kernel = kernel(
    "best",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
);

/// Partial sums of the value, and what the gradient is made of.
pub static ALIGN: Kernel = kernel(
    "align",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (4, Access::ReadWrite),
        (5, Access::ReadWrite),
    ],
);

/// gx (+)= w/(C·M) · (α·y + β·x).
pub static GRADIENT: Kernel = kernel(
    "gradient",
    &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (4, Access::ReadWrite),
        (6, Access::ReadWrite),
    ],
);

const fn kernel(entry: &'static str, bindings: &'static [(u32, Access)]) -> Kernel {
    Kernel {
        shader: crate::shader!("guide_loss"),
        entry,
        bindings,
        needs_subgroups: false,
    }
}

/// Positions of a guide that one thread looks at: a thread's loops must end within 65 535 turns.
const CHUNK: usize = 512;
/// Operations of a dispatch that looks for the best positions, at most, unless those of one chunk are more: all of a large
/// picture and a large guide together would keep a small GPU for longer than its driver bears.
const DISPATCH_FLOP: u64 = 2_000_000_000;
/// Each position of the picture looks at the same one of the guide, see the shader.
const ITSELF: u32 = 32;

/// Which position of a guide a position of the picture is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correspondence {
    /// The one with the largest dot product.
    Best,
    /// The same one; guide and picture are of one size.
    Itself,
}

/// A loss of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuideGoal {
    /// w.
    pub weight: f32,
    /// Which features are compared.
    pub correspondence: Correspondence,
    /// k, the power of the cosine.
    pub power: f32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    pixels: u32,
    plane: u32,
    groups: u32,
    flags: u32,
    guide_pixels: u32,
    guide_plane: u32,
    scale: f32,
    power: f32,
    first_chunk: u32,
}

/// Scratch memory of the value.
#[derive(Clone, Copy)]
pub struct GuideBuffers<'a> {
    /// Scratch of [`PARTIALS`] f32.
    pub partials: &'a wgpu::Buffer,
    /// Scratch of [`candidate_bytes`].
    pub candidates: &'a wgpu::Buffer,
    /// [`outcome_bytes`] that the gradient reads.
    pub outcome: &'a wgpu::Buffer,
}

/// Bytes of the best positions of each chunk of a guide. Where none is looked for, something must be bound all the same.
pub fn candidate_bytes(correspondence: Correspondence, [x, guide]: [Shape; 2]) -> u64 {
    match correspondence {
        Correspondence::Best => (8 * x.pixels() * guide.pixels().div_ceil(CHUNK)) as u64,
        Correspondence::Itself => 16,
    }
}

/// Bytes of what the value leaves to the gradient.
pub fn outcome_bytes(x: Shape) -> u64 {
    16 * x.pixels() as u64
}

/// The chunks of a guide that each dispatch for its best positions looks at.
fn pieces([x, guide]: [Shape; 2]) -> impl Iterator<Item = Range<usize>> {
    let chunks = guide.pixels().div_ceil(CHUNK);
    let flop = 2 * (x.len() * CHUNK) as u64;
    let together = (DISPATCH_FLOP / flop).max(1) as usize;
    let first = (0..chunks).step_by(together);
    first.map(move |first| first..chunks.min(first + together))
}

/// How many dispatches [`value`] or [`gradient`] records for a map and its guide, with bindings of up to `limit` bytes.
///
/// # Errors
/// As of [`value`].
pub fn dispatches(
    pass: Pass,
    correspondence: Correspondence,
    maps: [Shape; 2],
    limit: u64,
) -> Result<usize, GpuError> {
    check(correspondence, maps, limit)?;
    Ok(match (pass, correspondence) {
        (Pass::Forward, Correspondence::Best) => pieces(maps).count() + 2,
        (Pass::Forward, Correspondence::Itself) => 2,
        (Pass::Gradient, _) => 1,
    })
}

/// Whether one binding of `limit` bytes holds each of what is bound whole: the map, its guide, and what is found in the
/// chunks of that.
fn check(
    correspondence: Correspondence,
    [x, guide]: [Shape; 2],
    limit: u64,
) -> Result<(), GpuError> {
    let candidates = candidate_bytes(correspondence, [x, guide]);
    let bound = [
        (
            format!("a guided feature map of {x}"),
            feature_map::bytes(x),
        ),
        (
            format!("a feature map of {guide} of a guide"),
            feature_map::bytes(guide),
        ),
        (
            format!("the best positions of a guide of {guide} for {x}"),
            candidates,
        ),
    ];
    match bound.into_iter().find(|&(_, bytes)| bytes > limit) {
        Some((label, bytes)) => Err(GpuError::BindingTooLarge {
            label,
            mebibytes: bytes.div_ceil(1 << 20),
            limit_mebibytes: limit >> 20,
        }),
        None => Ok(()),
    }
}

/// Records the value into `total`, and into the outcome what [`gradient`] is made of.
///
/// # Errors
/// A map that no binding can hold, every position may look at every one of the guide; or too many best positions.
pub fn value(
    recorder: &mut Recorder<'_>,
    goal: GuideGoal,
    (x, guide): (&FeatureMap, &FeatureMap),
    buffers: GuideBuffers<'_>,
    total: &TotalSlot,
) -> Result<(), GpuError> {
    let shapes = [x.shape, guide.shape];
    check(goal.correspondence, shapes, recorder.binding_limit())?;
    let [x_view, guide_view] = [x.whole(), guide.whole()];
    let candidates = candidate_bytes(goal.correspondence, shapes);
    let candidates = BufferView::first(buffers.candidates, candidates);
    let values = x.shape.len() as u64;
    let mut params = params(goal, x, guide);
    if goal.correspondence == Correspondence::Best {
        for chunks in pieces(shapes) {
            params.first_chunk = chunks.start as u32;
            let positions = guide.shape.pixels().min(CHUNK * chunks.end) - CHUNK * chunks.start;
            recorder.push(Command {
                kernel: &BEST,
                knobs: vec![],
                uniform: bytemuck::bytes_of(&params).to_vec(),
                buffers: vec![x_view.clone(), guide_view.clone(), candidates.clone()],
                workgroups: over_positions(x.shape.pixels().div_ceil(4), chunks.len()),
                flop: 2 * values * positions as u64,
                bytes: 4 * (values + (guide.shape.channels * positions) as u64),
            });
        }
    }
    recorder.push(Command {
        kernel: &ALIGN,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers: vec![
            x_view,
            guide_view,
            candidates,
            BufferView::first(buffers.outcome, outcome_bytes(x.shape)),
            BufferView::first(buffers.partials, 4 * PARTIALS as u64),
        ],
        workgroups: [PARTIAL_WORKGROUPS, 1, 1],
        flop: 6 * values,
        bytes: 8 * values,
    });
    let scale = goal.weight / x.shape.len() as f32;
    sum::main(recorder, buffers.partials, PARTIALS, scale, total);
    Ok(())
}

/// Records the gradient with respect to x, after [`value`].
///
/// # Errors
/// As of [`value`].
pub fn gradient(
    recorder: &mut Recorder<'_>,
    goal: GuideGoal,
    (x, guide, outcome): (&FeatureMap, &FeatureMap, &wgpu::Buffer),
    gx: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    let shapes = [x.shape, guide.shape];
    check(goal.correspondence, shapes, recorder.binding_limit())?;
    let values = x.shape.len() as u64;
    let mut params = params(goal, x, guide);
    params.flags |= merge.flags();
    let buffers = vec![
        x.whole(),
        guide.whole(),
        BufferView::first(outcome, outcome_bytes(x.shape)),
        gx.whole(),
    ];
    recorder.push(Command {
        kernel: &GRADIENT,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers,
        workgroups: over_positions(x.shape.pixels(), feature_map::groups(x.shape.channels)),
        flop: 4 * values,
        bytes: 12 * values,
    });
    Ok(())
}

fn params(goal: GuideGoal, x: &FeatureMap, guide: &FeatureMap) -> Params {
    Params {
        pixels: x.shape.pixels() as u32,
        plane: x.plane(),
        groups: feature_map::groups(x.shape.channels) as u32,
        flags: match goal.correspondence {
            Correspondence::Best => 0,
            Correspondence::Itself => ITSELF,
        },
        guide_pixels: guide.shape.pixels() as u32,
        guide_plane: guide.plane(),
        scale: goal.weight / x.shape.len() as f32,
        power: goal.power,
        first_chunk: 0,
    }
}
