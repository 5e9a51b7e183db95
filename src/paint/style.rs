//! Style transfer from pictures to a picture at one size: starts, and one run.

use super::descent::{Painting, Schedule, Standing, Watcher, descend};
use super::noise;
use super::texture::canvas;
use crate::gpu::Gpu;
use crate::graph::{Executable, Strategy};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::net::Network;
use crate::objective::{Mask, ObjectiveError, StyleTargets, StyleTerms, style_executable};
use crate::optim::{Averaging, Optimiser, OptimiserSettings, OptimiserState, StateMismatch};

/// The picture from which a run starts.
#[derive(Clone, Debug)]
pub enum Start {
    /// The content picture.
    Content,
    /// Noise of this seed, the same on every machine.
    Noise {
        /// Any number.
        seed: u64,
    },
    /// The [`canvas`] of a texture, in the colours of the style pictures.
    Canvas {
        /// Any number.
        seed: u64,
    },
    /// A given picture, of the size of the content.
    Picture(Picture),
}

/// Everything about a style transfer but its pictures.
#[derive(Clone, Debug)]
pub struct StyleChoices {
    /// The objective.
    pub terms: StyleTerms,
    /// How to descend it.
    pub optimiser: OptimiserSettings,
    /// How its pictures are averaged, if they are: then the mean is the result.
    pub averaging: Option<Averaging>,
    /// Where to start.
    pub start: Start,
    /// How the variant of each convolution is chosen.
    pub preference: Preference,
    /// How much of a picture is computed at once, and what is kept meanwhile.
    pub strategy: Strategy,
}

/// A style transfer with everything on the device, ready to run.
pub struct StyleRun {
    executable: Executable,
    optimiser: Optimiser,
    start: Standing,
    width: usize,
    height: usize,
}

impl StyleRun {
    /// Looks at the pictures, builds the objective and the optimiser.
    ///
    /// # Errors
    /// A picture too small for a layer, or a failure of the device.
    pub async fn prepare(
        gpu: &Gpu,
        network: &Network,
        choices: &StyleChoices,
        content: &Picture,
        styles: &[(Picture, f32)],
    ) -> Result<Self, ObjectiveError> {
        let terms = &choices.terms;
        let size = [content.width, content.height];
        let (preference, strategy) = (&choices.preference, &choices.strategy);
        let targets =
            StyleTargets::measure(gpu, network, terms, content, styles, preference, strategy)
                .await?;
        let executable =
            style_executable(gpu, network, terms, size, &targets, preference, strategy)?;
        let values = content.rgb.len();
        // A style run always has a style term, so there is a gradient; without one nothing moves.
        let gradient = executable
            .picture_gradient()
            .unwrap_or(executable.picture());
        let picture = executable.picture();
        let mut optimiser = Optimiser::new(gpu, choices.optimiser, values, picture, gradient)?;
        let parts = &terms.regions.in_styles;
        let rgb = starting_picture(content, (styles, parts), &choices.start);
        if let Some(averaging) = choices.averaging {
            optimiser = optimiser.averaging(gpu, averaging, (values, picture), &rgb)?;
        }
        Ok(Self {
            executable,
            optimiser,
            start: Standing { step: 0, rgb },
            width: content.width,
            height: content.height,
        })
    }

    /// The objective and its gradient.
    pub fn executable(&self) -> &Executable {
        &self.executable
    }

    /// Runs to the end, or until the watcher or the device stops it.
    pub async fn paint(
        &mut self,
        gpu: &Gpu,
        schedule: Schedule,
        watcher: &mut dyn Watcher,
    ) -> Painting {
        descend(
            gpu,
            &self.executable,
            &mut self.optimiser,
            schedule,
            self.start.clone(),
            watcher,
        )
        .await
    }

    /// Goes on from where another run stood, instead of from the start.
    ///
    /// # Errors
    /// [`StateMismatch`] if that run had another optimiser or size.
    pub fn restore(
        &mut self,
        gpu: &Gpu,
        standing: Standing,
        memory: &OptimiserState,
    ) -> Result<(), StateMismatch> {
        if standing.rgb.len() != self.start.rgb.len() {
            return Err(StateMismatch::Length {
                name: "picture".to_string(),
                found: standing.rgb.len(),
                expected: self.start.rgb.len(),
            });
        }
        self.optimiser.restore(gpu, memory)?;
        let averaged = standing.step.saturating_sub(self.start.step);
        self.optimiser.set_averaged(averaged);
        self.start = standing;
        Ok(())
    }

    /// Counts its steps on from `step`, those of an earlier run.
    pub fn begin_after(&mut self, step: usize) {
        self.start.step = step;
    }

    /// Starts with what the optimiser of an earlier run remembers, resized to this one; a mean of pictures starts
    /// with the picture of this one.
    ///
    /// # Errors
    /// [`StateMismatch`] if it is of another optimiser or size.
    pub fn carry(&mut self, gpu: &Gpu, mut memory: OptimiserState) -> Result<(), StateMismatch> {
        if self.optimiser.average().is_some() {
            memory.set_average(&self.start.rgb);
        }
        self.optimiser.restore(gpu, &memory)
    }

    /// The step after which the run starts.
    pub fn first_step(&self) -> usize {
        self.start.step
    }

    /// Width and height of the picture.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

fn starting_picture(
    content: &Picture,
    (styles, parts): (&[(Picture, f32)], &[Mask]),
    start: &Start,
) -> Vec<f32> {
    let size = [content.width, content.height];
    match start {
        Start::Content => content.rgb.clone(),
        Start::Picture(picture) => picture.rgb.clone(),
        Start::Noise { seed } => noise::grey(*seed, size),
        Start::Canvas { seed } => canvas(styles, parts, size, *seed).rgb,
    }
}
