//! What a dream is made of: its objective, the jitter, the smoothing of gradients, the step.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, input_vector};
use super::comparison::{masked, widen};
use super::evenness::Evenness;
use super::losses::{MapCase, slot};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::dream_loss::{self, Channels, DreamGoal, Measure};
use crate::kernels::dream_step::{self, DreamStepBuffers, StepNumbers};
use crate::kernels::gaussian_cascade::{self, CascadeBuffers};
use crate::kernels::guide_loss::{self, Correspondence, GuideBuffers, GuideGoal};
use crate::kernels::laplacian_pyramid::{self, BANDS, PyramidBuffers};
use crate::kernels::roll::{self, RollBuffers};
use crate::kernels::sum::PARTIALS;
use crate::kernels::zoom::{self, Zoom};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;
/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;
/// How far a gradient of mean magnitude moves a value in a check.
const RATE: f32 = 0.125;

/// What of a map is climbed.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// What is measured.
    pub measure: Measure,
    /// In which channels; empty for all.
    pub channels: &'a [usize],
}

impl Aim<'_> {
    fn channels(&self, count: usize) -> Vec<usize> {
        match self.channels {
            [] => (0..count).collect(),
            some => some.to_vec(),
        }
    }

    fn goal(&self, count: usize) -> DreamGoal {
        DreamGoal {
            weight: WEIGHT,
            measure: self.measure,
            channels: Channels::of(self.channels(count)),
        }
    }

    fn value(&self, f: &[f64], case: &MapCase) -> f64 {
        let (pixels, count) = (case.shape.pixels(), case.shape.channels);
        let f = reference::dream_loss::chosen(f, pixels, &self.channels(count));
        let of = match self.measure {
            Measure::Square => reference::dream_loss::value,
            Measure::Root => reference::dream_loss::root_value,
            Measure::Mean => reference::dream_loss::mean_value,
        };
        of(&f, f64::from(WEIGHT))
    }

    fn gradient(&self, f: &[f64], case: &MapCase) -> Vec<f64> {
        let (pixels, count) = (case.shape.pixels(), case.shape.channels);
        let channels = self.channels(count);
        let f = reference::dream_loss::chosen(f, pixels, &channels);
        let of = match self.measure {
            Measure::Square => reference::dream_loss::gradient,
            Measure::Root => reference::dream_loss::root_gradient,
            Measure::Mean => reference::dream_loss::mean_gradient,
        };
        let gradient = of(&f, f64::from(WEIGHT));
        reference::dream_loss::spread(&gradient, pixels, &channels, count)
    }

    fn in_words(&self) -> String {
        match self.channels {
            [] => format!(", {:?}", self.measure),
            some => format!(", {:?} of channels {some:?}", self.measure),
        }
    }
}

/// w · mean(F²), its root, or w · mean(F).
///
/// # Errors
/// What the device refuses.
pub async fn value(gpu: &Gpu, case: &MapCase, aim: Aim<'_>) -> Result<Check, GpuError> {
    let f = draw(case.seed, case.shape.len());
    let expected = aim.value(&widen(&f), case);
    let (total, partials) = (Output::total(gpu, expected)?, case.partials(gpu)?);
    let f = input_map(gpu, case.shape, &f)?;
    let words = case.in_words() + &aim.in_words();
    let (outputs, goal) = ([&total, &partials], aim.goal(case.shape.channels));
    compare(
        gpu,
        words,
        TOLERANCE,
        case.binding_limit,
        &outputs,
        |recorder| dream_loss::value(recorder, goal, &f, &partials.buffer, &slot(&total)),
    )
    .await
}

