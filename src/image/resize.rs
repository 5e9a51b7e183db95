//! Resizing, with a filter that widens when it shrinks, so that fine detail does not alias.

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

use super::Picture;

impl Picture {
    /// The picture at another size, by the Catmull–Rom cubic (Pillow's `BICUBIC`).
    ///
    /// The filter runs on the sRGB-encoded values and not in linear light: so do nearly all picture
    /// programs, and so were the pictures sized on which the networks were trained. Its overshoot is
    /// clamped to \[0,1\]. A side of 0 is taken as 1.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let mut rgb = Vec::with_capacity(3 * width * height);
        for channel in 0..3 {
            let plane = &self.rgb[channel * self.pixels()..];
            let size = (self.width, self.height);
            rgb.extend(resized_plane(plane, size, (width, height)));
        }
        Self { width, height, rgb }
    }

    /// The picture with its longer side at `longer` pixels and its proportions kept to the nearest
    /// pixel. A picture that is smaller already is left as it is unless `enlarge` is set.
    pub fn fit_longer_side(&self, longer: usize, enlarge: bool) -> Self {
        if longer > self.width.max(self.height) && !enlarge {
            return self.clone();
        }
        let (width, height) = fitted(self.width, self.height, longer);
        self.resized(width, height)
    }
}

/// One channel of size `from` (width, height) at the size `to`, by the filter of [`Picture::resized`].
pub fn resized_plane(plane: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let source = ImageBuffer::from_fn(from.0 as u32, from.1 as u32, |x, y| {
        Luma([plane[y as usize * from.0 + x as usize]])
    });
    resize(&source, to.0 as u32, to.1 as u32, FilterType::CatmullRom).into_raw()
}

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The Catmull–Rom cubic, as in [`Picture::resized`]: sharp, and overshoots at edges.
    Bicubic,
    /// Straight lines between pixels: a mean with weights that are never negative.
    Bilinear,
}

impl Filter {
    /// Pixels from the middle to where it ends.
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    /// Its weight at a distance in pixels (Keys 1981, with a = −1/2).
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}

/// Planes of any values, one after the other, from the size `from` (W, H) to the size `to`. Nothing is clamped,
/// which [`Picture::resized`] does; else it is the same map. Sides of `from` must not be 0.
pub fn resampled(planes: &[f32], from: [usize; 2], to: [usize; 2], filter: Filter) -> Vec<f32> {
    if from == to {
        return planes.to_vec();
    }
    let [columns, rows] = [0, 1].map(|axis| taps(from[axis], to[axis], filter));
    let mut resampled = Vec::with_capacity(planes.len() / (from[0] * from[1]) * to[0] * to[1]);
    for plane in planes.chunks_exact(from[0] * from[1]) {
        let mut narrow = Vec::with_capacity(to[0] * from[1]);
        for row in plane.chunks_exact(from[0]) {
            narrow.extend(columns.iter().map(|taps| taps.sum(|x| row[x])));
        }
        for taps in &rows {
            resampled.extend((0..to[0]).map(|x| taps.sum(|y| narrow[y * to[0] + x])));
        }
    }
    resampled
}

/// The pixels that make one of the result, and what each counts.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

impl Taps {
    fn sum(&self, value: impl Fn(usize) -> f32) -> f32 {
        let terms = self.weights.iter().zip(self.first..);
        terms
            .map(|(weight, at)| weight * f64::from(value(at)))
            .sum::<f64>() as f32
    }
}

/// For each of `to` pixels of a line of `from`. Weights beyond the border are left out, the others make up for it.
fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let ratio = from as f64 / to as f64;
    let width = ratio.max(1.0);
    let line = (0..to).map(|at| {
        let middle = (at as f64 + 0.5) * ratio;
        let reach = filter.support() * width;
        let first = (middle - reach).max(0.0) as usize;
        let end = ((middle + reach).ceil() as usize).min(from);
        let weight = |x: usize| filter.weight((x as f64 + 0.5 - middle) / width);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Taps {
            first,
            weights: weights.iter().map(|weight| weight / sum).collect(),
        }
    });
    line.collect()
}

