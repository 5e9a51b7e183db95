//! One kernel, run twice on the device, against numbers from the reference.
//!
//! What a kernel has no business with (the lanes that pad a plane, the bytes behind a buffer, totals of other losses)
//! is filled with a canary before the run, and must hold it afterwards. The canary is a NaN: a kernel that reads such
//! a lane into its result fails too.

use super::{Check, Fault};
use crate::gpu::{BufferView, Gpu, GpuError, Recorder, Recording};
use crate::kernels::FeatureMap;
use crate::kernels::feature_map;
use crate::reference::samples::samples;
use crate::shape::Shape;

/// A NaN that no arithmetic makes.
const CANARY: f32 = f32::from_bits(0x7fc5_a5a5);

/// f32 values of canary behind every buffer.
const GUARD: usize = 64;

/// `count` numbers in [−1, 1), as the device gets them.
pub(super) fn draw(seed: u64, count: usize) -> Vec<f32> {
    let drawn = samples(seed, count).into_iter();
    drawn.map(|value| value as f32).collect()
}

/// `count` multiples of 1/8 in [−1, 1]: sums of a few are exact in f32, and many are equal or zero.
pub(super) fn draw_coarse(seed: u64, count: usize) -> Vec<f32> {
    let drawn = samples(seed, count).into_iter();
    drawn
        .map(|value| ((value * 8.0).round() / 8.0) as f32)
        .collect()
}

/// The same numbers for the reference.
pub(super) fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// `values` plus what was there before, if anything was.
pub(super) fn added(values: Vec<f64>, before: Option<&[f32]>) -> Vec<f64> {
    match before {
        None => values,
        Some(before) => {
            let pairs = values.iter().zip(before);
            pairs.map(|(value, &b)| value + f64::from(b)).collect()
        }
    }
}

/// `values` where `mask` is positive, else 0.
pub(super) fn masked(values: Vec<f64>, mask: Option<&[f32]>) -> Vec<f64> {
    match mask {
        None => values,
        Some(mask) => {
            let pairs = values.iter().zip(mask);
            pairs
                .map(|(&v, &m)| if m > 0.0 { v } else { 0.0 })
                .collect()
        }
    }
}

/// A map for a kernel to read: canaries in the lanes that pad each plane, zeros in the channels that pad a group.
pub(super) fn input_map(gpu: &Gpu, shape: Shape, values: &[f32]) -> Result<FeatureMap, GpuError> {
    let buffer = gpu.storage_with("checked input", &guarded(packed(shape, values)))?;
    Ok(FeatureMap { buffer, shape })
}

/// A flat buffer for a kernel to read, filled up with zeros to whole vec4s.
pub(super) fn input_vector(gpu: &Gpu, values: &[f32]) -> Result<wgpu::Buffer, GpuError> {
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(4), 0.0);
    gpu.storage_with("checked input", &guarded(values))
}

/// Whether a buffer of [`input_vector`] still holds its guard, given all of its f32.
pub(super) fn guard_is_intact(found: &[f32]) -> bool {
    let mut guard = found.iter().rev().take(GUARD);
    guard.all(|value| value.to_bits() == CANARY.to_bits())
}

fn packed(shape: Shape, values: &[f32]) -> Vec<f32> {
    let mut packed = feature_map::pack(values, shape);
    for plane in packed.chunks_exact_mut(4 * feature_map::plane(shape).max(1)) {
        plane[4 * shape.pixels()..].fill(CANARY);
    }
    packed
}

fn guarded(mut values: Vec<f32>) -> Vec<f32> {
    values.resize(values.len() + GUARD, CANARY);
    values
}

/// What one f32 of an output must be after the run.
#[derive(Clone, Copy)]
enum Lane {
    /// This number, within the tolerance.
    Near(f64),
    /// The canary.
    Untouched,
    /// Whatever the kernel likes: scratch memory.
    Free,
}

/// A buffer that a kernel writes: what is in it before, and what must be in it afterwards.
pub(super) struct Output {
    pub buffer: wgpu::Buffer,
    before: Vec<f32>,
    wanted: Vec<Lane>,
    /// Deviations are relative to this root mean square of the reference.
    scale: f64,
}

impl Output {
    /// A map that holds `before`, or canaries everywhere, and shall hold `expected`, both planar.
    pub fn map(
        gpu: &Gpu,
        shape: Shape,
        before: Option<&[f32]>,
        expected: &[f64],
    ) -> Result<Self, GpuError> {
        let plane = feature_map::plane(shape);
        let lanes = feature_map::groups(shape.channels) * plane * 4;
        let wanted = (0..lanes).map(|at| {
            let (channel, pixel) = (4 * (at / (4 * plane)) + at % 4, at / 4 % plane);
            if pixel >= shape.pixels() {
                Lane::Untouched
            } else if channel >= shape.channels {
                Lane::Near(0.0)
            } else {
                Lane::Near(expected[channel * shape.pixels() + pixel])
            }
        });
        let before = match before {
            Some(before) => packed(shape, before),
            None => vec![CANARY; lanes],
        };
        Self::new(gpu, before, wanted.collect(), root_mean_square(expected))
    }

    /// The map behind [`Output::map`].
    pub fn as_map(&self, shape: Shape) -> FeatureMap {
        FeatureMap {
            buffer: self.buffer.clone(),
            shape,
        }
    }

    /// A flat buffer that holds `before`, or canaries, and shall hold `expected`.
    pub fn vector(gpu: &Gpu, before: Option<&[f32]>, expected: &[f64]) -> Result<Self, GpuError> {
        let before = before.map_or_else(|| vec![CANARY; expected.len()], <[f32]>::to_vec);
        let wanted = expected.iter().map(|&value| Lane::Near(value)).collect();
        Self::new(gpu, before, wanted, root_mean_square(expected))
    }

