//! Style transfer as an objective (Gatys, Ecker & Bethge, arXiv 1508.06576, equations 1 to 7).

use std::ops::RangeInclusive;

use super::{Regions, Wanted};
use crate::kernels::pool2::Pooling;
use crate::net::Treatment;
use crate::shape::Border;

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
    /// Layers that are to see more of what they see there already: their term is −weight · mean(F²).
    pub dream: Vec<LayerWeight>,
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
    /// Whether the weights say how strongly terms pull on their layers, however far away their targets are: what a term
    /// adds to the gradient of its layer is as long as its weight, in the sum of absolute values (jcjohnson/neural-style,
    /// `-normalize_gradients`). The total variation is weighed as ever.
    pub normalised: bool,
    /// Where in the picture they hold.
    pub regions: Regions,
    /// For each style picture, the layers that it is seen at, as indices of the architecture: coarse structure of one
    /// and fine texture of another, after Gatys et al., arXiv 1611.07865, section 6. Empty if all are seen at all.
    pub parts: Vec<RangeInclusive<usize>>,
    /// How far towards the statistics of the style those of the content are to go: 0 for not at all, 1 for all the way.
    pub strength: f32,
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
    pub(super) fn content_in_use(&self) -> &[LayerWeight] {
        match self.content_weight {
            0.0 => &[],
            _ => &self.content,
        }
    }

    /// The style terms of layers at which a style is seen; none without strength, since rounding alone would move a
    /// picture that is at its target.
    pub(super) fn style_in_use(&self) -> Vec<LayerWeight> {
        let is_seen = |term: &&LayerWeight| {
            let mut parts = self.parts.iter();
            parts.len() == 0 || parts.any(|part| part.contains(&term.layer))
        };
        match self.strength {
            0.0 => Vec::new(),
            _ => self.style.iter().filter(is_seen).copied().collect(),
        }
    }

    /// Whether the style at `index` is seen at `layer`.
    pub(super) fn sees(&self, index: usize, layer: usize) -> bool {
        let part = self.parts.get(index);
        part.is_none_or(|part| part.contains(&layer))
    }

    /// What is to be seen in the content picture.
    pub fn wanted_of_content(&self) -> Wanted {
        let statistics = match self.strength {
            // Its own have no part in what is wanted.
            1.0 => Wanted::default(),
            _ => self.statistics_wanted(),
        };
        let maps = self.content_in_use().iter().map(|term| term.layer);
        Wanted {
            maps: maps.collect(),
            ..statistics
        }
    }

    /// What is to be seen in the style picture at `index`, and in which part of it.
    pub fn wanted_of_style(&self, index: usize) -> Wanted {
        Wanted {
            part: self.regions.in_styles.get(index).cloned(),
            ..self.statistics_wanted()
        }
    }

    fn statistics_wanted(&self) -> Wanted {
        let style = self.style_in_use().iter().map(|term| term.layer).collect();
        match self.statistics {
            Statistics::Gram => Wanted {
                grams: style,
                ..Wanted::default()
            },
            Statistics::Moments => Wanted {
                moments: style,
                ..Wanted::default()
            },
        }
    }
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
    /// Sum of the dream terms.
    pub dream: f64,
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
                Some("dream") => summary.dream += value,
                Some("tv") => summary.tv += value,
                _ => {}
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(parts: Vec<RangeInclusive<usize>>) -> StyleTerms {
        let at = |layer| LayerWeight { layer, weight: 1.0 };
        StyleTerms {
            content: vec![at(9)],
            style: vec![at(1), at(6), at(11)],
            dream: vec![],
            statistics: Statistics::Gram,
            content_weight: 3.0,
            style_weight: 5.0,
            tv_weight: 0.0,
            pooling: Pooling::Max,
            border: Border::Zero,
            normalised: false,
            regions: Regions::default(),
            parts,
            strength: 1.0,
        }
    }

    #[test]
    fn layers_that_no_style_is_seen_at_have_no_term() {
        let layers = |parts| -> Vec<usize> {
            let terms = terms(parts).style_in_use();
            terms.iter().map(|term| term.layer).collect()
        };
        assert_eq!(layers(vec![]), [1, 6, 11]);
        assert_eq!(layers(vec![0..=1, 6..=6]), [1, 6]);
        assert_eq!(layers(vec![0..=1, 2..=20]), [1, 6, 11]);
    }
}