/// `width`×`height` scaled to a longer side of `longer`, rounded, at least one pixel each way.
pub fn fitted(width: usize, height: usize, longer: usize) -> (usize, usize) {
    let current = width.max(height).max(1) as f64;
    let scaled = |side: usize| ((side as f64 * longer as f64 / current).round() as usize).max(1);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, value: impl Fn(usize, usize, usize) -> f32) -> Picture {
        let mut rgb = Vec::new();
        for c in 0..3 {
            for y in 0..height {
                rgb.extend((0..width).map(|x| value(c, x, y)));
            }
        }
        Picture { width, height, rgb }
    }

    #[test]
    fn proportions_are_kept_to_the_pixel() {
        assert_eq!(fitted(640, 480, 256), (256, 192));
        assert_eq!(fitted(480, 641, 256), (192, 256));
        assert_eq!(fitted(1000, 3, 10), (10, 1));
        assert_eq!(fitted(3, 3, 0), (1, 1));
    }

    #[test]
    fn only_asking_enlarges() {
        let small = picture(6, 4, |_, x, _| x as f32 / 6.0);
        assert_eq!(small.fit_longer_side(12, false), small);
        let large = small.fit_longer_side(12, true);
        assert_eq!((large.width, large.height, large.rgb.len()), (12, 8, 288));
        let same = small.fit_longer_side(6, false);
        assert_eq!(same, small);
        let shrunk = small.fit_longer_side(3, false);
        assert_eq!((shrunk.width, shrunk.height), (3, 2));
    }

    #[test]
    fn a_flat_picture_stays_flat_in_every_channel() {
        let flat = picture(7, 5, |c, _, _| 0.25 * (c + 1) as f32);
        let sized = flat.resized(3, 11);
        for (c, plane) in sized.rgb.chunks(33).enumerate() {
            for value in plane {
                assert!((value - 0.25 * (c + 1) as f32).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn shrinking_does_not_alias() {
        // Stripes one pixel wide become their mean; picking pixels would give 0 or 1.
        let stripes = picture(64, 8, |_, x, _| (x % 2) as f32);
        for value in &stripes.resized(16, 8).rgb {
            assert!((value - 0.5).abs() < 0.05, "{value}");
        }
    }

    /// A row of a 5×1 picture at width 3 and 9, as Pillow's `BICUBIC` in mode F gives it.
    #[test]
    fn values_agree_with_pillow() {
        let row = [0.1_f32, 0.8, 0.3, 0.6, 0.9];
        let source = picture(5, 1, |_, x, _| row[x]);
        let narrow = [0.396923, 0.482326, 0.769231];
        let wide = [
            0.043023, 0.310345, 0.767394, 0.616187, 0.3, 0.422771, 0.636426, 0.827586, 0.924419,
        ];
        for expected in [&narrow[..], &wide[..]] {
            let sized = source.resized(expected.len(), 1);
            for (found, expected) in sized.rgb.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    /// Where nothing overshoots, the two ways to resize a picture agree.
    #[test]
    fn values_and_pictures_are_resized_alike() {
        let soft = picture(23, 17, |c, x, y| {
            0.5 + 0.3 * ((x + c) as f32 / 4.0).sin() * (y as f32 / 5.0).cos()
        });
        for to in [[31, 20], [12, 9], [46, 5], [1, 1]] {
            let expected = soft.resized(to[0], to[1]);
            let found = resampled(&soft.rgb, [23, 17], to, Filter::Bicubic);
            assert_eq!(found.len(), expected.rgb.len());
            for (found, expected) in found.iter().zip(&expected.rgb) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    #[test]
    fn values_of_any_size_and_sign_are_kept() {
        let edge: Vec<f32> = (0..8).map(|x| if x < 4 { -3e4 } else { 5e4 }).collect();
        let cubic = resampled(&edge, [8, 1], [32, 1], Filter::Bicubic);
        assert!(cubic.iter().any(|&value| value > 5e4));
        let linear = resampled(&edge, [8, 1], [32, 3], Filter::Bilinear);
        assert_eq!(linear.len(), 96);
        assert!(linear.iter().all(|value| (-3e4..=5e4).contains(value)));
        // A quarter of a pixel from the middle between the two.
        assert_eq!(linear[16], 5e4 - 8e4 * 0.375);
        assert_eq!(resampled(&edge, [8, 1], [8, 1], Filter::Bicubic), edge);
    }

    #[test]
    fn overshoot_is_clamped() {
        let edge = picture(8, 1, |_, x, _| if x < 4 { 0.0 } else { 1.0 });
        let sized = edge.resized(32, 1);
        assert!(sized.rgb.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
