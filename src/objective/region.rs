//! Regions of a picture: soft masks, and how much each position of a layer belongs to one.
//!
//! A position of a deep layer sees many pixels. It belongs to a region as far as all of them do: what it sees of
//! the mask is averaged as the network averages (3×3 at a convolution, 2×2 at a pooling), and of that average one
//! standard deviation of what it saw is taken away. A mask that is the same everywhere keeps its value, however
//! grey; at a sharp border the weight falls to zero before half of what is seen lies outside, so that the
//! statistics of a region are not those of its neighbour (Gatys et al., arXiv 1611.07865, section 4, which erodes
//! binary masks for the same end).

use std::sync::Arc;

use crate::image::{Picture, resized_plane};
use crate::net::{Architecture, LayerKind};

/// A grey picture in [0, 1]: 1 where a region is.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Row by row.
    pub values: Arc<[f32]>,
}

/// How much the positions of a layer belong to a region.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRegion {
    /// One per position of the layer, with a mean of 1.
    pub weights: Vec<f32>,
    /// The mean of the weights before they were made to have a mean of 1: the share of the picture.
    pub share: f32,
}

/// A region that covers less than this of a layer has no statistics worth the name there.
const LEAST_SHARE: f64 = 1e-3;

/// A style and where it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleRegion {
    /// Where.
    pub mask: Mask,
    /// Factor of its terms.
    pub strength: f32,
}

/// Where in a picture the terms of an objective hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regions {
    /// How much of the content is to stay where; `None` for everywhere alike.
    pub content: Option<Mask>,
    /// One for each style picture; none for all of them everywhere.
    pub styles: Vec<StyleRegion>,
    /// For each style picture the part of it that is looked at; none for all of every one.
    pub in_styles: Vec<Mask>,
}

impl Mask {
    /// What the positions of `layer` see of the mask on average, in a picture of `size`.
    pub fn seen_at(&self, architecture: Architecture, layer: usize, size: [usize; 2]) -> Vec<f32> {
        let seen = seen(architecture, layer, size, self.resized(size));
        seen.into_iter().map(|value| value as f32).collect()
    }

    /// The region at `layer` of a picture of `size`; `None` where nothing of it is left.
    pub fn at(
        &self,
        architecture: Architecture,
        layer: usize,
        size: [usize; 2],
    ) -> Option<LayerRegion> {
        let values = self.resized(size);
        let squares = values.iter().map(|value| value * value).collect();
        let mean = seen(architecture, layer, size, values);
        let mean_of_squares = seen(architecture, layer, size, squares);
        let eroded = mean.iter().zip(&mean_of_squares);
        let eroded: Vec<f64> = eroded
            .map(|(mean, square)| (mean - (square - mean * mean).max(0.0).sqrt()).max(0.0))
            .collect();
        let share = eroded.iter().sum::<f64>() / eroded.len().max(1) as f64;
        (share >= LEAST_SHARE).then(|| LayerRegion {
            weights: eroded.iter().map(|value| (value / share) as f32).collect(),
            share: share as f32,
        })
    }

    /// How much the positions of `layer` count where this is the part of a picture of `size` that is looked at, with a mean
    /// of 1. Where the region at [`Mask::at`] has nothing left, what lies beside the part counts as far as it is seen
    /// together with it; of a mask that is black all over everything counts.
    pub fn of_part(&self, architecture: Architecture, layer: usize, size: [usize; 2]) -> Vec<f32> {
        if let Some(region) = self.at(architecture, layer, size) {
            return region.weights;
        }
        let seen = seen(architecture, layer, size, self.resized(size));
        let mean = seen.iter().sum::<f64>() / seen.len().max(1) as f64;
        let weight = |value: f64| if mean > 0.0 { value / mean } else { 1.0 };
        seen.into_iter().map(|value| weight(value) as f32).collect()
    }

    /// How much each pixel of `picture` is seen, for [`crate::image::ColourStatistics::of`].
    pub fn opacity(&self, picture: &Picture) -> Vec<f32> {
        let values = self.resized([picture.width, picture.height]);
        values.into_iter().map(|value| value as f32).collect()
    }

    /// The mask at another size (W, H), as [`crate::image::Picture::resized`] resizes.
    pub fn resized(&self, [width, height]: [usize; 2]) -> Vec<f64> {
        let size = (self.width, self.height);
        let values = resized_plane(&self.values, size, (width, height));
        let clamped = values.iter().map(|&value| f64::from(value).clamp(0.0, 1.0));
        clamped.collect()
    }
}

