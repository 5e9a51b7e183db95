//! Colours of one picture given to another: by their statistics, or by luminance and chroma.
//!
//! The network's style is also one of colour. Gatys, Bethge, Hertzmann and Shechtman, "Preserving Color in
//! Neural Artistic Style Transfer" (arXiv 1606.05897), keep that of the photograph in two ways. Either the
//! colours of the painting are moved first, by x ↦ T·(x − μ) + μ′ with T·Σ·Tᵀ = Σ′, until they have mean μ′ and
//! covariance Σ′ of the photograph; or only luminance is painted, and chroma is the photograph's.

mod luminance;
mod symmetric;

use std::str::FromStr;

use self::symmetric::{Matrix, applied, cholesky, inverse_of_lower, mapped, product, rebuilt};
use super::colour::{encoded, light};
use super::{Picture, unit};

/// The variance that rounding to 8 bits makes. Colours which vary less along an axis are taken to vary so
/// much, or noise would be stretched to colour.
const LEAST_VARIANCE: f64 = 1.0 / (255.0 * 255.0 * 12.0);

/// Which of the maps that give one covariance to another; they differ by a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// T = Σ′^½ · Σ^−½: to white along the principal axes, and from there.
    Pca,
    /// T = L′ · L⁻¹ with Σ = L·Lᵀ: red becomes of red alone, green of red and green.
    Cholesky,
    /// T = Σ^−½ · (Σ^½·Σ′·Σ^½)^½ · Σ^−½: the one that moves colours least, by optimal transport between
    /// normal distributions (Olkin and Pukelsheim, 1982).
    #[default]
    OptimalTransport,
}

impl FromStr for Matching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pca" => Ok(Self::Pca),
            "chol" => Ok(Self::Cholesky),
            "ot" => Ok(Self::OptimalTransport),
            _ => Err(format!(
                "`{text}` is not a way to match; choose pca, chol or ot"
            )),
        }
    }
}

/// The numbers in which colours are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourSpace {
    /// As they are stored and as the network sees them.
    #[default]
    Srgb,
    /// Amounts of light.
    Linear,
}

impl FromStr for ColourSpace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "srgb" => Ok(Self::Srgb),
            "linear" => Ok(Self::Linear),
            _ => Err(format!(
                "`{text}` is not a colour space; choose srgb or linear"
            )),
        }
    }
}

impl ColourSpace {
    fn decoded(self, value: f32) -> f64 {
        match self {
            Self::Srgb => f64::from(value),
            Self::Linear => light(value),
        }
    }

    fn encoded(self, value: f64) -> f32 {
        match self {
            Self::Srgb => unit(value as f32),
            Self::Linear => encoded(value),
        }
    }
}

/// Mean and covariance of R, G, B over the pixels of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ColourStatistics {
    /// μ.
    pub mean: [f64; 3],
    /// Σ, over the number of pixels.
    pub covariance: [[f64; 3]; 3],
    /// The numbers that were averaged.
    pub space: ColourSpace,
}

impl ColourStatistics {
    /// Whether there is one colour only, as far as the 8 bits of a picture tell.
    pub fn is_uniform(&self) -> bool {
        let spread: f64 = (0..3).map(|c| self.covariance[c][c]).sum();
        spread < (1.0f64 / 255.0).powi(2)
    }

    /// Of `picture`, each pixel counted as far as `opacity` (H,W) lets it be seen, if that is given, has the
    /// picture's size and shows anything.
    pub fn of(picture: &Picture, opacity: Option<&[f32]>, space: ColourSpace) -> Self {
        let seen = |opacity: &&[f32]| {
            opacity.len() == picture.pixels() && opacity.iter().any(|&alpha| alpha > 0.0)
        };
        let opacity = opacity.filter(seen);
        let weight = |pixel: usize| opacity.map_or(1.0, |opacity| f64::from(opacity[pixel]));
        let colours = || colours(picture, space).enumerate();
        let mut total = 0.0;
        let mut mean = [0.0; 3];
        for (pixel, colour) in colours() {
            let weight = weight(pixel);
            total += weight;
            for (sum, value) in mean.iter_mut().zip(colour) {
                *sum += weight * value;
            }
        }
        let mean = mean.map(|sum| sum / total);
        let mut covariance = [[0.0; 3]; 3];
        // A second round, because the difference of two large sums would have lost what matters.
        for (pixel, colour) in colours() {
            let away: [f64; 3] = std::array::from_fn(|c| colour[c] - mean[c]);
            let weight = weight(pixel) / total;
            for (row, left) in covariance.iter_mut().zip(away) {
                for (sum, right) in row.iter_mut().zip(away) {
                    *sum += weight * left * right;
                }
            }
        }
        Self {
            mean,
            covariance,
            space,
        }
    }

