//! The ReLU as a pass of its own.

use super::Check;
use super::comparison::{Output, added, compare, draw_coarse, input_map, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::{Merge, relu};
use crate::reference;
use crate::shape::Shape;

/// y = max(x, 0) on a map of `shape`; exact.
///
/// # Errors
/// What the device refuses.
pub async fn forward(
    gpu: &Gpu,
    shape: Shape,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let x = draw_coarse(seed, shape.len());
    let y = Output::map(gpu, shape, None, &reference::relu::forward(&widen(&x)))?;
    let x = input_map(gpu, shape, &x)?;
    let case = format!("on {shape}{}", super::slices_in_words(binding_limit));
    compare(gpu, case, 0.0, binding_limit, &[&y], |recorder| {
        relu::forward(recorder, &x, &y.as_map(shape))
    })
    .await
}

/// gx (+)= gy where y > 0; exact.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(
    gpu: &Gpu,
    shape: Shape,
    merge: Merge,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let y: Vec<f32> = draw_coarse(seed, shape.len())
        .iter()
        .map(|y| y.max(0.0))
        .collect();
    let gy = draw_coarse(seed + 1, shape.len());
    let before = draw_coarse(seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = added(reference::relu::gradient(&widen(&gy), &widen(&y)), before);
    let gx = Output::map(gpu, shape, before, &expected)?;
    let (y, gy) = (input_map(gpu, shape, &y)?, input_map(gpu, shape, &gy)?);
    let merge_in_words = super::merge_in_words(merge);
    let slices = super::slices_in_words(binding_limit);
    let case = format!("on {shape}{merge_in_words}{slices}");
    compare(gpu, case, 0.0, binding_limit, &[&gx], |recorder| {
        relu::gradient(recorder, &y, &gy, &gx.as_map(shape), merge)
    })
    .await
}
