//! What the terms of a style transfer compare with: features of the content, statistics of the styles.

use super::{Features, LayerWeight, ObjectiveError, Statistics, StyleTerms, features, gaussian};
use crate::gpu::Gpu;
use crate::graph::Strategy;
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::net::Network;

/// What the terms compare with.
#[derive(Clone, Debug)]
pub struct StyleTargets {
    pub(super) content: Features,
    /// For each region, or once for the whole picture, one per style layer: a blended Gram matrix, or the root of a
    /// blended covariance and means.
    pub(super) style: Vec<Vec<Vec<f32>>>,
}

impl StyleTargets {
    /// Looks at the pictures, in tiles if `strategy` says so: maps of the content, statistics of the styles. Where the
    /// terms know regions each style has one; else those that are seen at a layer are blended linearly with weights
    /// normalised to 1.
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
        let (treatment, wanted) = (terms.treatment(), terms.wanted_of_content());
        let mut content = features(
            gpu, network, treatment, content, &wanted, preference, strategy,
        )
        .await?;
        let own = match terms.statistics {
            Statistics::Gram => std::mem::take(&mut content.grams),
            Statistics::Moments => std::mem::take(&mut content.moments),
        };
        let mut measured: Vec<Vec<Vec<f32>>> = Vec::new();
        let mut seen = Vec::new();
        for (number, (picture, weight)) in styles.iter().enumerate() {
            let (treatment, wanted) = (terms.treatment_of_styles(), terms.wanted_of_style(number));
            let features = features(
                gpu, network, treatment, picture, &wanted, preference, strategy,
            )
            .await?;
            seen.push(match terms.statistics {
                Statistics::Gram => (features.grams, *weight),
                Statistics::Moments => (features.moments, *weight),
            });
        }
        if terms.regions.styles.is_empty() {
            measured.push(blended(terms, &own, &seen, 0));
        } else {
            let regions = seen.chunks(1).enumerate();
            measured.extend(regions.map(|(number, seen)| blended(terms, &own, seen, number)));
        }
        Ok(Self {
            content,
            style: measured,
        })
    }
}

/// Statistics of the layers of one picture, and its weight.
type Seen = (Vec<(usize, Vec<f32>)>, f32);

/// The statistics of several pictures, from style number `first` on, as one target for each layer in use; empty at
/// those where none of them is seen. Below full strength the target lies between the content's `own` statistics and
/// theirs: so pictures of all strengths match their target as well, and change evenly with it.
fn blended(
    terms: &StyleTerms,
    own: &[(usize, Vec<f32>)],
    seen: &[Seen],
    first: usize,
) -> Vec<Vec<f32>> {
    let of_layer = |(index, term): (usize, LayerWeight)| {
        let pictures = (first..).zip(seen);
        let pictures: Vec<(&[f32], f32)> = pictures
            .filter(|&(picture, _)| terms.sees(picture, term.layer))
            .map(|(_, (layers, weight))| (&*layers[index].1, *weight))
            .collect();
        let mut blend = blend(&pictures);
        if let Some((_, own)) = own.get(index).filter(|_| terms.strength < 1.0) {
            let strength = f64::from(terms.strength);
            for (entry, &own) in blend.iter_mut().zip(own) {
                *entry = strength * *entry + (1.0 - strength) * f64::from(own);
            }
        }
        let target = match terms.statistics {
            Statistics::Moments if !blend.is_empty() => gaussian::target(&blend),
            _ => blend,
        };
        target.into_iter().map(|entry| entry as f32).collect()
    };
    let layers = terms.style_in_use().into_iter().enumerate();
    layers.map(of_layer).collect()
}

/// The mean of several lists of entries with these weights.
fn blend(lists: &[(&[f32], f32)]) -> Vec<f64> {
    let sum: f64 = lists.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let entries = lists.first().map_or(0, |(entries, _)| entries.len());
    let mean = |entry: usize| {
        let shares = lists.iter();
        shares
            .map(|&(entries, weight)| f64::from(weight) / sum * f64::from(entries[entry]))
            .sum()
    };
    (0..entries).map(mean).collect()
}
