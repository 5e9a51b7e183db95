//! What is done with bytes that a stranger may have written: one function for each kind of file, which panics where the
//! library does not keep its word. `fuzz/` looks for such bytes, `tests/untrusted.rs` keeps those that were found.

// A target of the fuzzer takes one of them.
#![allow(dead_code)]

#[path = "meter.rs"]
mod meter;

use std::io::Cursor;

use impasto::image::{PictureFile, decode_record};
use impasto::net::Weights;
use impasto::paint::Checkpoint;
use sha2::{Digest, Sha256};

use self::meter::peak;

/// Larger pictures only take longer.
const MOST_PIXELS: usize = 1 << 16;

/// Bytes that a pixel may cost on its way from the decoder's numbers to ours: f32 of four channels are copied a few times.
const BYTES_PER_PIXEL: usize = 128;

/// Bytes that a byte of a file may cost: a packed profile, copies of notes, a directory of names.
const BYTES_PER_BYTE: usize = 64;

/// What tables of decoders and of colour conversions need, whatever the file.
const TABLES: usize = 24 << 20;

/// Name of the file in messages.
const ORIGIN: &str = "a file";

/// A picture of any format: either it is one, of the size that it announces, or a sentence says why not; and memory is in
/// proportion.
pub fn picture(bytes: &[u8]) {
    let pixels = announced_pixels(bytes);
    if pixels > MOST_PIXELS {
        return;
    }
    let (decoded, cost) = peak(|| PictureFile::decode(bytes, ORIGIN));
    let allowed = TABLES + BYTES_PER_PIXEL * pixels + BYTES_PER_BYTE * bytes.len();
    assert!(
        cost <= allowed,
        "{} bytes of a picture of {pixels} pixels cost {cost}",
        bytes.len()
    );
    match decoded {
        Ok(PictureFile {
            picture,
            attachments,
            ..
        }) => {
            assert_eq!(picture.pixels(), pixels);
            assert_eq!(picture.rgb.len(), 3 * pixels);
            assert!(picture.rgb.iter().all(|value| (0.0..=1.0).contains(value)));
            if let Some(alpha) = attachments.alpha {
                assert_eq!(alpha.len(), pixels);
            }
        }
        Err(error) => is_a_sentence(&error.to_string()),
    }
    let (record, peak) = peak(|| decode_record(bytes, ORIGIN));
    assert!(
        peak <= allowed,
        "the record of {} bytes cost {peak}",
        bytes.len()
    );
    if let Err(error) = record {
        is_a_sentence(&error.to_string());
    }
}

/// A picture of any size that cannot be read, and must be refused for little.
pub fn cheap_picture(bytes: &[u8]) {
    let (decoded, peak) = peak(|| PictureFile::decode(bytes, ORIGIN));
    assert!(peak <= TABLES, "{} bytes cost {peak}", bytes.len());
    is_a_sentence(&decoded.unwrap_err().to_string());
}

/// W·H as the header says; 0 where it says nothing.
fn announced_pixels(bytes: &[u8]) -> usize {
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.map_or(0, |(width, height)| {
        (width as usize).saturating_mul(height as usize)
    })
}

/// Weights in a container of either kind. Nothing that a fuzzer makes is a whole network, so they are refused at some tensor.
pub fn weights(bytes: &[u8]) {
    let (read, peak) = peak(|| Weights::from_bytes(bytes, ORIGIN));
    // The first tensors of a network are small; a file of a few bytes does not get beyond them, unless they are packed.
    let allowed = TABLES + 1100 * BYTES_PER_BYTE * bytes.len();
    assert!(peak <= allowed, "{} bytes cost {peak}", bytes.len());
    if let Err(error) = read {
        is_a_sentence(&error.to_string());
    }
}

/// A checkpoint, once as it is and once with the checksum that it should have: one that is read is written as it was read.
pub fn checkpoint(bytes: &[u8]) {
    restore(bytes);
    restore(&[bytes, &Sha256::digest(bytes)].concat());
}

fn restore(bytes: &[u8]) {
    let (read, peak) = peak(|| Checkpoint::from_bytes(bytes, ORIGIN));
    let allowed = (1 << 20) + BYTES_PER_BYTE * bytes.len();
    assert!(peak <= allowed, "{} bytes cost {peak}", bytes.len());
    match read {
        Ok(checkpoint) => {
            let write = |checkpoint: &Checkpoint| {
                let mut written = Vec::new();
                checkpoint.write_to(&mut written).unwrap();
                written
            };
            let written = write(&checkpoint);
            let again = Checkpoint::from_bytes(&written, ORIGIN).unwrap();
            assert!(write(&again) == written);
        }
        Err(error) => is_a_sentence(&error.to_string()),
    }
}

/// Messages of the library are a line that names the file and says what to do.
fn is_a_sentence(message: &str) {
    assert!(message.contains(ORIGIN), "{message}");
    assert!(message.contains("; "), "{message}");
    assert!(!message.contains('\n'), "{message:?}");
    assert!(message.len() < 1000, "{} bytes: {message}", message.len());
}
