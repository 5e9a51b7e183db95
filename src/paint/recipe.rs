//! Recipes as data: every constant of a way to paint stands here.

use super::proportion::{finish_length, in_proportion, left_open};
use super::texture::texture;
use crate::kernels::pool2::Pooling;
use crate::net::Architecture;
use crate::objective::{LayerWeight, Regions, Statistics, StyleTerms};
use crate::optim::{AdamSettings, LbfgsSettings, OptimiserSettings};
use crate::shape::Border;

/// A way to paint in the style of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleRecipe {
    /// The objective.
    pub terms: StyleTerms,
    /// How to descend it.
    pub optimiser: OptimiserSettings,
    /// The longer side of the coarsest scale; `None` for one scale.
    pub smallest: Option<usize>,
    /// The decay of the mean of pictures that is the result, see [`super::averaging_over`]; 0 for the last picture
    /// itself.
    pub average: f32,
    /// How much of what only the next scale can show of the content comes into the picture with it, see
    /// [`super::ScaledChoices::detail`]; 0 for nothing.
    pub detail: f32,
    /// The relative change of the loss below which a scale ends early; 0 for never.
    pub tolerance: f32,
    /// What is done at the end.
    pub finish: RecipeFinish,
}

/// The last steps of a run, and those that scales which ended early left over, at full size: Gram matrices by L-BFGS.
/// Statistics that are matched from coarse to fine find the composition, these the strokes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecipeFinish {
    /// Their share of all steps, less in small pictures (see [`RecipeFinish::steps`]); 0 for none.
    pub share: f32,
    /// The common factor of the content terms.
    pub content_weight: f32,
    /// The common factor of the style terms, on top of [`gatys_style_weight`].
    pub style_weight: f32,
    /// The weight of the total variation, times the part of the picture that the statistics leave open (`left_open`).
    pub tv_weight: f32,
    /// How L-BFGS is set.
    pub optimiser: LbfgsSettings,
}

impl Default for RecipeFinish {
    /// None; and if there is to be one, [`gatys`].
    fn default() -> Self {
        Self {
            share: 0.0,
            content_weight: 1.0,
            style_weight: 1.0,
            tv_weight: 0.0,
            optimiser: LbfgsSettings {
                history: 20,
                clamp: true,
                longest: 0.02,
                ..LbfgsSettings::default()
            },
        }
    }
}

impl RecipeFinish {
    /// How many of `iterations` steps it takes in a picture with the longer side `side`: fewer in one that has
    /// too few values for the correlations of a painting, where they are met at the cost of what the content shows.
    pub fn steps(&self, iterations: u32, side: usize) -> usize {
        let share = f64::from(self.share) * finish_length(side);
        (f64::from(iterations) * share).round() as usize
    }
}

impl StyleRecipe {
    /// Gatys, Ecker & Bethge: [`gatys`] by L-BFGS on one scale.
    pub fn gatys(architecture: Architecture) -> Self {
        Self {
            terms: gatys(architecture),
            optimiser: OptimiserSettings::Lbfgs(LbfgsSettings::default()),
            smallest: None,
            average: 0.0,
            detail: 0.0,
            tolerance: 0.0,
            finish: RecipeFinish::default(),
        }
    }

    /// [`texture`] by L-BFGS on one scale.
    pub fn texture(architecture: Architecture, border: Border) -> Self {
        Self {
            terms: texture(architecture, border),
            ..Self::gatys(architecture)
        }
    }

    /// Means and covariances, the border going on beyond the picture, from coarse to fine by Adam, and the mean of its
    /// pictures, as K. Crowson's style-transfer-pytorch does it. Our own are the detail that each scale begins with, and the
    /// finish on Gram matrices.
    pub fn painterly(architecture: Architecture) -> Self {
        let mut terms = gatys(architecture);
        match_moments(&mut terms, architecture);
        terms.border = Border::Replicate;
        // With 1 a portrait takes little of the style but its colours.
        terms.style_weight = 4.0;
        Self {
            terms,
            optimiser: OptimiserSettings::Adam(AdamSettings {
                learning_rate: 0.02,
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-8,
                clamp: true,
            }),
            smallest: Some(128),
            average: 0.99,
            // Without, strokes that a coarse scale put where an eye was to be stay there.
            detail: 1.0,
            tolerance: 1e-4,
            finish: RecipeFinish {
                share: 0.5,
                // With 1 a face dissolves into strokes.
                content_weight: 4.0,
                tv_weight: 3.3e8,
                ..RecipeFinish::default()
            },
        }
    }

