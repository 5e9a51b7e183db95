//! A picture enlarged around its middle and turned, between two frames of a dream.

/// y\[c, i, j\] of a planar picture (3, H, W): x between pixels, bilinear, at the place that `factor` and a turn by
/// `degrees` clockwise bring to (i, j), or the nearest within the picture; `size` is (W, H).
pub fn zoom(x: &[f64], [width, height]: [usize; 2], factor: f64, degrees: f64) -> Vec<f64> {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let most = [width as f64 - 1.0, height as f64 - 1.0];
    let mut y = Vec::with_capacity(x.len());
    for plane in x.chunks_exact(width * height) {
        for i in 0..height {
            for j in 0..width {
                let [right, down] = [j as f64 - most[0] / 2.0, i as f64 - most[1] / 2.0];
                let u = most[0] / 2.0 + (cosine * right + sine * down) / factor;
                let v = most[1] / 2.0 + (cosine * down - sine * right) / factor;
                let (u, v) = (u.clamp(0.0, most[0]), v.clamp(0.0, most[1]));
                let value = |row: usize, column: usize| {
                    plane[row.min(height - 1) * width + column.min(width - 1)]
                };
                let (row, column) = (v as usize, u as usize);
                let (down, right) = (v - v.floor(), u - u.floor());
                let line =
                    |row| (1.0 - right) * value(row, column) + right * value(row, column + 1);
                y.push((1.0 - down) * line(row) + down * line(row + 1));
            }
        }
    }
    y
}
