//! A window of a map as a map of its own, and a window of a map put into another.

use crate::shape::{Shape, Window};

/// y = the `window` of `x`, which is (C, H, W).
pub fn forward(x: &[f64], shape: Shape, window: Window) -> Vec<f64> {
    let mut y = vec![0.0; shape.channels * window.pixels()];
    let small = Shape::new(shape.channels, window.height, window.width);
    paste(x, shape, window, &mut y, small, [0, 0]);
    y
}

/// gx = `gy` in the `window`, 0 around it; `shape` is that of x.
pub fn gradient(gy: &[f64], shape: Shape, window: Window) -> Vec<f64> {
    let mut gx = vec![0.0; shape.len()];
    let small = Shape::new(shape.channels, window.height, window.width);
    let to = [window.left, window.top];
    paste(gy, small, Window::whole(small), &mut gx, shape, to);
    gx
}

/// y[c, top + i, left + j] = x[c, from.top + i, from.left + j] for the positions (i, j) of the window `from`; the rest
/// of y stays as it is.
///
/// Its gradient is [`gradient`] after [`forward`]: gy cropped where the window was put, within zeros where it came from.
pub fn paste(
    x: &[f64],
    x_shape: Shape,
    from: Window,
    y: &mut [f64],
    y_shape: Shape,
    [left, top]: [usize; 2],
) {
    debug_assert_eq!((x.len(), y.len()), (x_shape.len(), y_shape.len()));
    for c in 0..x_shape.channels {
        for i in 0..from.height {
            for j in 0..from.width {
                let source = (c * x_shape.height + from.top + i) * x_shape.width + from.left + j;
                y[(c * y_shape.height + top + i) * y_shape.width + left + j] = x[source];
            }
        }
    }
}