    /// The objective of the finish of a run on `terms`, which differ from those of the recipe by what the user wants:
    /// as they do there, the weights differ here; and they are [`in_proportion`] for a picture with the longer side `side`,
    /// which may have more values than they determine.
    pub fn finishing(
        &self,
        terms: &StyleTerms,
        architecture: Architecture,
        side: usize,
    ) -> StyleTerms {
        let relative = |to: f32, wanted: f32, usual: f32| match usual {
            0.0 => wanted,
            usual => to * wanted / usual,
        };
        let (finish, usual) = (&self.finish, &self.terms);
        let mut finishing = terms.clone();
        finishing.content_weight = relative(
            finish.content_weight,
            terms.content_weight,
            usual.content_weight,
        );
        finishing.style_weight =
            relative(finish.style_weight, terms.style_weight, usual.style_weight);
        finishing.tv_weight += finish.tv_weight * left_open(side);
        finishing.statistics = Statistics::Gram;
        let change = dream_weight(&finishing) / dream_weight(terms);
        for term in &mut finishing.dream {
            term.weight *= change;
        }
        for index in 0..finishing.style.len() {
            let layer = finishing.style[index].layer;
            let here = style_weight(&finishing, architecture, layer);
            let there = style_weight(terms, architecture, layer);
            finishing.style[index].weight *= here / there;
        }
        in_proportion(finishing, architecture, side)
    }
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
        dream: Vec::new(),
        statistics: Statistics::Gram,
        content_weight: 1.0,
        style_weight: 1.0,
        tv_weight: 0.0,
        pooling: Pooling::Max,
        border: Border::Zero,
        normalised: false,
        regions: Regions::default(),
        parts: Vec::new(),
        strength: 1.0,
    }
}

/// w_l = 1000 / C² of recipe `gatys`.
pub fn gatys_style_weight(architecture: Architecture, layer: usize) -> f32 {
    let channels = architecture.channels(layer) as f32;
    1000.0 / (channels * channels)
}

/// What a recipe weighs the style at `layer` by, on top of the common factor of `terms`: by [`gatys_style_weight`] or
/// [`painterly_style_weight`], and all layers alike where gradients are normalised.
pub fn style_weight(terms: &StyleTerms, architecture: Architecture, layer: usize) -> f32 {
    match (terms.normalised, terms.statistics) {
        (true, statistics) => style_pull(statistics),
        (false, Statistics::Gram) => gatys_style_weight(architecture, layer),
        (false, Statistics::Moments) => painterly_style_weight(architecture, layer),
    }
}

/// Lets `terms` match moments instead of Gram matrices at the layers that they have, weighed by [`style_weight`].
pub fn match_moments(terms: &mut StyleTerms, architecture: Architecture) {
    terms.statistics = Statistics::Moments;
    weigh_style(terms, architecture);
}

/// Lets `terms` match Gram matrices, weighed by [`style_weight`].
pub fn match_grams(terms: &mut StyleTerms, architecture: Architecture) {
    terms.statistics = Statistics::Gram;
    weigh_style(terms, architecture);
}

/// Lets the terms of content and style pull on their layers by their weights, whatever the distance of their targets: the
/// style at the layers that there are, weighed by [`style_weight`], and the content by [`CONTENT_PULL`] times its weights.
pub fn normalise_gradients(terms: &mut StyleTerms, architecture: Architecture) {
    terms.normalised = true;
    for term in &mut terms.content {
        term.weight *= CONTENT_PULL;
    }
    weigh_style(terms, architecture);
}

