//! Adam on the picture (Kingma & Ba, arXiv 1412.6980, algorithm 1), with a clamp to [0, 1].

use crate::gpu::{Encoding, Gpu, GpuError, Recorder, Recording, UNIFORM_SLOT};
use crate::graph::{Allocation, Purpose};
use crate::kernels::adam::{self, AdamBuffers, AdamSettings};

/// Adam's moments on the device.
pub struct Adam {
    settings: AdamSettings,
    recording: Recording,
    step_numbers: wgpu::Buffer,
    first: wgpu::Buffer,
    second: wgpu::Buffer,
    step: u32,
}

impl Adam {
    /// An optimiser of the `values` f32 in `x`, which descends along `gradient`.
    ///
    /// # Errors
    /// No room for the two moments.
    pub fn new(
        gpu: &Gpu,
        settings: AdamSettings,
        values: usize,
        x: &wgpu::Buffer,
        gradient: &wgpu::Buffer,
    ) -> Result<Self, GpuError> {
        let step_numbers = gpu.storage("adam step numbers", 8)?;
        let first = gpu.storage("adam first moment", x.size())?;
        let second = gpu.storage("adam second moment", x.size())?;
        let mut recorder = Recorder::new(gpu);
        recorder.set_label("adam");
        let buffers = AdamBuffers {
            step_numbers: &step_numbers,
            x,
            gradient,
            first: &first,
            second: &second,
        };
        adam::main(&mut recorder, settings, values, buffers);
        Ok(Self {
            settings,
            recording: recorder.finish()?,
            step_numbers,
            first,
            second,
            step: 0,
        })
    }

    /// What [`Adam::new`] would allocate for `values` f32.
    pub(super) fn on_paper(values: usize) -> Vec<Allocation> {
        let moment = |label: &str| Allocation::new(label, Purpose::Optimiser, 4 * values as u64);
        vec![
            Allocation::new("adam step numbers", Purpose::Bookkeeping, 8),
            moment("adam first moment"),
            moment("adam second moment"),
            Allocation::new("adam uniforms", Purpose::Bookkeeping, UNIFORM_SLOT),
        ]
    }

    /// Bytes of its state on the device.
    pub fn bytes(&self) -> u64 {
        self.first.size() + self.second.size()
    }

    pub(super) fn longest_vector(&self) -> u64 {
        self.first.size()
    }

    pub(super) fn settings(&self) -> AdamSettings {
        self.settings
    }

    pub(super) fn step(&self) -> usize {
        self.step as usize
    }

    pub(super) fn set_step(&mut self, step: usize) {
        // The command line ends far below; beyond, the two corrections have long been 1.
        self.step = u32::try_from(step).unwrap_or(u32::MAX);
    }

    /// What the next step goes on from, by name.
    pub(super) fn vectors(&self) -> Vec<(String, &wgpu::Buffer)> {
        vec![
            ("adam.first_moment".to_string(), &self.first),
            ("adam.second_moment".to_string(), &self.second),
        ]
    }

    /// Appends one step to `encoding`, which must be submitted before the next call.
    pub fn encode(&mut self, gpu: &Gpu, encoding: &mut Encoding<'_>) {
        self.step = self.step.saturating_add(1);
        gpu.write(&self.step_numbers, &self.settings.step_numbers(self.step));
        self.recording.encode(encoding);
    }
}
