//! From the bytes of a picture file to planar RGB in sRGB, and what comes with it.

#[cfg(test)]
mod tests;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use sha2::{Digest, Sha256};

use super::alpha::over_white;
use super::colour::{Channels, Conversion};
use super::{Attachments, Depth, ImageError, Picture, PictureFile, exif, jpeg, png, unit, webp};
use crate::quote::brief;

/// The longest side that is read, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The largest area that is read, in pixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// What a decoder may allocate: the picture at 16 bits and four channels, twice.
const MAX_DECODER_BYTES: u64 = 2 << 30;

/// Room that a decoder may have for a file of any length: 100 megapixels of four channels at 8 bits.
const FREE_BYTES: u64 = 400_000_000;

/// Room that the frame of an animation may have whatever the size of the picture: a megapixel of four channels at 8 bits.
const FREE_FRAME_BYTES: u64 = 4 << 20;

/// No method that files of 16 bits and more are packed by makes more of a byte: LZW 1340, deflate 1032.
const MOST_FROM_A_BYTE: u64 = 2048;

impl PictureFile {
    /// Decodes PNG, JPEG, WebP, TIFF, BMP or GIF (its first frame), told apart by content;
    /// `origin` is the file's name in messages.
    ///
    /// The orientation that a camera noted is applied. Colours are converted to sRGB by the ICC profile
    /// of the file or by `cICP` of PNG (`gAMA` and `cHRM`, which hardly anybody writes on purpose, are
    /// not looked at); what sRGB cannot show is clamped. Without a profile numbers are taken for sRGB,
    /// and CMYK is multiplied out as (1−C)(1−K). Gray becomes three equal channels, 16-bit values keep
    /// their precision, floating-point TIFF is clamped to \[0,1\].
    ///
    /// # Errors
    /// [`ImageError`] if the bytes are no such picture, are cut off or damaged, or announce more than
    /// [`MAX_SIDE`] or [`MAX_PIXELS`], which is found before anything of that size is allocated.
    pub fn decode(bytes: &[u8], origin: &str) -> Result<Self, ImageError> {
        let format = recognise(bytes, origin)?;
        match format {
            ImageFormat::Tiff => check_tiff(bytes, origin)?,
            ImageFormat::WebP => check_webp(bytes, origin)?,
            ImageFormat::Jpeg => check_kind_of_jpeg(bytes, origin)?,
            _ => {}
        }
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        reader.limits(limits);
        let mut decoder = reader
            .into_decoder()
            .map_err(|error| undecodable(origin, error))?;
        check_size(decoder.dimensions(), origin)?;
        check_length(bytes, decoder.total_bytes(), origin)?;
        if format == ImageFormat::Gif {
            // Its frames have sizes of their own.
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(FREE_FRAME_BYTES.max(4 * decoder.total_bytes()));
            decoder
                .set_limits(limits)
                .map_err(|error| undecodable(origin, error))?;
        }
        if format == ImageFormat::Jpeg {
            check_jpeg(bytes, origin)?;
        }
        // Unreadable notes are no reason to refuse the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let profile = match format {
            ImageFormat::Tiff => exif::profile_of_tiff(bytes),
            _ => decoder.icc_profile().unwrap_or(None),
        };
        let exif = match format {
            ImageFormat::Tiff => exif::of_tiff(bytes),
            _ => decoder.exif_metadata().unwrap_or(None),
        };
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| undecodable(origin, error))?;
        image.apply_orientation(orientation);

        let mut remarks = Vec::new();
        let code_points = match format {
            ImageFormat::Png => png::code_points(bytes),
            _ => None,
        };
        let conversion = conversion(&image, bytes, format, profile, code_points);
        let conversion = conversion.unwrap_or_else(|remark| {
            remarks.push(remark);
            None
        });
        let size = (image.width(), image.height());
        let exif = exif.filter(|block| {
            let sound = exif::tidied(block, size).is_some();
            if !sound {
                remarks.push("has damaged EXIF data, which is left out");
            }
            sound
        });
        let depth = depth(&image);
        let is_premultiplied = format == ImageFormat::Tiff && exif::is_premultiplied(bytes);
        let raw = split(image, is_premultiplied);
        let (picture, alpha) = planar(raw, size, conversion.as_ref(), &mut remarks);
        let attachments = Attachments {
            alpha,
            depth,
            exif,
            record: None,
        };
        Ok(Self {
            picture,
            sha256: sha256(bytes),
            attachments,
            remarks,
        })
    }
}

/// How the numbers of `image` become sRGB, if they are not; or what is to be said instead.
fn conversion(
    image: &DynamicImage,
    bytes: &[u8],
    format: ImageFormat,
    profile: Option<Vec<u8>>,
    code_points: Option<png::CodePoints>,
) -> Result<Option<Conversion>, &'static str> {
    // Code points go before a profile where both are there (PNG, third edition, 4.3).
    if let Some(points) = code_points {
        return Conversion::of_code_points(points)
            .map_err(|_| "has a colour space (cICP) that is not known, and is taken for sRGB");
    }
    let Some(profile) = profile else {
        return Ok(None);
    };
    let four_inks = format == ImageFormat::Jpeg && jpeg::walk(bytes).components == 4;
    if four_inks {
        return Ok(None);
    }
    let channels = if image.color().has_color() {
        Channels::Rgb
    } else {
        Channels::Gray
    };
    Conversion::of_profile(&profile, channels)
        .map_err(|_| "has a colour profile that does not fit or is damaged, and is taken for sRGB")
}

/// Eight bits for what needs no more.
fn depth(image: &DynamicImage) -> Depth {
    if image.color().bytes_per_pixel() > image.color().channel_count() {
        Depth::Sixteen
    } else {
        Depth::Eight
    }
}

