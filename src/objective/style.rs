//! Style transfer as an objective (Gatys, Ecker & Bethge, arXiv 1508.06576, equations 1 to 7).

use super::{Features, ObjectiveError, Wanted, features, gaussian};
use crate::gpu::Gpu;
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape, TapeError, ValueId};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::pool2::Pooling;
use crate::net::{Network, Treatment};
use crate::shape::{Border, Shape};

/// A layer and how much it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerWeight {
    /// Index in the architecture.
    pub layer: usize,
    /// Factor of its term.
    pub weight: f32,
}

/// What of a layer is to become as in the style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistics {
    /// Gram matrices: mean of the squared differences of their entries.
    #[default]
    Gram,
    /// Means and covariances: squared Wasserstein-2 distance of the Gaussians that have them, over C.
    Moments,
}

/// Terms of the objective. All are means, so weights keep their meaning at every size.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleTerms {
    /// Layers whose maps are to stay as in the content picture.
    pub content: Vec<LayerWeight>,
    /// Layers whose statistics are to become those of the style; the weight is w_l.
    pub style: Vec<LayerWeight>,
    /// Which statistics.
    pub statistics: Statistics,
    /// Factor of all content terms; 0 leaves them out.
    pub content_weight: f32,
    /// Factor of all style terms.
    pub style_weight: f32,
    /// Factor of the total variation; 0 leaves it out.
    pub tv_weight: f32,
    /// How the network pools.
    pub pooling: Pooling,
    /// What it sees beyond the border of the painted picture, and of the content.
    pub border: Border,
}

impl StyleTerms {
    /// How the network looks at the painted picture and the content.
    pub fn treatment(&self) -> Treatment {
        Treatment {
            pooling: self.pooling,
            border: self.border,
        }
    }

    /// How it looks at the style pictures. Those are no tori: wrapped, their own seams would count among the strokes.
    pub fn treatment_of_styles(&self) -> Treatment {
        let border = match self.border {
            Border::Wrap => Border::Replicate,
            border => border,
        };
        Treatment {
            border,
            ..self.treatment()
        }
    }

    /// The content terms, unless their common factor is 0.
    fn content_in_use(&self) -> &[LayerWeight] {
        match self.content_weight {
            0.0 => &[],
            _ => &self.content,
        }
    }

    /// What is to be seen in the content picture, and in each style picture.
    pub fn wanted(&self) -> [Wanted; 2] {
        let layers = |of: &[LayerWeight]| of.iter().map(|term| term.layer).collect();
        let (maps, style) = (layers(self.content_in_use()), layers(&self.style));
        let of_content = Wanted {
            maps,
            ..Wanted::default()
        };
        let mut of_style = Wanted::default();
        match self.statistics {
            Statistics::Gram => of_style.grams = style,
            Statistics::Moments => of_style.moments = style,
        }
        [of_content, of_style]
    }
}

/// What the terms compare with.
#[derive(Clone, Debug)]
pub struct StyleTargets {
    content: Features,
    /// One per style layer: a blended Gram matrix, or the root of a blended covariance and means.
    style: Vec<Vec<f32>>,
}

impl StyleTargets {
    /// Looks at the pictures, in tiles if `strategy` says so: maps of the content, statistics of the
    /// styles, blended linearly with weights normalised to 1.
    ///
    /// # Errors
    /// A picture too small for a layer, or a failure of the device.
    pub async fn measure(
        gpu: &Gpu,
        network: &Network,
        terms: &StyleTerms,
        content: &Picture,
        styles: &[(Picture, f32)],
        preference: &Preference,
        strategy: &Strategy,
    ) -> Result<Self, ObjectiveError> {
        let [of_content, of_style] = terms.wanted();
        let content = features(
            gpu,
            network,
            terms.treatment(),
            content,
            &of_content,
            preference,
            strategy,
        )
        .await?;
        let treatment = terms.treatment_of_styles();
        let sum: f64 = styles.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let mut blended: Vec<Vec<f64>> = Vec::new();
        for (picture, weight) in styles {
            let seen = features(
                gpu, network, treatment, picture, &of_style, preference, strategy,
            )
            .await?;
            let share = f64::from(*weight) / sum;
            let seen = match terms.statistics {
                Statistics::Gram => seen.grams,
                Statistics::Moments => seen.moments,
            };
            blended.resize(seen.len(), Vec::new());
            for (target, (_, entries)) in blended.iter_mut().zip(&seen) {
                target.resize(entries.len(), 0.0);
                for (target, &entry) in target.iter_mut().zip(entries) {
                    *target += share * f64::from(entry);
                }
            }
        }
        let target = |blend: Vec<f64>| match terms.statistics {
            Statistics::Gram => blend,
            Statistics::Moments => gaussian::target(&blend),
        };
        let narrow = |blend| target(blend).into_iter().map(|entry| entry as f32);
        let style = blended.into_iter().map(|blend| narrow(blend).collect());
        Ok(Self {
            content,
            style: style.collect(),
        })
    }
}