    /// The totals of three losses, of which the one in the middle shall become `expected`.
    pub fn total(gpu: &Gpu, expected: f64) -> Result<Self, GpuError> {
        Self::total_after(gpu, None, expected)
    }

    /// The same, with `before` in the middle, onto which `expected` shall be added.
    pub fn total_after(gpu: &Gpu, before: Option<f32>, expected: f64) -> Result<Self, GpuError> {
        let sum = expected + before.map_or(0.0, f64::from);
        let wanted = vec![Lane::Untouched, Lane::Near(sum), Lane::Untouched];
        let before = vec![CANARY, before.unwrap_or(CANARY), CANARY];
        Self::new(gpu, before, wanted, sum.abs())
    }

    /// Scratch memory of `count` f32.
    pub fn scratch(gpu: &Gpu, count: usize) -> Result<Self, GpuError> {
        Self::new(gpu, vec![CANARY; count], vec![Lane::Free; count], 1.0)
    }

    fn new(
        gpu: &Gpu,
        before: Vec<f32>,
        mut wanted: Vec<Lane>,
        scale: f64,
    ) -> Result<Self, GpuError> {
        let before = guarded(before);
        wanted.resize(before.len(), Lane::Untouched);
        Ok(Self {
            buffer: gpu.storage("checked output", 4 * before.len() as u64)?,
            before,
            wanted,
            scale: if scale > 0.0 { scale } else { 1.0 },
        })
    }

    async fn read(&self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        gpu.read(&BufferView::whole(&self.buffer)).await
    }

    fn deviation(&self, found: &[f32]) -> f64 {
        let lanes = self.wanted.iter().zip(found);
        worst(lanes.map(|(wanted, &found)| match *wanted {
            Lane::Near(value) => (f64::from(found) - value).abs() / self.scale,
            Lane::Untouched | Lane::Free => 0.0,
        }))
    }
}

/// Where a kernel wrote that should have left things as they are.
fn stray(wanted: &[Lane], found: &[f32]) -> Option<Fault> {
    let mut lanes = wanted.iter().zip(found);
    let at = lanes.position(|(wanted, found)| {
        matches!(wanted, Lane::Untouched) && found.to_bits() != CANARY.to_bits()
    });
    at.map(Fault::Strays)
}

/// The largest of some deviations; NaN if one is.
pub(super) fn worst(deviations: impl Iterator<Item = f64>) -> f64 {
    deviations.fold(0.0, |worst: f64, next| {
        if worst.is_nan() || next.is_nan() {
            f64::NAN
        } else {
            worst.max(next)
        }
    })
}

/// √(mean of the squares), 0 of nothing.
pub(super) fn root_mean_square(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().map(|value| value * value).sum();
    (sum / values.len().max(1) as f64).sqrt()
}

/// Records with `record`, runs it twice from the same start and compares `outputs` with what they shall be. Two runs
/// that differ in a bit are a fault. The check is named after the first kernel recorded and `case`.
pub(super) async fn compare(
    gpu: &Gpu,
    case: String,
    tolerance: f64,
    binding_limit: Option<u64>,
    outputs: &[&Output],
    record: impl FnOnce(&mut Recorder<'_>) -> Result<(), GpuError>,
) -> Result<Check, GpuError> {
    let mut recorder = match binding_limit {
        None => Recorder::new(gpu),
        Some(limit) => Recorder::with_binding_limit(gpu, limit),
    };
    record(&mut recorder)?;
    let recording = recorder.finish()?;
    let kernel = recording.infos().first().map(|info| &*info.kernel);
    let first = run(gpu, &recording, outputs).await?;
    let second = run(gpu, &recording, outputs).await?;
    gpu.check()?;
    let pairs = || outputs.iter().zip(&first);
    let stray = pairs().find_map(|(output, found)| stray(&output.wanted, found));
    let fault = stray.or((bits(&first) != bits(&second)).then_some(Fault::Wavers));
    let deviation = match fault {
        Some(_) => f64::INFINITY,
        None => worst(pairs().map(|(output, found)| output.deviation(found))),
    };
    Ok(Check {
        name: format!("{} {case}", kernel.unwrap_or("no kernel")),
        deviation,
        tolerance,
        fault,
    })
}

/// One run from the start, and what is in `outputs` afterwards.
async fn run(
    gpu: &Gpu,
    recording: &Recording,
    outputs: &[&Output],
) -> Result<Vec<Vec<f32>>, GpuError> {
    for output in outputs {
        gpu.write(&output.buffer, &output.before);
    }
    recording.submit(gpu);
    let mut found = Vec::with_capacity(outputs.len());
    for output in outputs {
        found.push(output.read(gpu).await?);
    }
    Ok(found)
}

fn bits(run: &[Vec<f32>]) -> Vec<u32> {
    run.iter().flatten().map(|value| value.to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_of_an_output_is_watched() {
        let wanted = [
            Lane::Near(1.0),
            Lane::Untouched,
            Lane::Free,
            Lane::Untouched,
        ];
        assert_eq!(stray(&wanted, &[7.0, CANARY, 7.0, CANARY]), None);
        let found = [1.0, CANARY, CANARY, 0.0];
        assert_eq!(stray(&wanted, &found), Some(Fault::Strays(3)));
        // A NaN of another make is no canary.
        let found = [1.0, f32::NAN, CANARY, CANARY];
        assert_eq!(stray(&wanted, &found), Some(Fault::Strays(1)));
    }
}
