//! Style transfer from pictures to a picture: recipes, starts, and one run.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::descent::{Painting, Schedule, Standing, Watcher, descend};
use crate::gpu::Gpu;
use crate::graph::{Executable, Strategy};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::pool2::Pooling;
use crate::net::{Architecture, Network};
use crate::objective::{
    LayerWeight, ObjectiveError, Statistics, StyleTargets, StyleTerms, style_executable,
};
use crate::optim::{Optimiser, OptimiserSettings, OptimiserState, StateMismatch};

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
    /// A given picture, of the size of the content.
    Picture(Picture),
}

/// The objective of Gatys, Ecker & Bethge as their own PyTorch notebook weighs it: content at relu4_2,
/// style at relu1_1 … relu5_1 with w_l = 1000 / C², maximum pooling, no total variation.
pub fn gatys(architecture: Architecture) -> StyleTerms {
    let layers = |names: &[&str]| -> Vec<usize> {
        names
            .iter()
            .filter_map(|name| architecture.layer_index(name))
            .collect()
    };
    StyleTerms {
        content: layers(&["relu4_2"])
            .into_iter()
            .map(|layer| LayerWeight { layer, weight: 1.0 })
            .collect(),
        style: layers(&["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"])
            .into_iter()
            .map(|layer| LayerWeight {
                layer,
                weight: gatys_style_weight(architecture, layer),
            })
            .collect(),
        statistics: Statistics::Gram,
        content_weight: 1.0,
        style_weight: 1.0,
        tv_weight: 0.0,
        pooling: Pooling::Max,
    }
}

/// w_l = 1000 / C² of recipe `gatys`.
pub fn gatys_style_weight(architecture: Architecture, layer: usize) -> f32 {
    let channels = architecture.channels(layer) as f32;
    1000.0 / (channels * channels)
}

/// Lets `terms` match moments instead of Gram matrices at the layers that they have, weighed by
/// [`painterly_style_weight`].
pub fn match_moments(terms: &mut StyleTerms, architecture: Architecture) {
    terms.statistics = Statistics::Moments;
    for term in &mut terms.style {
        term.weight = painterly_style_weight(architecture, term.layer);
    }
}

/// w_l of a style in moments, for [`Statistics::Moments`]: 256 : 64 : 16 : 4 : 1 from relu1_1 to relu5_1, 341 in all, as
/// painters in PyTorch weigh layers of networks whose features are of the order of 1; so each is divided by the mean
/// square of its layer's features here, rounded, over pictures.
pub fn painterly_style_weight(architecture: Architecture, layer: usize) -> f32 {
    let halvings = architecture.downscale(layer).ilog2() as usize;
    let [weight, mean_square] = PAINTERLY[halvings.min(PAINTERLY.len() - 1)];
    PAINTERLY_TOTAL * weight / (341.0 * mean_square)
}

/// Weight, and mean square of the features of relu1_1, relu2_1, relu3_1, relu4_1, relu5_1.
const PAINTERLY: [[f32; 2]; 5] = [
    [256.0, 4e3],
    [64.0, 8e4],
    [16.0, 1.3e5],
    [4.0, 1.8e6],
    [1.0, 3e4],
];

/// By how much style in moments outweighs a content term of weight 1.
const PAINTERLY_TOTAL: f32 = 2e7;

/// Everything about a style transfer but its pictures.
#[derive(Clone, Debug)]
pub struct StyleChoices {
    /// The objective.
    pub terms: StyleTerms,
    /// How to descend it.
    pub optimiser: OptimiserSettings,
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
        let optimiser = Optimiser::new(
            gpu,
            choices.optimiser,
            values,
            executable.picture(),
            gradient,
        )?;
        Ok(Self {
            executable,
            optimiser,
            start: Standing {
                step: 0,
                rgb: starting_picture(content, &choices.start),
            },
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
        self.start = standing;
        Ok(())
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

fn starting_picture(content: &Picture, start: &Start) -> Vec<f32> {
    match start {
        Start::Content => content.rgb.clone(),
        Start::Picture(picture) => picture.rgb.clone(),
        Start::Noise { seed } => noise(*seed, content.rgb.len()),
    }
}

/// Independent values around middle grey with a deviation of about 0.14: bright enough to have
/// gradients everywhere, far enough from black and white that nothing is clipped.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    // ChaCha counts blocks, so the same seed gives the same picture everywhere and for ever.
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    let unit = |bits: u32| (bits >> 8) as f32 / (1u32 << 24) as f32;
    (0..count)
        .map(|_| 0.25 + 0.5 * unit(source.next_u32()))
        .collect()
}
