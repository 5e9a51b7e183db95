//! From the picture to the network's input and back.

use super::Check;
use super::comparison::{Output, added, compare, draw, input_map, input_vector, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::picture_input::{self, InputTransform, PlanarPicture};
use crate::reference;
use crate::shape::{Shape, Window};

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

/// The input of the network for a `window` of a picture of `width`×`height`.
///
/// # Errors
/// What the device refuses.
pub async fn forward(
    gpu: &Gpu,
    [width, height]: [usize; 2],
    window: Window,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let shape = Shape::new(3, height, width);
    let transform = transform(seed);
    let x: Vec<f32> = draw(seed + 1, shape.len())
        .iter()
        .map(|x| x.abs())
        .collect();
    let offset = transform.offset.map(f64::from);
    let seen = reference::crop::forward(&widen(&x), shape, window);
    let expected = reference::picture_input::forward(&seen, &wide_matrix(transform), &offset);
    let x = input_vector(gpu, &x)?;
    let cropped = Shape::new(3, window.height, window.width);
    let y = Output::map(gpu, cropped, None, &expected)?;
    let words = in_words(window, [width, height]);
    let case = format!("{words}{}", super::slices_in_words(binding_limit));
    compare(gpu, case, TOLERANCE, binding_limit, &[&y], |recorder| {
        let x = PlanarPicture {
            buffer: &x,
            size: [width, height],
        };
        picture_input::forward(recorder, transform, x, window, &y.as_map(cropped))
    })
    .await
}

/// The gradient at the picture, of which the network saw the `window`.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(
    gpu: &Gpu,
    [width, height]: [usize; 2],
    window: Window,
    merge: Merge,
    binding_limit: Option<u64>,
    seed: u64,
) -> Result<Check, GpuError> {
    let shape = Shape::new(3, height, width);
    let transform = transform(seed);
    let cropped = Shape::new(3, window.height, window.width);
    let gy = draw(seed + 1, cropped.len());
    let before = draw(seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let seen = reference::picture_input::gradient(&widen(&gy), &wide_matrix(transform));
    let expected = reference::crop::gradient(&seen, shape, window);
    let gx = Output::vector(gpu, before, &added(expected, before))?;
    let gy = input_map(gpu, cropped, &gy)?;
    let words = in_words(window, [width, height]);
    let merge_in_words = super::merge_in_words(merge);
    let slices = super::slices_in_words(binding_limit);
    let case = format!("{words}{merge_in_words}{slices}");
    compare(gpu, case, TOLERANCE, binding_limit, &[&gx], |recorder| {
        let gx = PlanarPicture {
            buffer: &gx.buffer,
            size: [width, height],
        };
        picture_input::gradient(recorder, transform, &gy, window, gx, merge)
    })
    .await
}

fn in_words(window: Window, [width, height]: [usize; 2]) -> String {
    let Window { left, top, .. } = window;
    let (w, h) = (window.width, window.height);
    format!("of {w}×{h} at ({left}, {top}) of {width}×{height}")
}
