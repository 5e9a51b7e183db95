//! The run loop: one submit per step, losses read every few steps, nothing painted ever thrown away.

use std::ops::ControlFlow;

use super::StyleRun;
use super::scales::ScalePosition;
use crate::gpu::{BufferView, Encoding, Gpu, GpuError, Staging};
use crate::graph::Executable;
use crate::optim::{Optimiser, OptimiserState};

/// How long to run and how often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Steps, each one evaluation of the objective and one move; those before the start count too.
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

    /// A scale begins, or a run is taken up within one, and `run` is ready to paint it.
    fn scale_begins(&mut self, _: ScalePosition, _: &StyleRun) {}

    /// Whether the losses of `step` are wanted at once, and not with others later.
    fn wants_losses(&self, _: usize) -> bool {
        false
    }

    /// Whether the picture after `step` is wanted.
    fn wants_picture(&self, step: usize) -> bool;

    /// Whether the losses of the picture after `step` are wanted beside it, at the cost of an evaluation.
    fn wants_measure(&self, _: usize) -> bool {
        false
    }

    /// The terms of the objective at the picture after `step` as it is saved, between black and white.
    fn measured(&mut self, _: usize, _: Vec<f32>) {}

    /// The picture after `step`, planar RGB.
    fn picture(&mut self, step: usize, rgb: &[f32]);

    /// Whether everything that the run goes on from after `step` is wanted; `last` if no step follows.
    fn wants_state(&self, step: usize, last: bool) -> bool;

    /// Where among its scales the run stands as the next [`Watcher::state`] tells it.
    fn stands(&mut self, _: ScalePosition) {}

    /// Everything that the run goes on from: the picture from which the next step starts, and the memory of its optimiser.
    fn state(&mut self, standing: &Standing, optimiser: OptimiserState);
}

/// A picture and the step after which it stood: the one that a step starts from, or the mean of those if one is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// 0 for the picture that a run starts from.
    pub step: usize,
    /// Planar RGB (3, H, W), not clamped.
    pub rgb: Vec<f32>,
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
    /// The last picture that was read back.
    pub standing: Standing,
    /// Why the run ended.
    pub ending: Ending,
}

/// Moves the picture of `executable` down its objective, on from `start`, with an `optimiser` that is new
/// or was restored to the same step. All memory is taken before the first step.
pub async fn descend(
    gpu: &Gpu,
    executable: &Executable,
    optimiser: &mut Optimiser,
    schedule: Schedule,
    start: Standing,
    watcher: &mut dyn Watcher,
) -> Painting {
    executable.write_picture(gpu, &start.rgb);
    let mut standing = start;
    let outcome = match Descent::prepare(gpu, executable, optimiser, schedule, standing.step) {
        Ok(mut descent) => {
            let outcome = descent.run(&mut standing, watcher).await;
            if outcome.is_err() {
                descent.rescue(&mut standing).await;
            }
            outcome
        }
        Err(error) => Err(error),
    };
    let ending = match outcome {
        Ok(ControlFlow::Continue(())) => Ending::Finished,
        Ok(ControlFlow::Break(())) => Ending::Stopped,
        Err(error) => Ending::Failed(gpu.cause(error)),
    };
    Painting { standing, ending }
}

/// The terms of the objective at the picture `rgb` as it is saved, between black and white. Those of a step are of the picture
/// before it moved.
///
/// # Errors
/// The device failed.
pub(super) async fn measure(
    gpu: &Gpu,
    executable: &Executable,
    rgb: &[f32],
) -> Result<Vec<f32>, GpuError> {
    let saved: Vec<f32> = rgb.iter().map(|value| value.clamp(0.0, 1.0)).collect();
    executable.write_picture(gpu, &saved);
    executable.run(gpu);
    let terms = executable.read_totals(gpu).await?;
    gpu.check()?;
    Ok(terms)
}

/// Memory of an optimiser, in bytes, from which on its part of a step is submitted by itself: a step of L-BFGS goes over its
/// pairs four times, which takes a GPU with slow memory some tenths of a second, and drivers reset one that takes two.
const LARGE_OPTIMISER: u64 = 1 << 30;

/// Bytes of the losses of `interval` steps.
pub(super) fn log_bytes(interval: usize, terms: usize) -> u64 {
    (interval * terms * size_of::<f32>()) as u64
}

struct Descent<'a> {
    gpu: &'a Gpu,
    executable: &'a Executable,
    optimiser: &'a mut Optimiser,
    schedule: Schedule,
    /// Loss terms of the tape.
    terms: usize,
    /// One line of terms for every step since the last look.
    log: wgpu::Buffer,
    logged: usize,
    staging: Staging,
    /// The step submitted last.
    step: usize,
}

impl<'a> Descent<'a> {
    fn prepare(
        gpu: &'a Gpu,
        executable: &'a Executable,
        optimiser: &'a mut Optimiser,
        schedule: Schedule,
        step: usize,
    ) -> Result<Self, GpuError> {
        let terms = executable.program().tape.losses().len();
        let lines = schedule.report_every.max(1);
        let log = gpu.storage("loss log", log_bytes(lines, terms))?;
        let staging = [
            log.size(),
            executable.picture().size(),
            optimiser.staging_bytes(),
        ];
        Ok(Self {
            gpu,
            executable,
            optimiser,
            schedule,
            terms,
            log,
            logged: 0,
            staging: gpu.staging(staging.into_iter().fold(0, u64::max))?,
            step,
        })
    }

