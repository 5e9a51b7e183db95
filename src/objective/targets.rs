//! What the terms of a style transfer compare with: features of the content, statistics of the styles.

use super::{Features, ObjectiveError, Statistics, StyleTerms, features, gaussian};
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
    /// terms know regions each style has one; else they are blended linearly with weights normalised to 1.
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
        let mut measured: Vec<Vec<Vec<f32>>> = Vec::new();
        let mut seen = Vec::new();
        for (picture, weight) in styles {
            let treatment = terms.treatment_of_styles();
            let features = features(
                gpu, network, treatment, picture, &of_style, preference, strategy,
            )
            .await?;
            seen.push(match terms.statistics {
                Statistics::Gram => (features.grams, *weight),
                Statistics::Moments => (features.moments, *weight),
            });
            if !terms.regions.styles.is_empty() {
                measured.push(blended(terms.statistics, &std::mem::take(&mut seen)));
            }
        }
        if terms.regions.styles.is_empty() {
            measured.push(blended(terms.statistics, &seen));
        }
        Ok(Self {
            content,
            style: measured,
        })
    }
}

/// Statistics of the layers of one picture, and its weight.
type Seen = (Vec<(usize, Vec<f32>)>, f32);

/// The statistics of several pictures as one target for each layer, blended linearly with weights normalised to 1.
fn blended(statistics: Statistics, seen: &[Seen]) -> Vec<Vec<f32>> {
    let sum: f64 = seen.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut blended: Vec<Vec<f64>> = Vec::new();
    for (layers, weight) in seen {
        let share = f64::from(*weight) / sum;
        blended.resize(layers.len(), Vec::new());
        for (target, (_, entries)) in blended.iter_mut().zip(layers) {
            target.resize(entries.len(), 0.0);
            for (target, &entry) in target.iter_mut().zip(entries) {
                *target += share * f64::from(entry);
            }
        }
    }
    let target = |blend: Vec<f64>| match statistics {
        Statistics::Gram => blend,
        Statistics::Moments => gaussian::target(&blend),
    };
    let narrow = |blend| target(blend).into_iter().map(|entry| entry as f32);
    blended
        .into_iter()
        .map(|blend| narrow(blend).collect())
        .collect()
}
