//! Adam and L-BFGS over a number of steps on a small objective, beside the same in f64, bad gradients included.

use super::Check;
use super::comparison::{draw, guard_is_intact, input_vector, root_mean_square, widen, worst};
use crate::gpu::{BufferView, Encoding, Gpu, GpuError};
use crate::optim::{AdamSettings, LbfgsSettings, Optimiser, OptimiserSettings};
use crate::reference;

/// The largest distance from the path in f64, relative to how far that has come. L-BFGS takes differences of nearly
/// equal gradients, so rounding grows along the way.
const TOLERANCE: f64 = 1e-3;

/// What happens to the gradient on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// One entry is NaN at `count` steps from step `first` on, counted from 0.
    NotFinite {
        /// The first bad step.
        first: usize,
        /// How many.
        count: usize,
    },
    /// At this step it is that of the step before, so that the pair has no curvature.
    NoCurvature(usize),
    /// At this step it is zero, so that no direction leads downhill.
    NoDescent(usize),
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The optimiser.
    pub settings: OptimiserSettings,
    /// What it has to cope with.
    pub trouble: Trouble,
    /// Entries of x.
    pub values: usize,
    /// Steps to take.
    pub steps: usize,
    /// Of the start and the objective.
    pub seed: u64,
}

impl Case {
    fn name(&self) -> String {
        let optimiser = match self.settings {
            OptimiserSettings::Adam(settings) if settings.clamp => "adam with clamp".to_string(),
            OptimiserSettings::Adam(_) => "adam".to_string(),
            OptimiserSettings::Lbfgs(settings) => {
                let clamp = if settings.clamp { ", clamped" } else { "" };
                format!("lbfgs with {} pairs{clamp}", settings.history)
            }
        };
        let trouble = match self.trouble {
            Trouble::None => String::new(),
            Trouble::NotFinite { first, count: 1 } => format!(", NaN at step {first}"),
            Trouble::NotFinite { first, count } => {
                format!(", NaN at steps {first} to {}", first + count - 1)
            }
            Trouble::NoCurvature(step) => format!(", no curvature at step {step}"),
            Trouble::NoDescent(step) => format!(", no descent at step {step}"),
        };
        let (values, steps) = (self.values, self.steps);
        format!("{optimiser} over {steps} steps on {values} values{trouble}")
    }
}

/// The gradient of f(x) = Σ kᵢ (1 − cos(xᵢ − tᵢ)) + ½ Σ (xᵢ₊₁ − xᵢ)², and the troubles.
struct Objective {
    stiffness: Vec<f64>,
    target: Vec<f64>,
    trouble: Trouble,
    last: Vec<f64>,
}

impl Objective {
    fn new(case: &Case) -> Self {
        let drawn = draw(case.seed + 1, case.values);
        Self {
            stiffness: drawn.iter().map(|k| 10f64.powf(f64::from(*k))).collect(),
            target: widen(&draw(case.seed + 2, case.values)),
            trouble: case.trouble,
            last: Vec::new(),
        }
    }

    fn gradient(&mut self, step: usize, x: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = (0..x.len())
            .map(|i| self.stiffness[i] * (x[i] - self.target[i]).sin())
            .collect();
        for i in 1..x.len() {
            gradient[i] += x[i] - x[i - 1];
            gradient[i - 1] -= x[i] - x[i - 1];
        }
        match self.trouble {
            Trouble::NotFinite { first, count } if (first..first + count).contains(&step) => {
                gradient[x.len() / 2] = f64::NAN;
            }
            Trouble::NoCurvature(at) if at == step && step > 0 => gradient.clone_from(&self.last),
            Trouble::NoDescent(at) if at == step => gradient.fill(0.0),
            _ => {}
        }
        self.last.clone_from(&gradient);
        gradient
    }
}

/// x before the first step and after each, on the device.
///
/// `gradient` gets the number of the step, from 0, and x, and returns as many numbers.
///
/// # Errors
/// What the device refuses.
pub async fn trajectory(
    gpu: &Gpu,
    settings: OptimiserSettings,
    start: &[f32],
    steps: usize,
    mut gradient: impl FnMut(usize, &[f64]) -> Vec<f64>,
) -> Result<Vec<Vec<f32>>, GpuError> {
    let x = input_vector(gpu, start)?;
    let g = input_vector(gpu, &vec![0.0; start.len()])?;
    let mut optimiser = Optimiser::new(gpu, settings, start.len(), &x, &g)?;
    let mut points = vec![start.to_vec()];
    for step in 0..steps {
        let narrow: Vec<f32> = gradient(step, &widen(&points[step]))
            .iter()
            .map(|&value| value as f32)
            .collect();
        gpu.write(&g, &narrow);
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        optimiser.encode(gpu, &mut Encoding::new(&mut encoder));
        gpu.submit(encoder.finish());
        let mut found = gpu.read(&BufferView::whole(&x)).await?;
        let intact = guard_is_intact(&found);
        found.truncate(start.len());
        if !intact {
            // No path: whatever looks at it finds NaN.
            found.fill(f32::NAN);
        }
        points.push(found);
    }
    gpu.check()?;
    Ok(points)
}