fn weigh_style(terms: &mut StyleTerms, architecture: Architecture) {
    for index in 0..terms.style.len() {
        terms.style[index].weight = style_weight(terms, architecture, terms.style[index].layer);
    }
}

/// w_l of a style in moments, for [`Statistics::Moments`]: 256 : 64 : 16 : 4 : 1 from relu1_1 to relu5_1, 341 in all, as
/// style-transfer-pytorch weighs the layers of a network whose features are of the order of 1; so each is divided by the mean
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

/// Factor of a dream beside the style terms of `terms`, by looking at portraits at relu4_3: with a tenth of it things begin
/// to appear between the strokes, with all of it little of the style is left.
pub fn dream_weight(terms: &StyleTerms) -> f32 {
    match (terms.normalised, terms.statistics) {
        (true, statistics) => dream_pull(statistics),
        (false, Statistics::Gram) => 1000.0,
        (false, Statistics::Moments) => 50.0,
    }
}

/// How strongly a content term of weight 1 pulls where gradients are normalised. All pulls are of the order of what they
/// stand for, so that a total variation and the step of an optimiser mean what they do without: on a portrait at 224 pixels
/// (`pictures/astronaut.png` after `pere_tanguy_van_gogh.png`, from the tenth step of recipe `gatys` on) the absolute values
/// of the gradient of the content add up to 700 to 970.
pub const CONTENT_PULL: f32 = 1e3;

/// How strongly the style of weight 1 pulls at each layer. There, Gram matrices pull with 1.4e3 at relu5_1, 1e6 at relu4_1,
/// 6e4, 1.9e5 and 8e3 at relu1_1, and this is a fifth of their sum: that portrait, and `chelsea.png` after
/// `church_at_auvers_van_gogh.png`, look as much like their paintings as without. Moments pull with 3e2, 70, 8e2, 3e3 and
/// 6e4; a fifth of that sum let deep layers dissolve the face, 1e3 took its eyes, and with 400 a little of the colours was
/// missing (recipe `painterly`, 192 pixels, 80 steps and no finish).
fn style_pull(statistics: Statistics) -> f32 {
    match statistics {
        Statistics::Gram => 2e5,
        Statistics::Moments => 500.0,
    }
}

/// How strongly a dream of weight 1 does: as it does there at relu4_3.
fn dream_pull(statistics: Statistics) -> f32 {
    match statistics {
        Statistics::Gram => 4.5e5,
        Statistics::Moments => 2.3e4,
    }
}

/// By how much style in moments outweighs a content term of weight 1.
const PAINTERLY_TOTAL: f32 = 2e7;

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures that Gram matrices hold everywhere are left as they are; beyond them the more the larger. What the user
    /// wants comes on top, and `gatys` is left alone.
    #[test]
    fn a_large_picture_is_smoothed_where_gram_matrices_leave_it_open() {
        let architecture = Architecture::Vgg19;
        let weight = |recipe: &StyleRecipe, own: f32, side: usize| {
            let terms = StyleTerms {
                tv_weight: own,
                ..recipe.terms.clone()
            };
            recipe.finishing(&terms, architecture, side).tv_weight
        };
        let painterly = StyleRecipe::painterly(architecture);
        for side in [1, 96, 256, 320] {
            assert_eq!(weight(&painterly, 0.0, side), 0.0);
            assert_eq!(weight(&painterly, 3.0, side), 3.0);
        }
        let sides = [321, 400, 512, 1024, 1280, 4096];
        let weights = sides.map(|side| weight(&painterly, 0.0, side));
        assert!(weights.is_sorted() && weights[0] > 0.0, "{weights:?}");
        let most = painterly.finish.tv_weight;
        assert!(weights[2] > 0.6 * most && weights[4] > 0.93 * most && weights[4] < most);
        assert_eq!(weights[4], weights[5], "no more than two doublings");
        assert!(weight(&painterly, 1e8, 512) > 1e8 + 0.6 * most);
        let gatys = StyleRecipe::gatys(architecture);
        assert!(sides.iter().all(|&side| weight(&gatys, 0.0, side) == 0.0));
    }
}
