//! From planar RGB to the bytes of a picture file.

use std::io::Cursor;
use std::path::Path;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::{ImageError, Picture, write_atomically};

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
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            "tif" | "tiff" => Ok(Self::Tiff),
            "bmp" => Ok(Self::Bmp),
            _ => Err(ImageError::UnknownExtension {
                path: path.display().to_string(),
            }),
        }
    }
}

impl Picture {
    /// Writes the picture to `path` in the format its extension names, whole or not at all.
    ///
    /// # Errors
    /// [`ImageError`] if the extension is unknown, as [`Picture::encode`], or as [`write_atomically`].
    pub fn save(&self, path: &Path) -> Result<(), ImageError> {
        let format = PictureFormat::of(path)?;
        let bytes = self.encode(format, &path.display().to_string())?;
        write_atomically(path, &bytes)
    }

    /// Encodes the picture with 8 bits per channel, sRGB; `origin` is the file's name in messages.
    ///
    /// Values are clamped and rounded to the nearest of 256 steps; NaN becomes 0.
    ///
    /// # Errors
    /// [`ImageError::Unencodable`] if the format cannot hold the picture's size.
    pub fn encode(&self, format: PictureFormat, origin: &str) -> Result<Vec<u8>, ImageError> {
        let pixels = self.to_rgb8();
        let (width, height) = (self.width as u32, self.height as u32);
        let rgb = ExtendedColorType::Rgb8;
        let mut bytes = Cursor::new(Vec::new());
        match format {
            PictureFormat::Png => {
                PngEncoder::new(&mut bytes).write_image(&pixels, width, height, rgb)
            }
            PictureFormat::Jpeg => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
                .write_image(&pixels, width, height, rgb),
            PictureFormat::WebP => {
                WebPEncoder::new_lossless(&mut bytes).write_image(&pixels, width, height, rgb)
            }
            PictureFormat::Tiff => {
                TiffEncoder::new(&mut bytes).write_image(&pixels, width, height, rgb)
            }
            PictureFormat::Bmp => {
                BmpEncoder::new(&mut bytes).write_image(&pixels, width, height, rgb)
            }
        }
        .map_err(|error| ImageError::Unencodable {
            path: origin.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(bytes.into_inner())
    }

    /// Interleaved R, G, B, row by row, one byte each.
    pub fn to_rgb8(&self) -> Vec<u8> {
        let (red, rest) = self.rgb.split_at(self.pixels());
        let (green, blue) = rest.split_at(self.pixels());
        let pixels = red.iter().zip(green).zip(blue);
        pixels
            .flat_map(|((&red, &green), &blue)| [byte(red), byte(green), byte(blue)])
            .collect()
    }
}

/// The nearest of 256 steps.
fn byte(value: f32) -> u8 {
    // The cast saturates, and takes NaN to 0.
    (value * 255.0).round() as u8
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
        let bytes = stripes.encode(PictureFormat::Jpeg, "a.jpg").unwrap();
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
            .encode(PictureFormat::Jpeg, "wide.jpg")
            .unwrap_err()
            .to_string();
        assert!(message.contains("`wide.jpg` cannot be made"), "{message}");
        assert!(wide.encode(PictureFormat::Png, "wide.png").is_ok());
    }
}
