//! L-BFGS with a fixed step length (Nocedal & Wright, *Numerical Optimization*, 2nd edition, Algorithms 7.4 and 7.5).
//!
//! The iteration is that of `torch.optim.LBFGS` without line search, common in style transfer. At the point
//! x with gradient g, after a step from the *last point* x⁻ with gradient g⁻:
//!
//! 1. **Pair.** s = x − x⁻, y = g − g⁻. If sᵀy > 10⁻¹⁰, the pair joins the history; when that is full, the oldest leaves.
//! 2. **Direction.** d = −H·g by the two-loop recursion, with H₀ = (sᵀy / yᵀy)·I of the newest pair.
//! 3. **Step.** x ← x + t·d with t = learning rate. With no pair in the history, as at the start, d = −g with
//!    the *first-step length* t = learning rate · min(1, 1/‖g‖₁).
//!
//! Nobody is there to restart a run that went wrong, so these rules mend it. Each looks at nothing but a sum over the
//! entries (a reduction), and the GPU version follows them but for the place of a dropped pair (see below):
//!
//! - **A pair is dropped** if sᵀy is not above 10⁻¹⁰, or sᵀy or yᵀy is not finite. The pairs before it stay. In exact
//!   arithmetic sᵀy > 0 keeps H positive definite.
//! - **A direction is dropped** if gᵀd is not finite or not negative, that is, unless it leads downhill. (A finite sum
//!   proves every entry of d finite.) The history is cleared, and the step is the one without history (rule 3).
//! - **A point is dropped** if ‖g‖₁ is not finite. The history is cleared, and x ← x⁻ − t·g⁻ with 10⁻ᵏ of the first-step
//!   length of g⁻, where k counts the points dropped in a row. The last point remains x⁻, and the next finite
//!   gradient makes a pair with it. If there is no last point yet, x stays as it is.
//!
//! Two differences from PyTorch are always there, neither visible in an ordinary run. If the history is empty because the first pair was
//! dropped, PyTorch steps the full learning rate along −g; the short step of rule 3 cannot throw the picture away. And
//! PyTorch takes s = t·d; here s is what x really moved by, also after rounding or clamping. Two more are asked for: values that stay between
//! black and white ([`Lbfgs::clamped`]), and a longest step ([`Lbfgs::with_longest`]).
//!
//! One difference on the GPU (`shaders/lbfgs.wgsl`): a pair is written into the ring before its products are known, over the
//! oldest if the ring is full. If it is dropped, its slot counts for nothing (ρ = 0) until the ring comes round to it, so
//! that one pair is lost, where here a full history stays as it is.

use std::collections::VecDeque;

/// Pairs with sᵀy at or below this carry no usable curvature.
const SMALLEST_CURVATURE: f64 = 1e-10;

/// By how much the step shrinks with each point dropped in a row.
const RETREAT: f64 = 0.1;

/// What [`Lbfgs::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A step along the direction of the two-loop recursion.
    QuasiNewton,
    /// A step along −g: there was no history.
    SteepestDescent,
    /// A step along −g: the direction did not lead downhill, and the history was cleared.
    DroppedDirection,
    /// The gradient was not finite: back to the last point, and a shorter step from there.
    DroppedPoint,
    /// The gradient was not finite and there is no last point: x was left alone.
    Nowhere,
}

/// One accepted step and the change of the gradient along it.
#[derive(Clone, Debug)]
struct Pair {
    /// s = x − x⁻
    displacement: Vec<f64>,
    /// y = g − g⁻
    gradient_change: Vec<f64>,
    /// sᵀy; its inverse is the book's ρ.
    curvature: f64,
    /// γ = sᵀy / yᵀy, the scale of H₀ (eq. 7.20).
    scale: f64,
}

/// The last point whose gradient was finite.
#[derive(Clone, Debug)]
struct Point {
    x: Vec<f64>,
    gradient: Vec<f64>,
}

/// The optimiser with its history.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    learning_rate: f64,
    capacity: usize,
    clamp: bool,
    longest: f64,
    history: VecDeque<Pair>,
    last: Option<Point>,
    dropped_points: i32,
}

impl Lbfgs {
    /// An empty history of at most `capacity` pairs; `learning_rate` is the step length t, 1 being Newton's.
    pub fn new(learning_rate: f64, capacity: usize) -> Self {
        Self {
            learning_rate,
            capacity,
            clamp: false,
            longest: f64::INFINITY,
            history: VecDeque::new(),
            last: None,
            dropped_points: 0,
        }
    }

    /// The same where x stays in \[0, 1\] after every step.
    pub fn clamped(self) -> Self {
        Self {
            clamp: true,
            ..self
        }
    }

