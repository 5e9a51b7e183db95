//! Laplacian-pyramid normalisation of a gradient (Burt & Adelson 1983; Mordvintsev, "DeepDreaming with TensorFlow", 2016).
//!
//! Each level without the next coarser one is a band of detail; all are divided by their root mean square and put
//! together again.

/// (1, 4, 6, 4, 1)/16.
const KERNEL: [f64; 5] = [0.0625, 0.25, 0.375, 0.25, 0.0625];

/// The normalised gradient (3, H, W), in so many `bands` and what is left of it; `size` is (W, H).
pub fn normalise(x: &[f64], size: [usize; 2], bands: usize) -> Vec<f64> {
    if bands == 0 {
        return to_unit(x);
    }
    let coarse = shrink(x, size);
    let coarse_size = size.map(|side| side.div_ceil(2));
    let expanded = expand(&coarse, coarse_size, size);
    let band: Vec<f64> = x.iter().zip(&expanded).map(|(x, e)| x - e).collect();
    let coarse = normalise(&coarse, coarse_size, bands - 1);
    let coarse = expand(&coarse, coarse_size, size);
    to_unit(&band)
        .iter()
        .zip(coarse)
        .map(|(b, c)| b + c)
        .collect()
}

/// x / √mean(x²), or x where that is 0.
fn to_unit(x: &[f64]) -> Vec<f64> {
    let strength = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
    let scale = if strength > 0.0 { 1.0 / strength } else { 1.0 };
    x.iter().map(|x| x * scale).collect()
}

/// Every second pixel of the picture smoothed by KERNEL along both axes, zeros around it.
pub fn shrink(x: &[f64], size: [usize; 2]) -> Vec<f64> {
    let coarse = size.map(|side| side.div_ceil(2));
    let mut y = vec![0.0; 3 * coarse[0] * coarse[1]];
    for (fine_at, coarse_at, weight) in pairs(size, coarse) {
        for channel in 0..3 {
            y[channel * coarse[0] * coarse[1] + coarse_at] +=
                weight * x[channel * size[0] * size[1] + fine_at];
        }
    }
    y
}

/// The transpose of [`shrink`] times 4: of ones, it is ones again but for the border.
pub fn expand(y: &[f64], coarse: [usize; 2], size: [usize; 2]) -> Vec<f64> {
    let mut x = vec![0.0; 3 * size[0] * size[1]];
    for (fine_at, coarse_at, weight) in pairs(size, coarse) {
        for channel in 0..3 {
            x[channel * size[0] * size[1] + fine_at] +=
                4.0 * weight * y[channel * coarse[0] * coarse[1] + coarse_at];
        }
    }
    x
}

/// Which pixels of the fine picture count for which of the coarse one, and how much.
fn pairs(size: [usize; 2], coarse: [usize; 2]) -> Vec<(usize, usize, f64)> {
    let axis = |of: usize| {
        let (fine, coarse) = (size[of], coarse[of]);
        let mut near = Vec::new();
        for at in 0..coarse {
            for (tap, weight) in KERNEL.iter().enumerate() {
                let from = (2 * at + tap).checked_sub(2).filter(|&from| from < fine);
                near.extend(from.map(|from| (from, at, *weight)));
            }
        }
        near
    };
    let (columns, rows) = (axis(0), axis(1));
    let mut pairs = Vec::new();
    for &(fine_row, coarse_row, down) in &rows {
        for &(fine_column, coarse_column, across) in &columns {
            pairs.push((
                fine_row * size[0] + fine_column,
                coarse_row * coarse[0] + coarse_column,
                down * across,
            ));
        }
    }
    pairs
}
