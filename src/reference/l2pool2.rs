//! L2 pooling over windows of 2×2 pixels, stride 2: 0.78 times the root of the sum of squares.
//!
//! crowsonkb/style-transfer-pytorch has it (`torch.nn.LPPool2d(2, 2)`), and the factor, by which activations stay as large
//! as those of the maximum that the network was trained with.

use super::avgpool2::windows;
use crate::shape::Shape;

pub use super::maxpool2::output_shape;

const SCALE: f64 = 0.78;

/// y\[c, i, j\] = 0.78 √ Σ_{u,v ∈ {0,1}} x\[c, 2i+u, 2j+v\]².
///
/// `x` has `shape` (C, H, W); the result has [`output_shape`].
pub fn forward(x: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(x.len(), shape.len());
    windows(shape)
        .map(|window| SCALE * root(x, window))
        .collect()
}

/// gx = 0.78 gy · x / r, with r the root of the window, 0 where r is 0 and on an odd last row or column.
///
/// `gy` has the [`output_shape`] of `shape`; `x` and the result have `shape`. That at r = 0, where the root has a kink, is
/// PyTorch's.
pub fn gradient(gy: &[f64], x: &[f64], shape: Shape) -> Vec<f64> {
    debug_assert_eq!(gy.len(), output_shape(shape).len());
    let mut gx = vec![0.0; x.len()];
    for (window, gy) in windows(shape).zip(gy) {
        let r = root(x, window);
        if r > 0.0 {
            for at in window {
                gx[at] = SCALE * gy * x[at] / r;
            }
        }
    }
    gx
}

fn root(x: &[f64], window: [usize; 4]) -> f64 {
    window.map(|at| x[at] * x[at]).iter().sum::<f64>().sqrt()
}
