//! Style transfer as an objective (Gatys, Ecker & Bethge, arXiv 1508.06576, equations 1 to 7).

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
    /// Where in the picture they hold.
    pub regions: Regions,
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
