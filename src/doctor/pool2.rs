//! All poolings.

use super::Check;
use super::comparison::{Output, added, compare, draw_coarse, input_map, masked, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::pool2::{self, Pooling, pooled};
use crate::reference::{avgpool2, l2pool2, maxpool2};
use crate::shape::Shape;

/// The inputs are multiples of 1/8, with many equal maxima, so maxima and means are exact. A root and a division may be off
/// by a few units in the last place.
fn tolerance(pooling: Pooling) -> f64 {
    match pooling {
        Pooling::Max | Pooling::Average => 0.0,
        Pooling::L2 => 1e-5,
    }
}

/// y = pool(x) for x of `shape`, at least 2×2.
///
/// # Errors
/// What the device refuses.
pub async fn forward(
    gpu: &Gpu,
    pooling: Pooling,
    shape: Shape,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let x = draw_coarse(seed, shape.len());
    let expected = match pooling {
        Pooling::Max => maxpool2::forward(&widen(&x), shape),
        Pooling::Average => avgpool2::forward(&widen(&x), shape),
        Pooling::L2 => l2pool2::forward(&widen(&x), shape),
    };
    let x = input_map(gpu, shape, &x)?;
    let y = Output::map(gpu, pooled(shape), None, &expected)?;
    let slices = super::slices_in_words(binding_limit);
    let case = format!("on {shape}{slices}");
    let tolerance = tolerance(pooling);
    compare(gpu, case, tolerance, binding_limit, &[&y], |recorder| {
        pool2::forward(recorder, pooling, &x, &y.as_map(pooled(shape)))
    })
    .await
}

/// gx (+)= the gradient at x of `shape`, at least 2×2.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(
    gpu: &Gpu,
    pooling: Pooling,
    shape: Shape,
    merge: Merge,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let x = draw_coarse(seed, shape.len());
    let gy = draw_coarse(seed + 1, pooled(shape).len());
    let before = draw_coarse(seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = match pooling {
        Pooling::Max => maxpool2::gradient(&widen(&gy), &widen(&x), shape),
        Pooling::Average => avgpool2::gradient(&widen(&gy), shape),
        Pooling::L2 => l2pool2::gradient(&widen(&gy), &widen(&x), shape),
    };
    let expected = masked(added(expected, before), merge.mask.then_some(&x[..]));
    let x = input_map(gpu, shape, &x)?;
    // As the executor does: the mean is not given the map that only a mask would need.
    let x = (pooling.gradient_reads_x() || merge.mask).then_some(&x);
    let gy = input_map(gpu, pooled(shape), &gy)?;
    let gx = Output::map(gpu, shape, before, &expected)?;
    let merge_in_words = super::merge_in_words(merge);
    let slices = super::slices_in_words(binding_limit);
    let case = format!("on {shape}{merge_in_words}{slices}");
    let tolerance = tolerance(pooling);
    compare(gpu, case, tolerance, binding_limit, &[&gx], |recorder| {
        pool2::gradient(recorder, pooling, x, &gy, &gx.as_map(shape), merge)
    })
    .await
}
