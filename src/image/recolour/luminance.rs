//! Luminance and chroma, in sRGB values as television has them: Y = 0.299 R + 0.587 G + 0.114 B, and the chroma
//! U, V in proportion to B − Y and R − Y (ITU-R BT.601). Two colours of one chroma differ by the same amount in
//! all three channels, so the planes U and V need not be made.

use crate::image::{ColourStatistics, Picture, unit};

/// Shares of R, G, B in Y.
const SHARES: [f64; 3] = [0.299, 0.587, 0.114];

/// Deviations below this are rounding, which must not be stretched to strokes.
const LEAST_SPREAD: f64 = 0.5 / 255.0;

fn luminance([red, green, blue]: [f64; 3]) -> f64 {
    SHARES[0] * red + SHARES[1] * green + SHARES[2] * blue
}

impl ColourStatistics {
    /// Mean and standard deviation of Y, if the statistics are of sRGB values: wᵀμ and √(wᵀΣw).
    pub fn luminance(&self) -> (f64, f64) {
        let variance = luminance(self.covariance.map(luminance));
        (luminance(self.mean), variance.max(0.0).sqrt())
    }
}

impl Picture {
    /// Y of every pixel (H,W).
    pub fn luminance(&self) -> Vec<f64> {
        (0..self.pixels())
            .map(|pixel| luminance(self.colour_at(pixel)))
            .collect()
    }

    /// The picture in grey: Y in all channels.
    pub fn in_grey(&self) -> Self {
        self.grey_of(&self.luminance())
    }

    /// The picture in grey, its luminance shifted and scaled to the mean and the standard deviation of `wanted`,
    /// which is of sRGB values, then clamped to \[0,1\]. A picture without contrast is only shifted. Its own mean and
    /// deviation are those of the pixels that `opacity` lets be seen, see [`ColourStatistics::of`].
    pub fn in_grey_like(&self, wanted: &ColourStatistics, opacity: Option<&[f32]>) -> Self {
        let plane = self.luminance();
        let (mean, spread) = ColourStatistics::of(self, opacity, wanted.space).luminance();
        let (wanted_mean, wanted_spread) = wanted.luminance();
        let scale = if spread < LEAST_SPREAD {
            1.0
        } else {
            wanted_spread / spread
        };
        let moved: Vec<f64> = plane
            .iter()
            .map(|y| (y - mean) * scale + wanted_mean)
            .collect();
        self.grey_of(&moved)
    }

    /// The luminance of this picture with the chroma of `content`, which has the same size. Where no colour in
    /// \[0,1\] has both, the luminance and the hue stay and the chroma is as much of it as there is.
    pub fn with_chroma_of(&self, content: &Self) -> Self {
        let pixels = self.pixels();
        let mut rgb = vec![0.0; 3 * pixels];
        for pixel in 0..pixels {
            let y = luminance(self.colour_at(pixel));
            let colour = content.colour_at(pixel);
            let grey = luminance(colour);
            let away = colour.map(|value| value - grey);
            let share = away
                .into_iter()
                .map(|away| room(y, away))
                .fold(1.0, f64::min);
            for (channel, away) in away.into_iter().enumerate() {
                rgb[channel * pixels + pixel] = unit((y + share * away) as f32);
            }
        }
        Self {
            width: self.width,
            height: self.height,
            rgb,
        }
    }

    /// R, G, B of a pixel, clamped to \[0,1\].
    fn colour_at(&self, pixel: usize) -> [f64; 3] {
        [0, 1, 2].map(|channel: usize| f64::from(unit(self.rgb[channel * self.pixels() + pixel])))
    }

    fn grey_of(&self, plane: &[f64]) -> Self {
        let grey = plane.iter().map(|&y| unit(y as f32));
        Self {
            width: self.width,
            height: self.height,
            rgb: grey.clone().chain(grey.clone()).chain(grey).collect(),
        }
    }
}

/// How much of `away` can be added to `y` within \[0,1\].
fn room(y: f64, away: f64) -> f64 {
    if away > 0.0 {
        (1.0 - y) / away
    } else if away < 0.0 {
        y / -away
    } else {
        1.0
    }
}
