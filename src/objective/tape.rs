//! The terms of a style transfer as nodes on a tape, and as something that runs.

use super::{LayerWeight, ObjectiveError, Statistics, StyleRegion, StyleTargets, StyleTerms};
use crate::gpu::{Gpu, GpuError};
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape, TapeError, ValueId};
use crate::kernels::conv3x3::Preference;
use crate::net::{Architecture, Network};
use crate::shape::Shape;

/// The terms as nodes on a tape, and the targets that they compare with. It needs no device: the plan of a
/// program made from it says what a run would take.
pub struct StyleTape {
    /// Network and terms. The loss terms are called `content:<layer>`, `style:<layer>`, `dream:<layer>` and `tv`; in regions
    /// `style:<layer>:<number>`, counted from 1.
    pub tape: Tape,
    content_targets: Vec<ValueId>,
    /// With the number of their region and the index of their layer.
    style_targets: Vec<(ValueId, [usize; 2])>,
    /// What positions of layers count, where not all do alike.
    weights: Vec<(ValueId, Vec<f32>)>,
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
        let (content, style) = (terms.content_in_use(), terms.style_in_use());
        let layers: Vec<usize> = content
            .iter()
            .chain(&style)
            .chain(&terms.dream)
            .map(|term| term.layer)
            .collect();
        let values = network.extend(&mut tape, terms.treatment(), &layers)?;
        let (content_values, others) = values.split_at(content.len());
        let (style_values, dream_values) = others.split_at(style.len());
        let mut this = Self {
            tape,
            content_targets: Vec::new(),
            style_targets: Vec::new(),
            weights: Vec::new(),
        };
        let look = Look {
            architecture: network.architecture,
            terms,
            size: [width, height],
        };
        for (term, &value) in content.iter().zip(content_values) {
            this.content_term(&look, term, value)?;
        }
        for (index, (term, &value)) in style.iter().zip(style_values).enumerate() {
            if terms.regions.styles.is_empty() {
                this.style_term(&look, (term, value), [0, index], None)?;
            }
            for (number, region) in terms.regions.styles.iter().enumerate() {
                if !terms.sees(number, term.layer) {
                    continue;
                }
                let place = [number, index];
                this.style_term(&look, (term, value), place, Some(region))?;
            }
        }
        for (term, &value) in terms.dream.iter().zip(dream_values) {
            let name = format!("dream:{}", look.name(term.layer));
            let loss = this.tape.dream_loss(&name, value, -term.weight)?;
            this.pull(&look, loss, term.weight)?;
        }
        if terms.tv_weight != 0.0 {
            this.tape.tv_loss("tv", terms.tv_weight)?;
        }
        Ok(this)
    }

    /// Everything on the device, with these targets.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn executable(
        self,
        gpu: &Gpu,
        targets: &StyleTargets,
        strategy: &Strategy,
        options: &RunOptions,
    ) -> Result<Executable, GpuError> {
        let program = Program::with_strategy(self.tape, strategy, gpu.binding_limit())
            .with_pooling_in_convolutions(gpu.profile(), options);
        let executable = Executable::build(gpu, program, options)?;
        for (&target, (_, map)) in self.content_targets.iter().zip(&targets.content.maps) {
            executable.write_map(gpu, target, map);
        }
        for (weights, values) in &self.weights {
            executable.write_map(gpu, *weights, values);
        }
        for &(target, [region, layer]) in &self.style_targets {
            executable.write_statistics(gpu, target, &targets.style[region][layer]);
        }
        Ok(executable)
    }

    fn content_term(
        &mut self,
        look: &Look<'_>,
        term: &LayerWeight,
        value: ValueId,
    ) -> Result<(), TapeError> {
        let layer = look.name(term.layer);
        // Layers of a network are maps.
        let shape = self.tape.shape(value).unwrap_or(Shape::new(0, 0, 0));
        let mask = look.terms.regions.content.as_ref();
        let weights = mask.map(|mask| {
            let seen = mask.seen_at(look.architecture, term.layer, look.size);
            self.constant_weights("content weights", layer, shape, seen)
        });
        let target = format!("content target {layer}");
        let target = self.tape.constant_map(&target, shape);
        let weight = (look.terms.content_weight * term.weight, weights);
        let name = format!("content:{layer}");
        let loss = self
            .tape
            .weighted_content_loss(&name, value, target, weight)?;
        self.pull(look, loss, weight.0)?;
        self.content_targets.push(target);
        Ok(())
    }

    /// Lets a term pull as strongly as its weight says, where gradients are normalised: `head` is what looks at its layer.
    fn pull(&mut self, look: &Look<'_>, head: ValueId, weight: f32) -> Result<(), TapeError> {
        match look.terms.normalised {
            true => self.tape.normalise(head, weight),
            false => Ok(()),
        }
    }

    /// Adds the term of a style layer, in a region or everywhere; where nothing of a region is left, none.
    fn style_term(
        &mut self,
        look: &Look<'_>,
        (term, value): (&LayerWeight, ValueId),
        [number, index]: [usize; 2],
        region: Option<&StyleRegion>,
    ) -> Result<(), TapeError> {
        let mut layer = look.name(term.layer).to_string();
        let mut weight = look.terms.style_weight * term.weight;
        let mut weights = None;
        if let Some(StyleRegion { mask, strength }) = region {
            let Some(part) = mask.at(look.architecture, term.layer, look.size) else {
                return Ok(());
            };
            let shape = self.tape.shape(value).unwrap_or(Shape::new(0, 0, 0));
            layer = format!("{layer}:{}", number + 1);
            // By its share a pixel of a region is pulled as strongly as if the region were the whole picture.
            weight *= strength * part.share;
            weights = Some(self.constant_weights("style weights", &layer, shape, part.weights));
        }
        let channels = look.architecture.channels(term.layer);
        let (name, target) = (format!("style:{layer}"), format!("style target {layer}"));
        let target = match look.terms.statistics {
            Statistics::Gram => {
                let gram = format!("gram:{layer}");
                let gram = self.tape.weighted_gram(&gram, value, weights)?;
                self.pull(look, gram, weight)?;
                let target = self.tape.constant_gram(&target, channels);
                self.tape.style_loss(&name, gram, target, weight)?;
                target
            }
            Statistics::Moments => {
                let moments = format!("moments:{layer}");
                let moments = self.tape.weighted_moments(&moments, value, weights)?;
                self.pull(look, moments, weight)?;
                let target = self.tape.constant_moments(&target, channels);
                self.tape.wasserstein_loss(&name, moments, target, weight)?;
                target
            }
        };
        self.style_targets.push((target, [number, index]));
        Ok(())
    }

    fn constant_weights(
        &mut self,
        what: &str,
        layer: &str,
        shape: Shape,
        weights: Vec<f32>,
    ) -> ValueId {
        let name = format!("{what} {layer}");
        let constant = self.tape.constant_map(&name, shape.with_channels(1));
        self.weights.push((constant, weights));
        constant
    }
}

/// What terms are written for.
struct Look<'a> {
    architecture: Architecture,
    terms: &'a StyleTerms,
    size: [usize; 2],
}

impl Look<'_> {
    fn name(&self, layer: usize) -> &'static str {
        &self.architecture.layers()[layer].name
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
    let options = RunOptions {
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let tape = StyleTape::new(network, terms, size)?;
    Ok(tape.executable(gpu, targets, strategy, &options)?)
}