    /// The same where a step along a direction of the recursion is at most `longest` in root mean square.
    pub fn with_longest(self, longest: f64) -> Self {
        Self { longest, ..self }
    }

    /// How many pairs the history holds.
    pub fn pairs(&self) -> usize {
        self.history.len()
    }

    /// Moves `x` by one step, given the `gradient` of the objective at `x` (same length), and says which step it was.
    pub fn step(&mut self, x: &mut [f64], gradient: &[f64]) -> Step {
        let step = self.step_anywhere(x, gradient);
        if self.clamp && step != Step::Nowhere {
            x.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
        }
        step
    }

    fn step_anywhere(&mut self, x: &mut [f64], gradient: &[f64]) -> Step {
        debug_assert_eq!(x.len(), gradient.len());
        if !norm1(gradient).is_finite() {
            return self.drop_point(x);
        }
        self.dropped_points = 0;
        self.remember_pair(x, gradient);
        self.last = Some(Point {
            x: x.to_vec(),
            gradient: gradient.to_vec(),
        });

        if self.history.is_empty() {
            advance(x, -self.first_step_length(gradient), gradient);
            return Step::SteepestDescent;
        }
        let direction = two_loop_recursion(&self.history, gradient);
        let slope = dot(gradient, &direction);
        if slope.is_finite() && slope < 0.0 {
            let mean_square = dot(&direction, &direction) / direction.len() as f64;
            let length = self.learning_rate.min(self.longest / mean_square.sqrt());
            advance(x, length, &direction);
            Step::QuasiNewton
        } else {
            self.history.clear();
            advance(x, -self.first_step_length(gradient), gradient);
            Step::DroppedDirection
        }
    }

    /// Back to the last point and a shorter step along its gradient, downhill.
    fn drop_point(&mut self, x: &mut [f64]) -> Step {
        self.history.clear();
        let Some(last) = &self.last else {
            return Step::Nowhere;
        };
        self.dropped_points = self.dropped_points.saturating_add(1);
        let length = RETREAT.powi(self.dropped_points) * self.first_step_length(&last.gradient);
        x.copy_from_slice(&last.x);
        advance(x, -length, &last.gradient);
        Step::DroppedPoint
    }

    /// Appends the pair that leads from the last point to this one, if it is usable.
    fn remember_pair(&mut self, x: &[f64], gradient: &[f64]) {
        let Some(last) = &self.last else {
            return;
        };
        let displacement = difference(x, &last.x);
        let gradient_change = difference(gradient, &last.gradient);
        let curvature = dot(&displacement, &gradient_change);
        let square = dot(&gradient_change, &gradient_change);
        if curvature.is_finite() && square.is_finite() && curvature > SMALLEST_CURVATURE {
            self.history.push_back(Pair {
                displacement,
                gradient_change,
                curvature,
                scale: curvature / square,
            });
            if self.history.len() > self.capacity {
                self.history.pop_front();
            }
        }
    }

    /// learning rate · min(1, 1/‖g‖₁): the entries of the first step add up to at most the learning rate.
    fn first_step_length(&self, gradient: &[f64]) -> f64 {
        // The same number as min(1, 1/‖g‖₁), without a division by zero at a stationary point.
        self.learning_rate / norm1(gradient).max(1.0)
    }
}

/// −H·g for the inverse Hessian H that `history` describes, newest pair last (Algorithm 7.4).
///
/// From the newest pair to the oldest, then back: H = Vᵀ H V + ρ s sᵀ with V = I − ρ y sᵀ (eq. 7.16) is never formed.
fn two_loop_recursion(history: &VecDeque<Pair>, gradient: &[f64]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(history.len());
    for pair in history.iter().rev() {
        let alpha = dot(&pair.displacement, &q) / pair.curvature;
        advance(&mut q, -alpha, &pair.gradient_change);
        alphas.push(alpha);
    }
    let scale = history.back().map_or(1.0, |newest| newest.scale);
    let mut r: Vec<f64> = q.iter().map(|q| scale * q).collect();
    for (pair, alpha) in history.iter().zip(alphas.iter().rev()) {
        let beta = dot(&pair.gradient_change, &r) / pair.curvature;
        advance(&mut r, alpha - beta, &pair.displacement);
    }
    r
}

/// x ← x + length · direction
fn advance(x: &mut [f64], length: f64, direction: &[f64]) {
    for (x, d) in x.iter_mut().zip(direction) {
        *x += length * d;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn norm1(a: &[f64]) -> f64 {
    a.iter().map(|a| a.abs()).sum()
}
