//! Colours from their spectrum, and the gradient of that.

use super::Check;
use super::comparison::{Output, compare, draw, input_vector, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::fourier::{Fourier, columns};
use crate::reference;
use crate::shape::Shape;

/// Rounding of sums of a few hundred terms, relative to their root mean square.
const TOLERANCE: f64 = 1e-5;

/// x from a spectrum for a picture of `size`, W and H.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, size: [usize; 2], seed: u64) -> Result<Check, GpuError> {
    let (shape, waves) = extent(size);
    let scale = draw(seed, waves);
    let spectrum = draw(seed + 1, 2 * 3 * waves);
    let expected = reference::fourier::forward(&widen(&spectrum), &widen(&scale), shape);
    let x = Output::vector(gpu, None, &interleaved(&expected))?;
    let spectrum = input_vector(gpu, &interleaved(&spectrum))?;
    let transform = Fourier::new(gpu, size, &scale)?;
    compare(
        gpu,
        in_words("to", size),
        TOLERANCE,
        None,
        &[&x],
        |recorder| {
            transform.forward(recorder, &spectrum, &x.buffer);
            Ok(())
        },
    )
    .await
}

/// The gradient at a spectrum from that at x.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(gpu: &Gpu, size: [usize; 2], seed: u64) -> Result<Check, GpuError> {
    let (shape, waves) = extent(size);
    let scale = draw(seed, waves);
    let gx = draw(seed + 1, shape.len());
    let expected = reference::fourier::gradient(&widen(&gx), &widen(&scale), shape);
    let spectrum = Output::vector(gpu, None, &interleaved(&expected))?;
    let gx = input_vector(gpu, &interleaved(&gx))?;
    let transform = Fourier::new(gpu, size, &scale)?;
    compare(
        gpu,
        in_words("of", size),
        TOLERANCE,
        None,
        &[&spectrum],
        |recorder| {
            transform.gradient(recorder, &gx, &spectrum.buffer);
            Ok(())
        },
    )
    .await
}

fn in_words(word: &str, [width, height]: [usize; 2]) -> String {
    format!("{word} {width}×{height}")
}

fn extent([width, height]: [usize; 2]) -> (Shape, usize) {
    (Shape::new(3, height, width), height * columns(width))
}

/// Three planes as the device has them: the three values of an entry side by side, and a zero.
pub(super) fn interleaved<T: Copy + Default>(planes: &[T]) -> Vec<T> {
    let plane = planes.len() / 3;
    let mut vectors = Vec::with_capacity(4 * plane);
    for at in 0..plane {
        vectors.extend([0, 1, 2].map(|c| planes[c * plane + at]));
        vectors.push(T::default());
    }
    vectors
}
