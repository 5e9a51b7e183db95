//! Numbers as colours: black for nothing, through orange to white above, through blue to white below.

use super::Picture;

/// The share of values that may be larger than the one that gets the brightest colour.
const CLIPPED: f64 = 0.005;

/// Which colour a number gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalseColours {
    /// The magnitude from which on all is white.
    pub peak: f32,
}

impl FalseColours {
    /// Colours for these values: all but the half per cent of the largest stay below white. Without any but zeros
    /// everything is black.
    pub fn of(values: &[f32]) -> Self {
        let mut magnitudes: Vec<f32> = values
            .iter()
            .map(|value| value.abs())
            .filter(|magnitude| magnitude.is_finite())
            .collect();
        let Some(last) = magnitudes.len().checked_sub(1) else {
            return Self { peak: 0.0 };
        };
        let place = (last as f64 * (1.0 - CLIPPED)).round() as usize;
        let (_, &mut typical, above) = magnitudes.select_nth_unstable_by(place, f32::total_cmp);
        // Where nearly all are zero the largest one says how large the others may be.
        let largest = above.iter().copied().fold(typical, f32::max);
        let peak = if typical > 0.0 { typical } else { largest };
        Self { peak }
    }

    /// H rows of W values, each value a square of `side` pixels.
    pub fn picture(&self, plane: &[f32], [width, height]: [usize; 2], side: usize) -> Picture {
        let (wide, high) = (side * width, side * height);
        let mut rgb = vec![0.0; 3 * wide * high];
        for y in 0..high {
            for x in 0..wide {
                let colour = self.colour(plane[y / side * width + x / side]);
                for (channel, value) in colour.into_iter().enumerate() {
                    rgb[(channel * high + y) * wide + x] = value;
                }
            }
        }
        Picture {
            width: wide,
            height: high,
            rgb,
        }
    }

    /// Values of a picture (3,H,W) that are not colours, such as its gradient: middle grey for nothing.
    pub fn around_grey(&self, planar: &[f32], [width, height]: [usize; 2]) -> Picture {
        let grey = |&value: &f32| super::unit(0.5 + 0.5 * self.share(value));
        Picture {
            width,
            height,
            rgb: planar.iter().map(grey).collect(),
        }
    }

    /// R, G and B of a value.
    fn colour(&self, value: f32) -> [f32; 3] {
        let share = self.share(value);
        // Three ramps one after the other: the first channel carries small values, the last what is nearly white.
        let ramp = |start: f32, end: f32| ((share.abs() - start) / (end - start)).clamp(0.0, 1.0);
        let (first, second, third) = (ramp(0.0, 0.5), ramp(0.2, 0.8), ramp(0.6, 1.0));
        if share < 0.0 {
            [third, second, first]
        } else {
            [first, second, third]
        }
    }

    fn share(&self, value: f32) -> f32 {
        if self.peak > 0.0 && !value.is_nan() {
            (value / self.peak).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_leaves_outliers_out_but_never_everything() {
        let mut values: Vec<f32> = (0..1000).map(|value| value as f32 / 1000.0).collect();
        values[0] = -1e9;
        let peak = FalseColours::of(&values).peak;
        assert!((0.99..1.0).contains(&peak), "{peak}");
        values.fill(0.0);
        assert_eq!(FalseColours::of(&values).peak, 0.0);
        values[7] = -3.0;
        assert_eq!(FalseColours::of(&values).peak, 3.0);
        assert_eq!(FalseColours::of(&[]).peak, 0.0);
        assert_eq!(FalseColours::of(&[f32::NAN, 2.0]).peak, 2.0);
    }

    #[test]
    fn brighter_means_larger_and_the_hue_says_the_sign() {
        let colours = FalseColours { peak: 2.0 };
        let light = |value: f32| colours.colour(value).iter().sum::<f32>();
        let values = [0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 9.0];
        for pair in values.windows(2) {
            assert!(light(pair[0]) <= light(pair[1]));
            assert!((light(-pair[0]) - light(pair[0])).abs() < 1e-6);
        }
        assert_eq!(colours.colour(0.0), [0.0; 3]);
        assert_eq!(colours.colour(-2.0), [1.0; 3]);
        assert_eq!(colours.colour(f32::NAN), [0.0; 3]);
        let [red, _, blue] = colours.colour(0.8);
        let [other_red, _, other_blue] = colours.colour(-0.8);
        assert!(red > blue && other_blue > other_red);
    }

    #[test]
    fn every_value_becomes_a_square() {
        let picture = FalseColours { peak: 1.0 }.picture(&[0.0, 1.0, -1.0, 0.2], [2, 2], 3);
        assert_eq!([picture.width, picture.height], [6, 6]);
        let red = &picture.rgb[..36];
        assert_eq!(red[0..6], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(red[12..18], red[0..6]);
        assert_eq!(red[35], 0.4);
        let grey = FalseColours { peak: 1.0 }.around_grey(&[0.0, 1.0, -5.0], [1, 1]);
        assert_eq!(grey.rgb, [0.5, 1.0, 0.0]);
    }
}
