//! The style term of one layer between Gaussians: the squared Wasserstein-2 distance of the features' mean and
//! covariance from those of the style (Olkin & Pukelsheim, "The distance between two random vectors with given
//! dispersion matrices", 1982; Givens & Shortt 1984).

use super::matrix_product;
use crate::kernels::wasserstein_loss::REGULARISATION;

/// weight · \[mean((μ − μ*)²) + (1/C) · tr(Σ* + Σ − 2·√(R·Σ·R))\] with R = √Σ* and Σ = S − μμᵀ + ε·I.
///
/// `moments` is S, (C, C), followed by the C means μ, as [`super::moments::forward`] makes them; `target` is R followed
/// by μ*, see [`target`]. ε is [`REGULARISATION`] · tr Σ*/C, which Σ* contains already.
pub fn value(moments: &[f64], target: &[f64], channels: usize, weight: f64) -> f64 {
    let (root, target_means) = target.split_at(channels * channels);
    let means = &moments[channels * channels..];
    let covariance = covariance(moments, root, channels);
    let (eigenvalues, _) = eigen(&between(root, &covariance, channels), channels);
    let root_trace: f64 = eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum();
    let trace: f64 = (0..channels).map(|c| covariance[c * (channels + 1)]).sum();
    let squares = means
        .iter()
        .zip(target_means)
        .map(|(a, b)| (a - b) * (a - b));
    let sum = squares.sum::<f64>() + trace_of_target(root) + trace - 2.0 * root_trace;
    weight * sum / channels as f64
}

/// gS = weight/C · (I − T) followed by gμ = 2·weight/C · (μ − μ*) − 2·gS·μ, where T = R·(R·Σ·R)^-½·R is the map
/// that carries the Gaussian of the features to that of the style.
pub fn gradient(moments: &[f64], target: &[f64], channels: usize, weight: f64) -> Vec<f64> {
    let (root, target_means) = target.split_at(channels * channels);
    let means = &moments[channels * channels..];
    let covariance = covariance(moments, root, channels);
    let (eigenvalues, vectors) = eigen(&between(root, &covariance, channels), channels);
    let inverse = with_eigenvalues(&vectors, &eigenvalues, |value| value.powf(-0.5));
    let map = between(root, &inverse, channels);
    let share = weight / channels as f64;
    let one = |at: usize| {
        if at / channels == at % channels {
            1.0
        } else {
            0.0
        }
    };
    let mut gradient: Vec<f64> = (0..map.len())
        .map(|at| share * (one(at) - map[at]))
        .collect();
    for c in 0..channels {
        let row = gradient[c * channels..][..channels].iter().zip(means);
        let by_covariance: f64 = row.map(|(g, mean)| g * mean).sum();
        gradient.push(2.0 * share * (means[c] - target_means[c]) - 2.0 * by_covariance);
    }
    gradient
}

/// What the loss compares with, from the moments of a style: R = √Σ* followed by μ*, where Σ* = S − μμᵀ + ε·I.
pub fn target(moments: &[f64], channels: usize) -> Vec<f64> {
    let means = &moments[channels * channels..];
    let mut covariance = centred(moments, channels);
    let variance: f64 = (0..channels).map(|c| covariance[c * (channels + 1)]).sum();
    // As a share κ of the trace that has it already.
    let epsilon = variance / channels as f64 * REGULARISATION / (1.0 - REGULARISATION);
    (0..channels).for_each(|c| covariance[c * (channels + 1)] += epsilon);
    let (eigenvalues, vectors) = eigen(&covariance, channels);
    let mut target = with_eigenvalues(&vectors, &eigenvalues, |value| value.max(0.0).sqrt());
    target.extend(means);
    target
}

/// S − μμᵀ.
fn centred(moments: &[f64], channels: usize) -> Vec<f64> {
    let (second, means) = moments.split_at(channels * channels);
    let product = |at: usize| means[at / channels] * means[at % channels];
    (0..second.len())
        .map(|at| second[at] - product(at))
        .collect()
}

/// Σ.
fn covariance(moments: &[f64], root: &[f64], channels: usize) -> Vec<f64> {
    let mut covariance = centred(moments, channels);
    let epsilon = REGULARISATION * trace_of_target(root) / channels as f64;
    (0..channels).for_each(|c| covariance[c * (channels + 1)] += epsilon);
    covariance
}

/// tr Σ* = ‖R‖².
fn trace_of_target(root: &[f64]) -> f64 {
    root.iter().map(|entry| entry * entry).sum()
}

/// R·X·R, made symmetric.
fn between(root: &[f64], middle: &[f64], channels: usize) -> Vec<f64> {
    let half = matrix_product::forward(root, middle, channels);
    let whole = matrix_product::forward(&half, root, channels);
    let mirrored = matrix_product::transpose(&whole, channels);
    let pairs = whole.iter().zip(&mirrored);
    pairs.map(|(a, b)| 0.5 * (a + b)).collect()
}

/// V·f(Λ)·Vᵀ for eigenvectors in the rows of `vectors`.
fn with_eigenvalues(vectors: &[f64], values: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    let channels = values.len();
    let scaled = |at: usize| f(values[at / channels]) * vectors[at];
    let scaled: Vec<f64> = (0..vectors.len()).map(scaled).collect();
    let columns = matrix_product::transpose(vectors, channels);
    matrix_product::forward(&columns, &scaled, channels)
}

/// Eigenvalues of a symmetric matrix, and its eigenvectors as rows, by Jacobi's rotations in cyclic order (Golub &
/// Van Loan, "Matrix Computations", 8.5): nothing that the device does.
fn eigen(matrix: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut vectors: Vec<f64> = (0..a.len())
        .map(|at| {
            if at / channels == at % channels {
                1.0
            } else {
                0.0
            }
        })
        .collect();
    let all: f64 = a.iter().map(|entry| entry * entry).sum();
    for _ in 0..30 {
        let off = (0..a.len()).filter(|at| at / channels != at % channels);
        let off: f64 = off.map(|at| a[at] * a[at]).sum();
        if off <= 1e-30 * all {
            break;
        }
        for p in 0..channels {
            for q in p + 1..channels {
                rotate(&mut a, &mut vectors, channels, [p, q]);
            }
        }
    }
    let values = (0..channels).map(|c| a[c * (channels + 1)]).collect();
    (values, vectors)
}

/// Turns coordinates p and q so that entry \[p, q\] vanishes.
fn rotate(a: &mut [f64], vectors: &mut [f64], channels: usize, [p, q]: [usize; 2]) {
    let off = a[p * channels + q];
    if off == 0.0 {
        return;
    }
    let tau = (a[q * (channels + 1)] - a[p * (channels + 1)]) / (2.0 * off);
    let tangent = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = tangent * cosine;
    turn_rows(a, channels, [p, q], [cosine, sine]);
    for k in 0..channels {
        let (at_p, at_q) = (k * channels + p, k * channels + q);
        let (x, y) = (a[at_p], a[at_q]);
        a[at_p] = cosine * x - sine * y;
        a[at_q] = sine * x + cosine * y;
    }
    turn_rows(vectors, channels, [p, q], [cosine, sine]);
}

fn turn_rows(matrix: &mut [f64], channels: usize, [p, q]: [usize; 2], [cosine, sine]: [f64; 2]) {
    let (upper, lower) = matrix.split_at_mut(q * channels);
    let rows = upper[p * channels..][..channels].iter_mut();
    for (x, y) in rows.zip(&mut lower[..channels]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}
