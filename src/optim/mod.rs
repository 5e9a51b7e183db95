//! Floor 3: optimisers that live on the device, next to the picture they change.

mod adam;
mod ascent;
mod average;
mod carry;
mod lbfgs;
mod state;

pub use crate::kernels::adam::AdamSettings;
pub use crate::kernels::average::Averaging;
pub use crate::kernels::lbfgs::LONGEST_HISTORY;
pub use adam::Adam;
pub use ascent::{Ascent, AscentSettings, Smoothing, jitter};
pub use lbfgs::{Lbfgs, LbfgsSettings};
pub use state::{OptimiserState, StateMismatch};

use serde::{Deserialize, Serialize};

use self::average::Average;
use crate::gpu::{Encoding, Gpu, GpuError};
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

/// An optimiser with its state, and the mean of the pictures that it steps through if that is wanted.
pub struct Optimiser {
    method: Method,
    average: Option<Average>,
}

enum Method {
    Adam(Adam),
    Lbfgs(Lbfgs),
}

impl OptimiserSettings {
    /// Stem of the shader that takes its steps.
    pub fn shader(&self) -> &'static str {
        match self {
            Self::Adam(_) => "adam",
            Self::Lbfgs(_) => "lbfgs",
        }
    }

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
        let method = match settings {
            OptimiserSettings::Adam(settings) => {
                Method::Adam(Adam::new(gpu, settings, values, x, gradient)?)
            }
            OptimiserSettings::Lbfgs(settings) => {
                Method::Lbfgs(Lbfgs::new(gpu, settings, values, x, gradient)?)
            }
        };
        Ok(Self {
            method,
            average: None,
        })
    }

    /// The same with the mean of the `values` f32 in `x`, from `first` on over every step.
    ///
    /// # Errors
    /// No room for the mean.
    pub fn averaging(
        self,
        gpu: &Gpu,
        averaging: Averaging,
        (values, x): (usize, &wgpu::Buffer),
        first: &[f32],
    ) -> Result<Self, GpuError> {
        let mut average = Average::new(gpu, averaging, values, x)?;
        average.begin(gpu, first);
        Ok(Self {
            average: Some(average),
            ..self
        })
    }

    /// What [`Optimiser::averaging`] would allocate for `values` f32.
    pub fn average_on_paper(values: usize) -> Vec<Allocation> {
        Average::on_paper(values)
    }

    /// The mean of the steps so far, if it is kept: planar RGB as long as the picture.
    pub fn average(&self) -> Option<&wgpu::Buffer> {
        self.average.as_ref().map(Average::mean)
    }

    /// Bytes of its state on the device.
    pub fn bytes(&self) -> u64 {
        let of_method = match &self.method {
            Method::Adam(adam) => adam.bytes(),
            Method::Lbfgs(lbfgs) => lbfgs.bytes(),
        };
        of_method + self.average().map_or(0, wgpu::Buffer::size)
    }

    /// Appends one step to `encoding`, which must be submitted before the next call.
    pub fn encode(&mut self, gpu: &Gpu, encoding: &mut Encoding<'_>) {
        match &mut self.method {
            Method::Adam(adam) => adam.encode(gpu, encoding),
            Method::Lbfgs(lbfgs) => lbfgs.encode(encoding),
        }
        if let Some(average) = &mut self.average {
            average.encode(gpu, encoding);
        }
    }
}
