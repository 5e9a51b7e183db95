//! Blocks made here, sound and broken, in both byte orders.

use super::directory::{Entry, written};
use super::*;

const ARTIST: u16 = 0x013b;
const SHORT: u16 = 3;
const ASCII: u16 = 2;

fn entry(tag: u16, kind: u16, value: &[u8]) -> Entry {
    let count = if kind == SHORT { 1 } else { value.len() as u32 };
    Entry {
        tag,
        kind,
        count,
        value: value.to_vec(),
    }
}

/// A block with a camera's directory and, at its end, a thumbnail.
fn block() -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let first = |camera: u32| {
        vec![
            entry(ORIENTATION, SHORT, &[6, 0]),
            entry(ARTIST, ASCII, b"somebody\0"),
            Entry::pointer(EXIF, camera),
        ]
    };
    let length = written(first(0), 8).unwrap().len() as u32;
    bytes.extend(written(first(8 + length), 8).unwrap());
    let camera = vec![
        entry(COLOUR_SPACE, SHORT, &[0xff, 0xff]),
        Entry::pointer(PIXEL_X_DIMENSION, 4000),
    ];
    bytes.extend(written(camera, 8 + length).unwrap());
    let address = bytes.len() as u32;
    let picture = b"\xff\xd8small\xff\xd9";
    let last = |start: u32| {
        let length = picture.len() as u32;
        let pointers = [(THUMBNAIL, start), (THUMBNAIL_LENGTH, length)];
        let entries = pointers.map(|(tag, value)| Entry::pointer(tag, value));
        written(entries.to_vec(), address).unwrap()
    };
    let start = address + last(0).len() as u32;
    bytes.extend(last(start));
    bytes.extend(picture);
    let link = 8 + 2 + 3 * 12;
    bytes[link..link + 4].copy_from_slice(&address.to_le_bytes());
    bytes
}

fn number(bytes: &[u8], tag: u16) -> Option<u32> {
    let block = Block::parse(bytes)?;
    let (mut fields, _) = block.directory(block.first()?)?;
    if let Some(at) = fields.iter().find(|field| field.tag == EXIF) {
        fields.extend(block.directory(block.number(at)? as usize)?.0);
    }
    block.number(fields.iter().find(|field| field.tag == tag)?)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_block_is_mended_and_keeps_the_rest() {
    let block = block();
    assert_eq!(number(&block, ORIENTATION), Some(6));
    assert!(contains(&block, b"small"));
    for prefix in [&b""[..], b"Exif\0\0"] {
        let tidy = tidied(&[prefix, &block].concat(), (300, 200)).unwrap();
        assert_eq!(number(&tidy, ORIENTATION), Some(1));
        assert_eq!(number(&tidy, COLOUR_SPACE), Some(SRGB));
        assert_eq!(number(&tidy, PIXEL_X_DIMENSION), Some(300));
        assert!(contains(&tidy, b"somebody"));
        assert!(!contains(&tidy, b"small"));
        assert!(tidy.len() < block.len());
        // Mended once is mended for good.
        assert_eq!(tidied(&tidy, (300, 200)), Some(tidy));
    }
    // With something after it, the thumbnail is blanked in its place.
    let longer = [&block[..], b"maker"].concat();
    let tidy = tidied(&longer, (300, 200)).unwrap();
    assert_eq!(tidy.len(), longer.len());
    assert!(contains(&tidy, b"maker") && !contains(&tidy, b"small"));
}

#[test]
fn big_endian_numbers_are_set_in_their_order() {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    bytes.extend(b"\x01\x00\0\x04\0\0\0\x01\0\0\x10\0");
    bytes.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
    bytes.extend([0; 4]);
    let tidy = tidied(&bytes, (70_000, 5)).unwrap();
    assert_eq!(&tidy[18..22], &70_000_u32.to_be_bytes());
    assert_eq!(&tidy[30..34], b"\0\x01\0\0");
}

#[test]
fn a_tiff_file_takes_a_description_and_gives_it_back() {
    let tidy = tidied(&block(), (3, 2)).unwrap();
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    let stored = vec![
        Entry::pointer(IMAGE_WIDTH, 3),
        entry(ARTIST, ASCII, b"old\0"),
    ];
    file.extend(written(stored, 8).unwrap());
    assert_eq!(number(&of_tiff(&file).unwrap(), IMAGE_WIDTH), None);
    let merged = into_tiff(&file, Some(&tidy), false).unwrap();
    assert_eq!(number(&merged, IMAGE_WIDTH), Some(3));
    let back = of_tiff(&merged).unwrap();
    assert!(contains(&back, b"somebody") && !contains(&back, b"old"));
    assert_eq!(number(&back, PIXEL_X_DIMENSION), Some(3));
    let transparent = into_tiff(&file, None, true).unwrap();
    assert_eq!(number(&transparent, 0x0152), Some(2));
    assert_eq!(number(&merged, 0x0152), None);
    // Orientation is the file's own field.
    assert_eq!(number(&back, ORIENTATION), None);
}

#[test]
fn no_damage_is_more_than_a_refusal() {
    let whole = block();
    let file = into_tiff(&whole, Some(&whole), true).unwrap();
    for length in 0..whole.len() {
        let cut = &whole[..length];
        let _ = (
            tidied(cut, (1, 1)),
            of_tiff(cut),
            into_tiff(&file, Some(cut), false),
        );
    }
    assert_eq!(tidied(b"", (1, 1)), None);
    assert_eq!(tidied(b"Exif\0\0II*\0\xff\xff\xff\xff", (1, 1)), None);
    for at in 0..whole.len() {
        for value in [0, 1, 3, 4, 8, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let _ = tidied(&damaged, (1, 1));
            let _ = of_tiff(&damaged);
            let _ = into_tiff(&damaged, Some(&whole), true);
            let _ = into_tiff(&file, Some(&damaged), false);
        }
    }
}
