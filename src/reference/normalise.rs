//! A gradient of which only the direction counts (jcjohnson/neural-style, `-normalize_gradients`): every term pulls on its
//! layer as strongly as it is told to, however far away its target is.

/// What is added to the norm, so that a gradient of 0 stays 0.
pub const EPSILON: f64 = 1e-8;

/// pull · g / (‖g‖₁ + ε), where ‖g‖₁ is the sum of the absolute values of all entries of `gradient`. There is no function
/// whose gradient it is.
pub fn forward(gradient: &[f64], pull: f64) -> Vec<f64> {
    let norm: f64 = gradient.iter().map(|g| g.abs()).sum();
    let factor = pull / (norm + EPSILON);
    gradient.iter().map(|g| factor * g).collect()
}
