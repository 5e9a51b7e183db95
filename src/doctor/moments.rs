//! Moments of maps, the way back from them, products of matrices, and the loss that needs all of it.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::gram::Part;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::gram::{Share, Tiling};
use crate::kernels::matrix_product::{self, Product};
use crate::kernels::sum::TotalSlot;
use crate::kernels::wasserstein_loss::{self, Distance, Workspace};
use crate::kernels::{Merge, mean, moments};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;
/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;

/// μ (+)= ΣF/M behind a matrix that stays as it is; C is a multiple of four.
///
/// # Errors
/// What the device refuses.
pub async fn mean(
    gpu: &Gpu,
    shape: Shape,
    part: Part,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let f: Vec<f32> = draw(seed, shape.len()).iter().map(|x| x + 0.5).collect();
    let portion = if part == Part::Second { 3 } else { 1 };
    let matrix = shape.channels * shape.channels;
    let before = draw(seed + 1, matrix + shape.channels);
    let own = reference::mean::forward(&widen(&f), shape);
    let own = own.iter().map(|mean| mean / portion as f64).collect();
    let accumulated = (part == Part::Second).then_some(&before[matrix..]);
    let mut expected = widen(&before[..matrix]);
    expected.extend(added(own, accumulated));
    let out = Output::vector(gpu, Some(&before), &expected)?;
    let partials = Output::scratch(gpu, mean::workspace_bytes(shape) as usize / 4)?;
    let f = input_map(gpu, shape, &f)?;
    let share = Share {
        positions: portion * shape.pixels(),
        accumulate: part == Part::Second,
    };
    let slices = super::slices_in_words(binding_limit);
    let case = format!("of {shape}, {part:?}{slices}");
    let view = crate::gpu::BufferView::first(&out.buffer, moments::bytes(shape.channels));
    compare(
        gpu,
        case,
        TOLERANCE,
        binding_limit,
        &[&out, &partials],
        |recorder| mean::forward(recorder, &f, &partials.buffer, view, share),
    )
    .await
}

