//! From planar RGB, and what belongs to it, to the bytes of a picture file.

use std::io::Cursor;
use std::path::Path;
use std::str::FromStr;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::alpha::off_white;
use super::colour::SRGB;
use super::record::with_record;
use super::{Attachments, Depth, ImageError, Picture, exif, write_atomically};

/// The largest EXIF block that one segment of a JPEG file holds.
const MAX_JPEG_EXIF: usize = 65_535 - 2 - 6;

/// High enough that no block edge shows, without subsampled colour.
const JPEG_QUALITY: u8 = 95;

/// A format that pictures are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// `.png`
    Png,
    /// `.jpg` or `.jpeg`: quality 95, colour at full resolution.
    Jpeg,
    /// `.webp`, lossless.
    WebP,
    /// `.tif` or `.tiff`
    Tiff,
    /// `.bmp`
    Bmp,
}

impl PictureFormat {
    /// The format that the extension of `path` names, in small letters or capitals.
    ///
    /// # Errors
    /// [`ImageError::UnknownExtension`] if it names none of them.
    pub fn of(path: &Path) -> Result<Self, ImageError> {
        let extension = path.extension().unwrap_or_default();
        Self::named(&extension.to_string_lossy()).ok_or_else(|| ImageError::UnknownExtension {
            path: path.display().to_string(),
        })
    }

    /// Its usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
        }
    }

    /// By its usual extension.
    fn named(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::WebP),
            "tif" | "tiff" => Some(Self::Tiff),
            "bmp" => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Pixels that a side may have, by the width of the numbers in the file.
    pub fn longest_side(self) -> usize {
        match self {
            Self::WebP => (1 << 14) - 1,
            Self::Jpeg => (1 << 16) - 1,
            Self::Png | Self::Tiff | Self::Bmp => i32::MAX as usize,
        }
    }

    /// Whether transparency can be stored; if not, pictures are laid over white.
    pub fn holds_alpha(self) -> bool {
        matches!(self, Self::Png | Self::WebP | Self::Tiff)
    }

    /// Whether 16 bits per channel can be stored.
    pub fn holds_sixteen_bits(self) -> bool {
        matches!(self, Self::Png | Self::Tiff)
    }

    /// Whether EXIF data can be stored.
    pub fn holds_exif(self) -> bool {
        self != Self::Bmp
    }
}

impl FromStr for PictureFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(text).ok_or_else(|| "choose png, jpg, webp, tiff or bmp".to_owned())
    }
}

impl Picture {
    /// Writes the picture alone, with 8 bits per channel, to `path` in the format its extension names,
    /// whole or not at all.
    ///
    /// # Errors
    /// [`ImageError`] if the extension is unknown, as [`Picture::encode`], or as [`write_atomically`].
    pub fn save(&self, path: &Path) -> Result<(), ImageError> {
        let bytes = self.encode(
            PictureFormat::of(path)?,
            &Attachments::default(),
            &path.display().to_string(),
        )?;
        write_atomically(path, &bytes)
    }

    /// Encodes the picture, with the profile of sRGB where the format has a place for one, and with as
    /// much of `attachments` as it can hold; `origin` is the file's name in messages.
    ///
    /// Values are clamped and rounded to the nearest step; NaN becomes 0. Opacity that does not have the
    /// picture's size is left out. EXIF data is changed to say that the picture is upright and in sRGB,
    /// and loses its thumbnail. A record that is too long for JPEG, 65 000 bytes or so, is left out.
    ///
    /// # Errors
    /// [`ImageError::Unencodable`] if the format cannot hold the picture's size.
    pub fn encode(
        &self,
        format: PictureFormat,
        attachments: &Attachments,
        origin: &str,
    ) -> Result<Vec<u8>, ImageError> {
        let alpha = attachments.alpha.as_deref();
        let alpha = alpha.filter(|alpha| format.holds_alpha() && alpha.len() == self.pixels());
        let deep = attachments.depth == Depth::Sixteen && format.holds_sixteen_bits();
        let (colour, samples) = match (alpha, deep) {
            (None, false) => (ExtendedColorType::Rgb8, self.to_rgb8()),
            (None, true) => (
                ExtendedColorType::Rgb16,
                native_bytes(self.opaque().map(short)),
            ),
            (Some(alpha), false) => {
                let samples = self.transparent(alpha).map(byte).collect();
                (ExtendedColorType::Rgba8, samples)
            }
            (Some(alpha), true) => {
                let samples = native_bytes(self.transparent(alpha).map(short));
                (ExtendedColorType::Rgba16, samples)
            }
        };
        let size = (self.width as u32, self.height as u32);
        let exif = attachments.exif.as_deref();
        let exif = exif.and_then(|block| exif::tidied(block, size));
        let encoded = encoded(format, size, colour, &samples, exif);
        let file = encoded.map_err(|error| ImageError::Unencodable {
            path: origin.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(match &attachments.record {
            Some(record) => with_record(file, format, record),
            None => file,
        })
    }

    /// Interleaved R, G, B, row by row, one byte each.
    pub fn to_rgb8(&self) -> Vec<u8> {
        self.opaque().map(byte).collect()
    }

    /// Interleaved R, G, B.
    fn opaque(&self) -> impl Iterator<Item = f32> {
        let plane = self.pixels();
        (0..plane).flat_map(move |i| [self.rgb[i], self.rgb[plane + i], self.rgb[2 * plane + i]])
    }

    /// Interleaved R, G, B, A, the colours taken off the white.
    fn transparent(&self, alpha: &[f32]) -> impl Iterator<Item = f32> {
        let plane = self.pixels();
        alpha.iter().enumerate().flat_map(move |(i, &a)| {
            let colour = |channel: usize| off_white(self.rgb[channel * plane + i], a);
            [colour(0), colour(1), colour(2), a]
        })
    }
}

/// The file of samples of the kind `colour`, interleaved, 16-bit ones in this machine's byte order.
fn encoded(
    format: PictureFormat,
    (width, height): (u32, u32),
    colour: ExtendedColorType,
    samples: &[u8],
    exif: Option<Vec<u8>>,
) -> image::ImageResult<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    match format {
        PictureFormat::Png => {
            let encoder = PngEncoder::new(&mut file);
            let encoder = with_attachments(encoder, exif.as_ref())?;
            encoder.write_image(samples, width, height, colour)?;
        }
        PictureFormat::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY);
            let exif = exif.as_ref().filter(|block| block.len() <= MAX_JPEG_EXIF);
            let encoder = with_attachments(encoder, exif)?;
            encoder.write_image(samples, width, height, colour)?;
        }
        PictureFormat::WebP => {
            let encoder = WebPEncoder::new_lossless(&mut file);
            let encoder = with_attachments(encoder, exif.as_ref())?;
            encoder.write_image(samples, width, height, colour)?;
        }
        PictureFormat::Tiff => {
            let encoder = TiffEncoder::new(&mut file);
            let encoder = with_attachments(encoder, None)?;
            encoder.write_image(samples, width, height, colour)?;
        }
        PictureFormat::Bmp => {
            BmpEncoder::new(&mut file).write_image(samples, width, height, colour)?;
        }
    }
    let file = file.into_inner();
    if format != PictureFormat::Tiff {
        return Ok(file);
    }
    // The encoder has no place for either. What cannot be merged is left out.
    let has_alpha = matches!(colour, ExtendedColorType::Rgba8 | ExtendedColorType::Rgba16);
    Ok(exif::into_tiff(&file, exif.as_deref(), has_alpha).unwrap_or(file))
}

