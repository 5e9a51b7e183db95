//! Symmetric 3×3 matrices: eigenvalues, functions of them, and triangular factors.

/// By rows.
pub(super) type Matrix = [[f64; 3]; 3];

const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// More than Jacobi's method ever takes for 3×3: it converges quadratically, in four or five.
const SWEEPS: usize = 16;

/// A·B.
pub(super) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let entry = |row: usize, column: usize| (0..3).map(|k| a[row][k] * b[k][column]).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| entry(row, column)))
}

/// A·x.
pub(super) fn applied(a: &Matrix, x: [f64; 3]) -> [f64; 3] {
    a.map(|row| row[0] * x[0] + row[1] * x[1] + row[2] * x[2])
}

/// A·B·A for symmetric A and B, symmetric to the bit.
pub(super) fn rebuilt(a: &Matrix, b: &Matrix) -> Matrix {
    let full = product(&product(a, b), a);
    std::array::from_fn(|row| std::array::from_fn(|column| full[row.min(column)][row.max(column)]))
}

/// Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations (Golub and Van Loan,
/// Matrix Computations, 8.5).
fn eigen(matrix: &Matrix) -> ([f64; 3], Matrix) {
    let (mut rest, mut vectors) = (*matrix, IDENTITY);
    for _ in 0..SWEEPS {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let beside = rest[p][q];
            // What is beyond the precision of the diagonal is nothing, and 0 cannot be divided by.
            if beside.abs() <= f64::EPSILON * 1e-3 * (rest[p][p].abs() + rest[q][q].abs()) {
                continue;
            }
            let theta = (rest[q][q] - rest[p][p]) / (2.0 * beside);
            let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
            let sine = tangent * cosine;
            let mut rotation = IDENTITY;
            (rotation[p][p], rotation[q][q]) = (cosine, cosine);
            (rotation[p][q], rotation[q][p]) = (sine, -sine);
            let transposed = std::array::from_fn(|row| rotation.map(|line| line[row]));
            rest = product(&transposed, &product(&rest, &rotation));
            vectors = product(&vectors, &rotation);
        }
    }
    ([rest[0][0], rest[1][1], rest[2][2]], vectors)
}

/// E·f(Λ)·Eᵀ of a symmetric matrix E·Λ·Eᵀ.
pub(super) fn mapped(matrix: &Matrix, function: impl Fn(f64) -> f64) -> Matrix {
    let (values, vectors) = eigen(matrix);
    let values = values.map(function);
    let entry = |row: usize, column: usize| {
        let terms = (0..3).map(|k| vectors[row][k] * values[k] * vectors[column][k]);
        terms.sum()
    };
    std::array::from_fn(|row| std::array::from_fn(|column| entry(row, column)))
}

/// The lower triangle L of A = L·Lᵀ. Where A is singular, as of a grey picture, the column is 0.
pub(super) fn cholesky(a: &Matrix) -> Matrix {
    let mut lower = [[0.0; 3]; 3];
    // Below this a pivot is what rounding left of 0.
    let least = 1e-14 * (a[0][0] + a[1][1] + a[2][2]);
    for column in 0..3 {
        let before = |lower: &Matrix, row: usize| -> f64 {
            (0..column).map(|k| lower[row][k] * lower[column][k]).sum()
        };
        let pivot = a[column][column] - before(&lower, column);
        if pivot <= least {
            continue;
        }
        for row in column..3 {
            lower[row][column] = (a[row][column] - before(&lower, row)) / pivot.sqrt();
        }
    }
    lower
}

/// L⁻¹ of a lower triangle without a 0 on its diagonal, by forward substitution.
pub(super) fn inverse_of_lower(lower: &Matrix) -> Matrix {
    let mut inverse = [[0.0; 3]; 3];
    for column in 0..3 {
        for row in column..3 {
            let known: f64 = (column..row)
                .map(|k| lower[row][k] * inverse[k][column])
                .sum();
            inverse[row][column] = (IDENTITY[row][column] - known) / lower[row][row];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Matrix = [[0.09, 0.05, -0.02], [0.05, 0.08, 0.01], [-0.02, 0.01, 0.04]];

    fn near(one: &Matrix, other: &Matrix) -> bool {
        let pairs = one.as_flattened().iter().zip(other.as_flattened());
        pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-14)
    }

    #[test]
    fn eigenvalues_are_found_and_give_the_matrix_back() {
        // By hand: 2·I + a block of ones has eigenvalues 2, 2, 5.
        let (mut values, _) = eigen(&[[3.0, 1.0, 1.0], [1.0, 3.0, 1.0], [1.0, 1.0, 3.0]]);
        values.sort_by(f64::total_cmp);
        for (found, expected) in values.into_iter().zip([2.0, 2.0, 5.0]) {
            assert!((found - expected).abs() < 1e-14, "{values:?}");
        }
        for matrix in [SAMPLE, IDENTITY, [[0.0; 3]; 3], [[0.3; 3]; 3]] {
            assert!(near(&mapped(&matrix, |value| value), &matrix), "{matrix:?}");
        }
        let root = mapped(&SAMPLE, f64::sqrt);
        assert!(near(&product(&root, &root), &SAMPLE));
    }

    #[test]
    fn triangles_multiply_back() {
        let transposed = |a: &Matrix| -> Matrix { std::array::from_fn(|i| a.map(|row| row[i])) };
        let lower = cholesky(&SAMPLE);
        assert_eq!([lower[0][1], lower[0][2], lower[1][2]], [0.0; 3]);
        assert!(near(&product(&lower, &transposed(&lower)), &SAMPLE));
        assert!(near(&product(&lower, &inverse_of_lower(&lower)), &IDENTITY));
        // Of rank one, as a grey picture is.
        let grey = [[0.3; 3]; 3];
        let lower = cholesky(&grey);
        assert!(near(&product(&lower, &transposed(&lower)), &grey));
    }
}
