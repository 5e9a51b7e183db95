//! The losses, their gradients, and the sum that ends each of them.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::evenness::{Evenness, uploaded};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::feature_map::slices;
use crate::kernels::sum::{self, PARTIALS, TotalSlot};
use crate::kernels::{Merge, content_loss, style_loss, tv_loss};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;
/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;

/// What a case of a loss on a feature map differs in.
#[derive(Clone, Copy, Debug)]
pub struct MapCase {
    /// (C, H, W) of F.
    pub shape: Shape,
    /// How the gradient joins others.
    pub merge: Merge,
    /// Bytes per binding, to force slices; `None` for the adapter's limit.
    pub binding_limit: Option<u64>,
    /// Of the inputs.
    pub seed: u64,
}

impl MapCase {
    pub(super) fn in_words(&self) -> String {
        format!(
            "on {}{}",
            self.shape,
            super::slices_in_words(self.binding_limit)
        )
    }

    pub(super) fn partials(&self, gpu: &Gpu) -> Result<Output, GpuError> {
        let limit = self.binding_limit.unwrap_or(gpu.binding_limit());
        Output::scratch(gpu, PARTIALS * slices(self.shape, limit)?.len())
    }
}

pub(super) fn slot(totals: &Output) -> TotalSlot {
    TotalSlot {
        totals: totals.buffer.clone(),
        slot: 1,
        accumulate: false,
    }
}

/// scale · Σ of `count` numbers, added to what was there if `accumulate`.
///
/// # Errors
/// What the device refuses.
pub async fn sum(gpu: &Gpu, count: usize, accumulate: bool, seed: u64) -> Result<Check, GpuError> {
    let partials: Vec<f32> = draw(seed, count).iter().map(|value| value.abs()).collect();
    let expected = f64::from(WEIGHT) * widen(&partials).iter().sum::<f64>();
    let before = accumulate.then_some(0.5 * expected as f32);
    let total = Output::total_after(gpu, before, expected)?;
    let partials = input_vector(gpu, &partials)?;
    let added = if accumulate { ", added" } else { "" };
    let case_in_words = format!("of {count}{added}");
    compare(gpu, case_in_words, TOLERANCE, None, &[&total], |recorder| {
        let slot = TotalSlot {
            accumulate,
            ..slot(&total)
        };
        sum::main(recorder, &partials, count, WEIGHT, &slot);
        Ok(())
    })
    .await
}

/// w · mean((F − P)²).
///
/// # Errors
/// What the device refuses.
pub async fn content_value(
    gpu: &Gpu,
    case: &MapCase,
    evenness: Evenness,
) -> Result<Check, GpuError> {
    let f = draw(case.seed, case.shape.len());
    let target = draw(case.seed + 1, case.shape.len());
    let weights = evenness.weights(case.seed + 3, case.shape);
    let maps = [widen(&f), widen(&target)];
    let expected = match &weights {
        None => reference::content_loss::value(&maps[0], &maps[1], f64::from(WEIGHT)),
        Some(weights) => reference::content_loss::weighted_value(
            &maps[0],
            &maps[1],
            &widen(weights),
            f64::from(WEIGHT),
        ),
    };
    let weights = uploaded(gpu, case.shape, weights)?;
    let (total, partials) = (Output::total(gpu, expected)?, case.partials(gpu)?);
    let (f, target) = (
        input_map(gpu, case.shape, &f)?,
        input_map(gpu, case.shape, &target)?,
    );
    let case_in_words = format!("{}, {evenness:?}", case.in_words());
    let outputs = [&total, &partials];
    compare(
        gpu,
        case_in_words,
        TOLERANCE,
        case.binding_limit,
        &outputs,
        |recorder| {
            content_loss::value(
                recorder,
                WEIGHT,
                (&f, weights.as_ref()),
                &target,
                &partials.buffer,
                &slot(&total),
            )
        },
    )
    .await
}

/// gF (+)= 2w/(C·M) · (F − P).
///
/// # Errors
/// What the device refuses.
pub async fn content_gradient(
    gpu: &Gpu,
    case: &MapCase,
    evenness: Evenness,
) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let f = draw_coarse(case.seed, shape.len());
    let target = draw(case.seed + 1, shape.len());
    let before = draw(case.seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let weights = evenness.weights(case.seed + 3, shape);
    let maps = [widen(&f), widen(&target)];
    let expected = match &weights {
        None => reference::content_loss::gradient(&maps[0], &maps[1], f64::from(WEIGHT)),
        Some(weights) => reference::content_loss::weighted_gradient(
            &maps[0],
            &maps[1],
            &widen(weights),
            f64::from(WEIGHT),
        ),
    };
    let weights = uploaded(gpu, shape, weights)?;
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let (f, target) = (input_map(gpu, shape, &f)?, input_map(gpu, shape, &target)?);
    let merge_in_words = super::merge_in_words(merge);
    let case_in_words = format!("{}, {evenness:?}{merge_in_words}", case.in_words());
    compare(
        gpu,
        case_in_words,
        TOLERANCE,
        case.binding_limit,
        &[&gf],
        |recorder| {
            let source = (&f, weights.as_ref());
            content_loss::gradient(recorder, WEIGHT, source, &target, &gf.as_map(shape), merge)
        },
    )
    .await
}

