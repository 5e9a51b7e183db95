//! Average pooling over windows of 2×2 pixels, stride 2.
//!
//! Gatys et al. exchange max pooling for it because it "improves the gradient flow" (arXiv 1508.06576, Methods).

use crate::shape::Shape;

pub use super::maxpool2::output_shape;

/// y\[c, i, j\] = ¼ Σ_{u,v ∈ {0,1}} x\[c, 2i+u, 2j+v\].
///
/// `x` has `shape` (C, H, W); the result has [`output_shape`].
pub fn forward(x: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(x.len(), shape.len());
    windows(shape)
        .map(|window| window.iter().map(|&at| x[at]).sum::<f64>() / 4.0)
        .collect()
}

/// gx = ¼ gy on the four pixels of each window, 0 on an odd last row or column.
///
/// `gy` has the [`output_shape`] of `shape`; the result has `shape`.
pub fn gradient(gy: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(gy.len(), output_shape(shape).len());
    let mut gx = vec![0.0; shape.len()];
    for (window, gy) in windows(shape).zip(gy) {
        for at in window {
            gx[at] = gy / 4.0;
        }
    }
    gx
}

/// The positions in x of the four pixels of each window, in the order of y.
pub(super) fn windows(shape: Shape) -> impl Iterator<Item = [usize; 4]> {
    let pooled = output_shape(shape);
    (0..pooled.len()).map(move |window| {
        let (row, j) = (window / pooled.width, window % pooled.width);
        let (c, i) = (row / pooled.height, row % pooled.height);
        let corner = (c * shape.height + 2 * i) * shape.width + 2 * j;
        [
            corner,
            corner + 1,
            corner + shape.width,
            corner + shape.width + 1,
        ]
    })
}
