//! The loss on moments, and its gradient down to the features. There, not entry by entry of the matrix, since the roots
//! that the iteration leaves too small belong to directions in which features hardly vary.

mod shared_axes;

use super::Check;
use super::comparison::{Output, compare, draw, input_map, input_vector, root_mean_square, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::gram::{Share, Tiling};
use crate::kernels::sum::TotalSlot;
use crate::kernels::wasserstein_loss::{self, Distance, REGULARISATION, Workspace};
use crate::kernels::{Merge, moments};
use crate::reference;
use crate::shape::Shape;

pub use shared_axes::{Root, SharedAxes};

/// w, an f32 to the bit.
const WEIGHT: f32 = 2.5;

/// What the turns leave of 1 where they resolve an eigenvalue, see [`wasserstein_loss::attained`].
const UNRESOLVED: f64 = 5e-4;

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
