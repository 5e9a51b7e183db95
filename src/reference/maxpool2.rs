//! Max pooling over windows of 2×2 pixels, stride 2, as VGG was trained with (arXiv 1409.1556, section 2.1).

use crate::shape::Shape;

/// (C, ⌊H/2⌋, ⌊W/2⌋): an odd last row or column belongs to no window.
pub fn output_shape(shape: Shape) -> Shape {
    Shape {
        height: shape.height / 2,
        width: shape.width / 2,
        ..shape
    }
}

/// y\[c, i, j\] = max of x\[c, 2i+u, 2j+v\] over u, v ∈ {0, 1}.
///
/// `x` has `shape` (C, H, W); the result has [`output_shape`].
pub fn forward(x: &[f64], shape: Shape) -> Vec<f64> {
    first_maxima(x, shape).into_iter().map(|at| x[at]).collect()
}

/// gx = gy at the maximum of each window, 0 elsewhere; among equals, the first in row-major order has it all.
///
/// `gy` has the [`output_shape`] of `shape`; `x` and the result have `shape`. The maxima are found again rather than
/// stored. The rule for equals is PyTorch's; behind a ReLU it decides about windows of zeros only, which the mask of
/// the ReLU silences in any case.
pub fn gradient(gy: &[f64], x: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(gy.len(), output_shape(shape).len());
    let mut gx = vec![0.0; x.len()];
    for (at, gy) in first_maxima(x, shape).into_iter().zip(gy) {
        gx[at] += gy;
    }
    gx
}

/// For each window, where in `x` its maximum stands (the first one).
fn first_maxima(x: &[f64], shape: Shape) -> Vec<usize> {
    debug_assert_eq!(x.len(), shape.len());
    let (height, width) = (shape.height, shape.width);
    let mut maxima = Vec::with_capacity(output_shape(shape).len());
    for c in 0..shape.channels {
        for i in 0..height / 2 {
            for j in 0..width / 2 {
                let corner = (c * height + 2 * i) * width + 2 * j;
                let mut first = corner;
                for at in [corner + 1, corner + width, corner + width + 1] {
                    if x[at] > x[first] {
                        first = at;
                    }
                }
                maxima.push(first);
            }
        }
    }
    maxima
}
