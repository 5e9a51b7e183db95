//! Total variation: neighbouring pixels should be alike (Mahendran & Vedaldi, arXiv 1412.0035, with β = 2).

use crate::shape::Shape;

/// weight · mean(dx² + dy²) over the C·H·W entries (C = 3 for a picture).
///
/// Forward differences, dx = x\[c, i, j+1\] − x\[c, i, j\] and dy = x\[c, i+1, j\] − x\[c, i, j\], are zero at the far
/// border. `x` has `shape`.
pub fn value(x: &[f64], shape: Shape, weight: f64) -> f64 {
    let mut sum = 0.0;
    for_each_difference(x, shape, |_, _, difference| sum += difference * difference);
    weight * sum / x.len() as f64
}

/// gx: each difference d = x\[b\] − x\[a\] adds weight · 2d / (C·H·W) to b and takes it from a.
///
/// `x` and the result have `shape`.
pub fn gradient(x: &[f64], shape: Shape, weight: f64) -> Vec<f64> {
    let factor = 2.0 * weight / x.len() as f64;
    let mut gx = vec![0.0; x.len()];
    for_each_difference(x, shape, |a, b, difference| {
        gx[b] += factor * difference;
        gx[a] -= factor * difference;
    });
    gx
}

/// Calls `visit(a, b, x[b] − x[a])` for every pixel a and its right, then its lower neighbour b.
fn for_each_difference(x: &[f64], shape: Shape, mut visit: impl FnMut(usize, usize, f64)) {
    debug_assert_eq!(x.len(), shape.len());
    let (height, width) = (shape.height, shape.width);
    for a in 0..x.len() {
        let (i, j) = (a / width % height, a % width);
        if j + 1 < width {
            visit(a, a + 1, x[a + 1] - x[a]);
        }
        if i + 1 < height {
            visit(a, a + width, x[a + width] - x[a]);
        }
    }
}
