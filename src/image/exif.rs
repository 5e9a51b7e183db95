//! EXIF data: what a camera and its owner noted, carried from a picture to its result.
//!
//! The block is mended in place, because notes of camera makers hold addresses inside it that moving
//! would break. Libraries that take a block apart and write it anew do break them.

mod directory;
mod strips;
mod tiff;

use self::directory::{Block, EXIF, Field, GPS, Next};

pub(super) use self::strips::{oversized_jpeg, tile_size};
pub(super) use self::tiff::{
    into_tiff, is_premultiplied, of_tiff, overlong_field, profile_of_tiff, with_xmp, xmp_of_tiff,
};

// Tags, named as in the standard (CIPA DC-008).
const IMAGE_WIDTH: u16 = 0x0100;
const IMAGE_LENGTH: u16 = 0x0101;
const ORIENTATION: u16 = 0x0112;
const THUMBNAIL: u16 = 0x0201;
const THUMBNAIL_LENGTH: u16 = 0x0202;
const COLOUR_SPACE: u16 = 0xa001;
const PIXEL_X_DIMENSION: u16 = 0xa002;
const PIXEL_Y_DIMENSION: u16 = 0xa003;

/// The colour space that sRGB has in EXIF.
const SRGB: u32 = 1;

/// The block as it belongs to a result of `size`: upright, in sRGB, without the thumbnail, which shows
/// another picture. None if it is damaged.
pub(super) fn tidied(block: &[u8], (width, height): (u32, u32)) -> Option<Vec<u8>> {
    // Some writers leave the prefix of JPEG's segment on.
    let block = Block::parse(block.strip_prefix(b"Exif\0\0").unwrap_or(block))?;
    let (mut fields, next) = block.directory(block.first()?)?;
    for pointer in [EXIF, GPS] {
        if let Some(at) = fields.iter().find(|field| field.tag == pointer) {
            let (inner, _) = block.directory(block.number(at)? as usize)?;
            fields.extend(inner);
        }
    }
    let mut tidy = block.bytes.to_vec();
    let mut set = |field: &Field, value: u32| block.set_number(&mut tidy, field, value);
    for field in &fields {
        match field.tag {
            ORIENTATION => set(field, 1),
            IMAGE_WIDTH | PIXEL_X_DIMENSION => set(field, width),
            IMAGE_LENGTH | PIXEL_Y_DIMENSION => set(field, height),
            COLOUR_SPACE => set(field, SRGB),
            _ => {}
        }
    }
    remove_thumbnail(&block, &mut tidy, &fields, next);
    Some(tidy)
}

/// Cuts the directory after the first off, and blanks its picture, or shortens the block by it if it
/// is the end.
fn remove_thumbnail(block: &Block<'_>, tidy: &mut Vec<u8>, fields: &[Field], next: Next) {
    let Next { link, directory } = next;
    tidy[link..link + 4].fill(0);
    let Some((thumbnail, _)) = directory.and_then(|at| block.directory(at)) else {
        return;
    };
    let number = |tag| {
        let field = thumbnail.iter().find(|field| field.tag == tag)?;
        Some(block.number(field)? as usize)
    };
    let (Some(start), Some(length)) = (number(THUMBNAIL), number(THUMBNAIL_LENGTH)) else {
        return;
    };
    let end = start.saturating_add(length).min(tidy.len());
    // An address into what is kept would blank it: then the picture stays, unreachable.
    let kept = fields
        .iter()
        .map(|field| field.end)
        .max()
        .unwrap_or(0)
        .max(link + 4);
    if start < kept || start >= end {
        return;
    }
    if end == tidy.len() {
        tidy.truncate(start);
    } else {
        tidy[start..end].fill(0);
    }
}

#[cfg(test)]
mod tests;