/// Means of `values`, a plane of `width`×`height`, as the network takes them up to `layer`.
fn seen(
    architecture: Architecture,
    layer: usize,
    [width, height]: [usize; 2],
    values: Vec<f64>,
) -> Vec<f64> {
    let mut plane = Plane {
        width,
        height,
        values,
    };
    for layer in &architecture.layers()[..=layer] {
        match layer.kind {
            LayerKind::Convolution { .. } => plane = plane.seen_by_a_convolution(),
            LayerKind::Pool => plane = plane.pooled(),
            LayerKind::Relu => {}
        }
    }
    plane.values
}

/// What the network sees of a mask.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f64>,
}

impl Plane {
    /// The mean of 3×3 around each position, of what of it lies in the picture.
    fn seen_by_a_convolution(self) -> Self {
        let Self { width, height, .. } = self;
        let mut across = Vec::with_capacity(self.values.len());
        for row in self.values.chunks_exact(width.max(1)) {
            push_means_of_three(row, &mut across);
        }
        let row = |y: usize| &across[y * width..][..width];
        // Row by row: columns of a large picture are far apart in memory.
        let mut values = vec![0.0; across.len()];
        for (y, means) in values.chunks_exact_mut(width.max(1)).enumerate() {
            let near = y.saturating_sub(1)..(y + 2).min(height);
            let number = near.len() as f64;
            for near in near.map(row) {
                means
                    .iter_mut()
                    .zip(near)
                    .for_each(|(sum, value)| *sum += value);
            }
            means.iter_mut().for_each(|sum| *sum /= number);
        }
        Self { values, ..self }
    }

    fn pooled(self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.values[y * self.width + x];
        let mean =
            |x: usize, y: usize| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (2 * x, 2 * y)));
        Self {
            values: values.map(|(x, y)| mean(x, y)).collect(),
            width,
            height,
        }
    }
}

/// The mean of each entry and its neighbours, of which there is one at the ends.
fn push_means_of_three(line: &[f64], means: &mut Vec<f64>) {
    let mean = |near: &[f64]| near.iter().sum::<f64>() / near.len() as f64;
    let end = line.len();
    means.push(mean(&line[..end.min(2)]));
    means.extend(
        line.windows(3)
            .map(|near| (near[0] + near[1] + near[2]) / 3.0),
    );
    if end > 1 {
        means.push(mean(&line[end - 2..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [96, 64];

    fn mask(value: impl Fn(usize, usize) -> f32) -> Mask {
        let [width, height] = SIZE;
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Mask {
            width,
            height,
            values: values.map(|(x, y)| value(x, y)).collect(),
        }
    }

    fn at(mask: &Mask, layer: &str) -> Option<LayerRegion> {
        let layer = Architecture::Vgg19.layer_index(layer).unwrap();
        mask.at(Architecture::Vgg19, layer, SIZE)
    }

    #[test]
    fn an_even_mask_weighs_all_positions_alike_however_grey() {
        for grey in [0.25, 1.0] {
            for layer in ["relu1_1", "relu3_1", "relu5_1"] {
                let region = at(&mask(|_, _| grey), layer).unwrap();
                assert!(
                    (region.share - grey).abs() < 1e-4,
                    "{layer}: {}",
                    region.share
                );
                assert!(
                    region
                        .weights
                        .iter()
                        .all(|weight| (weight - 1.0).abs() < 1e-4)
                );
            }
        }
        assert_eq!(at(&mask(|_, _| 0.0), "relu1_1"), None);
    }

    #[test]
    fn at_a_sharp_border_two_regions_share_no_position() {
        let left = mask(|x, _| if x < 48 { 1.0 } else { 0.0 });
        let right = mask(|x, _| if x < 48 { 0.0 } else { 1.0 });
        for (layer, width) in [("relu1_1", 96), ("relu3_1", 24), ("relu4_1", 12)] {
            let [left, right] = [&left, &right].map(|mask| at(mask, layer).unwrap());
            let both = left.weights.iter().zip(&right.weights);
            assert!(both.clone().all(|(a, b)| a.min(*b) < 1e-4), "{layer}");
            assert!(left.weights[0] > 1.0 && left.weights[width - 1] == 0.0);
            let mean = left.weights.iter().sum::<f32>() / left.weights.len() as f32;
            assert!((mean - 1.0).abs() < 1e-4);
            assert!(left.share < 0.5, "what sees across the border is left out");
        }
    }

    #[test]
    fn a_spot_that_no_deep_position_sees_alone_is_left_out_there() {
        let spot = mask(|x, y| if x < 6 && y < 6 { 1.0 } else { 0.0 });
        assert!(at(&spot, "relu1_1").is_some());
        assert_eq!(at(&spot, "relu5_1"), None);
    }
}
