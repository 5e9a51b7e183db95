//! Alignment with a direction: its value, and the gradient that depends on what the value left.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, masked, widen};
use super::losses::MapCase;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::alignment_loss::{self, Alignment, OUTCOME_BYTES, partial_bytes};
use crate::kernels::feature_map::slices;
use crate::kernels::sum::TotalSlot;
use crate::reference;

const TOLERANCE: f64 = 1e-5;
/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;

/// Value and gradient; `power` is that of the cosine. Where `against`, F and D point away from each other and the cosine
/// is at its floor.
///
/// # Errors
/// What the device refuses.
pub async fn check(
    gpu: &Gpu,
    case: &MapCase,
    power: f32,
    against: bool,
) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let f = draw_coarse(case.seed, shape.len());
    let side = if against { -0.5 } else { 0.5 };
    let noise = draw(case.seed + 1, shape.len());
    let pairs = f.iter().zip(&noise);
    let direction: Vec<f32> = pairs.map(|(f, noise)| side * f + 0.25 * noise).collect();
    let before = draw(case.seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let how = (f64::from(WEIGHT), f64::from(power));
    let maps = [widen(&f), widen(&direction)];
    let value = reference::alignment_loss::value(&maps[0], &maps[1], shape.pixels(), how);
    let gradient = reference::alignment_loss::gradient(&maps[0], &maps[1], shape.pixels(), how);
    let gradient = masked(added(gradient, before), merge.mask.then_some(&f[..]));
    let limit = case.binding_limit.unwrap_or(gpu.binding_limit());
    let partials = partial_bytes(slices(shape, limit)?.len()) / 4;
    let total = Output::total(gpu, value)?;
    let partials = Output::scratch(gpu, partials as usize)?;
    let outcome = Output::scratch(gpu, OUTCOME_BYTES as usize / 4)?;
    let gf = Output::map(gpu, shape, before, &gradient)?;
    let (f, direction) = (
        input_map(gpu, shape, &f)?,
        input_map(gpu, shape, &direction)?,
    );
    let words = format!(
        "on {shape}, power {power}{}{}{}",
        if against { ", against" } else { "" },
        super::merge_in_words(merge),
        super::slices_in_words(case.binding_limit)
    );
    let outputs = [&total, &partials, &outcome, &gf];
    compare(
        gpu,
        words,
        TOLERANCE,
        case.binding_limit,
        &outputs,
        |recorder| {
            let of = Alignment {
                weight: WEIGHT,
                power,
                f: &f,
                direction: &direction,
            };
            let slot = TotalSlot {
                totals: total.buffer.clone(),
                slot: 1,
                accumulate: false,
            };
            alignment_loss::value(recorder, of, &partials.buffer, &slot, &outcome.buffer)?;
            let maps = [&f, &direction];
            alignment_loss::gradient(recorder, maps, &outcome.buffer, &gf.as_map(shape), merge)
        },
    )
    .await
}