/// gF (+)= the gradient of [`value`].
///
/// # Errors
/// What the device refuses.
pub async fn gradient(gpu: &Gpu, case: &MapCase, aim: Aim<'_>) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let f = draw_coarse(case.seed, shape.len());
    let before = draw(case.seed + 1, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let value = aim.value(&widen(&f), case);
    let expected = aim.gradient(&widen(&f), case);
    let expected = masked(added(expected, before), merge.mask.then_some(&f[..]));
    let gf = Output::map(gpu, shape, before, &expected)?;
    let f = input_map(gpu, shape, &f)?;
    let total = input_vector(gpu, &[0.0, value as f32])?;
    let total = crate::kernels::sum::TotalSlot {
        totals: total,
        slot: 1,
        accumulate: false,
    };
    let words = case.in_words() + &aim.in_words() + super::merge_in_words(merge);
    let goal = aim.goal(shape.channels);
    compare(
        gpu,
        words,
        TOLERANCE,
        case.binding_limit,
        &[&gf],
        |recorder| {
            let from = (&f, &total);
            dream_loss::gradient(recorder, goal, from, &gf.as_map(shape), merge)
        },
    )
    .await
}

fn numbers(gpu: &Gpu, [right, down]: [usize; 2]) -> Result<wgpu::Buffer, GpuError> {
    let numbers = StepNumbers {
        right: right as u32,
        down: down as u32,
        rate: RATE,
        padding: 0,
    };
    gpu.storage_with("checked step numbers", &[numbers])
}

/// The value and the outcome of the guide loss at maps of `shape` and `guide`, and its gradient.
///
/// # Errors
/// What the device refuses.
pub async fn guided(
    gpu: &Gpu,
    (shape, guide_shape): (Shape, Shape),
    (correspondence, power): (Correspondence, f32),
    merge: Merge,
) -> Result<Check, GpuError> {
    let channels = shape.channels;
    // Positive as after a ReLU, but for some: then cosines lie on both sides of the floor.
    let shifted = |seed, count| -> Vec<f32> {
        let drawn = draw(seed, count).into_iter();
        drawn.map(|value| value + 0.4).collect()
    };
    let (x, guide) = (shifted(1, shape.len()), shifted(2, guide_shape.len()));
    let before = draw(3, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let (wide, wide_guide) = (widen(&x), widen(&guide));
    let at = match correspondence {
        Correspondence::Best => reference::guide_loss::best(&wide, &wide_guide, channels),
        Correspondence::Itself => (0..shape.pixels()).collect(),
    };
    let powers = (f64::from(WEIGHT), f64::from(power));
    let value = reference::guide_loss::value(&wide, &wide_guide, channels, &at, powers);
    let expected = reference::guide_loss::gradient(&wide, &wide_guide, channels, &at, powers);
    let expected = masked(added(expected, before), merge.mask.then_some(&x[..]));
    let gx = Output::map(gpu, shape, before, &expected)?;
    let total = Output::total(gpu, value)?;
    let partials = Output::scratch(gpu, PARTIALS)?;
    let bytes = guide_loss::candidate_bytes(correspondence, [shape, guide_shape]);
    let candidates = gpu.storage("checked candidates", bytes)?;
    let outcome = gpu.storage("checked outcome", guide_loss::outcome_bytes(shape))?;
    let (x, guide) = (
        input_map(gpu, shape, &x)?,
        input_map(gpu, guide_shape, &guide)?,
    );
    let goal = GuideGoal {
        weight: WEIGHT,
        correspondence,
        power,
    };
    let words = format!(
        "{correspondence:?} on {shape} by {guide_shape}, power {power}{}",
        super::merge_in_words(merge)
    );
    let outputs = [&gx, &total, &partials];
    compare(gpu, words, TOLERANCE, None, &outputs, |recorder| {
        let buffers = GuideBuffers {
            partials: &partials.buffer,
            candidates: &candidates,
            outcome: &outcome,
        };
        guide_loss::value(recorder, goal, (&x, &guide), buffers, &slot(&total))?;
        let known = (&x, &guide, &outcome);
        guide_loss::gradient(recorder, goal, known, &gx.as_map(shape), merge)
    })
    .await
}

/// A picture of `size` (W, H) rolled `by` (right, down); exact.
///
/// # Errors
/// What the device refuses.
pub async fn roll(gpu: &Gpu, size: [usize; 2], by: [usize; 2]) -> Result<Check, GpuError> {
    let x = draw(1, 3 * size[0] * size[1]);
    let y = Output::vector(gpu, None, &reference::roll::roll(&widen(&x), size, by))?;
    let (x, step) = (input_vector(gpu, &x)?, numbers(gpu, by)?);
    let words = format!("of {}×{} by {by:?}", size[0], size[1]);
    compare(gpu, words, 0.0, None, &[&y], |recorder| {
        let buffers = RollBuffers {
            step: &step,
            x: &x,
            y: &y.buffer,
        };
        roll::main(recorder, size, buffers)
    })
    .await
}

/// One step of a picture of `size` that was rolled `by`, of the length that a mask says if `evenness` is weighted; with a NaN
/// in the gradient if `bad`.
///
/// # Errors
/// What the device refuses.
pub async fn step(
    gpu: &Gpu,
    size: [usize; 2],
    by: [usize; 2],
    evenness: Evenness,
    (clamp, bad): (bool, bool),
) -> Result<Check, GpuError> {
    let values = 3 * size[0] * size[1];
    let x: Vec<f32> = draw(1, values).iter().map(|x| x.abs()).collect();
    // As small as gradients of means are.
    let mut g: Vec<f32> = draw(2, values).iter().map(|g| 1e-7 * g).collect();
    if bad {
        g[values / 2] = f32::NAN;
    }
    let mask = evenness.weights(3, Shape::new(1, size[1], size[0]));
    let wide_mask = mask.as_deref().map(widen);
    let how = (f64::from(RATE), wide_mask.as_deref());
    let expected = reference::dream_step::step(&widen(&x), &widen(&g), size, by, how, clamp);
    let moved = Output::vector(gpu, Some(&x), &expected)?;
    let partials = Output::scratch(gpu, PARTIALS)?;
    let mean = gpu.storage("checked mean", 4)?;
    let (g, step) = (input_vector(gpu, &g)?, numbers(gpu, by)?);
    let is_masked = mask.is_some();
    let mask = mask.map(|mask| input_vector(gpu, &mask)).transpose()?;
    let words = format!(
        "of {}×{} rolled by {by:?}{}{}{}",
        size[0],
        size[1],
        if is_masked { ", masked" } else { "" },
        if clamp { ", clamped" } else { "" },
        if bad { ", one NaN" } else { "" },
    );
    compare(
        gpu,
        words,
        TOLERANCE,
        None,
        &[&moved, &partials],
        |recorder| {
            let buffers = DreamStepBuffers {
                step: &step,
                x: &moved.buffer,
                gradient: &g,
                partials: &partials.buffer,
                mean: &mean,
                mask: mask.as_ref(),
            };
            dream_step::main(recorder, size, clamp, buffers)
        },
    )
    .await
}

/// A picture of `size` enlarged and turned, by a factor and degrees.
///
/// # Errors
/// What the device refuses.
pub async fn zoom(
    gpu: &Gpu,
    size: [usize; 2],
    (factor, degrees): (f32, f32),
) -> Result<Check, GpuError> {
    let x = draw(1, 3 * size[0] * size[1]);
    let (wide_factor, wide_degrees) = (f64::from(factor), f64::from(degrees));
    let expected = reference::zoom::zoom(&widen(&x), size, wide_factor, wide_degrees);
    let y = Output::vector(gpu, None, &expected)?;
    let x = input_vector(gpu, &x)?;
    let words = format!("of {}×{} by {factor}, {degrees}°", size[0], size[1]);
    let zoom = Zoom { factor, degrees };
    compare(gpu, words, 1e-4, None, &[&y], |recorder| {
        zoom::main(recorder, zoom, size, [&x, &y.buffer])
    })
    .await
}

/// A gradient of `size` smoothed by the cascade around `deviation`.
///
/// # Errors
/// What the device refuses.
pub async fn cascade(gpu: &Gpu, size: [usize; 2], deviation: f64) -> Result<Check, GpuError> {
    let x = draw(1, 3 * size[0] * size[1]);
    let expected = reference::gaussian_cascade::smooth(&widen(&x), size, deviation);
    let y = Output::vector(gpu, None, &expected)?;
    let half = Output::scratch(gpu, x.len())?;
    let weights = gaussian_cascade::weights(deviation);
    let weights = gpu.storage_with("checked weights", &weights)?;
    let x = input_vector(gpu, &x)?;
    let words = format!("of {}×{} around {deviation}", size[0], size[1]);
    compare(gpu, words, TOLERANCE, None, &[&y, &half], |recorder| {
        let buffers = CascadeBuffers {
            weights: &weights,
            x: &x,
            half: &half.buffer,
            y: &y.buffer,
        };
        gaussian_cascade::main(recorder, size, buffers)
    })
    .await
}

/// A gradient of `size` with its bands brought to the same strength.
///
/// # Errors
/// What the device refuses.
pub async fn pyramid(gpu: &Gpu, size: [usize; 2]) -> Result<Check, GpuError> {
    let x: Vec<f32> = draw(1, 3 * size[0] * size[1]);
    let expected = reference::laplacian_pyramid::normalise(&widen(&x), size, BANDS);
    let gradient = Output::vector(gpu, Some(&x), &expected)?;
    let partials = Output::scratch(gpu, PARTIALS)?;
    let energies = gpu.storage("checked energies", 4 * (BANDS as u64 + 1))?;
    let mut coarser = Vec::new();
    for [width, height] in laplacian_pyramid::sizes(size).into_iter().skip(1) {
        coarser.push(gpu.storage("checked band", 12 * (width * height) as u64)?);
    }
    let words = format!("of {}×{}", size[0], size[1]);
    compare(
        gpu,
        words,
        TOLERANCE,
        None,
        &[&gradient, &partials],
        |recorder| {
            let buffers = PyramidBuffers {
                gradient: &gradient.buffer,
                coarser: &coarser,
                partials: &partials.buffer,
                energies: &energies,
            };
            laplacian_pyramid::main(recorder, size, buffers)
        },
    )
    .await
}
