//! Colours from uncorrelated numbers (Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017).

/// x = σ(M·t) for every pixel, with σ(z) = 1 / (1 + e^−z). `t` and the result are planar, (3, H·W).
pub fn forward(t: &[f64], matrix: &[[f64; 3]; 3]) -> Vec<f64> {
    let pixels = t.len() / 3;
    let mut x = vec![0.0; t.len()];
    for pixel in 0..pixels {
        for c in 0..3 {
            let z: f64 = (0..3).map(|k| matrix[c][k] * t[k * pixels + pixel]).sum();
            x[c * pixels + pixel] = 1.0 / (1.0 + (-z).exp());
        }
    }
    x
}

/// gt = Mᵀ · (gx ⊙ x ⊙ (1 − x)), from the colours x that [`forward`] gave.
pub fn gradient(gx: &[f64], x: &[f64], matrix: &[[f64; 3]; 3]) -> Vec<f64> {
    let pixels = x.len() / 3;
    let mut gt = vec![0.0; x.len()];
    for pixel in 0..pixels {
        for (c, row) in matrix.iter().enumerate() {
            let at = c * pixels + pixel;
            let gz = gx[at] * x[at] * (1.0 - x[at]);
            for (k, entry) in row.iter().enumerate() {
                gt[k * pixels + pixel] += entry * gz;
            }
        }
    }
    gt
}
