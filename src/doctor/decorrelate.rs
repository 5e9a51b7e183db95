//! Colours from uncorrelated numbers, and the gradient of that.

use super::Check;
use super::comparison::{Output, compare, draw, input_vector, widen};
use super::fourier::interleaved;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::decorrelate::{self, ColourMatrix};
use crate::reference;

const TOLERANCE: f64 = 1e-5;

/// With no symmetry, so that a transposed one would show.
const MATRIX: ColourMatrix = [[0.5, 0.25, -0.125], [0.75, -1.0, 2.0], [1.5, 0.375, 0.625]];

fn wide() -> [[f64; 3]; 3] {
    MATRIX.map(|row| row.map(f64::from))
}

/// x = σ(M·t) of so many `pixels`; `stretch` makes numbers large, where σ is flat.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, pixels: usize, stretch: f32, seed: u64) -> Result<Check, GpuError> {
    let t: Vec<f32> = draw(seed, 3 * pixels).iter().map(|t| stretch * t).collect();
    let expected = reference::decorrelate::forward(&widen(&t), &wide());
    let x = Output::vector(gpu, None, &interleaved(&expected))?;
    let t = input_vector(gpu, &interleaved(&t))?;
    let case = format!("of {pixels} pixels up to {stretch}");
    compare(gpu, case, TOLERANCE, None, &[&x], |recorder| {
        decorrelate::forward(recorder, MATRIX, pixels, &t, &x.buffer);
        Ok(())
    })
    .await
}

/// gt from gx.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(gpu: &Gpu, pixels: usize, seed: u64) -> Result<Check, GpuError> {
    let x: Vec<f32> = draw(seed, 3 * pixels)
        .iter()
        .map(|x| 0.5 + 0.5 * x)
        .collect();
    let gx = draw(seed + 1, 3 * pixels);
    let expected = reference::decorrelate::gradient(&widen(&gx), &widen(&x), &wide());
    let gt = Output::vector(gpu, None, &interleaved(&expected))?;
    let [x, gx] = [
        input_vector(gpu, &interleaved(&x))?,
        input_vector(gpu, &interleaved(&gx))?,
    ];
    let case = format!("of {pixels} pixels");
    compare(gpu, case, TOLERANCE, None, &[&gt], |recorder| {
        decorrelate::gradient(recorder, MATRIX, pixels, [&x, &gx], &gt.buffer);
        Ok(())
    })
    .await
}
