//! A picture seen through an affine map, bilinearly, with grey around it.

use crate::shape::Shape;

/// (u, v) = linear · (j, i) + offset: where the pixel in column j and row i of what is seen lies in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// A, row by row.
    pub linear: [[f64; 2]; 2],
    /// b.
    pub offset: [f64; 2],
}

impl Affine {
    fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|k| self.linear[k][0] * x + self.linear[k][1] * y + self.offset[k])
    }
}

/// y\[c, i, j\] = x at the point where (j, i) lies, mixed from the four pixels around it; pixels beyond the edge are
/// `grey`. `x` has `shape`, the result has as many channels and the size `seen`, H and W.
pub fn forward(x: &[f64], shape: Shape, map: &Affine, seen: [usize; 2], grey: f64) -> Vec<f64> {
    let plane = seen[0] * seen[1];
    let mut y = vec![0.0; shape.channels * plane];
    for_each_tap(map, seen, |pixel, [row, column], weight| {
        for c in 0..shape.channels {
            let value = inside(shape, [row, column]).map_or(grey, |at| x[c * shape.pixels() + at]);
            y[c * plane + pixel] += weight * value;
        }
    });
    y
}

/// gx from gy, which has the size `seen`: the transpose of [`forward`], without what falls outside.
pub fn gradient(gy: &[f64], shape: Shape, map: &Affine, seen: [usize; 2]) -> Vec<f64> {
    let plane = seen[0] * seen[1];
    let mut gx = vec![0.0; shape.len()];
    for_each_tap(map, seen, |pixel, place, weight| {
        if let Some(at) = inside(shape, place) {
            for c in 0..shape.channels {
                gx[c * shape.pixels() + at] += weight * gy[c * plane + pixel];
            }
        }
    });
    gx
}

/// The index of a pixel in a plane, if there is such a pixel.
fn inside(shape: Shape, [row, column]: [i64; 2]) -> Option<usize> {
    let (height, width) = (shape.height as i64, shape.width as i64);
    let inside = (0..height).contains(&row) && (0..width).contains(&column);
    inside.then_some((row * width + column) as usize)
}

/// Calls `visit(i·W' + j, [row, column], weight)` for every pixel that is seen and the four that it is mixed from.
fn for_each_tap(
    map: &Affine,
    [height, width]: [usize; 2],
    mut visit: impl FnMut(usize, [i64; 2], f64),
) {
    for pixel in 0..height * width {
        let [u, v] = map.apply([(pixel % width) as f64, (pixel / width) as f64]);
        let (left, top) = (u.floor(), v.floor());
        for (row, down) in [(top, 1.0 - (v - top)), (top + 1.0, v - top)] {
            for (column, across) in [(left, 1.0 - (u - left)), (left + 1.0, u - left)] {
                visit(pixel, [row as i64, column as i64], down * across);
            }
        }
    }
}
