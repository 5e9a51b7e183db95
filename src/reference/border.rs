//! What a 3×3 window sees beyond a map: the map with a frame one position wide, filled as a [`Border`] says.
//!
//! With the frame drawn out, a convolution of any border is that with zeros on the larger map, of which the inner part
//! counts: `conv3x3::forward_within` says it so.

use crate::shape::{Border, Shape, Window};

/// The shape of a map of `shape` in its frame, (C, H+2, W+2).
pub fn framed(shape: Shape) -> Shape {
    Shape::new(shape.channels, shape.height + 2, shape.width + 2)
}

/// Where the map lies in its frame.
pub fn inner(shape: Shape) -> Window {
    Window {
        left: 1,
        top: 1,
        ..Window::whole(shape)
    }
}

/// y\[c, i+1, j+1\] = x\[c, i', j'\] for i from −1 to H and j from −1 to W. Inside, (i', j') is (i, j). Beyond, it is the
/// nearest position of the map ([`Border::Replicate`]) or the one a whole map further (i mod H, j mod W,
/// [`Border::Wrap`]); with [`Border::Zero`] there is 0.
///
/// `x` has `shape`; the result is [`framed`].
pub fn forward(x: &[f64], shape: Shape, border: Border) -> Vec<f64> {
    debug_assert_eq!(x.len(), shape.len());
    let mut y = vec![0.0; framed(shape).len()];
    each(shape, border, |framed, source| y[framed] = x[source]);
    y
}

/// gx\[c, i', j'\] = Σ gy\[c, i+1, j+1\] over all (i, j) for which [`forward`] reads (i', j').
///
/// `shape` is that of x; `gy` is [`framed`].
pub fn gradient(gy: &[f64], shape: Shape, border: Border) -> Vec<f64> {
    debug_assert_eq!(gy.len(), framed(shape).len());
    let mut gx = vec![0.0; shape.len()];
    each(shape, border, |framed, source| gx[source] += gy[framed]);
    gx
}

/// Calls `copy` with every place in the frame that is not zero, and the place in the map that stands there.
fn each(shape: Shape, border: Border, mut copy: impl FnMut(usize, usize)) {
    let (height, width) = (shape.height, shape.width);
    for c in 0..shape.channels {
        for i in 0..height + 2 {
            for j in 0..width + 2 {
                if let (Some(row), Some(column)) = (seen(i, height, border), seen(j, width, border))
                {
                    let framed = (c * (height + 2) + i) * (width + 2) + j;
                    copy(framed, (c * height + row) * width + column);
                }
            }
        }
    }
}

/// The row or column of a map of `length` that stands in place `at` of its frame, which begins one before the map.
fn seen(at: usize, length: usize, border: Border) -> Option<usize> {
    match border {
        Border::Zero => (1..=length).contains(&at).then(|| at - 1),
        Border::Replicate => Some(at.saturating_sub(1).min(length - 1)),
        Border::Wrap => Some((at + length - 1) % length),
    }
}
