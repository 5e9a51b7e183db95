//! Products of square matrices.

/// L·R of two (C, C) matrices, row-major.
pub fn forward(left: &[f64], right: &[f64], channels: usize) -> Vec<f64> {
    debug_assert_eq!(left.len(), channels * channels);
    debug_assert_eq!(right.len(), channels * channels);
    let mut product = vec![0.0; channels * channels];
    for i in 0..channels {
        let row = &mut product[i * channels..][..channels];
        for k in 0..channels {
            let factor = left[i * channels + k];
            for (sum, entry) in row.iter_mut().zip(&right[k * channels..][..channels]) {
                *sum += factor * entry;
            }
        }
    }
    product
}

/// The transpose of a (C, C) matrix.
pub fn transpose(matrix: &[f64], channels: usize) -> Vec<f64> {
    let entry = |at: usize| matrix[at % channels * channels + at / channels];
    (0..channels * channels).map(entry).collect()
}
