//! Contact sheets: many small pictures in rows, a number or a word under each.

use super::Picture;

/// Pixels of a letter, before it is enlarged.
const LETTER: [usize; 2] = [5, 7];
/// How much it is.
const ENLARGED: usize = 2;
/// Pixels between cells and around them.
const GAP: usize = 8;
const PAPER: f32 = 1.0;
const INK: f32 = 0.2;

/// What the names of layers and numbers are made of, five columns by seven rows; the leftmost column is the highest bit.
const LETTERS: [(char, [u8; 7]); 20] = [
    (
        '0',
        [
            0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110,
        ],
    ),
    (
        '1',
        [
            0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110,
        ],
    ),
    (
        '2',
        [
            0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111,
        ],
    ),
    (
        '3',
        [
            0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110,
        ],
    ),
    (
        '4',
        [
            0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010,
        ],
    ),
    (
        '5',
        [
            0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110,
        ],
    ),
    (
        '6',
        [
            0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110,
        ],
    ),
    (
        '7',
        [
            0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000,
        ],
    ),
    (
        '8',
        [
            0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110,
        ],
    ),
    (
        '9',
        [
            0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100,
        ],
    ),
    (
        'c',
        [
            0b00000, 0b00000, 0b01110, 0b10000, 0b10000, 0b10001, 0b01110,
        ],
    ),
    (
        'e',
        [
            0b00000, 0b00000, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110,
        ],
    ),
    (
        'l',
        [
            0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110,
        ],
    ),
    (
        'n',
        [
            0b00000, 0b00000, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001,
        ],
    ),
    (
        'o',
        [
            0b00000, 0b00000, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110,
        ],
    ),
    (
        'p',
        [
            0b00000, 0b00000, 0b11110, 0b10001, 0b11110, 0b10000, 0b10000,
        ],
    ),
    (
        'r',
        [
            0b00000, 0b00000, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000,
        ],
    ),
    (
        'u',
        [
            0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b10011, 0b01101,
        ],
    ),
    (
        'v',
        [
            0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100,
        ],
    ),
    (
        '_',
        [
            0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b11111,
        ],
    ),
];

/// Width and height of a line of so many letters.
fn line(letters: usize) -> [usize; 2] {
    [ENLARGED * (LETTER[0] + 1) * letters, ENLARGED * LETTER[1]]
}

/// The `cells`, pictures of one size with their labels, in rows of `columns`, under a `title`. Labels and title are
/// made of digits, `_` and the letters of `conv`, `relu` and `pool`; anything else is left blank.
pub fn contact_sheet(title: &str, cells: &[(String, Picture)], columns: usize) -> Picture {
    let [cell_width, cell_height] = cells
        .first()
        .map_or([1, 1], |(_, picture)| [picture.width, picture.height]);
    let columns = columns.clamp(1, cells.len().max(1));
    let rows = cells.len().div_ceil(columns);
    let letters_height = line(1)[1];
    let step = [cell_width + GAP, cell_height + letters_height + 2 * GAP];
    let top = letters_height + 2 * GAP;
    let width = (GAP + columns * step[0]).max(line(title.chars().count())[0] + 2 * GAP);
    let height = top + rows * step[1];
    let mut sheet = Picture {
        width,
        height,
        rgb: vec![PAPER; 3 * width * height],
    };
    write(&mut sheet, title, [GAP, GAP]);
    for (index, (label, picture)) in cells.iter().enumerate() {
        let left = GAP + index % columns * step[0];
        let upper = top + index / columns * step[1];
        paste(&mut sheet, picture, [left, upper]);
        let indent = cell_width.saturating_sub(line(label.chars().count())[0]) / 2;
        write(
            &mut sheet,
            label,
            [left + indent, upper + cell_height + GAP / 2],
        );
    }
    sheet
}

fn paste(sheet: &mut Picture, picture: &Picture, [left, top]: [usize; 2]) {
    let (width, plane) = (sheet.width, sheet.pixels());
    for (index, row) in picture.rgb.chunks_exact(picture.width.max(1)).enumerate() {
        let (c, i) = (index / picture.height, index % picture.height);
        let start = c * plane + (top + i) * width + left;
        sheet.rgb[start..start + row.len()].copy_from_slice(row);
    }
}

/// What would lie beyond the edge is left out.
fn write(sheet: &mut Picture, text: &str, [left, top]: [usize; 2]) {
    for (place, letter) in text.chars().enumerate() {
        let Some((_, rows)) = LETTERS.iter().find(|(known, _)| *known == letter) else {
            continue;
        };
        for at in 0..ENLARGED * ENLARGED * LETTER[0] * LETTER[1] {
            let (x, y) = (at % (ENLARGED * LETTER[0]), at / (ENLARGED * LETTER[0]));
            let bit = LETTER[0] - 1 - x / ENLARGED;
            let column = left + line(place)[0] + x;
            if rows[y / ENLARGED] >> bit & 1 == 1 && column < sheet.width {
                for c in 0..3 {
                    let pixels = sheet.pixels();
                    sheet.rgb[c * pixels + (top + y) * sheet.width + column] = INK;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: f32) -> Picture {
        Picture {
            width: 40,
            height: 30,
            rgb: vec![value; 3 * 40 * 30],
        }
    }

    #[test]
    fn every_picture_is_there_once_with_ink_under_it() {
        let cells: Vec<_> = (0..5)
            .map(|k| (format!("{k}"), grey(0.1 * k as f32 + 0.3)))
            .collect();
        let sheet = contact_sheet("relu4_1", &cells, 3);
        assert_eq!(sheet.rgb.len(), 3 * sheet.pixels());
        let count = |value: f32| sheet.rgb.iter().filter(|&&v| v == value).count();
        for (_, picture) in &cells {
            assert_eq!(count(picture.rgb[0]), picture.rgb.len());
        }
        // Pixels of the letters of the title and of 0 to 4, in three channels, each enlarged.
        let ink: u32 = "relu4_101234".chars().map(ink_of).sum();
        assert_eq!(count(INK), 3 * ENLARGED * ENLARGED * ink as usize);
    }

    fn ink_of(letter: char) -> u32 {
        let rows = LETTERS
            .iter()
            .find(|(known, _)| *known == letter)
            .unwrap()
            .1;
        rows.iter().map(|row| row.count_ones()).sum()
    }

    #[test]
    fn no_cells_and_long_titles_do_no_harm() {
        contact_sheet("", &[], 4);
        let sheet = contact_sheet(
            "conv5_4 conv5_4 conv5_4 ?",
            &[("123456789".into(), grey(0.5))],
            0,
        );
        assert!(sheet.width >= 12 * 25);
    }
}
