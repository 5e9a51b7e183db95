//! Soft proofs: pictures in the colours that a printing process can show.
//!
//! As [style-transfer-pytorch](https://github.com/crowsonkb/style-transfer-pytorch) has it: from sRGB to the numbers of the
//! process and back, both ways by its profile and with the perceptual intent, without compensation for black.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use moxcms::{
    BarycentricWeightScale, CmsError, ColorProfile, DataColorSpace, InterpolationMethod, Layout,
    LutType, LutWarehouse, RenderingIntent, TransformF32Executor, TransformOptions,
};
use thiserror::Error;

use super::colour::SRGB;
use super::load::sha256;
use super::{Picture, unit};

/// The largest profile that is read; those of printing processes have a few megabytes.
const MAX_PROFILE: u64 = 64 << 20;

/// How many pixels are converted at a time.
const BLOCK: usize = 4096;

/// Where profiles have the number of their version, and two numbers that go there.
const MAJOR_VERSION: usize = 8;
const SECOND: u8 = 2;
const FOURTH: u8 = 4;

/// A profile that no proof can be made by. Every message is one sentence that names the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The file cannot be read.
    #[error("the profile `{origin}` cannot be read ({reason}); check the path")]
    Unreadable {
        /// The file.
        origin: String,
        /// What the system said.
        reason: String,
    },
    /// The file is something else, or damaged.
    #[error(
        "`{origin}` is no sound ICC profile, whatever its name says; give the .icc file of a printing process"
    )]
    NotAProfile {
        /// The file.
        origin: String,
    },
    /// A profile of something that is no place for colours of pictures.
    #[error(
        "`{origin}` is a profile from which or to which no colours can be converted; give that of a printing process, in CMYK or RGB"
    )]
    NoDestination {
        /// The file.
        origin: String,
    },
}

/// The way to a printing process and back.
pub struct Proof {
    to_process: Arc<TransformF32Executor>,
    from_process: Arc<TransformF32Executor>,
    /// Inks, or colours of a device that takes RGB.
    channels: usize,
    /// SHA-256 of the profile, in hexadecimal.
    pub sha256: String,
}

impl Proof {
    /// Reads the profile at `path`; see [`Proof::new`].
    ///
    /// # Errors
    /// [`ProofError`] if there is no readable file, or as [`Proof::new`].
    pub fn load(path: &Path) -> Result<Self, ProofError> {
        let origin = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| {
            let mut file = file.take(MAX_PROFILE);
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => Self::new(&bytes, &origin),
            Err(error) => Err(ProofError::Unreadable {
                origin,
                reason: error.to_string(),
            }),
        }
    }

    /// By an ICC profile of inks, or of a device that takes RGB; `origin` is the file's name in messages.
    ///
    /// # Errors
    /// [`ProofError`] if the bytes are no profile, or one that lacks a direction.
    pub fn new(bytes: &[u8], origin: &str) -> Result<Self, ProofError> {
        let profile = ColorProfile::new_from_slice(bytes).map_err(|_| ProofError::NotAProfile {
            origin: origin.to_owned(),
        })?;
        let layout = match profile.color_space {
            DataColorSpace::Cmyk => Some(Layout::Rgba),
            DataColorSpace::Rgb => Some(Layout::Rgb),
            _ => None,
        };
        let ways = layout.and_then(|layout| Some((layout, ways(&profile, bytes, layout).ok()?)));
        let Some((layout, [to_process, from_process])) = ways else {
            return Err(ProofError::NoDestination {
                origin: origin.to_owned(),
            });
        };
        Ok(Self {
            to_process,
            from_process,
            channels: layout.channels(),
            sha256: sha256(bytes),
        })
    }

    /// Gives a picture the colours that would be seen of it in print.
    pub fn apply(&self, picture: &mut Picture) {
        let pixels = picture.pixels();
        for start in (0..pixels).step_by(BLOCK) {
            let length = BLOCK.min(pixels - start);
            let mut colours = vec![0.0; 3 * length];
            for (at, colour) in colours.chunks_exact_mut(3).enumerate() {
                for (channel, value) in colour.iter_mut().enumerate() {
                    *value = picture.rgb[channel * pixels + start + at];
                }
            }
            self.convert(&mut colours);
            for (at, colour) in colours.chunks_exact(3).enumerate() {
                for (channel, &value) in colour.iter().enumerate() {
                    picture.rgb[channel * pixels + start + at] = unit(value);
                }
            }
        }
    }

    /// To the process and back, R, G, B after each other.
    fn convert(&self, colours: &mut [f32]) {
        let mut printed = vec![0.0; colours.len() / 3 * self.channels];
        // Nothing but other lengths than these makes them fail.
        let there = self.to_process.transform(colours, &mut printed);
        debug_assert!(there.is_ok(), "{there:?}");
        let back = self.from_process.transform(&printed, colours);
        debug_assert!(back.is_ok(), "{back:?}");
    }
}

/// To a process of this `profile`, which stands in these `bytes`, and back.
fn ways(
    profile: &ColorProfile,
    bytes: &[u8],
    layout: Layout,
) -> Result<[Arc<TransformF32Executor>; 2], CmsError> {
    let srgb = ColorProfile::new_from_slice(&SRGB)?;
    let to_inks = in_its_lab(bytes, profile.lut_b_to_a_perceptual.as_ref())?;
    let to_light = in_its_lab(bytes, profile.lut_a_to_b_perceptual.as_ref())?;
    let there = srgb.create_transform_f32(Layout::Rgb, &to_inks, layout, OPTIONS)?;
    let back = to_light.create_transform_f32(layout, &srgb, Layout::Rgb, OPTIONS)?;
    Ok([there, back])
}

/// The profile with the version that makes `moxcms` take the numbers of this `table` for what they are: those of 16 bits
/// are L\*a\*b\* as the second version of the standard has it, also in later profiles, and all others as the fourth has it,
/// also in earlier ones, while `moxcms` goes by the version alone.
fn in_its_lab(bytes: &[u8], table: Option<&LutWarehouse>) -> Result<ColorProfile, CmsError> {
    let mut bytes = bytes.to_vec();
    let version = match table {
        Some(LutWarehouse::Lut(table)) if table.lut_type == LutType::Lut16 => Some(SECOND),
        Some(_) => Some(FOURTH),
        None => None,
    };
    if let (Some(version), Some(place)) = (version, bytes.get_mut(MAJOR_VERSION)) {
        *place = version;
    }
    ColorProfile::new_from_slice(&bytes)
}

/// As exact as may be, in tetrahedra as Little CMS interpolates.
const OPTIONS: TransformOptions = TransformOptions {
    rendering_intent: RenderingIntent::Perceptual,
    allow_use_cicp_transfer: false,
    prefer_fixed_point: false,
    interpolation_method: InterpolationMethod::Tetrahedral,
    barycentric_weight_scale: BarycentricWeightScale::High,
};
