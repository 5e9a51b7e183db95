//! Two Gaussians whose covariances commute, so that all is known in closed form.

use super::super::comparison::{draw, widen};
use super::{OUTERMOST, WEIGHT};
use crate::kernels::wasserstein_loss::{REGULARISATION, attained};

/// Products in which the largest eigenvalue of A is rounded on its way to the root.
const PRODUCTS: f64 = 30.0;

/// What the inverse root is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The root.
    Exact,
    /// What as many turns of the iteration make of every eigenvalue in f64.
    Truncated,
}

/// Two Gaussians with the axes of Hadamard's matrix in common, whose distance and gradient are known in closed form for
/// any number of channels, and so is what rounding makes of them.
#[derive(Clone, Copy, Debug)]
pub struct SharedAxes {
    /// C, a power of two from four on.
    pub channels: usize,
    /// Along how many axes there are variances; the others have ε alone.
    pub rank: usize,
    /// They fall as the power of the axis' number with this exponent.
    pub decay: f64,
    /// What is compared with.
    pub root: Root,
}

/// Variances and means of both, and what follows.
pub(super) struct Axes {
    channels: usize,
    /// Variances of the features without ε.
    bare: Vec<f64>,
    /// Variances of the features and of the style.
    variances: [Vec<f64>; 2],
    means: [Vec<f64>; 2],
    root: Root,
}

impl SharedAxes {
    pub(super) fn axes(&self) -> Axes {
        let channels = self.channels;
        // Sizes as of networks on [0, 255].
        let variance = |axis: usize| match axis < self.rank {
            true => 1e6 / ((axis + 1) as f64).powf(self.decay),
            false => 0.0,
        };
        let bare: Vec<f64> = (0..channels).map(variance).collect();
        let other = |axis: usize| bare[axis] * [1.5, 0.5][axis % 2];
        let style: Vec<f64> = (0..channels).map(other).collect();
        let mean = style.iter().sum::<f64>() / channels as f64;
        let epsilon = mean * REGULARISATION / (1.0 - REGULARISATION);
        let with_epsilon = |of: &[f64]| of.iter().map(|variance| variance + epsilon).collect();
        let means = |seed| {
            widen(&draw(seed, channels))
                .iter()
                .map(|x| 100.0 * x)
                .collect()
        };
        Axes {
            channels,
            variances: [with_epsilon(&bare), with_epsilon(&style)],
            bare,
            means: [means(3), means(4)],
            root: self.root,
        }
    }
}

/// Entry of Hadamard's matrix.
fn sign(row: usize, column: usize) -> f64 {
    if (row & column).count_ones().is_multiple_of(2) {
        1.0
    } else {
        -1.0
    }
}

impl Axes {
    /// Eigenvalues of A, over ‖A‖, and ‖A‖.
    fn product(&self) -> (Vec<f64>, f64) {
        let [features, style] = &self.variances;
        let pairs = features.iter().zip(style);
        let product: Vec<f64> = pairs.map(|(a, b)| a * b).collect();
        let norm = product.iter().map(|a| a * a).sum::<f64>().sqrt();
        (product.iter().map(|a| a / norm).collect(), norm)
    }

    /// (λ/‖A‖)^-½ as the device finds it.
    fn truncated(eigenvalue: f64) -> f64 {
        let singular = eigenvalue.max(1e-20).sqrt();
        attained(singular) / singular
    }

    fn inverse_root(&self, eigenvalue: f64) -> f64 {
        match self.root {
            Root::Exact => eigenvalue.powf(-0.5),
            Root::Truncated => Self::truncated(eigenvalue),
        }
    }

    /// Eigenvalues of the map T = R·A^-½·R.
    fn map(&self) -> Vec<f64> {
        let (product, norm) = self.product();
        let each = product.iter().zip(&self.variances[1]);
        each.map(|(&a, style)| style * self.inverse_root(a) / norm.sqrt())
            .collect()
    }

    /// What the distance adds up from: squares of differences of means, and what each axis gives.
    fn parts(&self) -> [Vec<f64>; 2] {
        let [means, others] = &self.means;
        let squares = means.iter().zip(others).map(|(a, b)| (a - b) * (a - b));
        let (map, [features, style]) = (self.map(), &self.variances);
        // √a = T·Σ for what the device takes for the root.
        let of_axis = |c: usize| features[c] + style[c] - 2.0 * map[c] * features[c];
        [squares.collect(), (0..self.channels).map(of_axis).collect()]
    }

    pub(super) fn value(&self) -> f64 {
        let sum: f64 = self.parts().iter().flatten().sum();
        f64::from(WEIGHT) * sum / self.channels as f64
    }

