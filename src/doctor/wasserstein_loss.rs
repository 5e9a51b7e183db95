//! The loss on moments, and its gradient down to the features. There, not entry by entry of the matrix, since the roots
//! that the iteration leaves too small belong to directions in which features hardly vary.

use super::Check;
use super::comparison::{Output, compare, draw, input_map, input_vector, root_mean_square, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::gram::{Share, Tiling};
use crate::kernels::sum::TotalSlot;
use crate::kernels::wasserstein_loss::{self, Distance, REGULARISATION, Workspace, attained};
use crate::kernels::{Merge, moments};
use crate::reference;
use crate::shape::Shape;

/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;

/// What the turns leave of 1 where they resolve an eigenvalue, see [`attained`].
const UNRESOLVED: f64 = 5e-4;

/// Products in which the largest eigenvalue of A is rounded on its way to the root.
const PRODUCTS: f64 = 30.0;

/// Root mean squares from the mean that the largest of a million deviations may lie away.
const OUTERMOST: f64 = 5.0;

/// What goes in, and what shall come out.
struct Case {
    shape: Shape,
    features: Vec<f32>,
    /// Root of the style's covariance, and means.
    target: Vec<f32>,
    value: f64,
    gradient: Vec<f64>,
    /// Add the gradient at the moments a second time.
    twice: bool,
    tolerance: f64,
}

/// Random features, whose covariance and that of the style have nothing in common.
#[derive(Clone, Copy, Debug)]
pub struct DrawnCase {
    /// C, a multiple of four.
    pub channels: usize,
    /// M of the features and of those of the style.
    pub positions: usize,
    /// Variances fall as the power of the channel's number with this exponent.
    pub decay: f64,
    /// Whether the gradient at the moments joins another; masks are those of maps.
    pub accumulate: bool,
}

impl DrawnCase {
    fn shape(&self) -> Shape {
        Shape::new(self.channels, 1, self.positions)
    }

    /// Features whose means are about as large as their deviations, and whose channels lean on their neighbours. Sizes
    /// as of networks on [0, 255].
    fn draw(&self, seed: u64) -> Vec<f32> {
        let mut features = draw(seed, self.shape().len());
        for at in 0..features.len() {
            let channel = at / self.positions;
            let size = 1000.0 / ((channel + 1) as f64).powf(0.5 * self.decay);
            let neighbour = at
                .checked_sub(self.positions)
                .map_or(0.0, |at| features[at]);
            features[at] = size as f32 * (0.8 + features[at]) + 0.4 * neighbour;
        }
        features
    }
}

/// Against the f64 reference, which finds eigenvalues one by one.
///
/// # Errors
/// What the device refuses.
pub async fn drawn(gpu: &Gpu, case: &DrawnCase) -> Result<Check, GpuError> {
    let (channels, shape, weight) = (case.channels, case.shape(), f64::from(WEIGHT));
    let features = case.draw(1);
    let style = reference::moments::forward(&widen(&case.draw(2)), shape);
    let target = narrow(&reference::wasserstein_loss::target(&style, channels));
    let of_features = reference::moments::forward(&widen(&features), shape);
    let wide = widen(&target);
    let value = reference::wasserstein_loss::value(&of_features, &wide, channels, weight);
    let mut gm = reference::wasserstein_loss::gradient(&of_features, &wide, channels, weight);
    // Once more what the device will have added to it: nothing, or itself.
    let times = if case.accumulate { 2.0 } else { 1.0 };
    gm.iter_mut().for_each(|entry| *entry *= times);
    let gradient = reference::moments::gradient(&gm, &widen(&features), shape);
    let tolerance = tolerance(&of_features, &wide, value, &gradient, case);
    let name = format!("drawn, decay {}", case.decay);
    let case = Case {
        shape,
        features,
        target,
        value,
        gradient,
        twice: case.accumulate,
        tolerance,
    };
    check(gpu, name, &case).await
}

/// The largest deviation of the value or of an entry of the gradient that the turns explain where they resolve all
/// eigenvalues: [`UNRESOLVED`] of the map T to the style. tr(T·Σ) = tr √A is at most the mean of both traces, and
/// T·(F − μ) has the covariance of the style.
fn tolerance(
    of_features: &[f64],
    target: &[f64],
    value: f64,
    gradient: &[f64],
    case: &DrawnCase,
) -> f64 {
    let channels = case.channels;
    let (root, means) = (
        &target[..channels * channels],
        &of_features[channels * channels..],
    );
    let of_style: f64 = root.iter().map(|entry| entry * entry).sum();
    let centred = |c: usize| of_features[c * (channels + 1)] - means[c] * means[c];
    let of_features = (0..channels).map(centred).sum::<f64>() + REGULARISATION * of_style;
    let share = f64::from(WEIGHT) / channels as f64;
    let of_value = share * UNRESOLVED * (of_features + of_style) / value;
    let times = if case.accumulate { 2.0 } else { 1.0 };
    let entry = times * 2.0 * share / case.positions as f64 * (of_style / channels as f64).sqrt();
    let of_gradient = OUTERMOST * UNRESOLVED * entry / root_mean_square(gradient);
    of_value.max(of_gradient)
}

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
struct Axes {
    channels: usize,
    /// Variances of the features without ε.
    bare: Vec<f64>,
    /// Variances of the features and of the style.
    variances: [Vec<f64>; 2],
    means: [Vec<f64>; 2],
    root: Root,
}

impl SharedAxes {
    fn axes(&self) -> Axes {
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

    fn value(&self) -> f64 {
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

    fn features(&self) -> Vec<f64> {
        let lengths: Vec<f64> = self.bare.iter().map(|variance| variance.sqrt()).collect();
        self.spread(&lengths, &self.means[0])
    }

    /// 2·w/(C·M) · ((I − T)·(F − μ) + μ − μ*).
    fn gradient(&self) -> Vec<f64> {
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
    fn target(&self) -> Vec<f64> {
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
    fn tolerance(&self) -> f64 {
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

/// Against the closed form, within what follows from the spectrum before anything is run.
///
/// # Errors
/// What the device refuses.
pub async fn on_shared_axes(gpu: &Gpu, case: &SharedAxes) -> Result<Check, GpuError> {
    let axes = case.axes();
    let SharedAxes {
        rank, decay, root, ..
    } = case;
    let name = format!("on shared axes, rank {rank}, decay {decay}, {root:?}");
    let case = Case {
        shape: Shape::new(case.channels, 1, 2 * case.channels),
        features: narrow(&axes.features()),
        target: narrow(&axes.target()),
        value: axes.value(),
        gradient: axes.gradient(),
        twice: false,
        tolerance: axes.tolerance(),
    };
    check(gpu, name, &case).await
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

async fn check(gpu: &Gpu, name: String, case: &Case) -> Result<Check, GpuError> {
    let (shape, channels) = (case.shape, case.shape.channels);
    let (total, gf) = (
        Output::total(gpu, case.value)?,
        Output::map(gpu, shape, None, &case.gradient)?,
    );
    let moments_bytes = moments::bytes(channels);
    let mut sizes = wasserstein_loss::workspace_bytes(channels).to_vec();
    sizes.extend([moments_bytes; 3]);
    sizes.push(moments::workspace_bytes(shape));
    let mut scratch = Vec::new();
    for bytes in sizes {
        scratch.push(Output::scratch(gpu, bytes as usize / 4)?);
    }
    let f = input_map(gpu, shape, &case.features)?;
    let target = input_vector(gpu, &case.target)?;
    let outputs: Vec<&Output> = [&total, &gf].into_iter().chain(&scratch).collect();
    let check = compare(
        gpu,
        String::new(),
        case.tolerance,
        None,
        &outputs,
        |recorder| {
            let buffers: Vec<&wgpu::Buffer> = scratch.iter().map(|output| &output.buffer).collect();
            let [buffers @ .., m, gm, partials] = &buffers[..] else {
                return Ok(());
            };
            let (tiling, share) = (Tiling::choose(gpu), Share::whole(shape));
            moments::forward(recorder, tiling, (&f, None), partials, m, share)?;
            let distance = Distance {
                weight: WEIGHT,
                channels,
                moments: m,
                target: &target,
            };
            let slot = TotalSlot {
                totals: total.buffer.clone(),
                slot: 1,
                accumulate: false,
            };
            if let (Some(workspace), Some(outcome)) = (Workspace::new(buffers), buffers.last()) {
                wasserstein_loss::value(recorder, gpu, distance, &workspace, &slot, true)?;
                for accumulate in [false, true].into_iter().take(1 + usize::from(case.twice)) {
                    let merge = Merge {
                        accumulate,
                        mask: false,
                    };
                    wasserstein_loss::gradient(recorder, channels, [outcome, gm], merge);
                }
            }
            let gf = gf.as_map(shape);
            let positions = shape.pixels();
            moments::gradient(
                recorder,
                gpu,
                gm,
                (&f, None),
                &gf,
                positions,
                Merge::default(),
            )
        },
    )
    .await?;
    // The first kernel recorded is that of the moments, which have checks of their own.
    Ok(Check {
        name: format!("wasserstein_loss of {shape}, {name}"),
        ..check
    })
}
