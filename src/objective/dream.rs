//! Dreams as an objective: how strongly layers answer (Mordvintsev, Olah & Tyka 2015).

use super::{LayerWeight, ObjectiveError, Wanted, features};
use crate::gpu::Gpu;
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape, ValueId};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::dream_loss::{Channels, DreamGoal, Measure};
use crate::kernels::guide_loss::{Correspondence, GuideGoal};
use crate::kernels::pool2::Pooling;
use crate::net::Network;

/// What a dream wants to see more of.
#[derive(Clone, Debug, PartialEq)]
pub struct DreamTerms {
    /// The layers, each with the weight of its term.
    pub layers: Vec<LayerWeight>,
    /// What is measured of each, unless there is a guide.
    pub measure: Measure,
    /// In these channels of each layer; empty for all.
    pub channels: Vec<usize>,
    /// What another picture shows is to be seen, instead of whatever there is.
    pub guidance: Option<Guidance>,
    /// How the network halves its maps.
    pub pooling: Pooling,
}

/// How another picture steers a dream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// Which of its features are looked at.
    pub correspondence: Correspondence,
    /// Power of the cosine, see [`crate::reference::guide_loss`].
    pub power: f32,
    /// W and H of the guide; where each position is held against itself, it is as large as the dream.
    pub size: [usize; 2],
}

impl DreamTerms {
    /// mean(F²) over all channels of `layers`.
    pub fn of(layers: &[LayerWeight], pooling: Pooling) -> Self {
        Self {
            layers: layers.to_vec(),
            measure: Measure::Square,
            channels: Vec::new(),
            guidance: None,
            pooling,
        }
    }

    /// What is looked at of a guide.
    pub fn wanted_of_guide(&self) -> Wanted {
        Wanted {
            maps: self.layers.iter().map(|term| term.layer).collect(),
            ..Wanted::default()
        }
    }

    /// W and H of the guide of a dream of `size`, if there is one.
    pub fn guide_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let guidance = self.guidance?;
        Some(match guidance.correspondence {
            Correspondence::Best => guidance.size,
            Correspondence::Itself => size,
        })
    }
}

/// A dream written down.
#[derive(Clone, Debug)]
pub struct DreamTape {
    /// The terms are called `dream:<layer>`.
    pub tape: Tape,
    /// Where the features of the guide go, one map per layer; none without a guide.
    pub guides: Vec<ValueId>,
}

impl DreamTape {
    /// Σ w · mean(F²) over the layers of `terms`, or what else they say, of a picture of this size.
    ///
    /// # Errors
    /// A picture or a guide too small for a layer, or a channel that a layer has not.
    pub fn new(
        network: &Network,
        terms: &DreamTerms,
        [width, height]: [usize; 2],
    ) -> Result<Self, ObjectiveError> {
        let mut tape = Tape::new(width, height);
        let indices: Vec<usize> = terms.layers.iter().map(|term| term.layer).collect();
        let values = network.extend(&mut tape, terms.pooling, &indices)?;
        let mut guides = Vec::new();
        if let Some(size) = terms.guide_size([width, height]) {
            let mut guide = Tape::new(size[0], size[1]);
            for (&seen, &layer) in network
                .extend(&mut guide, terms.pooling, &indices)?
                .iter()
                .zip(&indices)
            {
                let name = format!("guide:{}", network.architecture.layers()[layer].name);
                let shape = guide.shape(seen);
                guides.extend(shape.map(|shape| tape.constant_map(&name, shape)));
            }
        }
        for (at, (term, value)) in terms.layers.iter().zip(values).enumerate() {
            let layer = &network.architecture.layers()[term.layer].name;
            let name = format!("dream:{layer}");
            if let (Some(guidance), Some(&guide)) = (terms.guidance, guides.get(at)) {
                let goal = GuideGoal {
                    weight: term.weight,
                    correspondence: guidance.correspondence,
                    power: guidance.power,
                };
                tape.guide_loss(&name, (value, guide), goal)?;
                continue;
            }
            let count = tape.shape(value).map_or(0, |shape| shape.channels);
            let channels = match &terms.channels[..] {
                [] => Channels::first(count),
                some => Channels::of(some.iter().copied()),
            };
            let goal = DreamGoal {
                weight: term.weight,
                measure: terms.measure,
                channels,
            };
            tape.dream_loss_of(&name, value, goal)?;
        }
        Ok(Self { tape, guides })
    }
}

/// Features of a guide, planar (C, H, W), one map per layer of the dream.
#[derive(Clone, Debug, Default)]
pub struct GuideFeatures(Vec<Vec<f32>>);

impl GuideFeatures {
    /// Looks at `guide`, which has the size that [`DreamTerms::guide_size`] says.
    ///
    /// # Errors
    /// A guide too small for a layer, or a failure of the device.
    pub async fn measure(
        gpu: &Gpu,
        network: &Network,
        terms: &DreamTerms,
        guide: &Picture,
        (preference, strategy): (&Preference, &Strategy),
    ) -> Result<Self, ObjectiveError> {
        let (wanted, pooling) = (terms.wanted_of_guide(), terms.pooling);
        let seen = features(gpu, network, pooling, guide, &wanted, preference, strategy).await?;
        Ok(Self(seen.maps.into_iter().map(|(_, map)| map).collect()))
    }
}

/// Builds the executable of a [`DreamTape`] and its gradient, to be ascended, as `strategy` says.
///
/// # Errors
/// As of [`DreamTape::new`], or a failure of the device.
pub fn dream_executable(
    gpu: &Gpu,
    network: &Network,
    (terms, guide): (&DreamTerms, &GuideFeatures),
    size: [usize; 2],
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Executable, ObjectiveError> {
    let DreamTape { tape, guides } = DreamTape::new(network, terms, size)?;
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let program = Program::with_strategy(tape, strategy, gpu.binding_limit())
        .with_pooling_in_convolutions(gpu.profile(), &options);
    let executable = Executable::build(gpu, program, &options)?;
    for (&value, map) in guides.iter().zip(&guide.0) {
        executable.write_map(gpu, value, map);
    }
    Ok(executable)
}
