//! Moments of maps, the way back from them, and products of matrices.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::evenness::{Evenness, uploaded};
use super::gram::Part;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::gram::{Share, Tiling};
use crate::kernels::matrix_product::{self, Product};
use crate::kernels::{Merge, mean, moments};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;

/// μ (+)= Σ t·F/M behind a matrix that stays as it is; C is a multiple of four.
///
/// # Errors
/// What the device refuses.
pub async fn mean(
    gpu: &Gpu,
    shape: Shape,
    (part, evenness): (Part, Evenness),
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let f: Vec<f32> = draw(seed, shape.len()).iter().map(|x| x + 0.5).collect();
    let portion = if part == Part::Second { 3 } else { 1 };
    let matrix = shape.channels * shape.channels;
    let before = draw(seed + 1, matrix + shape.channels);
    let weights = evenness.weights(seed + 3, shape);
    let own = match &weights {
        None => reference::mean::forward(&widen(&f), shape),
        Some(weights) => reference::mean::weighted_forward(&widen(&f), &widen(weights), shape),
    };
    let own = own.iter().map(|mean| mean / portion as f64).collect();
    let accumulated = (part == Part::Second).then_some(&before[matrix..]);
    let mut expected = widen(&before[..matrix]);
    expected.extend(added(own, accumulated));
    let out = Output::vector(gpu, Some(&before), &expected)?;
    let partials = Output::scratch(gpu, mean::workspace_bytes(shape) as usize / 4)?;
    let f = input_map(gpu, shape, &f)?;
    let weights = uploaded(gpu, shape, weights)?;
    let share = Share {
        positions: portion * shape.pixels(),
        accumulate: part == Part::Second,
    };
    let slices = super::slices_in_words(binding_limit);
    let case = format!("of {shape}, {part:?}, {evenness:?}{slices}");
    let view = crate::gpu::BufferView::first(&out.buffer, moments::bytes(shape.channels));
    compare(
        gpu,
        case,
        TOLERANCE,
        binding_limit,
        &[&out, &partials],
        |recorder| {
            let source = (&f, weights.as_ref());
            mean::forward(recorder, source, &partials.buffer, view, share)
        },
    )
    .await
}

/// S and μ together, by the tiling that the adapter gets.
///
/// # Errors
/// What the device refuses.
pub async fn forward(
    gpu: &Gpu,
    shape: Shape,
    evenness: Evenness,
    seed: u64,
) -> Result<Check, GpuError> {
    let f = draw(seed, shape.len());
    let weights = evenness.weights(seed + 3, shape);
    let expected = match &weights {
        None => reference::moments::forward(&widen(&f), shape),
        Some(weights) => reference::moments::weighted_forward(&widen(&f), &widen(weights), shape),
    };
    let out = Output::vector(gpu, None, &expected)?;
    let partials = Output::scratch(gpu, moments::workspace_bytes(shape) as usize / 4)?;
    let f = input_map(gpu, shape, &f)?;
    let weights = uploaded(gpu, shape, weights)?;
    let (tiling, share) = (Tiling::choose(gpu), Share::whole(shape));
    let outputs = [&out, &partials];
    let case = format!("and mean of {shape}, {evenness:?}");
    compare(gpu, case, TOLERANCE, None, &outputs, |recorder| {
        let source = (&f, weights.as_ref());
        moments::forward(
            recorder,
            tiling,
            source,
            &partials.buffer,
            &out.buffer,
            share,
        )
    })
    .await
}

/// gF (+)= (gS + gSᵀ)·F/M + gμ/M for a symmetric gS, in the variant that the adapter gets.
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
    let f = draw_coarse(seed, shape.len());
    let mut gm = super::gram::symmetric(seed + 1, shape.channels);
    gm.extend(draw(seed + 2, shape.channels));
    let before = draw(seed + 3, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let weights = evenness.weights(seed + 4, shape);
    let (wide_gm, wide_f) = (widen(&gm), widen(&f));
    let expected = match &weights {
        None => reference::moments::gradient(&wide_gm, &wide_f, shape),
        Some(weights) => {
            reference::moments::weighted_gradient(&wide_gm, &wide_f, &widen(weights), shape)
        }
    };
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let (f, gm) = (input_map(gpu, shape, &f)?, input_vector(gpu, &gm)?);
    let weights = uploaded(gpu, shape, weights)?;
    let words = super::merge_in_words(merge);
    let slices = super::slices_in_words(binding_limit);
    let case = format!("of moments of {shape}, {evenness:?}{words}{slices}");
    compare(gpu, case, TOLERANCE, binding_limit, &[&gf], |recorder| {
        let (source, gf) = ((&f, weights.as_ref()), gf.as_map(shape));
        moments::gradient(recorder, gpu, &gm, source, &gf, shape.pixels(), merge)
    })
    .await
}

/// (scale · L + share · I)·R of C×C matrices, L symmetric; for a `symmetric` product L is R.
///
/// # Errors
/// What the device refuses.
pub async fn product(
    gpu: &Gpu,
    tiling: matrix_product::Tiling,
    channels: usize,
    symmetric: bool,
    seed: u64,
) -> Result<Check, GpuError> {
    let l = super::gram::symmetric(seed, channels);
    let r = if symmetric {
        l.clone()
    } else {
        draw(seed + 1, channels * channels)
    };
    let product = reference::matrix_product::forward(&widen(&l), &widen(&r), channels);
    let pairs = product.iter().zip(&r);
    let expected: Vec<f64> = pairs
        .map(|(y, &r)| -0.75 * y + 1.5 * f64::from(r))
        .collect();
    let y = Output::vector(gpu, None, &expected)?;
    let (l, r) = (input_vector(gpu, &l)?, input_vector(gpu, &r)?);
    let case = format!("of {channels}, symmetric: {symmetric}");
    compare(gpu, case, TOLERANCE, None, &[&y], |recorder| {
        let product = Product {
            factors: [&l, &r],
            scale: -0.75,
            share: Some(1.5),
            symmetric,
        };
        matrix_product::forward(recorder, tiling, channels, product, &y.buffer)
    })
    .await
}
