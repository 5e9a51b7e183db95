//! Gradients made as strong as the pull of their term.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, masked, widen};
use super::losses::MapCase;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::normalise::{Workspace, record};
use crate::reference;

/// Of sums in f32.
const TOLERANCE: f64 = 1e-5;
/// An f32 to the bit.
const PULL: f32 = 2.5;

/// gF (+)= pull · g / (‖g‖₁ + ε) for a g of the order of `scale`, 0 for one that is 0 everywhere.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, case: &MapCase, scale: f32) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let drawn = draw(case.seed, shape.len());
    let g: Vec<f32> = drawn.iter().map(|value| scale * value).collect();
    let f = draw_coarse(case.seed + 1, shape.len());
    let expected = reference::normalise::forward(&widen(&g), f64::from(PULL));
    // Of the order of what is added, so that neither hides the other.
    let order = PULL / shape.len() as f32;
    let before = draw(case.seed + 2, shape.len());
    let before: Vec<f32> = before.iter().map(|value| order * value).collect();
    let before = merge.accumulate.then_some(&before[..]);
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let (partials, norm) = (case.partials(gpu)?, Output::scratch(gpu, 1)?);
    let (g, f) = (input_map(gpu, shape, &g)?, input_map(gpu, shape, &f)?);
    let merge_in_words = super::merge_in_words(merge);
    let case_in_words = format!("of {scale:e} {}{merge_in_words}", case.in_words());
    let outputs = [&gf, &partials, &norm];
    compare(
        gpu,
        case_in_words,
        TOLERANCE,
        case.binding_limit,
        &outputs,
        |recorder| {
            let workspace = Workspace {
                partials: &partials.buffer,
                norm: &norm.buffer,
            };
            // As the executor does: what only a mask would need is not given.
            let f = merge.mask.then_some(&f);
            record(recorder, PULL, (&g, f), workspace, &gf.as_map(shape), merge)
        },
    )
    .await
}
