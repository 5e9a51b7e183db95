//! The mean of pictures after a number of updates, beside its definition in f64.

use super::comparison::{Output, compare, draw, input_vector, widen};
use super::{Check, slices_in_words};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::average::{self, AverageBuffers, Averaging};
use crate::reference;

/// Rounding of a few updates, relative to the mean.
const TOLERANCE: f64 = 1e-5;

/// One mean.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Entries of a picture, a multiple of 4.
    pub values: usize,
    /// Pictures after the first.
    pub updates: usize,
    /// β.
    pub decay: f32,
    /// The update, counted from 1, whose picture has a NaN in it.
    pub bad: Option<usize>,
    /// Bytes that a binding may have.
    pub binding_limit: Option<u64>,
}

/// Several updates one after the other.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let pictures: Vec<Vec<f32>> = (0..=case.updates)
        .map(|update| {
            let mut picture = draw(update as u64, case.values);
            if case.bad == Some(update) {
                picture[case.values / 2] = f32::NAN;
            }
            picture
        })
        .collect();
    let wide: Vec<Vec<f64>> = pictures.iter().map(|picture| widen(picture)).collect();
    let expected = reference::average::average(&wide, f64::from(case.decay));
    let mean = Output::vector(gpu, Some(&pictures[0]), &expected)?;
    let averaging = Averaging { decay: case.decay };
    let mut inputs = Vec::new();
    for (update, picture) in pictures.iter().enumerate().skip(1) {
        let rate = gpu.storage_with("checked rate", &[averaging.rate(update as u32)])?;
        inputs.push((rate, input_vector(gpu, picture)?));
    }
    let name = format!(
        "of {} pictures of {} values with decay {}{}{}",
        case.updates + 1,
        case.values,
        case.decay,
        if case.bad.is_some() { ", one NaN" } else { "" },
        slices_in_words(case.binding_limit),
    );
    compare(
        gpu,
        name,
        TOLERANCE,
        case.binding_limit,
        &[&mean],
        |recorder| {
            for (rate, x) in &inputs {
                let mean = &mean.buffer;
                average::main(recorder, case.values, AverageBuffers { rate, x, mean });
            }
            Ok(())
        },
    )
    .await
}
