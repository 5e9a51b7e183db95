//! A contact sheet: pictures in a grid, the values of two flags along its axes.

use std::collections::BTreeSet;
use std::path::MAIN_SEPARATOR;

use impasto::image::{Canvas, Letters, Picture};

use crate::cli::arguments::Variation;
use crate::cli::pictures::LONGEST_SIDE_OF_SHEET;

/// A sheet to be drawn.
pub(super) struct Sheet<'a> {
    /// Across, and then down.
    variations: &'a [Variation],
    /// Row by row; a missing one leaves its place empty.
    pictures: Vec<Option<Picture>>,
    /// W and H of a place.
    cell: [usize; 2],
    letters: Letters,
}

impl<'a> Sheet<'a> {
    /// Of `pictures`, the values of the first of the `variations` changing fastest; the last ones may be missing.
    pub(super) fn new(variations: &'a [Variation], pictures: &[Option<Picture>]) -> Self {
        let longest = |side: fn(&Picture) -> usize| {
            let sides = pictures.iter().flatten().map(side);
            sides.max().unwrap_or(1)
        };
        let mut cell = [longest(|of| of.width), longest(|of| of.height)];
        let mut pictures = pictures.to_vec();
        let (columns, rows) = grid(variations);
        // An eighth is for labels.
        let most = LONGEST_SIDE_OF_SHEET / 8 * 7;
        let shrink =
            (most as f64 / (columns * cell[0]) as f64).min(most as f64 / (rows * cell[1]) as f64);
        if shrink < 1.0 {
            let shrunk = |side: usize| ((side as f64 * shrink) as usize).max(1);
            for picture in pictures.iter_mut().flatten() {
                *picture = picture.resized(shrunk(picture.width), shrunk(picture.height));
            }
            cell = cell.map(shrunk);
        }
        Self {
            variations,
            pictures,
            letters: Letters::beside(cell[0]),
            cell,
        }
    }

    /// The sheet as a picture.
    pub(super) fn draw(&self) -> Picture {
        let line = self.letters.line();
        let gap = line / 2;
        let (columns, rows) = grid(self.variations);
        let across = self.labels(0, self.cell[0]);
        let margin = self.cell[0].max(12 * line);
        let down = self.labels(1, margin);
        let widest = down.iter().map(|label| self.letters.width(label)).max();
        let left = widest.map_or(gap, |widest| widest + 2 * gap);
        let top = 2 * line + 3 * gap;
        let title = self.title();
        let grid_width = left + columns * (self.cell[0] + gap);
        let width = grid_width.max(self.letters.width(&title) + 2 * gap);
        let height = top + rows * (self.cell[1] + gap);
        let mut canvas = Canvas::new(width, height, self.letters);
        canvas.write(&title, gap, gap);
        for (column, label) in across.iter().enumerate() {
            let middle = left + column * (self.cell[0] + gap) + self.cell[0] / 2;
            canvas.write(
                label,
                middle - self.letters.width(label) / 2,
                line + 2 * gap,
            );
        }
        for (row, label) in down.iter().enumerate() {
            let middle = top + row * (self.cell[1] + gap) + self.cell[1] / 2;
            canvas.write(label, gap, middle.saturating_sub(line / 2));
        }
        for (index, picture) in self.pictures.iter().enumerate() {
            if let Some(picture) = picture {
                let x = left + index % columns * (self.cell[0] + gap);
                let y = top + index / columns * (self.cell[1] + gap);
                let [width, height] = self.cell;
                // Smaller ones, as of a varied size, stand in the middle.
                canvas.place(
                    picture,
                    x + (width - picture.width) / 2,
                    y + (height - picture.height) / 2,
                );
            }
        }
        canvas.into_picture()
    }

    /// What stands along which side.
    fn title(&self) -> String {
        match self.variations {
            [across, down] => format!("--{} across, --{} down", across.flag, down.flag),
            variations => variations
                .iter()
                .map(|of| format!("--{}", of.flag))
                .collect(),
        }
    }

    /// The values of an axis, each at most `width` pixels long; of what is too long the end says most.
    fn labels(&self, axis: usize, width: usize) -> Vec<String> {
        let most = self.letters.within(width).max(3);
        let short = |value: &str| {
            let letters: Vec<char> = value.chars().collect();
            match letters.len().checked_sub(most) {
                None | Some(0) => value.to_string(),
                Some(excess) => format!("..{}", letters[excess + 2..].iter().collect::<String>()),
            }
        };
        let values = self.variations.get(axis).map(|of| told_apart(&of.values));
        values.into_iter().flatten().map(short).collect()
    }
}