/// S and μ together, by the tiling that the adapter gets.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, shape: Shape, seed: u64) -> Result<Check, GpuError> {
    let f = draw(seed, shape.len());
    let expected = reference::moments::forward(&widen(&f), shape);
    let out = Output::vector(gpu, None, &expected)?;
    let partials = Output::scratch(gpu, moments::workspace_bytes(shape) as usize / 4)?;
    let f = input_map(gpu, shape, &f)?;
    let (tiling, share) = (Tiling::choose(gpu), Share::whole(shape));
    let outputs = [&out, &partials];
    let case = format!("and mean of {shape}");
    compare(gpu, case, TOLERANCE, None, &outputs, |recorder| {
        moments::forward(
            recorder,
            tiling,
            &f,
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
    merge: Merge,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let f = draw_coarse(seed, shape.len());
    let mut gm = super::gram::symmetric(seed + 1, shape.channels);
    gm.extend(draw(seed + 2, shape.channels));
    let before = draw(seed + 3, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = reference::moments::gradient(&widen(&gm), &widen(&f), shape);
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let (f, gm) = (input_map(gpu, shape, &f)?, input_vector(gpu, &gm)?);
    let (words, slices) = (
        super::merge_in_words(merge),
        super::slices_in_words(binding_limit),
    );
    let case = format!("of moments of {shape}{words}{slices}");
    compare(gpu, case, TOLERANCE, binding_limit, &[&gf], |recorder| {
        let maps = [&f, &gf.as_map(shape)];
        moments::gradient(recorder, gpu, &gm, maps, shape.pixels(), merge)
    })
    .await
}

/// scale · LᵀR + share · D of C×C matrices; for a `symmetric` product L is R.
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
    let r = draw(seed, channels * channels);
    let l = if symmetric { r.clone() } else { draw(seed + 1, channels * channels) };
    let d = super::gram::symmetric(seed + 2, channels);
    let (left, right) = (widen(&l), widen(&r));
    let left = reference::matrix_product::transpose(&left, channels);
    let product = reference::matrix_product::forward(&left, &right, channels);
    let pairs = product.iter().zip(&d);
    let expected: Vec<f64> = pairs.map(|(y, &d)| -0.75 * y + 1.5 * f64::from(d)).collect();
    let y = Output::vector(gpu, None, &expected)?;
    let (l, r, d) = (
        input_vector(gpu, &l)?,
        input_vector(gpu, &r)?,
        input_vector(gpu, &d)?,
    );
    let case = format!("of {channels}, symmetric: {symmetric}");
    compare(gpu, case, TOLERANCE, None, &[&y], |recorder| {
        let product = Product {
            factors: [&l, &r],
            scale: -0.75,
            addend: Some((&d, 1.5)),
            symmetric,
        };
        matrix_product::forward(recorder, tiling, channels, product, &y.buffer);
        Ok(())
    })
    .await
}

/// Moments that features could have, of `positions` positions: variances fall with the channel as `1/c^decay`, the means
/// are about as large, and channels lean on their neighbours. Sizes as of networks on [0, 255].
pub fn draw_moments(seed: u64, channels: usize, positions: usize, decay: f64) -> Vec<f64> {
    let drawn = crate::reference::samples::samples(seed, channels * positions);
    let mut features = vec![0.0; channels * positions];
    for c in 0..channels {
        let size = 1000.0 / ((c + 1) as f64).powf(0.5 * decay);
        for p in 0..positions {
            let neighbour = if c > 0 { features[(c - 1) * positions + p] } else { 0.0 };
            features[c * positions + p] =
                size * (0.8 + drawn[c * positions + p]) + 0.4 * neighbour;
        }
    }
    reference::moments::forward(&features, Shape::new(channels, 1, positions))
}

/// The loss on moments and its gradient against eigenvalues: what `tolerance` allows covers roots of eigenvalues that
/// the iteration does not resolve. `moments` and `target` as the loss has them.
///
/// # Errors
/// What the device refuses.
pub async fn loss(
    gpu: &Gpu,
    case: String,
    channels: usize,
    [moments, target]: [&[f64]; 2],
    merge: Merge,
    tolerance: f64,
) -> Result<Check, GpuError> {
    let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|&x| x as f32).collect() };
    let (moments, target) = (narrow(moments), narrow(target));
    let wide = (widen(&moments), widen(&target));
    let weight = f64::from(WEIGHT);
    let expected = reference::wasserstein_loss::value(&wide.0, &wide.1, channels, weight);
    let gradient = reference::wasserstein_loss::gradient(&wide.0, &wide.1, channels, weight);
    let before = draw(3, gradient.len());
    let before = merge.accumulate.then_some(&before[..]);
    let total = Output::total(gpu, expected)?;
    let gm = Output::vector(gpu, before, &added(gradient, before))?;
    let mut scratch = Vec::new();
    for bytes in wasserstein_loss::workspace_bytes(channels) {
        scratch.push(Output::scratch(gpu, bytes as usize / 4)?);
    }
    let entries = channels * (channels + 1);
    scratch.push(Output::scratch(gpu, entries)?);
    let (moments, target) = (input_vector(gpu, &moments)?, input_vector(gpu, &target)?);
    let outputs: Vec<&Output> = [&total, &gm].into_iter().chain(&scratch).collect();
    compare(gpu, case, tolerance, None, &outputs, |recorder| {
        let buffers: Vec<&wgpu::Buffer> = scratch.iter().map(|output| &output.buffer).collect();
        let slot = TotalSlot {
            totals: total.buffer.clone(),
            slot: 1,
            accumulate: false,
        };
        let distance = Distance {
            weight: WEIGHT,
            channels,
            moments: &moments,
            target: &target,
        };
        if let Some(workspace) = Workspace::new(&buffers) {
            wasserstein_loss::value(recorder, gpu, distance, &workspace, &slot, true);
        }
        let outcome = buffers[buffers.len() - 1];
        wasserstein_loss::gradient(recorder, channels, [outcome, &gm.buffer], merge);
        Ok(())
    })
    .await
}