/// The encoder with the profile of sRGB and the EXIF block.
fn with_attachments<E: ImageEncoder>(
    mut encoder: E,
    exif: Option<&Vec<u8>>,
) -> image::ImageResult<E> {
    let unsupported = image::ImageError::Unsupported;
    let profile = SRGB.clone();
    encoder.set_icc_profile(profile).map_err(unsupported)?;
    if let Some(block) = exif {
        encoder
            .set_exif_metadata(block.clone())
            .map_err(unsupported)?;
    }
    Ok(encoder)
}

/// The nearest of 256 steps.
fn byte(value: f32) -> u8 {
    // The cast saturates, and takes NaN to 0.
    (value * 255.0).round() as u8
}

/// The nearest of 65 536 steps.
fn short(value: f32) -> u16 {
    (value * 65_535.0).round() as u16
}

fn native_bytes(samples: impl Iterator<Item = u16>) -> Vec<u8> {
    samples.flat_map(u16::to_ne_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> Picture {
        let value =
            |c: usize, x: usize, y: usize| ((c * 50 + x * 13 + y * 29) % 256) as f32 / 255.0;
        let mut rgb = Vec::new();
        for c in 0..3 {
            for y in 0..5 {
                rgb.extend((0..7).map(|x| value(c, x, y)));
            }
        }
        Picture {
            width: 7,
            height: 5,
            rgb,
        }
    }

    #[test]
    fn steps_are_rounded_and_clamped() {
        let values = [
            f32::NAN,
            -1.0,
            0.0,
            0.4999 / 255.0,
            0.5001 / 255.0,
            1.0,
            9.0,
        ];
        assert_eq!(values.map(byte), [0, 0, 0, 0, 1, 255, 255]);
        assert_eq!(byte(f32::INFINITY), 255);
        for step in 0..=255_u8 {
            assert_eq!(byte(f32::from(step) / 255.0), step);
        }
    }

    #[test]
    fn lossless_formats_come_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let picture = gradient();
        for name in ["a.png", "a.webp", "a.tif", "a.TIFF", "a.bmp"] {
            let path = folder.path().join(name);
            picture.save(&path).unwrap();
            let back = Picture::load(&path).unwrap();
            assert_eq!((back.width, back.height), (7, 5), "{name}");
            assert_eq!(back.to_rgb8(), picture.to_rgb8(), "{name}");
        }
    }

    #[test]
    fn jpeg_keeps_colour_at_full_resolution() {
        let stripes = Picture {
            width: 16,
            height: 8,
            rgb: (0..3 * 128)
                .map(|i| if (i / 128 + i) % 2 == 0 { 0.9 } else { 0.1 })
                .collect(),
        };
        let bytes = stripes
            .encode(PictureFormat::Jpeg, &Attachments::default(), "a.jpg")
            .unwrap();
        let back = Picture::decode(&bytes, "a.jpg").unwrap();
        let error: f32 = stripes
            .rgb
            .iter()
            .zip(&back.rgb)
            .map(|(a, b)| (a - b).abs())
            .sum();
        // Subsampled colour would average neighbours: 0.27 and more.
        assert!(error / 384.0 < 0.03, "{}", error / 384.0);
    }

    #[test]
    fn a_size_beyond_the_format_is_refused() {
        let wide = Picture {
            width: 70_000,
            height: 1,
            rgb: vec![0.5; 210_000],
        };
        let message = wide
            .encode(PictureFormat::Jpeg, &Attachments::default(), "wide.jpg")
            .unwrap_err()
            .to_string();
        assert!(message.contains("`wide.jpg` cannot be made"), "{message}");
        assert!(
            wide.encode(PictureFormat::Png, &Attachments::default(), "wide.png")
                .is_ok()
        );
    }
}
