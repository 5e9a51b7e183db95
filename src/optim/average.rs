//! The mean of the pictures that an optimiser steps through, late ones counting most: the noise of its steps
//! cancels in it.

use crate::gpu::{Encoding, Gpu, GpuError, Recorder, Recording, UNIFORM_SLOT};
use crate::graph::{Allocation, Purpose};
use crate::kernels::average::{self, AverageBuffers, Averaging};

/// The mean on the device.
pub(super) struct Average {
    averaging: Averaging,
    recording: Recording,
    rate: wgpu::Buffer,
    mean: wgpu::Buffer,
    updates: u32,
}

impl Average {
    /// A mean of the `values` f32 that `x` holds step after step.
    ///
    /// # Errors
    /// No room for it.
    pub fn new(
        gpu: &Gpu,
        averaging: Averaging,
        values: usize,
        x: &wgpu::Buffer,
    ) -> Result<Self, GpuError> {
        let rate = gpu.storage("average rate", 4)?;
        let mean = gpu.storage("average picture", x.size())?;
        let mut recorder = Recorder::new(gpu);
        recorder.set_label("average");
        let buffers = AverageBuffers {
            rate: &rate,
            x,
            mean: &mean,
        };
        average::main(&mut recorder, values, buffers);
        Ok(Self {
            averaging,
            recording: recorder.finish()?,
            rate,
            mean,
            updates: 0,
        })
    }

    /// What [`Average::new`] would allocate for `values` f32.
    pub fn on_paper(values: usize) -> Vec<Allocation> {
        vec![
            Allocation::new("average rate", Purpose::Bookkeeping, 4),
            Allocation::new("average picture", Purpose::Optimiser, 4 * values as u64),
            Allocation::new("average uniforms", Purpose::Bookkeeping, UNIFORM_SLOT),
        ]
    }

    /// The mean so far.
    pub fn mean(&self) -> &wgpu::Buffer {
        &self.mean
    }

    /// Begins anew with the picture `first`.
    pub fn begin(&mut self, gpu: &Gpu, first: &[f32]) {
        gpu.write(&self.mean, first);
        self.updates = 0;
    }

    /// As if the mean had been updated so many times.
    pub fn set_updates(&mut self, updates: usize) {
        // Beyond, the correction has long been 1.
        self.updates = u32::try_from(updates).unwrap_or(u32::MAX);
    }

    /// Appends one update to `encoding`, which must be submitted before the next call.
    pub fn encode(&mut self, gpu: &Gpu, encoding: &mut Encoding<'_>) {
        self.updates = self.updates.saturating_add(1);
        gpu.write(&self.rate, &[self.averaging.rate(self.updates)]);
        self.recording.encode(encoding);
    }
}
