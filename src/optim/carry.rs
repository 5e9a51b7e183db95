//! What an optimiser remembers, taken along to a picture of another size.

use super::{OptimiserSettings, OptimiserState};
use crate::image::{Filter, resampled};

impl OptimiserState {
    /// What the optimiser of the same picture at size `to` (W, H) goes on from, given that this one is of the size
    /// `from`; `None` where it should start anew. A mean of pictures always starts anew.
    ///
    /// Adam's moments are maps over the picture, so they are resized as one: the first bicubic, as the picture
    /// itself; the second bilinear, because it must not fall below 0. Its number of steps is kept: the moments are
    /// warm, and a correction for a cold start would make the first steps too long. L-BFGS starts anew, since its
    /// pairs are differences of gradients of another objective.
    pub fn resized(&self, from: [usize; 2], to: [usize; 2]) -> Option<Self> {
        let OptimiserSettings::Adam(_) = self.settings else {
            return None;
        };
        let sized = |name: &str, filter| {
            let moment = self.vectors.get(name)?.get(..3 * from[0] * from[1])?;
            let mut sized = resampled(moment, from, to, filter);
            // A vector on the device is a whole number of vec4s.
            sized.resize(sized.len().next_multiple_of(4), 0.0);
            Some((name.to_string(), sized))
        };
        let first = sized("adam.first_moment", Filter::Bicubic)?;
        let (name, mut second) = sized("adam.second_moment", Filter::Bilinear)?;
        for value in &mut second {
            *value = value.max(0.0);
        }
        Some(Self {
            settings: self.settings,
            step: self.step,
            vectors: [first, (name, second)].into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{AdamSettings, LbfgsSettings};

    /// A smooth field over the unit square, of which a picture of any size is a sample.
    fn field([width, height]: [usize; 2]) -> Vec<f32> {
        let mut values = Vec::new();
        for channel in 0..3 {
            for y in 0..height {
                for x in 0..width {
                    let across = (x as f32 + 0.5) / width as f32;
                    let down = (y as f32 + 0.5) / height as f32;
                    let wave = (6.0 * across + channel as f32).sin() * (5.0 * down).cos();
                    values.push(1e-3 * wave);
                }
            }
        }
        values
    }

    fn state(settings: OptimiserSettings, first: Vec<f32>, second: Vec<f32>) -> OptimiserState {
        let vectors = [
            ("adam.first_moment", first),
            ("adam.second_moment", second),
            ("average.picture", vec![0.5; 12]),
        ];
        OptimiserState {
            settings,
            step: 37,
            vectors: vectors
                .map(|(name, values)| (name.to_string(), values))
                .into(),
        }
    }

    #[test]
    fn smooth_moments_survive() {
        let (from, to) = ([25, 19], [35, 27]);
        let square = |values: Vec<f32>| values.iter().map(|value| value * value).collect();
        let settings = OptimiserSettings::Adam(AdamSettings::default());
        let before = state(settings, field(from), square(field(from)));
        let after = before.resized(from, to).unwrap();
        assert_eq!((after.settings, after.step), (settings, 37));
        assert_eq!(after.vectors.len(), 2, "the mean starts anew");
        let expected: Vec<f32> = square(field(to));
        for (name, expected, tolerance) in [
            ("adam.first_moment", field(to), 0.02),
            ("adam.second_moment", expected, 0.03),
        ] {
            let found = &after.vectors[name];
            assert_eq!(found.len(), (3usize * 35 * 27).next_multiple_of(4));
            let square = |value: f32| f64::from(value) * f64::from(value);
            let pairs = found.iter().zip(&expected);
            let off: f64 = pairs.map(|(a, b)| square(a - b)).sum();
            let all: f64 = expected.iter().map(|&value| square(value)).sum();
            // Most of it at the border, beyond which nothing is known.
            let off = (off / all).sqrt();
            assert!(off < tolerance, "{name}: {off}");
        }
    }

    #[test]
    fn squares_stay_squares() {
        let spike: Vec<f32> = (0..3 * 16)
            .map(|i| if i % 16 == 5 { 1e6 } else { 0.0 })
            .collect();
        let settings = OptimiserSettings::Adam(AdamSettings::default());
        let before = state(settings, spike.clone(), spike);
        for to in [[6, 6], [3, 2], [11, 4]] {
            let after = before.resized([4, 4], to).unwrap();
            let second = &after.vectors["adam.second_moment"];
            assert!(second.iter().all(|&value| value >= 0.0), "{to:?}");
            assert!(second.iter().any(|&value| value > 0.0), "{to:?}");
        }
    }

    #[test]
    fn pairs_are_not_carried() {
        let settings = OptimiserSettings::Lbfgs(LbfgsSettings::default());
        let before = state(settings, field([4, 4]), field([4, 4]));
        assert_eq!(before.resized([4, 4], [6, 6]), None);
    }
}
