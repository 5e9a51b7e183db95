//! What an optimiser remembers, as numbers on the host: enough to go on in another process as if
//! nothing had happened.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Method, Optimiser, OptimiserSettings};
use crate::gpu::{BufferView, Gpu, GpuError, Staging};

/// An optimiser's memory after a step. Put into another optimiser of the same settings it leads to the
/// same next step, bit for bit on the same adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimiserState {
    /// Which optimiser, and how.
    pub settings: OptimiserSettings,
    /// Steps that it has made.
    pub step: usize,
    /// Its buffers by name, such as `adam.first_moment`.
    pub vectors: BTreeMap<String, Vec<f32>>,
}

/// A state that does not belong to the optimiser it was offered to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateMismatch {
    /// Another optimiser, or the same with other settings.
    #[error("it belongs to another optimiser or to other settings of it")]
    Settings,
    /// A vector is not there.
    #[error("it lacks `{name}`")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A vector is there that no optimiser of these settings has after so many steps.
    #[error("it has `{name}`, which the optimiser does not know")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A vector is of another length: another size of picture.
    #[error("`{name}` has {found} values instead of {expected}")]
    Length {
        /// Its name.
        name: String,
        /// Its length.
        found: usize,
        /// The length of the optimiser's own.
        expected: usize,
    },
}

/// What the mean is called among the vectors.
const AVERAGE: &str = "average.picture";

impl OptimiserState {
    /// The mean of the pictures that led here, if it was kept; planar RGB, filled up to whole vec4s.
    pub fn average(&self) -> Option<&[f32]> {
        self.vectors.get(AVERAGE).map(Vec::as_slice)
    }

    /// Puts `picture` in the place of that mean, or adds it.
    pub fn set_average(&mut self, picture: &[f32]) {
        let mut mean = picture.to_vec();
        mean.resize(mean.len().next_multiple_of(4), 0.0);
        self.vectors.insert(AVERAGE.to_string(), mean);
    }
}

impl Optimiser {
    fn settings(&self) -> OptimiserSettings {
        match &self.method {
            Method::Adam(adam) => OptimiserSettings::Adam(adam.settings()),
            Method::Lbfgs(lbfgs) => OptimiserSettings::Lbfgs(lbfgs.settings()),
        }
    }

    fn step(&self) -> usize {
        match &self.method {
            Method::Adam(adam) => adam.step(),
            Method::Lbfgs(lbfgs) => lbfgs.step(),
        }
    }

    fn set_step(&mut self, step: usize) {
        match &mut self.method {
            Method::Adam(adam) => adam.set_step(step),
            Method::Lbfgs(lbfgs) => lbfgs.set_step(step),
        }
    }

    /// The buffers that matter after the steps made so far.
    fn vectors(&self) -> Vec<(String, &wgpu::Buffer)> {
        let mut vectors = match &self.method {
            Method::Adam(adam) => adam.vectors(),
            Method::Lbfgs(lbfgs) => lbfgs.vectors(),
        };
        vectors.extend(self.average().map(|mean| (AVERAGE.to_string(), mean)));
        vectors
    }

    /// Bytes of staging that [`Optimiser::save`] reads through.
    pub fn staging_bytes(&self) -> u64 {
        match &self.method {
            Method::Adam(adam) => adam.longest_vector(),
            Method::Lbfgs(lbfgs) => lbfgs.longest_vector(),
        }
    }

    /// The pictures that the mean has seen after its first, where [`Optimiser::restore`] took it over.
    pub fn set_averaged(&mut self, pictures: usize) {
        if let Some(average) = &mut self.average {
            average.set_updates(pictures);
        }
    }

    /// Reads its memory back, one vector after the other through `staging`.
    ///
    /// # Errors
    /// Device lost.
    pub async fn save(&self, gpu: &Gpu, staging: &Staging) -> Result<OptimiserState, GpuError> {
        let mut vectors = BTreeMap::new();
        for (name, buffer) in self.vectors() {
            let whole = BufferView::whole(buffer);
            let values = gpu.read_through(staging, &whole).await?;
            vectors.insert(name, values);
        }
        Ok(OptimiserState {
            settings: self.settings(),
            step: self.step(),
            vectors,
        })
    }

    /// Takes over what [`Optimiser::save`] returned. On a mismatch it must not be used any more.
    ///
    /// # Errors
    /// [`StateMismatch`] if the state is not of this optimiser, its settings and its picture's size.
    pub fn restore(&mut self, gpu: &Gpu, state: &OptimiserState) -> Result<(), StateMismatch> {
        if state.settings != self.settings() {
            return Err(StateMismatch::Settings);
        }
        self.set_step(state.step);
        let vectors = self.vectors();
        for (name, buffer) in &vectors {
            let Some(values) = state.vectors.get(name) else {
                return Err(StateMismatch::Missing { name: name.clone() });
            };
            let expected = buffer.size() as usize / size_of::<f32>();
            if values.len() != expected {
                return Err(StateMismatch::Length {
                    name: name.clone(),
                    found: values.len(),
                    expected,
                });
            }
            gpu.write(buffer, values);
        }
        let known = |name: &String| vectors.iter().any(|(vector, _)| vector == name);
        match state.vectors.keys().find(|name| !known(name)) {
            Some(name) => Err(StateMismatch::Unknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}
