//! A style transfer or a texture with every choice made, as the flags and the recipe make them.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Architecture;
use impasto::objective::StyleTerms;
use impasto::paint::{Checkpoint, Scale, Sources, Start, StyleRecipe};

use super::Keeping;
use super::recipe::{optimiser, resumed_wishes, stages};
use crate::cli::arguments::{Common, RunArguments};
use crate::cli::failure::Failure;
use crate::cli::loss_plot::LossPlot;
use crate::cli::memory::{Bytes, OptimiserWish};
use crate::cli::pictures::Output;
use crate::cli::record::Draft;
use crate::cli::resume::Session;
use crate::cli::tuning;

/// A style transfer with every choice made but those that depend on memory.
pub struct StyleJob<'a> {
    pub terms: StyleTerms,
    pub optimiser: OptimiserWish,
    /// What is done at the last scale instead, if anything is.
    pub finish: Option<JobFinish>,
    /// What `--memory` says.
    pub memory: Option<Bytes>,
    pub start: Start,
    pub preference: Preference,
    pub sources: Sources,
    /// Coarse to fine, at least one.
    pub scales: Vec<Scale>,
    /// Decay of the mean of pictures, 0 for none.
    pub average: f32,
    /// The part of the content's detail that each scale begins with.
    pub detail: f32,
    /// Relative change of the loss below which a scale ends early, 0 for none.
    pub tolerance: f32,
    pub output: Output,
    pub save_every: Option<u32>,
    pub trace: Option<&'a Path>,
    pub plot: Option<LossPlot>,
    /// Where the picture on the way is shown, `-` for the terminal.
    pub preview: Option<&'a Path>,
    pub keeping: Option<Keeping<'a>>,
    /// What pictures are to say of their making, if anything.
    pub record: Option<Draft>,
    /// The run to go on with, instead of from `start`.
    pub resumed: Option<Checkpoint>,
    /// Whether nothing is to be done, only described.
    pub is_dry: bool,
    /// Seconds that a preset reckons with.
    pub reckoned: Option<f64>,
}

/// Another objective for the last scale, and another way down it.
pub struct JobFinish {
    pub terms: StyleTerms,
    pub optimiser: OptimiserWish,
}

/// What a run paints.
pub struct Motif {
    pub sources: Sources,
    pub start: Start,
    /// See [`StyleJob::detail`].
    pub detail: f32,
    /// What a plot of the losses calls it.
    pub plotted: String,
}

impl<'a> StyleJob<'a> {
    /// The run of `recipe` that the flags name, at `sizes` from coarse to fine; nothing is kept of it yet.
    ///
    /// # Errors
    /// Flags of the optimiser or about steps that do not go together.
    pub fn new(
        arguments: &'a RunArguments,
        (session, output): (&Session, Output),
        recipe: &StyleRecipe,
        (architecture, terms): (Architecture, StyleTerms),
        sizes: &[usize],
        motif: Motif,
    ) -> Result<Self, Failure> {
        let (scales, finish) = stages(arguments, recipe, (architecture, &terms), sizes)?;
        let wish = optimiser(arguments, recipe)?;
        let resumed = (session.resumed.as_ref(), scales.len());
        let (optimiser, finish) = resumed_wishes(wish, finish, resumed);
        let size = sizes.last().map_or(0, |size| *size);
        let plot = arguments.plot.as_deref().map(|path| {
            let [width, height] = motif.sources.sizes(size).0;
            let (name, what) = (output.name(), motif.plotted);
            LossPlot::new(path, format!("{name}, {width}×{height}, {what}"))
        });
        Ok(Self {
            terms,
            optimiser,
            finish,
            memory: arguments.memory,
            start: motif.start,
            preference: Preference::default(),
            sources: motif.sources,
            scales,
            average: arguments.descent.average.unwrap_or(recipe.average),
            detail: motif.detail,
            tolerance: arguments.descent.tolerance.unwrap_or(recipe.tolerance),
            output,
            save_every: arguments.save_every,
            trace: arguments.trace.as_deref(),
            plot,
            preview: arguments.preview.as_deref(),
            keeping: None,
            record: None,
            resumed: None,
            is_dry: arguments.dry_run,
            reckoned: None,
        })
    }
}

impl StyleJob<'_> {
    /// The job with what is known of the adapter.
    pub fn on(self, common: &Common, arguments: &RunArguments, gpu: &Gpu) -> Self {
        Self {
            preference: tuning::preference(common, gpu.profile(), arguments.variant),
            ..self
        }
    }

    /// Whether each step depends on how many there are.
    pub(super) fn shares_its_steps(&self) -> bool {
        self.scales.len() > 1 || self.average > 0.0
    }

    /// The `draft` with what this job makes of the options.
    pub fn described(&self, mut draft: Draft) -> Draft {
        draft.steps_are_shared = self.shares_its_steps();
        if let Some(options) = &mut draft.options {
            draft.left.extend(self.settle(options));
        }
        draft
    }

    /// Steps over all scales.
    pub(super) fn iterations(&self) -> usize {
        self.scales.iter().map(|scale| scale.steps).sum()
    }

    /// The longer side of the result, which is that of the last scale.
    pub fn longer_side(&self) -> usize {
        self.scales.last().map_or(0, |scale| scale.size)
    }

    /// W and H of the result.
    pub(super) fn size(&self) -> [usize; 2] {
        self.sources.sizes(self.longer_side()).0
    }
}
