//! What the strips and tiles of a TIFF file say of themselves. The decoder believes them, whatever the picture's size.

use super::directory::Block;
use super::{IMAGE_LENGTH, IMAGE_WIDTH};
use crate::image::jpeg;

// Tags, named as in TIFF 6.0, sections 8, 15 and 22.
const COMPRESSION: u16 = 0x0103;
const STRIP_OFFSETS: u16 = 0x0111;
const STRIP_BYTE_COUNTS: u16 = 0x0117;
const TILE_WIDTH: u16 = 0x0142;
const TILE_LENGTH: u16 = 0x0143;
const TILE_OFFSETS: u16 = 0x0144;
const TILE_BYTE_COUNTS: u16 = 0x0145;
const JPEG_TABLES: u16 = 0x015b;

/// The compression of strips and tiles that are JPEG files of their own.
const JPEG: u64 = 7;

/// What a strip or tile may have in any picture, in pixels, and how much more than the picture, which need not fill its tiles.
const FREE_PIXELS: u64 = 1 << 20;
const TILES_IN_PICTURE: u64 = 4;

/// Bytes of a frame header of JPEG from its marker to the number of components.
const FRAME_HEADER: usize = 10;

/// The size (W, H) of the tiles of a TIFF file, if it has any.
pub(in crate::image) fn tile_size(file: &[u8]) -> Option<[u64; 2]> {
    let block = Block::parse(file)?;
    let at = block.first()?;
    let side = |tag| block.numbers(at, tag).next();
    Some([side(TILE_WIDTH)?, side(TILE_LENGTH)?])
}

/// The size (W, H) of a strip or tile in JPEG that has far more pixels than the whole picture.
pub(in crate::image) fn oversized_jpeg(file: &[u8]) -> Option<[u16; 2]> {
    let block = Block::parse(file)?;
    let at = block.first()?;
    let numbers = |tag| block.numbers(at, tag);
    if numbers(COMPRESSION).next()? != JPEG {
        return None;
    }
    let [width, height] = [IMAGE_WIDTH, IMAGE_LENGTH].map(|tag| numbers(tag).next().unwrap_or(0));
    let pixels = width.saturating_mul(height);
    let most = FREE_PIXELS.max(TILES_IN_PICTURE.saturating_mul(pixels));
    let is_oversized =
        |&(_, [width, height]): &(usize, [u16; 2])| u64::from(width) * u64::from(height) > most;
    let oversized = |bytes: &[u8]| jpeg::frames(bytes).find(is_oversized).map(|(_, size)| size);

    // Tables that all strips share are put before each, without their end and its beginning.
    let mut tables: Vec<u8> = numbers(JPEG_TABLES).map(|number| number as u8).collect();
    tables.truncate(tables.len().saturating_sub(2));
    let found: Vec<_> = jpeg::frames(file).filter(is_oversized).collect();
    let offsets = numbers(STRIP_OFFSETS).chain(numbers(TILE_OFFSETS));
    let lengths = numbers(STRIP_BYTE_COUNTS).chain(numbers(TILE_BYTE_COUNTS));
    let end = &tables[tables.len().saturating_sub(FRAME_HEADER)..];
    let within = offsets.zip(lengths).find_map(|(offset, length)| {
        let start = usize::try_from(offset).ok()?;
        let first = found.partition_point(|&(at, _)| at < start);
        let frame = found
            .get(first)
            .filter(|(at, _)| ((at - start) as u64) < length);
        let beginning = file.get(start.saturating_add(2)..).unwrap_or_default();
        let beginning = &beginning[..beginning.len().min(FRAME_HEADER)];
        frame
            .map(|&(_, size)| size)
            .or_else(|| oversized(&[end, beginning].concat()).filter(|_| !end.is_empty()))
    });
    within.or_else(|| oversized(&tables))
}
