//! Visualisations (Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017): a picture of what a part of the
//! network wants to see, from noise.
//!
//! A step: variable → picture → what is seen of it through a random transform → network → loss, and all the way back;
//! then Adam moves the variable.

mod forecast;
mod parametrisation;
mod transform;

use std::ops::ControlFlow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use thiserror::Error;

pub use forecast::visualisation_that_fits;
pub use parametrisation::Parametrisation;
pub use transform::Transforms;

use self::parametrisation::Variable;
use self::transform::GREY;
use super::descent::Ending;
use crate::gpu::{BufferView, Encoding, Gpu, GpuError, Recorder, Recording, Staging};
use crate::graph::{Executable, Program, RunOptions, Strategy};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::resample::{self, Affine, View};
use crate::objective::PursuitTape;
use crate::optim::{AdamSettings, Optimiser, OptimiserSettings, OptimiserState, StateMismatch};

/// How to get from noise to a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct VisualizeRecipe {
    /// What is optimised.
    pub parametrisation: Parametrisation,
    /// Steps are as long in every direction in which colours of photographs vary.
    pub decorrelate: bool,
    /// What happens to the picture at each step.
    pub transforms: Transforms,
    /// α of Adam, in units of the variable.
    pub learning_rate: f32,
    /// Steps.
    pub iterations: usize,
    /// Of the start and of the transforms.
    pub seed: u64,
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum VisualisationError {
    /// No room, or a device that is lost.
    #[error("{0}")]
    Gpu(#[from] GpuError),
    /// The state to go on from is that of another run.
    #[error("{0}")]
    Mismatch(#[from] StateMismatch),
}

/// All that a run needs to go on, after some of its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct VisualisationState {
    /// The picture, which the rest leads to.
    pub picture: Picture,
    /// What is optimised, as the device has it.
    pub variable: Vec<f32>,
    /// The memory of Adam; its steps are those of the run.
    pub optimiser: OptimiserState,
}

/// Who watches a run, on a floor that may print and write files.
pub trait VisualisationWatcher {
    /// The step that was made last, counted from 1, and the loss terms that it started from. Break to stop.
    fn losses(&mut self, step: usize, losses: &[f32]) -> ControlFlow<()>;

    /// Whether the state after this step is wanted, `last` being the last that is made.
    fn wants_state(&self, step: usize, last: bool) -> bool;

    /// The state after a step, `last` being as it was when it was asked for.
    fn state(&mut self, state: VisualisationState, last: bool);
}

/// What a run came to.
#[derive(Debug)]
pub struct VisualisationReport {
    /// The picture.
    pub picture: Picture,
    /// Steps that were made.
    pub steps: usize,
    /// The loss terms that were read last, in the order of the tape.
    pub losses: Vec<f32>,
    /// Why it ended.
    pub ending: Ending,
}

/// An objective with everything around it on the device, ready to run for any number of targets.
pub struct Visualisation {
    executable: Executable,
    objective: PursuitTape,
    recipe: VisualizeRecipe,
    size: [usize; 2],
    variable: Variable,
    /// The numbers of the map that is seen through.
    map: wgpu::Buffer,
    /// From the variable to the picture.
    draw: Recording,
    /// From the variable to what the network sees.
    before: Recording,
    /// From the gradient at that to the one at the variable.
    after: Recording,
    staging: Staging,
}

impl Visualisation {
    /// Builds the step for pictures of `size`, W and H, as `strategy` says; `objective` is one for [`Transforms::seen`] of
    /// them.
    ///
    /// # Errors
    /// What the adapter has no room for.
    pub fn prepare(
        gpu: &Gpu,
        objective: PursuitTape,
        recipe: VisualizeRecipe,
        size: [usize; 2],
        (preference, strategy): (&Preference, &Strategy),
    ) -> Result<Self, GpuError> {
        let tape = objective.tape.clone();
        let options = RunOptions {
            preference: preference.clone(),
            ..RunOptions::default()
        };
        let program = Program::with_strategy(tape, strategy, gpu.binding_limit())
            .with_pooling_in_convolutions(gpu.profile(), &options);
        let executable = Executable::build(gpu, program, &options)?;
        let variable = Variable::new(gpu, recipe.parametrisation, recipe.decorrelate, size)?;
        let map = gpu.storage_with("map of a transform", &Affine::IDENTITY.numbers())?;
        let view = View {
            map: &map,
            size,
            seen: recipe.transforms.seen(size),
            grey: GREY,
        };
        let recorded = |label: &str, record: &dyn Fn(&mut Recorder<'_>)| {
            let mut recorder = Recorder::new(gpu);
            recorder.set_label(label);
            record(&mut recorder);
            recorder.finish()
        };
        let draw = recorded("parametrisation", &|recorder| variable.forward(recorder))?;
        let before = recorded("parametrisation", &|recorder| {
            variable.forward(recorder);
            resample::forward(recorder, view, &variable.picture, executable.picture());
        })?;
        let after = recorded("gradient of the parametrisation", &|recorder| {
            if let Some(gradient) = executable.picture_gradient() {
                resample::gradient(recorder, view, gradient, &variable.picture_gradient);
            }
            variable.backward(recorder);
        })?;
        let read = [&variable.picture, &variable.values, executable.totals()];
        let longest = read.into_iter().map(wgpu::Buffer::size).max();
        let staging = gpu.staging(longest.unwrap_or_default())?;
        Ok(Self {
            executable,
            objective,
            recipe,
            size,
            variable,
            map,
            draw,
            before,
            after,
            staging,
        })
    }

    /// The network's part of a step.
    pub fn executable(&self) -> &Executable {
        &self.executable
    }

    /// A run towards `target`, planar (C, H, W) of the layer, from noise or from where it stood. `watcher` is asked after
    /// every `often` steps, and the last. The picture is read back whatever happens.
    ///
    /// # Errors
    /// No room for the state of the optimiser, a state of another run, or a device that is lost before there is a picture.
    pub async fn run(
        &self,
        gpu: &Gpu,
        target: &[f32],
        often: usize,
        resumed: Option<&VisualisationState>,
        watcher: &mut dyn VisualisationWatcher,
    ) -> Result<VisualisationReport, VisualisationError> {
        let mut source = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        self.executable
            .write_map(gpu, self.objective.target, target);
        let start = self.variable.start(&mut source);
        let mut adam = self.adam(gpu)?;
        let (mut steps, mut losses) = (0, Vec::new());
        if let Some(state) = resumed {
            adam.restore(gpu, &state.optimiser)?;
            steps = state.optimiser.step;
            if state.variable.len() != self.variable.len() {
                return Err(VisualisationError::Mismatch(StateMismatch::Length {
                    name: "variable".to_string(),
                    found: state.variable.len(),
                    expected: self.variable.len(),
                }));
            }
            // The transforms go on where they were.
            for _ in 0..steps {
                self.recipe.transforms.draw(&mut source, self.size);
            }
        }
        let values = resumed.map_or(&start, |state| &state.variable);
        gpu.write(&self.variable.values, values);
        let mut ending = Ending::Finished;
        while steps < self.recipe.iterations {
            let map = self.recipe.transforms.draw(&mut source, self.size);
            gpu.write(&self.map, &map.numbers());
            self.submit_step(gpu, &mut adam);
            steps += 1;
            if !steps.is_multiple_of(often.max(1)) && steps < self.recipe.iterations {
                continue;
            }
            match self.read_losses(gpu).await {
                Ok(read) => losses = read,
                Err(error) => {
                    ending = Ending::Failed(error);
                    break;
                }
            }
            let stops = watcher.losses(steps, &losses).is_break();
            let last = stops || steps == self.recipe.iterations;
            if watcher.wants_state(steps, last) {
                match self.state(gpu, &adam).await {
                    Ok(state) => watcher.state(state, last),
                    Err(error) => {
                        ending = Ending::Failed(error);
                        break;
                    }
                }
            }
            if stops && steps < self.recipe.iterations {
                ending = Ending::Stopped;
                break;
            }
        }
        let picture = match self.read_picture(gpu).await {
            Ok(picture) => picture,
            Err(error) => {
                // What went first is the reason of the rest.
                let reason = match ending {
                    Ending::Failed(first) => first,
                    _ => error,
                };
                return Err(gpu.cause(reason).into());
            }
        };
        Ok(VisualisationReport {
            picture,
            steps,
            losses,
            ending,
        })
    }

    /// The loss terms, and the gradient of their sum at the variable, where that has these `values` and the picture is
    /// seen through `map`. Both are as the device has them: three colours and a 0 for each pixel, or for the real and
    /// then for the imaginary part of each wave.
    ///
    /// # Errors
    /// A lost device, or no memory.
    pub async fn gradient_at(
        &self,
        gpu: &Gpu,
        target: &[f32],
        values: &[f32],
        map: &Affine,
    ) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
        self.executable
            .write_map(gpu, self.objective.target, target);
        gpu.write(&self.variable.values, values);
        gpu.write(&self.map, &map.numbers());
        for recording in [&self.before, self.executable.recording(), &self.after] {
            recording.submit(gpu);
        }
        let losses = self.read_losses(gpu).await?;
        let view = BufferView::whole(&self.variable.gradient);
        let mut gradient = gpu.read(&view).await?;
        gradient.truncate(self.variable.len());
        Ok((losses, gradient))
    }

    fn adam(&self, gpu: &Gpu) -> Result<Optimiser, GpuError> {
        let settings = OptimiserSettings::Adam(self.recipe.adam());
        let Variable {
            values, gradient, ..
        } = &self.variable;
        Optimiser::new(gpu, settings, self.variable.len(), values, gradient)
    }

    async fn state(&self, gpu: &Gpu, adam: &Optimiser) -> Result<VisualisationState, GpuError> {
        let view = BufferView::whole(&self.variable.values);
        let mut variable = gpu.read_through(&self.staging, &view).await?;
        variable.truncate(self.variable.len());
        Ok(VisualisationState {
            picture: self.read_picture(gpu).await?,
            variable,
            optimiser: adam.save(gpu, &self.staging).await?,
        })
    }

    fn submit_step(&self, gpu: &Gpu, adam: &mut Optimiser) {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        {
            let mut encoding = Encoding::new(&mut encoder);
            let network = self.executable.recording();
            network.encode_in_parts_after(&self.before, gpu, &mut encoding);
            self.after.encode(&mut encoding);
            adam.encode(gpu, &mut encoding);
        }
        gpu.submit(encoder.finish());
    }

    async fn read_losses(&self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        let totals = BufferView::whole(self.executable.totals());
        let mut losses = gpu.read_through(&self.staging, &totals).await?;
        gpu.check()?;
        losses.truncate(self.objective.tape.losses().len());
        Ok(losses)
    }

    async fn read_picture(&self, gpu: &Gpu) -> Result<Picture, GpuError> {
        self.draw.submit(gpu);
        let view = BufferView::whole(&self.variable.picture);
        let vectors = gpu.read_through(&self.staging, &view).await?;
        gpu.check()?;
        let [width, height] = self.size;
        let plane = |c: usize| vectors.chunks_exact(4).map(move |vector| vector[c]);
        let rgb = (0..3).flat_map(|c| plane(c).take(width * height));
        Ok(Picture {
            width,
            height,
            rgb: rgb.collect(),
        })
    }
}

impl VisualizeRecipe {
    /// The optimiser: Adam as lucid has it, on a variable without bounds.
    pub fn adam(&self) -> AdamSettings {
        AdamSettings {
            learning_rate: self.learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clamp: false,
        }
    }
}