/// x before the first step and after each, in f64.
fn reference_trajectory(case: &Case, start: &[f32]) -> Vec<Vec<f64>> {
    let mut objective = Objective::new(case);
    let mut optimiser = ReferenceOptimiser::new(case);
    let mut x = widen(start);
    let mut points = vec![x.clone()];
    for step in 0..case.steps {
        let gradient = objective.gradient(step, &x);
        optimiser.step(&mut x, &gradient);
        points.push(x.clone());
    }
    points
}

enum ReferenceOptimiser {
    Adam(reference::adam::Adam),
    Lbfgs(reference::lbfgs::Lbfgs),
}

impl ReferenceOptimiser {
    fn new(case: &Case) -> Self {
        match case.settings {
            OptimiserSettings::Adam(settings) => {
                let settings = reference::adam::Settings {
                    learning_rate: f64::from(settings.learning_rate),
                    beta1: f64::from(settings.beta1),
                    beta2: f64::from(settings.beta2),
                    epsilon: f64::from(settings.epsilon),
                    clamp: settings.clamp,
                };
                Self::Adam(reference::adam::Adam::new(case.values, settings))
            }
            OptimiserSettings::Lbfgs(settings) => {
                let rate = f64::from(settings.learning_rate);
                let lbfgs = reference::lbfgs::Lbfgs::new(rate, settings.history);
                let lbfgs = match settings.longest {
                    0.0 => lbfgs,
                    longest => lbfgs.with_longest(f64::from(longest)),
                };
                Self::Lbfgs(if settings.clamp {
                    lbfgs.clamped()
                } else {
                    lbfgs
                })
            }
        }
    }

    fn step(&mut self, x: &mut [f64], gradient: &[f64]) {
        match self {
            Self::Adam(adam) => adam.step(x, gradient),
            Self::Lbfgs(lbfgs) => {
                lbfgs.step(x, gradient);
            }
        }
    }
}

/// Runs one case.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let start: Vec<f32> = draw(case.seed, case.values)
        .iter()
        .map(|x| x.abs())
        .collect();
    let expected = reference_trajectory(case, &start);
    let mut objective = Objective::new(case);
    let gradient = |step: usize, x: &[f64]| objective.gradient(step, x);
    let found = trajectory(gpu, case.settings, &start, case.steps, gradient).await?;
    let start = widen(&start);
    let pairs = found.iter().zip(&expected);
    Ok(Check {
        name: case.name(),
        deviation: worst(pairs.map(|(found, expected)| distance(found, expected, &start))),
        tolerance: TOLERANCE,
        fault: None,
    })
}

/// How far `found` is from `expected`, beyond the rounding of x to f32, relative to the way from `start`.
fn distance(found: &[f32], expected: &[f64], start: &[f64]) -> f64 {
    let off = root_mean_square(&differences(&widen(found), expected));
    let way = root_mean_square(&differences(expected, start));
    let rounding = f64::from(f32::EPSILON) * root_mean_square(expected);
    if off == 0.0 {
        0.0
    } else if way == 0.0 {
        // Where x shall stay, it shall stay to the bit.
        f64::INFINITY
    } else if off <= rounding {
        0.0
    } else {
        (off - rounding) / way
    }
}

fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Adam with the settings of the paper and a step of 0.03.
pub fn adam(clamp: bool) -> OptimiserSettings {
    OptimiserSettings::Adam(AdamSettings {
        learning_rate: 0.03,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        clamp,
    })
}

/// L-BFGS with a history of so many pairs.
pub fn lbfgs(history: usize) -> OptimiserSettings {
    OptimiserSettings::Lbfgs(LbfgsSettings {
        history,
        ..LbfgsSettings::default()
    })
}

/// L-BFGS on pictures in \[0, 1\], with short steps.
pub fn clamped_lbfgs(history: usize) -> OptimiserSettings {
    OptimiserSettings::Lbfgs(LbfgsSettings {
        history,
        clamp: true,
        longest: 0.05,
        ..LbfgsSettings::default()
    })
}

/// Both optimisers, with and without trouble.
pub fn selection() -> Vec<Case> {
    let case = |settings, trouble| Case {
        settings,
        trouble,
        values: 1003,
        steps: 10,
        seed: 11,
    };
    vec![
        case(adam(true), Trouble::None),
        case(adam(false), Trouble::NotFinite { first: 5, count: 1 }),
        case(lbfgs(6), Trouble::None),
        case(clamped_lbfgs(6), Trouble::None),
        case(lbfgs(20), Trouble::NotFinite { first: 3, count: 1 }),
        case(lbfgs(20), Trouble::NoCurvature(4)),
        case(lbfgs(20), Trouble::NoDescent(4)),
    ]
}
