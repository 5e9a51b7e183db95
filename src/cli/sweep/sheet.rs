//! A contact sheet: pictures in a grid, the values of two flags along its axes.

use impasto::image::Picture;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::cli::arguments::Variation;

/// No sheet is larger, so that every program shows it, and this one reads it.
const LONGEST_SIDE: usize = 8192;

const PAPER: f32 = 0.97;
const INK: f32 = 0.1;

/// A sheet to be drawn.
pub(super) struct Sheet<'a> {
    /// Across, and then down.
    variations: &'a [Variation],
    /// Row by row; a missing one leaves its place empty.
    pictures: Vec<Option<Picture>>,
    /// W and H of a place.
    cell: [usize; 2],
    letters: RasterHeight,
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
        let most = LONGEST_SIDE / 8 * 7;
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
            letters: match cell[0] {
                0..160 => RasterHeight::Size16,
                160..480 => RasterHeight::Size24,
                _ => RasterHeight::Size32,
            },
            cell,
        }
    }

    /// The sheet as a picture.
    pub(super) fn draw(&self) -> Picture {
        let line = self.letters.val();
        let gap = line / 2;
        let (columns, rows) = grid(self.variations);
        let across = self.labels(0, self.cell[0]);
        let margin = self.cell[0].max(12 * line);
        let down = self.labels(1, margin);
        let widest = down.iter().map(|label| self.width(label)).max();
        let left = widest.map_or(gap, |widest| widest + 2 * gap);
        let top = 2 * line + 3 * gap;
        let title = self.title();
        let grid_width = left + columns * (self.cell[0] + gap);
        let width = grid_width.max(self.width(&title) + 2 * gap);
        let height = top + rows * (self.cell[1] + gap);
        let mut canvas = Canvas::new(width, height, self.letters);
        canvas.write(&title, gap, gap);
        for (column, label) in across.iter().enumerate() {
            let middle = left + column * (self.cell[0] + gap) + self.cell[0] / 2;
            canvas.write(label, middle - self.width(label) / 2, line + 2 * gap);
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
        canvas.picture
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

    /// The values of an axis, each at most `width` pixels long. The end of a path says most.
    fn labels(&self, axis: usize, width: usize) -> Vec<String> {
        let most = (width / get_raster_width(FontWeight::Regular, self.letters)).max(3);
        let short = |value: &String| {
            let letters: Vec<char> = value.chars().collect();
            match letters.len().checked_sub(most) {
                None | Some(0) => value.clone(),
                Some(excess) => format!("..{}", letters[excess + 2..].iter().collect::<String>()),
            }
        };
        let values = self
            .variations
            .get(axis)
            .map(|of| of.values.iter().map(short));
        values.into_iter().flatten().collect()
    }

    /// Pixels of a line of text.
    fn width(&self, text: &str) -> usize {
        text.chars().count() * get_raster_width(FontWeight::Regular, self.letters)
    }
}

/// Columns and rows.
fn grid(variations: &[Variation]) -> (usize, usize) {
    let values = |axis: usize| variations.get(axis).map_or(1, |of| of.values.len());
    (values(0), values(1))
}

/// A picture to draw on.
struct Canvas {
    picture: Picture,
    letters: RasterHeight,
}

impl Canvas {
    fn new(width: usize, height: usize, letters: RasterHeight) -> Self {
        let rgb = vec![PAPER; 3 * width * height];
        Self {
            picture: Picture { width, height, rgb },
            letters,
        }
    }

    /// Writes a line with its upper left corner at x, y; what the font has no picture of becomes `?`.
    fn write(&mut self, text: &str, x: usize, y: usize) {
        let letters = self.letters;
        let raster = |letter| get_raster(letter, FontWeight::Regular, letters);
        let mut at = x;
        for letter in text.chars() {
            let Some(drawn) = raster(letter).or_else(|| raster('?')) else {
                continue;
            };
            for (row, line) in drawn.rows().enumerate() {
                for (column, &ink) in line.iter().enumerate() {
                    let ink = f32::from(ink) / 255.0;
                    self.set(at + column, y + row, [PAPER + (INK - PAPER) * ink; 3]);
                }
            }
            at += drawn.width();
        }
    }

    /// Lays a picture down with its upper left corner at x, y.
    fn place(&mut self, picture: &Picture, x: usize, y: usize) {
        for row in 0..picture.height {
            for column in 0..picture.width {
                let at = row * picture.width + column;
                let colour = [0, 1, 2].map(|channel| picture.rgb[channel * picture.pixels() + at]);
                self.set(x + column, y + row, colour);
            }
        }
    }

    fn set(&mut self, x: usize, y: usize, colour: [f32; 3]) {
        let Picture { width, height, rgb } = &mut self.picture;
        if x < *width && y < *height {
            for (channel, value) in colour.into_iter().enumerate() {
                rgb[(channel * *height + y) * *width + x] = value;
            }
        }
    }
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
            rgb: vec![PAPER; 720],
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
        assert_eq!(labels, ["..ath.png"]);
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
        assert!(sheet.width <= LONGEST_SIDE, "{}", sheet.width);
    }
}