    async fn run(
        &mut self,
        standing: &mut Standing,
        watcher: &mut dyn Watcher,
    ) -> Result<ControlFlow<()>, GpuError> {
        if self.optimiser.average().is_some() {
            // A run that is gone on with stands where its mean does.
            self.read_picture(standing).await?;
        }
        if self.step >= self.schedule.iterations && watcher.wants_state(self.step, true) {
            self.tell_state(standing, watcher).await?;
        }
        while self.step < self.schedule.iterations {
            self.submit_step();
            let flow = self.look(standing, watcher).await?;
            if flow.is_break() && self.step < self.schedule.iterations {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads back what is due after the step just submitted, which for most steps is nothing.
    async fn look(
        &mut self,
        standing: &mut Standing,
        watcher: &mut dyn Watcher,
    ) -> Result<ControlFlow<()>, GpuError> {
        let step = self.step;
        let last = step == self.schedule.iterations;
        let picture = watcher.wants_picture(step);
        let state = watcher.wants_state(step, last);
        let losses = watcher.wants_losses(step);
        let log_is_full = self.logged == self.schedule.report_every.max(1);
        if !(last || picture || state || losses || log_is_full) {
            return Ok(ControlFlow::Continue(()));
        }
        let flow = watcher.losses(&self.read_log().await?);
        let last = last || flow.is_break();
        let snapshot = step - standing.step >= self.schedule.snapshot_every;
        if last || picture || state || snapshot {
            self.read_picture(standing).await?;
            self.gpu.check()?;
        }
        if picture && watcher.wants_measure(step) {
            watcher.measured(step, self.measure_on_the_way(&standing.rgb).await?);
        }
        if picture {
            watcher.picture(step, &standing.rgb);
        }
        if state || (last && watcher.wants_state(step, last)) {
            self.tell_state(standing, watcher).await?;
        }
        Ok(flow)
    }

    /// Measures a picture and puts the iterate back, from which the next step starts.
    async fn measure_on_the_way(&self, shown: &[f32]) -> Result<Vec<f32>, GpuError> {
        let picture = BufferView::whole(self.executable.picture());
        let iterate = self.gpu.read_through(&self.staging, &picture).await?;
        let terms = measure(self.gpu, self.executable, shown).await?;
        self.executable
            .write_picture(self.gpu, &iterate[..shown.len()]);
        Ok(terms)
    }

    /// Tells the watcher what the run goes on from; `standing` is the picture that is shown.
    async fn tell_state(
        &self,
        standing: &Standing,
        watcher: &mut dyn Watcher,
    ) -> Result<(), GpuError> {
        let memory = self.optimiser.save(self.gpu, &self.staging).await?;
        if self.optimiser.average().is_none() {
            self.gpu.check()?;
            watcher.state(standing, memory);
            return Ok(());
        }
        let mut iterate = standing.clone();
        self.read_values(self.executable.picture(), &mut iterate)
            .await?;
        self.gpu.check()?;
        watcher.state(&iterate, memory);
        Ok(())
    }

    /// Evaluates, moves, and copies the losses to the next line of the log: one submit, unless it is a large one.
    fn submit_step(&mut self) {
        let step = self.executable.recording();
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        {
            let mut encoding = Encoding::new(&mut encoder);
            if self.optimiser.bytes() > LARGE_OPTIMISER {
                step.submit(self.gpu);
            } else {
                step.encode_in_parts(self.gpu, &mut encoding);
            }
            self.optimiser.encode(self.gpu, &mut encoding);
        }
        let bytes = (self.terms * size_of::<f32>()) as u64;
        let line = self.logged as u64 * bytes;
        encoder.copy_buffer_to_buffer(self.executable.totals(), 0, &self.log, line, bytes);
        self.gpu.submit(encoder.finish());
        self.step += 1;
        self.logged += 1;
    }

    async fn read_log(&mut self) -> Result<Vec<StepLosses>, GpuError> {
        let lines = std::mem::take(&mut self.logged);
        let log = BufferView::whole(&self.log);
        let values = self.gpu.read_through(&self.staging, &log).await?;
        self.gpu.check()?;
        let first = self.step + 1 - lines;
        Ok(values
            .chunks_exact(self.terms.max(1))
            .take(lines)
            .enumerate()
            .map(|(line, terms)| StepLosses {
                step: first + line,
                terms: terms.to_vec(),
            })
            .collect())
    }

    async fn read_picture(&self, standing: &mut Standing) -> Result<(), GpuError> {
        let shown = self
            .optimiser
            .average()
            .unwrap_or(self.executable.picture());
        self.read_values(shown, standing).await
    }

    async fn read_values(
        &self,
        picture: &wgpu::Buffer,
        standing: &mut Standing,
    ) -> Result<(), GpuError> {
        let view = BufferView::whole(picture);
        let mut rgb = self.gpu.read_through(&self.staging, &view).await?;
        rgb.truncate(standing.rgb.len());
        *standing = Standing {
            step: self.step,
            rgb,
        };
        Ok(())
    }

    /// After a failure: a device that is still there, out of memory for example, has a newer picture than
    /// the last copy. On one that is lost nothing can be read, and the copy stays.
    async fn rescue(&self, standing: &mut Standing) {
        let _ = self.read_picture(standing).await;
    }
}
