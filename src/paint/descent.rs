//! The run loop: one submit per step, losses read every few steps, nothing painted ever thrown away.

use std::ops::ControlFlow;

use crate::gpu::{BufferView, Gpu, GpuError};
use crate::graph::Executable;
use crate::optim::Optimiser;

/// How long to run and how often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Steps, each one evaluation of the objective and one move.
    pub iterations: usize,
    /// Losses are read back after this many steps; the device must not idle for every number.
    pub report_every: usize,
    /// A copy of the picture is taken after this many steps, against the loss of the device.
    pub snapshot_every: usize,
}

/// The terms of the objective at the picture from which a step started.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLosses {
    /// Counted from 1.
    pub step: usize,
    /// One value per loss term of the tape.
    pub terms: Vec<f32>,
}

/// Who watches a run, on a floor that may print and keep time.
pub trait Watcher {
    /// New losses, in order. Break to stop after this step.
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()>;

    /// Whether the picture after `step` is wanted.
    fn wants_picture(&self, step: usize) -> bool;

    /// The picture after `step`, planar RGB. Break to stop after this step.
    fn picture(&mut self, step: usize, rgb: &[f32]) -> ControlFlow<()>;
}

/// Why a run ended.
#[derive(Debug)]
pub enum Ending {
    /// All steps were done.
    Finished,
    /// The watcher asked to stop.
    Stopped,
    /// The device failed; the picture is the last copy that was taken.
    Failed(GpuError),
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct Painting {
    /// Planar RGB (3, H, W), not clamped.
    pub rgb: Vec<f32>,
    /// The step after which this picture stood.
    pub step: usize,
    /// Why it ended.
    pub ending: Ending,
}

/// Moves the picture of `executable`, which starts as `start` (planar RGB), down its objective.
pub async fn descend(
    gpu: &Gpu,
    executable: &Executable,
    optimiser: &mut Optimiser,
    schedule: Schedule,
    start: &[f32],
    watcher: &mut dyn Watcher,
) -> Painting {
    executable.write_picture(gpu, start);
    let mut painting = Painting {
        rgb: start.to_vec(),
        step: 0,
        ending: Ending::Finished,
    };
    let outcome = Descent {
        gpu,
        executable,
        optimiser,
        schedule,
        terms: executable.program().tape.losses().len(),
    }
    .run(&mut painting, watcher)
    .await;
    painting.ending = match outcome {
        Ok(ControlFlow::Continue(())) => Ending::Finished,
        Ok(ControlFlow::Break(())) => Ending::Stopped,
        Err(error) => Ending::Failed(error),
    };
    painting
}

/// Bytes of the losses of `interval` steps.
pub(super) fn log_bytes(interval: usize, terms: usize) -> u64 {
    (interval * terms * size_of::<f32>()) as u64
}

struct Descent<'a> {
    gpu: &'a Gpu,
    executable: &'a Executable,
    optimiser: &'a mut Optimiser,
    schedule: Schedule,
    terms: usize,
}

impl Descent<'_> {
    async fn run(
        &mut self,
        painting: &mut Painting,
        watcher: &mut dyn Watcher,
    ) -> Result<ControlFlow<()>, GpuError> {
        let interval = self.schedule.report_every.max(1);
        let log = self
            .gpu
            .storage("loss log", log_bytes(interval, self.terms))?;
        let mut logged = 0;
        for step in 1..=self.schedule.iterations {
            self.submit_step(&log, logged);
            logged += 1;
            let last = step == self.schedule.iterations;
            let wanted = watcher.wants_picture(step);
            if !(last || wanted || logged == interval) {
                continue;
            }
            let losses = self.read_log(&log, step, logged).await?;
            logged = 0;
            let mut flow = watcher.losses(&losses);
            let snapshot = step - painting.step >= self.schedule.snapshot_every;
            if last || wanted || snapshot || flow.is_break() {
                let picture = self.executable.picture();
                painting.rgb = self.executable.read_planar(self.gpu, picture).await?;
                painting.step = step;
                self.gpu.check()?;
            }
            if wanted && watcher.picture(step, &painting.rgb).is_break() {
                flow = ControlFlow::Break(());
            }
            if flow.is_break() && !last {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Evaluates, moves, and copies the losses to line `line` of the log: one submit, unless the
    /// evaluation by itself is too long for one.
    fn submit_step(&mut self, log: &wgpu::Buffer, line: usize) {
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            self.executable
                .recording()
                .encode_in_parts(self.gpu, &mut pass);
            self.optimiser.encode(self.gpu, &mut pass);
        }
        let bytes = (self.terms * size_of::<f32>()) as u64;
        encoder.copy_buffer_to_buffer(self.executable.totals(), 0, log, line as u64 * bytes, bytes);
        self.gpu.submit(encoder.finish());
    }

    async fn read_log(
        &self,
        log: &wgpu::Buffer,
        step: usize,
        lines: usize,
    ) -> Result<Vec<StepLosses>, GpuError> {
        let values = self.gpu.read(&BufferView::whole(log))?.await?;
        self.gpu.check()?;
        Ok(values
            .chunks_exact(self.terms.max(1))
            .take(lines)
            .enumerate()
            .map(|(line, terms)| StepLosses {
                step: step + 1 + line - lines,
                terms: terms.to_vec(),
            })
            .collect())
    }
}