    /// Of the pixels of several pictures together, whose statistics these are, all in one space; each picture counts as
    /// much as its share of the weights, whatever its size.
    pub fn blended(pictures: &[(Self, f64)]) -> Self {
        let all: f64 = pictures.iter().map(|(_, weight)| weight).sum();
        let sum = |of: &dyn Fn(&Self) -> f64| -> f64 {
            let shares = pictures.iter();
            shares.map(|(one, weight)| weight / all * of(one)).sum()
        };
        let mean: [f64; 3] = std::array::from_fn(|c| sum(&|one| one.mean[c]));
        // That within the pictures, and that between them.
        let covariance = |row: usize, column: usize| {
            sum(&|one| {
                let away = |c: usize| one.mean[c] - mean[c];
                one.covariance[row][column] + away(row) * away(column)
            })
        };
        Self {
            mean,
            covariance: std::array::from_fn(|row| std::array::from_fn(|c| covariance(row, c))),
            space: pictures
                .first()
                .map_or_else(ColourSpace::default, |(one, _)| one.space),
        }
    }

    /// L, lower triangular, with L·Lᵀ = Σ: independent numbers of variance 1 become colours that vary so. Colours that
    /// do not vary give columns of zeros.
    pub fn spread(&self) -> [[f64; 3]; 3] {
        cholesky(&self.covariance)
    }
}

/// x ↦ T·(x − μ) + μ′.
#[derive(Clone, Debug, PartialEq)]
pub struct Recolouring {
    transform: Matrix,
    from: [f64; 3],
    to: [f64; 3],
    space: ColourSpace,
}

impl Recolouring {
    /// The map by `matching` that gives pixels with the statistics `from` those of `to`, which are of the same
    /// space. Axes along which `from` varies less than rounding does are not stretched further than rounding
    /// would be, so grey pictures and pictures of one colour take the mean and little else.
    pub fn between(from: &ColourStatistics, to: &ColourStatistics, matching: Matching) -> Self {
        let source = mapped(&from.covariance, |variance| variance.max(LEAST_VARIANCE));
        let root = |variance: f64| variance.max(0.0).sqrt();
        let transform = match matching {
            Matching::Pca => {
                let whitening = mapped(&source, |variance| 1.0 / root(variance));
                product(&mapped(&to.covariance, root), &whitening)
            }
            Matching::Cholesky => {
                let whitening = inverse_of_lower(&cholesky(&source));
                product(&cholesky(&to.covariance), &whitening)
            }
            Matching::OptimalTransport => {
                let colouring = mapped(&source, root);
                let whitening = mapped(&source, |variance| 1.0 / root(variance));
                let between = rebuilt(&colouring, &to.covariance);
                rebuilt(&whitening, &mapped(&between, root))
            }
        };
        Self {
            transform,
            from: from.mean,
            to: to.mean,
            space: from.space,
        }
    }

    /// Where a colour goes, in the numbers of the space, which may be beyond \[0,1\].
    pub fn colour(&self, colour: [f64; 3]) -> [f64; 3] {
        let away = std::array::from_fn(|c| colour[c] - self.from[c]);
        let moved = applied(&self.transform, away);
        std::array::from_fn(|c| moved[c] + self.to[c])
    }

    /// The picture in its new colours, clamped to \[0,1\].
    pub fn apply(&self, picture: &Picture) -> Picture {
        let pixels = picture.pixels();
        let mut rgb = vec![0.0; 3 * pixels];
        for (pixel, colour) in colours(picture, self.space).enumerate() {
            for (c, value) in self.colour(colour).into_iter().enumerate() {
                rgb[c * pixels + pixel] = self.space.encoded(value);
            }
        }
        Picture {
            width: picture.width,
            height: picture.height,
            rgb,
        }
    }
}

/// R, G, B of every pixel, in the numbers of `space`.
fn colours(picture: &Picture, space: ColourSpace) -> impl Iterator<Item = [f64; 3]> {
    let (pixels, rgb) = (picture.pixels(), &picture.rgb);
    (0..pixels).map(move |pixel| {
        [0, 1, 2].map(|channel: usize| space.decoded(rgb[channel * pixels + pixel]))
    })
}