    /// Columns of axes with these lengths, over twice as many positions as channels, and `means`.
    fn spread(&self, lengths: &[f64], means: &[f64]) -> Vec<f64> {
        let positions = 2 * self.channels;
        let mut spread = Vec::with_capacity(self.channels * positions);
        // Without random signs, patterns of axes and of positions would meet in some entries and cancel in others.
        let signs = draw(5, self.channels);
        for (row, mean) in means.iter().enumerate() {
            let mut values = vec![*mean; positions];
            for (axis, length) in lengths.iter().enumerate() {
                let factor = sign(row, axis) * length / (self.channels as f64).sqrt();
                let factor = factor * f64::from(signs[axis].signum());
                // Patterns that are orthogonal, also to the constant one.
                for (position, value) in values.iter_mut().enumerate() {
                    *value += factor * sign(axis + 1, position);
                }
            }
            spread.extend(values);
        }
        spread
    }

    pub(super) fn features(&self) -> Vec<f64> {
        let lengths: Vec<f64> = self.bare.iter().map(|variance| variance.sqrt()).collect();
        self.spread(&lengths, &self.means[0])
    }

    /// 2·w/(C·M) · ((I − T)·(F − μ) + μ − μ*).
    pub(super) fn gradient(&self) -> Vec<f64> {
        let share = 2.0 * f64::from(WEIGHT) / (2 * self.channels * self.channels) as f64;
        let pairs = self.map().into_iter().zip(&self.bare);
        let lengths: Vec<f64> = pairs
            .map(|(t, variance)| share * (1.0 - t) * variance.sqrt())
            .collect();
        let pairs = self.means[0].iter().zip(&self.means[1]);
        let means: Vec<f64> = pairs.map(|(a, b)| share * (a - b)).collect();
        self.spread(&lengths, &means)
    }

    /// √Σ* and μ*.
    pub(super) fn target(&self) -> Vec<f64> {
        let channels = self.channels;
        let mut target = vec![0.0; channels * channels];
        for (axis, variance) in self.variances[1].iter().enumerate() {
            let size = variance.sqrt() / channels as f64;
            for row in 0..channels {
                let factor = size * sign(row, axis);
                let entries = target[row * channels..][..channels].iter_mut();
                for (column, entry) in entries.enumerate() {
                    *entry += factor * sign(column, axis);
                }
            }
        }
        target.extend(&self.means[1]);
        target
    }

    /// How far each eigenvalue of T may be off, relatively, by what the turns leave of it, all in one direction (nothing
    /// if they are what is compared with), and by rounding, at random: what moves its eigenvalue of A, and what the
    /// largest inverse root leaves in the others.
    fn errors(&self) -> Vec<[f64; 2]> {
        let (product, _) = self.product();
        let largest = product
            .iter()
            .map(|&a| Self::truncated(a))
            .fold(0.0, f64::max);
        // An entry of a product is a sum of C/4 terms, which walks through √(C/8) roundings of 0.4·2⁻²⁴ each; entries that
        // are off at random by that make a matrix whose largest eigenvalue is 2/√C of it, over ‖A‖.
        let rounding = (PRODUCTS / 8.0).sqrt() * 0.8 / (1 << 24) as f64;
        let error = |&a: &f64| {
            let found = Self::truncated(a);
            let off = |by: f64| (Self::truncated(a + by) / found - 1.0).abs();
            let left = match self.root {
                Root::Exact => (attained(a.sqrt()) - 1.0).abs(),
                Root::Truncated => 0.0,
            };
            [
                left,
                off(rounding).max(off(-rounding)) + rounding * largest / found,
            ]
        };
        product.iter().map(error).collect()
    }

    /// The largest deviation of the value or of an entry of the gradient that these errors explain.
    pub(super) fn tolerance(&self) -> f64 {
        let (errors, map) = (self.errors(), self.map());
        let [squares, of_axes] = self.parts();
        let mean_squares: f64 = squares.iter().sum();
        let sum = |of: &dyn Fn(usize) -> f64| -> f64 { (0..self.channels).map(of).sum() };
        let off = sum(&|c| (map[c] * (errors[c][0] + errors[c][1])).powi(2) * self.bare[c]);
        let size = sum(&|c| (1.0 - map[c]).powi(2) * self.bare[c]) + mean_squares;
        let of_gradient = OUTERMOST * (off / size).sqrt();
        let root = |c: usize| 2.0 * map[c] * self.variances[0][c];
        let left = sum(&|c| root(c) * errors[c][0]);
        let rounded = OUTERMOST * sum(&|c| (root(c) * errors[c][1]).powi(2)).sqrt();
        let of_value = (left + rounded) / (mean_squares + of_axes.iter().sum::<f64>());
        of_gradient.max(of_value)
    }
}
