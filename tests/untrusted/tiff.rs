//! TIFF files that announce more than they have.

use super::inputs;

/// A TIFF file that is nothing but a directory of these fields: (tag, type, count, value).
fn tiff(fields: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in fields {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file
}

/// Whatever a TIFF file of a hundred bytes announces.
#[test]
fn few_bytes_of_a_tiff_cost_few() {
    let size = [(256, 4, 1, 10_000), (257, 4, 1, 10_000)];
    // Four channels of 32-bit floats in one strip.
    let floats = [
        (258, 3, 1, 32),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, 4),
        (278, 4, 1, 10_000),
        (279, 4, 1, 8),
        (338, 3, 1, 2),
        (339, 3, 1, 3),
    ];
    // A list of half a billion places for strips.
    let strips = [(258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1 << 29, 8)];
    // The same, each of eight bytes.
    let long_strips = [(258, 3, 1, 8), (262, 3, 1, 1), (273, 16, 1 << 28, 8)];
    for fields in [&floats[..], &strips, &long_strips] {
        inputs::cheap_picture(&tiff(&[&size, fields].concat()));
    }
}

/// A picture of one pixel in a tile of this width, with three channels of four, which are picked out of it.
fn tiled(width: u32, predictor: u32, sample: [u32; 2]) -> Vec<u8> {
    let [bits, format] = sample;
    tiff(&[
        (256, 4, 1, 1),
        (257, 4, 1, 1),
        (258, 3, 1, bits),
        (262, 3, 1, 2),
        (277, 3, 1, 4),
        (317, 3, 1, predictor),
        (322, 4, 1, width),
        (323, 4, 1, 16),
        (324, 4, 1, 8),
        (325, 4, 1, 100),
        (338, 3, 1, 0),
        (339, 3, 1, format),
    ])
}

#[test]
fn a_wide_tile_costs_little() {
    for width in [1 << 28, 1 << 30] {
        inputs::cheap_picture(&tiled(width, 1, [8, 1]));
        inputs::cheap_picture(&tiled(width, 3, [32, 3]));
    }
}

/// A picture of one pixel in one strip or tile of JPEG that has 16384×16384 pixels by its own header, of which so many bytes
/// stand in the tables.
fn in_jpeg(tiled: bool, split: usize) -> Vec<u8> {
    let sound = include_bytes!("seeds/picture/jpg.tiff");
    let (strip, tables) = (&sound[8..][..184], &sound[336..][..289]);
    let (header, scan) = strip[2..].split_at(19);
    let mut header = header.to_vec();
    assert_eq!(header[..2], [0xff, 0xc0]);
    header[5..9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    let (before, after) = header.split_at(split);
    let (tables, end) = tables.split_at(tables.len() - 2);
    let tables = [tables, before, end].concat();
    let strip = [b"\xff\xd8", after, scan].concat();
    let [place, length] = if tiled { [324, 325] } else { [273, 279] };
    let count = if tiled { 12 } else { 10 };
    let behind = 8 + 2 + 12 * count + 4;
    let mut fields = vec![
        (256, 4, 1, 1),
        (257, 4, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 7),
        (262, 3, 1, 2),
        (277, 3, 1, 3),
        (339, 3, 1, 1),
        (place, 4, 1, behind + tables.len() as u32),
        (length, 4, 1, strip.len() as u32),
    ];
    if tiled {
        fields.extend([(322, 4, 1, 16), (323, 4, 1, 16)]);
    }
    fields.push((347, 7, tables.len() as u32, behind));
    assert_eq!(fields.len() as u32, count);
    [tiff(&fields), tables, strip].concat()
}

/// In strips and tiles, in tables and half in them.
#[test]
fn a_large_jpeg_in_a_small_picture_costs_little() {
    for tiled in [false, true] {
        for split in [0, 2, 7, 19] {
            inputs::cheap_picture(&in_jpeg(tiled, split));
        }
    }
}
