//! Adam (Kingma & Ba, arXiv 1412.6980, Algorithm 1).

/// Step size and decay rates, in the paper's notation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// α, the largest change of an entry in one early step, in units of x.
    pub learning_rate: f64,
    /// β₁, how much of the first moment stays, in [0, 1).
    pub beta1: f64,
    /// β₂, how much of the second moment stays, in [0, 1).
    pub beta2: f64,
    /// ε, keeps the division finite, in units of the gradient.
    pub epsilon: f64,
    /// Whether x is brought back into [0, 1] after each step. The moments do not learn of it.
    pub clamp: bool,
}

impl Settings {
    /// The paper's defaults, β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, without clamping.
    pub fn with_learning_rate(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clamp: false,
        }
    }
}

/// The moving averages, and how many steps they have seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    settings: Settings,
    steps: i32,
    first_moment: Vec<f64>,
    second_moment: Vec<f64>,
}

impl Adam {
    /// Starts with moments of zero for a picture of `length` entries.
    pub fn new(length: usize, settings: Settings) -> Self {
        Self {
            settings,
            steps: 0,
            first_moment: vec![0.0; length],
            second_moment: vec![0.0; length],
        }
    }

    /// One step downhill, for each entry of x and its gradient g:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
    /// m̂ = m / (1 − β₁ᵗ)            v̂ = v / (1 − β₂ᵗ)
    /// x ← x − α m̂ / (√v̂ + ε)
    /// ```
    ///
    /// Dividing by 1 − βᵗ corrects the pull towards the zeros that the moments began with. An entry whose
    /// gradient is not finite keeps its place and its moments: one bad pixel must not spread.
    pub fn step(&mut self, x: &mut [f64], gradient: &[f64]) {
        debug_assert_eq!(x.len(), self.first_moment.len());
        debug_assert_eq!(gradient.len(), self.first_moment.len());
        let Settings {
            learning_rate,
            beta1,
            beta2,
            epsilon,
            clamp,
        } = self.settings;
        self.steps = self.steps.saturating_add(1);
        let correction1 = 1.0 - beta1.powi(self.steps);
        let correction2 = 1.0 - beta2.powi(self.steps);
        let finite = |(_, g): &(usize, &f64)| g.is_finite();
        for (i, &g) in gradient.iter().enumerate().filter(finite) {
            let m = &mut self.first_moment[i];
            let v = &mut self.second_moment[i];
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            x[i] -= learning_rate * (*m / correction1) / ((*v / correction2).sqrt() + epsilon);
            if clamp {
                x[i] = x[i].clamp(0.0, 1.0);
            }
        }
    }
}