/// The format by its first bytes, if it is one that is read.
pub(super) fn recognise(bytes: &[u8], origin: &str) -> Result<ImageFormat, ImageError> {
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

/// Refuses a file that is too short for what it announces, before there is room for all of that.
fn check_length(bytes: &[u8], announced: u64, origin: &str) -> Result<(), ImageError> {
    if announced > FREE_BYTES.max(MOST_FROM_A_BYTE * bytes.len() as u64) {
        return Err(ImageError::Damaged {
            origin: origin.to_owned(),
            reason: format!(
                "its {} bytes are too few for a picture of its size",
                bytes.len()
            ),
        });
    }
    Ok(())
}

/// Refuses what the JPEG decoder would call damaged although it is sound.
fn check_kind_of_jpeg(bytes: &[u8], origin: &str) -> Result<(), ImageError> {
    match jpeg::walk(bytes).unread {
        Some(kind) => Err(ImageError::Unsupported {
            origin: origin.to_owned(),
            kind: kind.to_owned(),
        }),
        None => Ok(()),
    }
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

/// Refuses what would cost the TIFF decoder gigabytes, whatever the size of the file.
fn check_tiff(bytes: &[u8], origin: &str) -> Result<(), ImageError> {
    let longest = u64::from(MAX_SIDE);
    let reason = if let Some(field) = exif::overlong_field(bytes) {
        format!("its field {field:#06x} is said to be longer than the file")
    } else if let Some([width, height]) =
        exif::tile_size(bytes).filter(|size| size.iter().any(|&side| side > longest))
    {
        format!("its tiles are said to have {width}×{height} pixels")
    } else if let Some([width, height]) = exif::oversized_jpeg(bytes) {
        format!("a part of it in JPEG has {width}×{height} pixels, far more than the whole")
    } else {
        return Ok(());
    };
    Err(ImageError::Damaged {
        origin: origin.to_owned(),
        reason,
    })
}

/// Refuses what would cost the WebP decoder up to four gigabytes.
fn check_webp(bytes: &[u8], origin: &str) -> Result<(), ImageError> {
    let reason = if !webp::is_whole(bytes) {
        "one of its chunks is said to be longer than the file".to_owned()
    } else if webp::has_stray_frames(bytes) {
        "it has frames and is said to be no animation".to_owned()
    } else if let Some([announced, own]) = webp::other_size(bytes) {
        let [announced, own] = [announced, own].map(|[width, height]| format!("{width}×{height}"));
        format!("a picture of {own} pixels stands where {announced} are announced")
    } else {
        let codes = webp::bytes_of_codes(bytes);
        if codes <= FREE_BYTES {
            return Ok(());
        }
        format!("its codes would take {} megabytes", codes / 1_000_000)
    };
    Err(ImageError::Damaged {
        origin: origin.to_owned(),
        reason,
    })
}

fn undecodable(origin: &str, error: image::ImageError) -> ImageError {
    let origin = origin.to_owned();
    match error {
        image::ImageError::Unsupported(error) => ImageError::Unsupported {
            origin,
            kind: format!(
                "a picture of an unusual kind ({})",
                brief(&error.to_string())
            ),
        },
        image::ImageError::Limits(_) => ImageError::Damaged {
            origin,
            reason: "it asks for far more memory than a picture of its size needs".to_owned(),
        },
        error => ImageError::Damaged {
            origin,
            reason: brief(&error.to_string()),
        },
    }
}

/// Planar (3,H,W) of the colours of a picture of size (W, H) in sRGB, laid over white by its opacity if it has any.
fn planar(
    (mut colours, alpha): (Vec<[f32; 3]>, Option<Vec<f32>>),
    (width, height): (u32, u32),
    conversion: Option<&Conversion>,
    remarks: &mut Vec<&'static str>,
) -> (Picture, Option<Vec<f32>>) {
    let (width, height) = (width as usize, height as usize);
    if let Some(conversion) = conversion {
        match conversion.apply(&colours) {
            Ok(converted) => colours = converted,
            Err(_) => remarks.push("has a colour profile that fails, and is taken for sRGB"),
        }
    }
    let mut rgb = Vec::with_capacity(3 * width * height);
    for channel in 0..3 {
        let plane = colours.iter().map(|pixel| pixel[channel]);
        match &alpha {
            Some(alpha) => rgb.extend(plane.zip(alpha).map(|(value, &a)| over_white(value, a))),
            None => rgb.extend(plane),
        }
    }
    let picture = Picture { width, height, rgb };
    // A channel that hides nothing is none.
    (
        picture,
        alpha.filter(|alpha| alpha.iter().any(|&a| a < 1.0)),
    )
}

/// Colours and, if the picture has the channel, opacity, in \[0,1\]. What was multiplied by opacity, as the decoder hands
/// it on without a word, is divided by it again.
fn split(image: DynamicImage, is_premultiplied: bool) -> (Vec<[f32; 3]>, Option<Vec<f32>>) {
    if image.color().has_alpha() {
        let pixels = image.into_rgba32f().into_raw();
        let (pixels, _) = pixels.as_chunks::<4>();
        let colours = pixels.iter().map(|&[r, g, b, a]| {
            [r, g, b].map(|value| match is_premultiplied {
                true if a <= 0.0 => 0.0,
                true => unit(value / a),
                false => unit(value),
            })
        });
        let alpha = pixels.iter().map(|pixel| unit(pixel[3]));
        (colours.collect(), Some(alpha.collect()))
    } else {
        let pixels = image.into_rgb32f().into_raw();
        let (pixels, _) = pixels.as_chunks::<3>();
        (pixels.iter().map(|pixel| pixel.map(unit)).collect(), None)
    }
}

/// The checksum of a file in hexadecimal, as `sha256sum` prints it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
