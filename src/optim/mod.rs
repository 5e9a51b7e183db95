//! Floor 3: optimisers that live on the device, next to the picture they change.

mod adam;
mod lbfgs;
mod state;

pub use crate::kernels::adam::AdamSettings;
pub use crate::kernels::lbfgs::LONGEST_HISTORY;
pub use adam::Adam;
pub use lbfgs::{Lbfgs, LbfgsSettings};
pub use state::{OptimiserState, StateMismatch};

use serde::{Deserialize, Serialize};

use crate::gpu::{Gpu, GpuError};
use crate::graph::Allocation;

/// Which optimiser, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserSettings {
    /// Adam.
    Adam(AdamSettings),
    /// L-BFGS.
    Lbfgs(LbfgsSettings),
}

/// An optimiser with its state.
pub enum Optimiser {
    /// Adam.
    Adam(Adam),
    /// L-BFGS.
    Lbfgs(Lbfgs),
}

impl OptimiserSettings {
    /// What [`Optimiser::new`] would allocate for `values` f32.
    pub fn on_paper(self, values: usize) -> Vec<Allocation> {
        match self {
            Self::Adam(_) => Adam::on_paper(values),
            Self::Lbfgs(settings) => Lbfgs::on_paper(settings, values),
        }
    }
}

impl Optimiser {
    /// An optimiser of the `values` f32 in `x`, which descends along `gradient`.
    ///
    /// # Errors
    /// No room for its state.
    pub fn new(
        gpu: &Gpu,
        settings: OptimiserSettings,
        values: usize,
        x: &wgpu::Buffer,
        gradient: &wgpu::Buffer,
    ) -> Result<Self, GpuError> {
        Ok(match settings {
            OptimiserSettings::Adam(settings) => {
                Self::Adam(Adam::new(gpu, settings, values, x, gradient)?)
            }
            OptimiserSettings::Lbfgs(settings) => {
                Self::Lbfgs(Lbfgs::new(gpu, settings, values, x, gradient)?)
            }
        })
    }

    /// Bytes of its state on the device.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Adam(adam) => adam.bytes(),
            Self::Lbfgs(lbfgs) => lbfgs.bytes(),
        }
    }

    /// Appends one step to `pass`, which must be submitted before the next call.
    pub fn encode(&mut self, gpu: &Gpu, pass: &mut wgpu::ComputePass<'_>) {
        match self {
            Self::Adam(adam) => adam.encode(gpu, pass),
            Self::Lbfgs(lbfgs) => lbfgs.encode(pass),
        }
    }
}
