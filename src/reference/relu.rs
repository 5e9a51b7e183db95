//! The rectifier.

/// y = max(x, 0), entry by entry, on a slice of any shape.
pub fn forward(x: &[f64]) -> Vec<f64> {
    x.iter().map(|&x| x.max(0.0)).collect()
}

/// gx = gy where y > 0, otherwise 0.
///
/// The mask is read from the output `y`, so the input need not be kept; at the kink, x = 0, the gradient is 0.
pub fn gradient(gy: &[f64], y: &[f64]) -> Vec<f64> {
    debug_assert_eq!(gy.len(), y.len());
    gy.iter()
        .zip(y)
        .map(|(&gy, &y)| if y > 0.0 { gy } else { 0.0 })
        .collect()
}
