//! The Gram matrix and the way back from it.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::evenness::{Evenness, uploaded};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::gram::{self, Share, Tiling};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;

/// What F is of the map whose Gram matrix is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// A part; its share is added to that of another, twice as large.
    Second,
}

/// G (+)= F·Fᵀ/M for F of `shape`, summed by `tiling`; C is a multiple of four.
///
/// # Errors
/// What the device refuses.
pub async fn forward(
    gpu: &Gpu,
    tiling: Tiling,
    shape: Shape,
    (part, evenness): (Part, Evenness),
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let f = draw(seed, shape.len());
    let weights = evenness.weights(seed + 3, shape);
    let accumulate = part == Part::Second;
    let portion = if accumulate { 3 } else { 1 };
    let before = symmetric(seed + 1, shape.channels);
    let before = accumulate.then_some(&before[..]);
    let own = match &weights {
        None => reference::gram::forward(&widen(&f), shape),
        Some(weights) => reference::gram::weighted_forward(&widen(&f), &widen(weights), shape),
    };
    let own = own.iter().map(|entry| entry / portion as f64).collect();
    let g = Output::vector(gpu, before, &added(own, before))?;
    let share = Share {
        positions: portion * shape.pixels(),
        accumulate,
    };
    let partials = Output::scratch(gpu, gram::workspace_bytes(shape) as usize / 4)?;
    let f = input_map(gpu, shape, &f)?;
    let weights = uploaded(gpu, shape, weights)?;
    let case = format!(
        "of {shape}, {part:?}, {evenness:?}{}",
        super::slices_in_words(binding_limit)
    );
    compare(
        gpu,
        case,
        TOLERANCE,
        binding_limit,
        &[&g, &partials],
        |recorder| {
            let source = (&f, weights.as_ref());
            gram::forward(recorder, tiling, source, &partials.buffer, &g.buffer, share)
        },
    )
    .await
}

/// gF (+)= (gG + gGᵀ)·F/M for a symmetric gG, in the variant that the adapter gets.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(
    gpu: &Gpu,
    shape: Shape,
    (merge, evenness): (Merge, Evenness),
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    // With zeros among the values: the mask is open for positive ones alone.
    let f = draw_coarse(seed, shape.len());
    let gg = symmetric(seed + 1, shape.channels);
    let before = draw(seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let weights = evenness.weights(seed + 3, shape);
    let (wide_gg, wide_f) = (widen(&gg), widen(&f));
    let expected = match &weights {
        None => reference::gram::gradient(&wide_gg, &wide_f, shape),
        Some(weights) => {
            reference::gram::weighted_gradient(&wide_gg, &wide_f, &widen(weights), shape)
        }
    };
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let (f, gg) = (input_map(gpu, shape, &f)?, input_vector(gpu, &gg)?);
    let weights = uploaded(gpu, shape, weights)?;
    let merge_in_words = super::merge_in_words(merge);
    let slices = super::slices_in_words(binding_limit);
    let case = format!("of {shape}, {evenness:?}{merge_in_words}{slices}");
    compare(gpu, case, TOLERANCE, binding_limit, &[&gf], |recorder| {
        gram::gradient(
            recorder,
            gpu,
            &gg,
            (&f, weights.as_ref()),
            &gf.as_map(shape),
            shape.pixels(),
            merge,
        )
    })
    .await
}

pub(super) fn symmetric(seed: u64, channels: usize) -> Vec<f32> {
    let drawn = draw(seed, channels * channels);
    let entry = |a: usize, b: usize| drawn[a.min(b) * channels + a.max(b)];
    (0..channels * channels)
        .map(|at| entry(at / channels, at % channels))
        .collect()
}
