//! Terms in proportion at every size. The larger a photograph is, the smoother is what the network sees of it, and the
//! less the deeper its layers: left alone, composition would count for less in large pictures, and the content too.

use crate::net::Architecture;
use crate::objective::{Statistics, StyleTerms};

/// Longer sides at which the weights of recipes were chosen by looking.
const CHOSEN_SIDES: [usize; 2] = [256, 320];

/// Doublings and halvings of those that are trusted; beyond them no more is made up for.
const MOST_DOUBLINGS: u8 = 2;

/// By how much the mean square of the features at relu4_2 shrinks where a photograph is twice as large. A mean over
/// photographs and sizes up to 450 pixels, by `docs/comparison/shrinking.py`.
const CONTENT: f32 = 1.5;

/// By how much the mean squared difference of the Gram matrices of a photograph and a painting at relu1_1, relu2_1,
/// relu3_1, relu4_1, relu5_1 shrinks where both are twice as large, by the same.
const GRAMS: [f32; 5] = [1.0, 1.2, 1.7, 2.0, 4.8];

/// The part of its usual length that a finish has in a picture with the longer side `side`. Gram matrices ask as much of a
/// small picture as of a large one: those of recipe `gatys` have 305 888 different entries, and a square of 128 pixels has
/// 49 152 values to meet them with. It cannot meet them, and a portrait loses its eyes in the attempt: of 300 steps at 128 pixels 25
/// leave them, and 38, which would be in proportion to the values, begin to take them.
pub fn finish_length(side: usize) -> f64 {
    (side as f64 / CHOSEN_SIDES[0] as f64).min(1.0).powf(2.5)
}

/// The part of the values of a square of `side` pixels that Gram matrices leave open: none up to 320 pixels, which have
/// 307 200 of them, 0.61 of 512, and from two doublings on no more than there. What nothing holds keeps what the first
/// steps of a finish made of it: single pixels of another colour, which a total variation takes away.
pub fn left_open(side: usize) -> f32 {
    let held = CHOSEN_SIDES[1];
    let side = side.clamp(held, held << MOST_DOUBLINGS);
    1.0 - (held as f32 / side as f32).powi(2)
}

/// `terms` for a picture with the longer side `side`, weighed so that they are in the proportion that they have at 256
/// to 320 pixels. It was measured up to 450 pixels. Those whose gradients are normalised pull as strongly at every size.
pub fn in_proportion(mut terms: StyleTerms, architecture: Architecture, side: usize) -> StyleTerms {
    if terms.normalised {
        return terms;
    }
    let chosen = side.clamp(CHOSEN_SIDES[0], CHOSEN_SIDES[1]);
    let doublings = (side.max(1) as f32 / chosen as f32).log2();
    let made_up = |shrinking: f32| {
        shrinking.powf(doublings.clamp(-f32::from(MOST_DOUBLINGS), f32::from(MOST_DOUBLINGS)))
    };
    terms.content_weight *= made_up(CONTENT);
    for term in &mut terms.dream {
        term.weight *= made_up(CONTENT);
    }
    for term in &mut terms.style {
        let halvings = architecture.downscale(term.layer).ilog2() as usize;
        let grams = GRAMS[halvings.min(GRAMS.len() - 1)];
        term.weight *= match terms.statistics {
            Statistics::Gram => made_up(grams),
            // Squares of features instead of their fourth powers.
            Statistics::Moments => made_up(grams.sqrt()),
        };
    }
    terms
}

/// `terms` for a scale of a run before its finish. Moments are held in proportion where it is large, as else faces come
/// apart there; small scales find the composition, with what of the content they see. Gram matrices are left as Gatys
/// et al. weigh them.
pub fn at_scale(terms: &StyleTerms, architecture: Architecture, side: usize) -> StyleTerms {
    match terms.statistics {
        Statistics::Gram => terms.clone(),
        Statistics::Moments => {
            in_proportion(terms.clone(), architecture, side.max(CHOSEN_SIDES[0]))
        }
    }
}
