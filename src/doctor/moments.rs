//! Moments of maps, the way back from them, products of matrices, and the loss that needs all of it.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::evenness::{Evenness, uploaded};
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

/// scale · L·R + share · D of C×C matrices, L symmetric; for a `symmetric` product L is R.
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
    let d = super::gram::symmetric(seed + 2, channels);
    let product = reference::matrix_product::forward(&widen(&l), &widen(&r), channels);
    let pairs = product.iter().zip(&d);
    let expected: Vec<f64> = pairs
        .map(|(y, &d)| -0.75 * y + 1.5 * f64::from(d))
        .collect();
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

/// What a case of the loss on moments differs in.
#[derive(Clone, Copy, Debug)]
pub struct LossCase {
    /// C, a multiple of four.
    pub channels: usize,
    /// M of the features and of those of the style; with fewer than C their covariances are singular.
    pub positions: usize,
    /// Variances fall as the power of the channel's number with this exponent.
    pub decay: f64,
    /// How the gradient at the moments joins others; masks are those of maps.
    pub accumulate: bool,
    /// The largest deviation that is left of the iteration for the root, see [`wasserstein_loss`].
    pub tolerance: f64,
}

impl LossCase {
    fn shape(&self) -> Shape {
        Shape::new(self.channels, 1, self.positions)
    }

    /// Features whose means are about as large as their deviations, and whose channels lean on their neighbours. Sizes
    /// as of networks on [0, 255].
    fn draw(&self, seed: u64) -> Vec<f32> {
        let mut features = draw(seed, self.shape().len());
        for at in 0..features.len() {
            let channel = at / self.positions;
            let size = 1000.0 / ((channel + 1) as f64).powf(0.5 * self.decay);
            let neighbour = at
                .checked_sub(self.positions)
                .map_or(0.0, |at| features[at]);
            features[at] = size as f32 * (0.8 + features[at]) + 0.4 * neighbour;
        }
        features
    }
}

/// The loss on moments, and its gradient down to the features. There, not entry by entry of the matrix, since the roots
/// that the iteration leaves too small belong to directions in which features hardly vary.
///
/// # Errors
/// What the device refuses.
pub async fn loss(gpu: &Gpu, case: &LossCase) -> Result<Check, GpuError> {
    let (channels, shape, weight) = (case.channels, case.shape(), f64::from(WEIGHT));
    let f = case.draw(1);
    let style = reference::moments::forward(&widen(&case.draw(2)), shape);
    let target = reference::wasserstein_loss::target(&style, channels);
    let target: Vec<f32> = target.iter().map(|&entry| entry as f32).collect();
    let of_features = reference::moments::forward(&widen(&f), shape);
    let found = (&of_features[..], &widen(&target)[..]);
    let value = reference::wasserstein_loss::value(found.0, found.1, channels, weight);
    let mut gm = reference::wasserstein_loss::gradient(found.0, found.1, channels, weight);
    // Once more what the device will have added to it: nothing, or itself.
    let times = if case.accumulate { 2.0 } else { 1.0 };
    gm.iter_mut().for_each(|entry| *entry *= times);
    let expected = reference::moments::gradient(&gm, &widen(&f), shape);
    let (total, gf) = (
        Output::total(gpu, value)?,
        Output::map(gpu, shape, None, &expected)?,
    );
    let moments_bytes = moments::bytes(channels);
    let mut sizes = wasserstein_loss::workspace_bytes(channels).to_vec();
    sizes.extend([moments_bytes; 3]);
    sizes.push(moments::workspace_bytes(shape));
    let mut scratch = Vec::new();
    for bytes in sizes {
        scratch.push(Output::scratch(gpu, bytes as usize / 4)?);
    }
    let (f, target) = (input_map(gpu, shape, &f)?, input_vector(gpu, &target)?);
    let outputs: Vec<&Output> = [&total, &gf].into_iter().chain(&scratch).collect();
    let LossCase {
        positions, decay, ..
    } = case;
    let name = format!("and loss on moments of {channels}×{positions}, decay {decay}");
    compare(gpu, name, case.tolerance, None, &outputs, |recorder| {
        let buffers: Vec<&wgpu::Buffer> = scratch.iter().map(|output| &output.buffer).collect();
        let [buffers @ .., m, gm, partials] = &buffers[..] else {
            return Ok(());
        };
        let (tiling, share) = (Tiling::choose(gpu), Share::whole(shape));
        moments::forward(recorder, tiling, (&f, None), partials, m, share)?;
        let distance = Distance {
            weight: WEIGHT,
            channels,
            moments: m,
            target: &target,
        };
        let slot = TotalSlot {
            totals: total.buffer.clone(),
            slot: 1,
            accumulate: false,
        };
        if let (Some(workspace), Some(outcome)) = (Workspace::new(buffers), buffers.last()) {
            wasserstein_loss::value(recorder, gpu, distance, &workspace, &slot, true);
            wasserstein_loss::gradient(recorder, channels, [outcome, gm], Merge::default());
            if case.accumulate {
                let merge = Merge {
                    accumulate: true,
                    mask: false,
                };
                wasserstein_loss::gradient(recorder, channels, [outcome, gm], merge);
            }
        }
        let gf = gf.as_map(shape);
        moments::gradient(
            recorder,
            gpu,
            gm,
            (&f, None),
            &gf,
            *positions,
            Merge::default(),
        )
    })
    .await
}
