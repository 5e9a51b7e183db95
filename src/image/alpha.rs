//! Transparency: a picture is painted over white, and taken off the white again afterwards.
//!
//! Over white, a colour c of opacity a is seen as x = a·c + (1−a). Everything between reading and
//! writing (resizing, the network, the optimiser) works on x, so colours that transparency hides
//! show nowhere. Afterwards c = (x − (1−a)) / a, so no white is left at soft edges.

use super::Picture;

impl Picture {
    /// Takes the picture, which lies over white with opacity `alpha` (H,W), off it again and lays it over black.
    pub fn lay_over_black(&mut self, alpha: &[f32]) {
        for plane in self.rgb.chunks_mut(alpha.len().max(1)) {
            for (value, alpha) in plane.iter_mut().zip(alpha) {
                *value = (*value - (1.0 - alpha)).max(0.0);
            }
        }
    }

    /// The picture as paint on `ground`, of the same size, with as much `paint` (H,W) on each pixel, from 0 to 1.
    pub fn laid_on(&self, ground: &Self, paint: &[f32]) -> Self {
        let pixels = self.pixels();
        let mixed = self.rgb.iter().zip(&ground.rgb).enumerate();
        let mixed = mixed.map(|(at, (&above, &below))| match paint[at % pixels] {
            // To the bit.
            1.0 => above,
            share => below + share * (above - below),
        });
        Self {
            width: self.width,
            height: self.height,
            rgb: mixed.collect(),
        }
    }
}

/// What is seen of colour `value` with opacity `alpha` over white.
pub(super) fn over_white(value: f32, alpha: f32) -> f32 {
    value * alpha + (1.0 - alpha)
}

/// The colour which, with opacity `alpha` over white, is seen as `seen`, as near as \[0,1\] allows;
/// black where nothing is seen.
pub(super) fn off_white(seen: f32, alpha: f32) -> f32 {
    if alpha <= 0.0 {
        return 0.0;
    }
    // f64, because at low opacity a small difference of numbers near 1 is magnified.
    let (seen, alpha) = (f64::from(seen), f64::from(alpha));
    ((seen - (1.0 - alpha)) / alpha).clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_back_from_white() {
        for step in 1..=255_u8 {
            let alpha = f32::from(step) / 255.0;
            for value in [0.0, 0.2, 1.0] {
                let back = off_white(over_white(value, alpha), alpha);
                assert!((back - value).abs() < 0.1 / 255.0, "{value} {alpha} {back}");
            }
        }
    }

    #[test]
    fn what_lies_over_white_goes_over_black() {
        let alpha = [0.0, 0.25, 1.0];
        let of = |seen: fn(f32, f32) -> f32| Picture {
            width: 3,
            height: 1,
            rgb: [0.9, 0.5, 0.2]
                .iter()
                .flat_map(|&value| alpha.map(|alpha| seen(value, alpha)))
                .collect(),
        };
        let mut picture = of(over_white);
        picture.lay_over_black(&alpha);
        let expected = of(|value, alpha| value * alpha);
        for (found, expected) in picture.rgb.iter().zip(&expected.rgb) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn where_there_is_no_paint_the_ground_shows() {
        let of = |rgb: [f32; 9]| Picture {
            width: 3,
            height: 1,
            rgb: rgb.to_vec(),
        };
        let above = of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
        let below = of([0.9; 9]);
        let found = above.laid_on(&below, &[0.0, 1.0, 0.5]);
        let expected = of([0.9, 0.2, 0.6, 0.9, 0.5, 0.75, 0.9, 0.8, 0.9]);
        for (found, expected) in found.rgb.iter().zip(&expected.rgb) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn strokes_stay_within_what_opacity_lets_through() {
        assert_eq!(off_white(0.3, 0.0), 0.0);
        // Black at half opacity over white is no darker than 0.5.
        assert_eq!(off_white(0.2, 0.5), 0.0);
        assert_eq!(off_white(f32::NAN, 0.0), 0.0);
    }
}
