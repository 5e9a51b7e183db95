//! Records: a text of this program's own in a picture file, which says how the picture was made.
//!
//! PNG has it as an `iTXt` chunk with the keyword `impasto`; JPEG, WebP and TIFF in a packet of XMP, as the
//! property `impasto:record`. BMP has no place for it. Other programs keep both and show them.

use std::io::Cursor;
use std::path::Path;

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::{ImageError, PictureFormat, exif, file, jpeg, load, png, webp, xmp};

impl PictureFormat {
    /// Whether a record can be stored.
    pub fn holds_record(self) -> bool {
        self != Self::Bmp
    }
}

/// The record in the picture file at `path`, if it has one.
///
/// # Errors
/// [`ImageError`] if there is no readable file or it is no picture.
pub fn load_record(path: &Path) -> Result<Option<String>, ImageError> {
    decode_record(&file::bytes_of(path)?, &path.display().to_string())
}

/// The record in the bytes of a picture file, if it has one; `origin` is the file's name in messages. The
/// picture itself is not decoded.
///
/// # Errors
/// [`ImageError`] if the bytes are no picture that is read.
pub fn decode_record(bytes: &[u8], origin: &str) -> Result<Option<String>, ImageError> {
    let format = load::recognise(bytes, origin)?;
    let packet = match format {
        ImageFormat::Png => return Ok(png::record(bytes)),
        ImageFormat::Tiff => exif::xmp_of_tiff(bytes),
        ImageFormat::WebP if !webp::is_whole(bytes) => None,
        _ => {
            let decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder();
            let packet = decoder.and_then(|mut decoder| decoder.xmp_metadata());
            // What cannot be decoded has nothing to say.
            packet.ok().flatten()
        }
    };
    Ok(packet.and_then(|packet| xmp::record(&packet)))
}

/// The `file` of this `format`, as the encoder made it, with the record in it, if that has room there.
pub(super) fn with_record(file: Vec<u8>, format: PictureFormat, record: &str) -> Vec<u8> {
    let inserted = match format {
        PictureFormat::Png => png::with_record(&file, record),
        PictureFormat::Jpeg => jpeg::with_xmp(&file, &xmp::packet(record)),
        PictureFormat::WebP => webp::with_xmp(&file, &xmp::packet(record)),
        PictureFormat::Tiff => exif::with_xmp(&file, &xmp::packet(record)),
        PictureFormat::Bmp => None,
    };
    inserted.unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Attachments, Picture, PictureFile};

    const FORMATS: [PictureFormat; 5] = [
        PictureFormat::Png,
        PictureFormat::Jpeg,
        PictureFormat::WebP,
        PictureFormat::Tiff,
        PictureFormat::Bmp,
    ];
    const RECORD: &str = "{\"a\": \"<&>'ü€\u{1f3a8}\", \"b\": \"]]>\"}";

    fn encoded(format: PictureFormat, attachments: &Attachments) -> Vec<u8> {
        let picture = Picture {
            width: 7,
            height: 5,
            rgb: (0..105).map(|i| i as f32 / 105.0).collect(),
        };
        picture.encode(format, attachments, "a picture").unwrap()
    }

    #[test]
    fn every_format_but_bmp_gives_the_record_back() {
        let opacity = || Some((0..35).map(|i| (i % 6) as f32 / 5.0).collect());
        for format in FORMATS {
            for alpha in [None, opacity()] {
                let plain = Attachments {
                    alpha,
                    ..Attachments::default()
                };
                let noted = Attachments {
                    record: Some(RECORD.to_string()),
                    ..plain.clone()
                };
                let file = encoded(format, &noted);
                let found = decode_record(&file, "a").unwrap();
                let expected = format.holds_record().then(|| RECORD.to_string());
                assert_eq!(found, expected, "{format:?}");
                // Nothing else changes.
                let without = encoded(format, &plain);
                assert_eq!(decode_record(&without, "a").unwrap(), None);
                let decoded = |file: &[u8]| PictureFile::decode(file, "a").unwrap();
                assert_eq!(decoded(&file).picture, decoded(&without).picture);
                let attached = decoded(&file).attachments;
                assert_eq!(attached, decoded(&without).attachments, "{format:?}");
            }
        }
    }

    #[test]
    fn damaged_files_have_no_record_and_do_no_harm() {
        let noted = Attachments {
            record: Some(RECORD.to_string()),
            ..Attachments::default()
        };
        for format in FORMATS {
            let whole = encoded(format, &noted);
            for length in 0..whole.len() {
                let _ = decode_record(&whole[..length], "a");
            }
            for at in 0..whole.len().min(900) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0xff;
                let _ = decode_record(&damaged, "a");
            }
        }
    }

    #[test]
    fn a_record_beyond_a_segment_of_jpeg_is_left_out() {
        let noted = |length: usize| Attachments {
            record: Some("x".repeat(length)),
            ..Attachments::default()
        };
        let has = |length: usize| {
            let file = encoded(PictureFormat::Jpeg, &noted(length));
            assert!(PictureFile::decode(&file, "a").is_ok());
            decode_record(&file, "a").unwrap().is_some()
        };
        assert!(has(60_000) && !has(70_000));
    }
}
