//! Random transforms: what is only there when a picture lies just so is no answer of the network but an accident.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::image::Picture;
use crate::kernels::resample::Affine;

/// What is around a picture.
pub(super) const GREY: f32 = 0.5;

/// What each step does to the picture before the network sees it (lucid's `standard_transforms`): a frame of grey, a
/// move, a scale, a turn, and a move once more; here in one resampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Transforms {
    /// Pixels of grey around the picture.
    pub pad: usize,
    /// Pixels that the moves before and after may take off a side.
    pub jitter: [usize; 2],
    /// Factors, one of which is taken.
    pub scales: Vec<f64>,
    /// Degrees, one of which is taken.
    pub degrees: Vec<f64>,
}

impl Default for Transforms {
    /// 12; 8 and 4; 0.9 to 1.1 in steps of 0.02; −10 to 10 degrees, and none as often as five of these.
    fn default() -> Self {
        Self {
            pad: 12,
            jitter: [8, 4],
            scales: (-5..=5).map(|i| 1.0 + f64::from(i) / 50.0).collect(),
            degrees: (-10..=10).chain([0; 5]).map(f64::from).collect(),
        }
    }
}

impl Transforms {
    /// Nothing is moved.
    pub fn none() -> Self {
        Self {
            pad: 0,
            jitter: [0; 2],
            scales: vec![1.0],
            degrees: vec![0.0],
        }
    }

    /// W and H of what the network sees of a picture of `size`: with the frame, less what the moves take off.
    pub fn seen(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|side| (side + 2 * self.pad).saturating_sub(self.jitter[0] + self.jitter[1]))
    }

    /// What the network sees of `picture` if nothing is moved: the picture in its frame of grey.
    pub fn framed(&self, picture: &Picture) -> Picture {
        let size = [picture.width, picture.height];
        let [width, height] = self.seen(size);
        // Seldom more is taken off than the frame adds; then the picture is cut.
        let shift = self.at_rest(size).offset.map(|shift| shift.round() as i64);
        let mut rgb = Vec::with_capacity(3 * width * height);
        for plane in picture.rgb.chunks_exact(picture.pixels().max(1)) {
            for at in 0..width * height {
                let column = usize::try_from((at % width) as i64 + shift[0]).ok();
                let row = usize::try_from((at / width) as i64 + shift[1]).ok();
                let column = column.filter(|&column| column < picture.width);
                let row = row.filter(|&row| row < picture.height);
                let inside = row.zip(column).map(|(i, j)| plane[i * picture.width + j]);
                rgb.push(inside.unwrap_or(GREY));
            }
        }
        Picture { width, height, rgb }
    }

    /// Where the pixels that are seen lie in a picture of `size` if nothing is moved.
    pub fn at_rest(&self, size: [usize; 2]) -> Affine {
        self.map(size, ([0.0; 2], 1.0, 0.0, [0.0; 2]))
    }

    /// The next map for a picture of `size`.
    pub fn draw(&self, source: &mut ChaCha8Rng, size: [usize; 2]) -> Affine {
        let [first, last] = self.jitter;
        let before = [(); 2].map(|()| moved(source, first));
        let scale = chosen(source, &self.scales).unwrap_or(1.0);
        let degrees = chosen(source, &self.degrees).unwrap_or(0.0);
        let after = [(); 2].map(|()| moved(source, last));
        self.map(size, (before, scale, degrees, after))
    }

    /// From the middle of what is seen: back by the last move, turned, scaled, moved, to the middle of the picture.
    fn map(
        &self,
        size: [usize; 2],
        (before, scale, degrees, after): ([f64; 2], f64, f64, [f64; 2]),
    ) -> Affine {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let linear = [[cosine, -sine], [sine, cosine]].map(|row| row.map(|entry| entry / scale));
        let middle = |size: [usize; 2]| size.map(|side| (side as f64 - 1.0) / 2.0);
        let (seen, picture) = (middle(self.seen(size)), middle(size));
        let from = [0, 1].map(|axis| seen[axis] + after[axis]);
        let offset = [0, 1].map(|axis| {
            let turned = linear[axis][0] * from[0] + linear[axis][1] * from[1];
            picture[axis] + before[axis] - turned
        });
        Affine { linear, offset }
    }
}

/// A whole number of pixels, up to half of `jitter` either way.
fn moved(source: &mut ChaCha8Rng, jitter: usize) -> f64 {
    below(source, jitter + 1) as f64 - (jitter / 2) as f64
}

fn chosen(source: &mut ChaCha8Rng, values: &[f64]) -> Option<f64> {
    let index = below(source, values.len().max(1));
    values.get(index).copied()
}

/// A number below `count`, which is small: what the remainder prefers is beyond notice.
fn below(source: &mut ChaCha8Rng, count: usize) -> usize {
    (u64::from(source.next_u32()) % count as u64) as usize
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn apply(map: &Affine, [x, y]: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|k| map.linear[k][0] * x + map.linear[k][1] * y + map.offset[k])
    }

    #[test]
    fn at_rest_the_picture_lies_in_the_middle_of_its_frame() {
        let transforms = Transforms::default();
        assert_eq!(transforms.seen([128, 96]), [140, 108]);
        assert_eq!(
            apply(&transforms.at_rest([128, 96]), [6.0, 6.0]),
            [0.0, 0.0]
        );
        assert_eq!(Transforms::none().at_rest([5, 7]), Affine::IDENTITY);
        let mut source = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(
            Transforms::none().draw(&mut source, [5, 7]),
            Affine::IDENTITY
        );
    }

    #[test]
    fn draws_hang_on_the_seed_and_stay_within_bounds() {
        let transforms = Transforms::default();
        let draws = |seed| {
            let mut source = ChaCha8Rng::seed_from_u64(seed);
            let maps = (0..200).map(|_| transforms.draw(&mut source, [128, 128]));
            maps.collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        for map in draws(3) {
            let [[a, b], [c, d]] = map.linear;
            let scale = 1.0 / (a * d - b * c).sqrt();
            assert!((0.899..1.101).contains(&scale), "{scale}");
            assert!((c / a).abs() < 11f64.to_radians().tan());
            let middle = apply(&map, [69.5, 69.5]);
            // Four pixels before, and two after at the largest scale.
            assert!(
                middle
                    .iter()
                    .all(|at| (at - 63.5).abs() < 4.0 + 2.0 * 1.4 / 0.9)
            );
        }
    }
}
