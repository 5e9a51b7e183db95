//! Contact sheets: many small pictures in rows, a number or a word under each.

use super::Picture;
use super::canvas::{Canvas, Letters};

/// Pixels between cells and around them.
const GAP: usize = 8;

/// The `cells`, pictures of one size with their labels, in rows of `columns`, under a `title`.
pub fn contact_sheet(title: &str, cells: &[(String, Picture)], columns: usize) -> Picture {
    let [cell_width, cell_height] = cells
        .first()
        .map_or([1, 1], |(_, picture)| [picture.width, picture.height]);
    let letters = Letters::beside(cell_width);
    let columns = columns.clamp(1, cells.len().max(1));
    let rows = cells.len().div_ceil(columns);
    let step = [cell_width + GAP, cell_height + letters.line() + GAP];
    let top = letters.line() + 2 * GAP;
    let width = (GAP + columns * step[0]).max(letters.width(title) + 2 * GAP);
    let mut canvas = Canvas::new(width, top + rows * step[1], letters);
    canvas.write(title, GAP, GAP);
    for (index, (label, picture)) in cells.iter().enumerate() {
        let left = GAP + index % columns * step[0];
        let upper = top + index / columns * step[1];
        canvas.place(picture, left, upper);
        let indent = cell_width.saturating_sub(letters.width(label)) / 2;
        canvas.write(label, left + indent, upper + cell_height);
    }
    canvas.into_picture()
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
            .map(|k| (format!("{k}"), grey(0.0123 * k as f32 + 0.4)))
            .collect();
        let sheet = contact_sheet("relu4_1", &cells, 3);
        assert_eq!(sheet.rgb.len(), 3 * sheet.pixels());
        for (_, picture) in &cells {
            let value = picture.rgb[0];
            let mut whole = 0;
            for row in sheet.rgb[..sheet.pixels()].chunks(sheet.width) {
                whole += usize::from(row.windows(40).any(|run| run.iter().all(|&v| v == value)));
            }
            assert_eq!(whole, 30, "{value}");
        }
        // The band of letters below the first row of pictures, left to right.
        let line = Letters::beside(40).line();
        let below = 2 * GAP + line + 30;
        let dark = |column: usize| {
            let rows = below..below + line;
            let pixels = rows.flat_map(|y| {
                let left = y * sheet.width + GAP + column * (40 + GAP);
                &sheet.rgb[left..left + 40]
            });
            pixels.filter(|&&value| value < 0.6).count()
        };
        assert!((0..3).all(|column| dark(column) > 5));
        assert!(dark(0) != dark(1), "0 and 1 look different");
    }

    #[test]
    fn no_cells_and_long_titles_do_no_harm() {
        contact_sheet("", &[], 4);
        let title = "conv5_4 conv5_4 conv5_4 ?";
        let sheet = contact_sheet(title, &[("123456789".into(), grey(0.5))], 0);
        assert!(sheet.width >= Letters::beside(40).width(title));
    }
}
