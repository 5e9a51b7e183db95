//! From the bytes of a picture file to planar RGB.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{ImageError, Picture, jpeg};

/// The longest side that is read, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The largest area that is read, in pixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// The largest file that is read: [`MAX_PIXELS`] at 16 bits and four channels, with some room.
const MAX_FILE: u64 = 1 << 30;

/// What a decoder may allocate: the picture at 16 bits and four channels, twice.
const MAX_DECODER_BYTES: u64 = 2 << 30;

impl Picture {
    /// Reads the picture file at `path`; see [`Picture::decode`].
    ///
    /// # Errors
    /// [`ImageError`] if there is no readable file, or as [`Picture::decode`].
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        let origin = path.display().to_string();
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => ImageError::NotFound {
                origin: path.display().to_string(),
            },
            ErrorKind::IsADirectory => ImageError::Directory {
                origin: path.display().to_string(),
            },
            _ => ImageError::Unreadable {
                origin: path.display().to_string(),
                reason: error.to_string(),
            },
        };
        // Asked first, because opening a folder fails differently from system to system.
        if path.is_dir() {
            return Err(ImageError::Directory { origin });
        }
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(ImageError::FileTooLarge {
                origin,
                limit_mebibytes: MAX_FILE >> 20,
            });
        }
        Self::decode(&bytes, &origin)
    }

    /// Decodes PNG, JPEG, WebP, TIFF, BMP or GIF (its first frame), told apart by content;
    /// `origin` is the file's name in messages.
    ///
    /// Gray becomes three equal channels, 16-bit values keep their precision, CMYK is multiplied
    /// out as (1−C)(1−K), transparency is laid over white, and the orientation that a camera noted
    /// is applied. Values outside \[0,1\] in floating-point TIFF are clamped.
    ///
    /// # Errors
    /// [`ImageError`] if the bytes are no such picture, are cut off or damaged, or announce more than
    /// [`MAX_SIDE`] or [`MAX_PIXELS`], which is found before anything of that size is allocated.
    pub fn decode(bytes: &[u8], origin: &str) -> Result<Self, ImageError> {
        let format = recognise(bytes, origin)?;
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        reader.limits(limits);
        let mut decoder = reader
            .into_decoder()
            .map_err(|error| undecodable(origin, error))?;
        check_size(decoder.dimensions(), origin)?;
        if format == ImageFormat::Jpeg {
            check_jpeg(bytes, origin)?;
        }
        // An unreadable note about orientation is no reason to refuse the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| undecodable(origin, error))?;
        image.apply_orientation(orientation);
        Ok(planar(image))
    }
}

/// The format by its first bytes, if it is one that is read.
fn recognise(bytes: &[u8], origin: &str) -> Result<ImageFormat, ImageError> {
    let origin = origin.to_owned();
    if bytes.is_empty() {
        return Err(ImageError::Empty { origin });
    }
    match image::guess_format(bytes) {
        Ok(format) if format.reading_enabled() => Ok(format),
        Ok(format) => Err(ImageError::Unsupported {
            origin,
            kind: format!("a picture of type {}", format.to_mime_type()),
        }),
        Err(_) => Err(ImageError::NotAPicture { origin }),
    }
}

/// Refuses a picture by the size in its header.
fn check_size((width, height): (u32, u32), origin: &str) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::Damaged {
            origin: origin.to_owned(),
            reason: format!("its size is {width}×{height}"),
        });
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(ImageError::TooLarge {
            origin: origin.to_owned(),
            width,
            height,
            max_side: MAX_SIDE,
            max_megapixels: MAX_PIXELS / 1_000_000,
        });
    }
    Ok(())
}

/// Refuses what the JPEG decoder would read wrongly without a word.
fn check_jpeg(bytes: &[u8], origin: &str) -> Result<(), ImageError> {
    let found = jpeg::walk(bytes);
    if !found.complete {
        return Err(ImageError::Damaged {
            origin: origin.to_owned(),
            reason: "the JPEG data ends before its end marker".to_owned(),
        });
    }
    if found.components == 4 && !found.adobe {
        return Err(ImageError::Unsupported {
            origin: origin.to_owned(),
            kind: "a CMYK JPEG that does not say how its inks are stored".to_owned(),
        });
    }
    Ok(())
}

fn undecodable(origin: &str, error: image::ImageError) -> ImageError {
    let origin = origin.to_owned();
    match error {
        image::ImageError::Unsupported(error) => ImageError::Unsupported {
            origin,
            kind: format!(
                "a picture of an unusual kind ({})",
                one_line(&error.to_string())
            ),
        },
        error => ImageError::Damaged {
            origin,
            reason: one_line(&error.to_string()),
        },
    }
}

/// A decoder's message without line breaks and full stop, so that it fits into ours.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// Planar (3,H,W) of any decoded picture, transparency laid over white.
fn planar(image: DynamicImage) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut rgb = Vec::with_capacity(3 * width * height);
    if image.color().has_alpha() {
        let pixels = image.into_rgba32f().into_raw();
        let (pixels, _) = pixels.as_chunks::<4>();
        for channel in 0..3 {
            let over_white = |pixel: &[f32; 4]| {
                let alpha = unit(pixel[3]);
                unit(pixel[channel]) * alpha + (1.0 - alpha)
            };
            rgb.extend(pixels.iter().map(over_white));
        }
    } else {
        let pixels = image.into_rgb32f().into_raw();
        let (pixels, _) = pixels.as_chunks::<3>();
        for channel in 0..3 {
            rgb.extend(pixels.iter().map(|pixel| unit(pixel[channel])));
        }
    }
    Picture { width, height, rgb }
}

/// The value in \[0,1\]; NaN, which only a floating-point TIFF can hold, becomes 0.
fn unit(value: f32) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}