/// The terms as nodes on a tape, and the targets that they compare with. It needs no device: the plan of a
/// program made from it says what a run would take.
pub struct StyleTape {
    /// Network and terms. The loss terms are called `content:<layer>`, `style:<layer>` and `tv`.
    pub tape: Tape,
    content_targets: Vec<ValueId>,
    style_targets: Vec<ValueId>,
}

impl StyleTape {
    /// Writes `terms` for pictures of `width`×`height`.
    ///
    /// # Errors
    /// A picture too small for a layer.
    pub fn new(
        network: &Network,
        terms: &StyleTerms,
        [width, height]: [usize; 2],
    ) -> Result<Self, TapeError> {
        let mut tape = Tape::new(width, height);
        let content = terms.content_in_use();
        let layers: Vec<usize> = content
            .iter()
            .chain(&terms.style)
            .map(|term| term.layer)
            .collect();
        let values = network.extend(&mut tape, terms.treatment(), &layers)?;
        let (content_values, style_values) = values.split_at(content.len());
        let name = |layer: usize| network.architecture.layers()[layer].name.as_str();

        let mut content_targets: Vec<ValueId> = Vec::new();
        for (term, &value) in content.iter().zip(content_values) {
            let layer = name(term.layer);
            // Layers of a network are maps.
            let shape = tape.shape(value).unwrap_or(Shape::new(0, 0, 0));
            let target = tape.constant_map(&format!("content target {layer}"), shape);
            let weight = terms.content_weight * term.weight;
            tape.content_loss(&format!("content:{layer}"), value, target, weight)?;
            content_targets.push(target);
        }
        let mut style_targets: Vec<ValueId> = Vec::new();
        for (term, &value) in terms.style.iter().zip(style_values) {
            let layer = name(term.layer);
            let channels = network.architecture.channels(term.layer);
            let (name, target) = (format!("style:{layer}"), format!("style target {layer}"));
            let weight = terms.style_weight * term.weight;
            let target = match terms.statistics {
                Statistics::Gram => {
                    let gram = tape.gram(&format!("gram:{layer}"), value)?;
                    let target = tape.constant_gram(&target, channels);
                    tape.style_loss(&name, gram, target, weight)?;
                    target
                }
                Statistics::Moments => {
                    let moments = tape.moments(&format!("moments:{layer}"), value)?;
                    let target = tape.constant_moments(&target, channels);
                    tape.wasserstein_loss(&name, moments, target, weight)?;
                    target
                }
            };
            style_targets.push(target);
        }
        if terms.tv_weight != 0.0 {
            tape.tv_loss("tv", terms.tv_weight)?;
        }
        Ok(Self {
            tape,
            content_targets,
            style_targets,
        })
    }
}

/// Builds the executable that computes all terms and their gradient for pictures of `width`×`height`, as
/// `strategy` says. The loss terms are called as those of [`StyleTape`].
///
/// # Errors
/// A picture too small for a layer, or a failure of the device.
pub fn style_executable(
    gpu: &Gpu,
    network: &Network,
    terms: &StyleTerms,
    size: [usize; 2],
    targets: &StyleTargets,
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Executable, ObjectiveError> {
    let StyleTape {
        tape,
        content_targets,
        style_targets,
    } = StyleTape::new(network, terms, size)?;
    let program = Program::with_strategy(tape, strategy, gpu.binding_limit());
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let executable = Executable::build(gpu, program, &options)?;
    for (&target, (_, map)) in content_targets.iter().zip(&targets.content.maps) {
        executable.write_map(gpu, target, map);
    }
    for (&target, entries) in style_targets.iter().zip(&targets.style) {
        match terms.statistics {
            Statistics::Gram => executable.write_gram(gpu, target, entries),
            Statistics::Moments => executable.write_moments(gpu, target, entries),
        }
    }
    Ok(executable)
}

/// The terms added up in f64: everything, then by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSummary {
    /// Sum of all terms.
    pub total: f64,
    /// Sum of the content terms.
    pub content: f64,
    /// Sum of the style terms.
    pub style: f64,
    /// Total variation.
    pub tv: f64,
}

impl LossSummary {
    /// Sums `values` by the kind that their `names` begin with.
    pub fn new(names: &[String], values: &[f32]) -> Self {
        let mut summary = Self::default();
        for (name, &value) in names.iter().zip(values) {
            let value = f64::from(value);
            summary.total += value;
            match name.split(':').next() {
                Some("content") => summary.content += value,
                Some("style") => summary.style += value,
                Some("tv") => summary.tv += value,
                _ => {}
            }
        }
        summary
    }
}
