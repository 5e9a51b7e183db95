//! The 3×3 convolution, stride 1, padding 1: the only kind VGG has (arXiv 1409.1556, section 2.1). It pads with zeros;
//! other borders are what painters want.
//!
//! As everywhere in this field, "convolution" is the correlation: the kernel is not flipped.

use super::{border, crop};
use crate::shape::{Border, Shape};

/// y\[o, r, q\] = bias\[o\] + Σ_c Σ_{v,u ∈ 0..3} weight\[o, c, v, u\] · x\[c, r+v−1, q+u−1\], with x = 0 outside.
///
/// `x` has `shape` (C, H, W), `weight` is (O, C, 3, 3), `bias` has O entries; the result is (O, H, W).
pub fn forward(x: &[f64], shape: Shape, weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let (inputs, pixels) = (shape.channels, shape.pixels());
    debug_assert_eq!(x.len(), shape.len());
    debug_assert_eq!(weight.len(), bias.len() * inputs * 9);
    let mut y = vec![0.0; bias.len() * pixels];
    for o in 0..bias.len() {
        let plane = &mut y[o * pixels..][..pixels];
        plane.fill(bias[o]);
        for c in 0..inputs {
            let source = &x[c * pixels..][..pixels];
            let kernel = &weight[(o * inputs + c) * 9..][..9];
            for v in 0..3 {
                for u in 0..3 {
                    add_tap(plane, source, shape, (v, u), kernel[3 * v + u]);
                }
            }
        }
    }
    y
}

/// [`forward`] of x going on beyond its edge as `border` says: convolve the map in its frame, and take the inner part.
pub fn forward_within(
    x: &[f64],
    shape: Shape,
    around: Border,
    weight: &[f64],
    bias: &[f64],
) -> Vec<f64> {
    let x = border::forward(x, shape, around);
    let framed = border::framed(shape);
    let y = forward(&x, framed, weight, bias);
    crop::forward(&y, framed.with_channels(bias.len()), border::inner(shape))
}

/// The transpose of [`forward_within`], step by step: gy in a frame of zeros, [`input_gradient`], and what reached the
/// frame goes to the positions that stand there.
pub fn input_gradient_within(gy: &[f64], shape: Shape, around: Border, weight: &[f64]) -> Vec<f64> {
    let framed = border::framed(shape);
    let outputs = weight.len() / (9 * shape.channels);
    let gy = crop::gradient(gy, framed.with_channels(outputs), border::inner(shape));
    let gx = input_gradient(&gy, framed, weight);
    border::gradient(&gx, shape, around)
}

/// Entry \[o, r, q\] of [`forward`] without a bias, for checks of maps too large to compute whole: `x` and `weight`
/// give the entry at an index.
pub fn forward_at(
    x: impl Fn(usize) -> f64,
    shape: Shape,
    weight: impl Fn(usize) -> f64,
    [o, r, q]: [usize; 3],
) -> f64 {
    let mut y = 0.0;
    for c in 0..shape.channels {
        for (v, u) in (0..9).map(|tap| (tap / 3, tap % 3)) {
            // Counted from the position above and to the left, so that no index is negative.
            let (row, column) = (r + v, q + u);
            if (1..=shape.height).contains(&row) && (1..=shape.width).contains(&column) {
                let at = (c * shape.height + row - 1) * shape.width + column - 1;
                y += weight((o * shape.channels + c) * 9 + 3 * v + u) * x(at);
            }
        }
    }
    y
}

/// gx\[c, r, q\] = Σ_o Σ_{v,u} weight\[o, c, v, u\] · gy\[o, r+1−v, q+1−u\], the transpose of [`forward`].
///
/// With v and u counted from the other end this is [`forward`] itself, on the [`transposed`] weights and without bias:
/// reverse mode needs no kernel of its own. `gy` is (O, H, W), `shape` is that of x, (C, H, W), and of the result.
pub fn input_gradient(gy: &[f64], shape: Shape, weight: &[f64]) -> Vec<f64> {
    let inputs = shape.channels;
    let outputs = weight.len() / (9 * inputs);
    let shape_of_gy = Shape {
        channels: outputs,
        ..shape
    };
    forward(
        gy,
        shape_of_gy,
        &transposed(weight, inputs),
        &vec![0.0; inputs],
    )
}

/// transposed\[c, o, v, u\] = weight\[o, c, 2−v, 2−u\]: (O, C, 3, 3) becomes (C, O, 3, 3), each kernel turned by 180°.
///
/// `inputs` is C, the number of input channels of the weights as given. Doing it twice gives the weights back.
pub fn transposed(weight: &[f64], inputs: usize) -> Vec<f64> {
    let outputs = weight.len() / (9 * inputs);
    let mut turned = vec![0.0; weight.len()];
    for o in 0..outputs {
        for c in 0..inputs {
            for tap in 0..9 {
                turned[(c * outputs + o) * 9 + tap] = weight[(o * inputs + c) * 9 + 8 - tap];
            }
        }
    }
    turned
}

/// plane\[r, q\] += w · source\[r+v−1, q+u−1\] wherever that position lies inside the picture.
fn add_tap(plane: &mut [f64], source: &[f64], shape: Shape, (v, u): (usize, usize), w: f64) {
    let (height, width) = (shape.height, shape.width);
    // Clipping the rows and columns once keeps the test for the border out of the inner loop.
    let (top, bottom) = inside(height, v);
    let (left, right) = inside(width, u);
    for r in top..bottom {
        let row = &mut plane[r * width..][left..right];
        let source_row = &source[(r + v - 1) * width..][left + u - 1..right + u - 1];
        for (y, x) in row.iter_mut().zip(source_row) {
            *y += w * x;
        }
    }
}

/// The positions r of 0..size for which r+tap−1 is in 0..size too, as (first, one past the last).
fn inside(size: usize, tap: usize) -> (usize, usize) {
    match tap {
        0 => (1, size),
        1 => (0, size),
        _ => (0, size - 1),
    }
}