/// w · mean((G − A)²) over C×C matrices.
///
/// # Errors
/// What the device refuses.
pub async fn style_value(gpu: &Gpu, channels: usize, seed: u64) -> Result<Check, GpuError> {
    let g = draw(seed, channels * channels);
    let target = draw(seed + 1, channels * channels);
    let expected = reference::style_loss::value(&widen(&g), &widen(&target), f64::from(WEIGHT));
    let (total, partials) = (
        Output::total(gpu, expected)?,
        Output::scratch(gpu, PARTIALS)?,
    );
    let (g, target) = (input_vector(gpu, &g)?, input_vector(gpu, &target)?);
    let case_in_words = format!("on {channels}×{channels}");
    compare(
        gpu,
        case_in_words,
        TOLERANCE,
        None,
        &[&total, &partials],
        |recorder| {
            let matrices = [&g, &target];
            style_loss::value(
                recorder,
                WEIGHT,
                channels,
                matrices,
                &partials.buffer,
                &slot(&total),
            );
            Ok(())
        },
    )
    .await
}

/// gG (+)= 2w/C² · (G − A).
///
/// # Errors
/// What the device refuses.
pub async fn style_gradient(
    gpu: &Gpu,
    channels: usize,
    merge: Merge,
    seed: u64,
) -> Result<Check, GpuError> {
    let g = draw(seed, channels * channels);
    let target = draw(seed + 1, channels * channels);
    let before = draw(seed + 2, channels * channels);
    let before = merge.accumulate.then_some(&before[..]);
    let expected = reference::style_loss::gradient(&widen(&g), &widen(&target), f64::from(WEIGHT));
    let gg = Output::vector(gpu, before, &added(expected, before))?;
    let (g, target) = (input_vector(gpu, &g)?, input_vector(gpu, &target)?);
    let merge_in_words = super::merge_in_words(merge);
    let case_in_words = format!("on {channels}×{channels}{merge_in_words}");
    compare(gpu, case_in_words, TOLERANCE, None, &[&gg], |recorder| {
        style_loss::gradient(recorder, WEIGHT, channels, [&g, &target, &gg.buffer], merge);
        Ok(())
    })
    .await
}

/// w · mean(dx² + dy²) of a picture, `width`×`height`, more than one pixel, in bands within `limit` bytes.
///
/// # Errors
/// What the device refuses.
pub async fn tv_value(
    gpu: &Gpu,
    size: [usize; 2],
    limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let shape = Shape::new(3, size[1], size[0]);
    let x = draw(seed, shape.len());
    let expected = reference::tv_loss::value(&widen(&x), shape, f64::from(WEIGHT));
    let bands = tv_loss::bands(size, limit.unwrap_or(gpu.binding_limit()))?;
    let (total, partials) = (
        Output::total(gpu, expected)?,
        Output::scratch(gpu, bands * PARTIALS)?,
    );
    let x = input_vector(gpu, &x)?;
    let case_in_words = format!("on {}×{} in bands: {bands}", size[0], size[1]);
    compare(
        gpu,
        case_in_words,
        TOLERANCE,
        limit,
        &[&total, &partials],
        |recorder| tv_loss::value(recorder, WEIGHT, size, &x, &partials.buffer, &slot(&total)),
    )
    .await
}

/// The gradient of the total variation, `width`×`height`, in bands within `limit` bytes.
///
/// # Errors
/// What the device refuses.
pub async fn tv_gradient(
    gpu: &Gpu,
    (size, limit): ([usize; 2], Option<u64>),
    merge: Merge,
    seed: u64,
) -> Result<Check, GpuError> {
    let shape = Shape::new(3, size[1], size[0]);
    let x = draw(seed, shape.len());
    let before = draw(seed + 1, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = reference::tv_loss::gradient(&widen(&x), shape, f64::from(WEIGHT));
    let gx = Output::vector(gpu, before, &added(expected, before))?;
    let x = input_vector(gpu, &x)?;
    let merge_in_words = super::merge_in_words(merge);
    let case_in_words = format!("on {}×{}{merge_in_words}", size[0], size[1]);
    compare(gpu, case_in_words, TOLERANCE, limit, &[&gx], |recorder| {
        tv_loss::gradient(recorder, WEIGHT, size, &x, &gx.buffer, merge)
    })
    .await
}
