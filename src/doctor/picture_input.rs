//! From the picture to the network's input and back.

use super::Check;
use super::comparison::{Output, added, compare, draw, input_map, input_vector, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::picture_input::{self, InputTransform};
use crate::reference;
use crate::shape::Shape;

const TOLERANCE: f64 = 1e-5;

/// A transform in which every entry of the matrix counts.
fn transform(seed: u64) -> InputTransform {
    let drawn = draw(seed, 12);
    let row = |k: usize| [0, 1, 2].map(|c| 255.0 * drawn[3 * k + c]);
    InputTransform {
        matrix: [0, 1, 2].map(row),
        offset: [0, 1, 2].map(|k| 128.0 * drawn[9 + k]),
    }
}

fn wide_matrix(transform: InputTransform) -> [[f64; 3]; 3] {
    transform.matrix.map(|row| row.map(f64::from))
}

/// The input of the network for a picture of `width`×`height`.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, [width, height]: [usize; 2], seed: u64) -> Result<Check, GpuError> {
    let shape = Shape::new(3, height, width);
    let transform = transform(seed);
    let x: Vec<f32> = draw(seed + 1, shape.len())
        .iter()
        .map(|x| x.abs())
        .collect();
    let offset = transform.offset.map(f64::from);
    let expected = reference::picture_input::forward(&widen(&x), &wide_matrix(transform), &offset);
    let x = input_vector(gpu, &x)?;
    let y = Output::map(gpu, shape, None, &expected)?;
    let case = format!("on {width}×{height}");
    compare(gpu, case, TOLERANCE, None, &[&y], |recorder| {
        picture_input::forward(recorder, transform, &x, &y.as_map(shape));
        Ok(())
    })
    .await
}

/// The gradient at the picture.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(
    gpu: &Gpu,
    [width, height]: [usize; 2],
    merge: Merge,
    seed: u64,
) -> Result<Check, GpuError> {
    let shape = Shape::new(3, height, width);
    let transform = transform(seed);
    let gy = draw(seed + 1, shape.len());
    let before = draw(seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = reference::picture_input::gradient(&widen(&gy), &wide_matrix(transform));
    let gx = Output::vector(gpu, before, &added(expected, before))?;
    let gy = input_map(gpu, shape, &gy)?;
    let merge_in_words = super::merge_in_words(merge);
    let case = format!("on {width}×{height}{merge_in_words}");
    compare(gpu, case, TOLERANCE, None, &[&gx], |recorder| {
        picture_input::gradient(recorder, transform, &gy, &gx.buffer, merge);
        Ok(())
    })
    .await
}
