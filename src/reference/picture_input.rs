//! From the picture to the network's input: channel order, scale and mean.
//!
//! The networks of Simonyan & Zisserman (arXiv 1409.1556, section 2.1) subtract the mean RGB of the training set. Their
//! original weights want B, G, R in 0…255, later exports want R, G, B divided by a deviation; both are affine in x.

/// The three values of a pixel, or the three offsets.
pub type Triple = [f64; 3];

/// input\[k\] = Σ_c matrix\[k\]\[c\] · x\[c\] + offset\[k\], at each pixel.
///
/// `x` is the picture, (3, H, W), RGB in [0, 1]; the result is (3, H, W) in the network's channel order and range.
pub fn forward(x: &[f64], matrix: &[Triple; 3], offset: &Triple) -> Vec<f64> {
    combine(x, matrix, offset)
}

/// gx\[c\] = Σ_k matrix\[k\]\[c\] · g\[k\]: the transposed matrix, without the offset.
///
/// `gradient` is that of the network's input, (3, H, W); the result is that of the picture, (3, H, W).
pub fn gradient(gradient: &[f64], matrix: &[Triple; 3]) -> Vec<f64> {
    let transposed = [0, 1, 2].map(|c| [0, 1, 2].map(|k| matrix[k][c]));
    combine(gradient, &transposed, &[0.0; 3])
}

fn combine(planes: &[f64], matrix: &[Triple; 3], offset: &Triple) -> Vec<f64> {
    debug_assert_eq!(planes.len() % 3, 0);
    let pixels = planes.len() / 3;
    let mut result = vec![0.0; planes.len()];
    for k in 0..3 {
        for p in 0..pixels {
            result[k * pixels + p] = (0..3)
                .map(|c| matrix[k][c] * planes[c * pixels + p])
                .sum::<f64>()
                + offset[k];
        }
    }
    result
}