/// What tells `values` apart: of paths the last parts, if these differ.
fn told_apart(values: &[String]) -> Vec<&str> {
    let last = values
        .iter()
        .map(|value| value.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(value));
    let last: Vec<&str> = last.collect();
    let different: BTreeSet<&str> = last.iter().copied().collect();
    if different.len() == values.len() && !different.contains("") {
        return last;
    }
    values.iter().map(String::as_str).collect()
}

/// Columns and rows.
fn grid(variations: &[Variation]) -> (usize, usize) {
    let values = |axis: usize| variations.get(axis).map_or(1, |of| of.values.len());
    (values(0), values(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variation(flag: &str, values: &[&str]) -> Variation {
        Variation {
            flag: flag.to_string(),
            values: values.iter().map(|value| value.to_string()).collect(),
        }
    }

    /// Where it is of this colour: x and y of the first pixel in reading order, and how many there are.
    fn found(sheet: &Picture, grey: f32) -> ([usize; 2], usize) {
        let plane = &sheet.rgb[..sheet.pixels()];
        let first = plane.iter().position(|&value| value == grey).unwrap();
        let number = plane.iter().filter(|&&value| value == grey).count();
        ([first % sheet.width, first / sheet.width], number)
    }

    #[test]
    fn pictures_stand_in_the_order_of_the_axes() {
        let variations = [
            variation("seed", &["1", "2", "3"]),
            variation("size", &["20", "10"]),
        ];
        let grey = |index: usize| 0.2 + 0.1 * index as f32;
        let picture = |index: usize| {
            let [width, height] = if index < 3 { [20, 16] } else { [10, 8] };
            Picture {
                width,
                height,
                rgb: vec![grey(index); 3 * width * height],
            }
        };
        let pictures: Vec<_> = (0..6)
            .map(|index| (index != 4).then(|| picture(index)))
            .collect();
        let sheet = Sheet::new(&variations, &pictures).draw();
        let places: Vec<_> = [0, 1, 2, 3, 5]
            .map(|index| found(&sheet, grey(index)))
            .into();
        for (place, pixels) in places.iter().zip([320, 320, 320, 80, 80]) {
            assert_eq!(place.1, pixels, "{places:?}");
        }
        let corner = |index: usize| places[index].0;
        assert_eq!(corner(1), [corner(0)[0] + 28, corner(0)[1]]);
        assert_eq!(corner(2), [corner(0)[0] + 56, corner(0)[1]]);
        assert_eq!(corner(3), [corner(0)[0] + 5, corner(0)[1] + 24 + 4]);
        assert_eq!(corner(4), [corner(2)[0] + 5, corner(3)[1]]);
    }

    #[test]
    fn labels_are_written_and_differ() {
        let picture = Picture {
            width: 30,
            height: 8,
            rgb: vec![0.9; 720],
        };
        let sheet = |value: &str| {
            let variations = [variation("seed", &[value])];
            Sheet::new(&variations, &[Some(picture.clone())]).draw()
        };
        let dark = |sheet: &Picture| sheet.rgb.iter().filter(|&&value| value < 0.5).count();
        assert!(dark(&sheet("8")) > dark(&sheet("1")));
        assert!(dark(&sheet("1")) > 30, "the flag is written too");
        // What does not fit begins with dots and ends as it ends.
        let long = [variation("style", &["a/very/long/path.png"])];
        let labels = Sheet::new(&long, &[Some(picture.clone())]).labels(0, 64);
        assert_eq!(labels, ["path.png"]);
        let long = [variation("style", &["very_long.png", "also/long.png"])];
        let labels = Sheet::new(&long, &[Some(picture.clone())]).labels(0, 64);
        assert_eq!(labels, ["..ong.png", "long.png"]);
        // Where the last parts are the same the ends have to do.
        let same = [variation(
            "style",
            &["number/one/a.png", "number/two/a.png"],
        )];
        let labels = Sheet::new(&same, &[Some(picture)]).labels(0, 64);
        assert_eq!(labels, ["..e/a.png", "..o/a.png"]);
    }

    #[test]
    fn a_sheet_is_never_too_large_to_be_read() {
        let values: Vec<String> = (0..40).map(|value| value.to_string()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let variations = [variation("seed", &values)];
        let picture = Picture {
            width: 400,
            height: 200,
            rgb: vec![0.5; 3 * 400 * 200],
        };
        let sheet = Sheet::new(&variations, &vec![Some(picture); 40]).draw();
        assert!(sheet.width <= LONGEST_SIDE_OF_SHEET, "{}", sheet.width);
    }
}
