//! A picture rolled around its borders: the jitter of dreams (Mordvintsev, Olah & Tyka, "Inceptionism", 2015).

/// y[c, i, j] = x[c, (i − down) mod H, (j − right) mod W] of a planar picture (3, H, W); `size` is (W, H).
pub fn roll(x: &[f64], [width, height]: [usize; 2], [right, down]: [usize; 2]) -> Vec<f64> {
    let mut y = Vec::with_capacity(x.len());
    for plane in x.chunks_exact(width * height) {
        for i in 0..height {
            for j in 0..width {
                let row = (i + height - down % height) % height;
                let column = (j + width - right % width) % width;
                y.push(plane[row * width + column]);
            }
        }
    }
    y
}
