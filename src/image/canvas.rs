//! A picture to draw on: sheets that show others, with words beside them.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::Picture;

const PAPER: f32 = 0.97;
const INK: f32 = 0.1;

/// How large letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letters(RasterHeight);

impl Letters {
    /// Letters that suit pictures of this width.
    pub fn beside(width: usize) -> Self {
        Self(match width {
            0..160 => RasterHeight::Size16,
            160..480 => RasterHeight::Size24,
            _ => RasterHeight::Size32,
        })
    }

    /// Pixels from the top of a line to that of the next.
    pub fn line(self) -> usize {
        self.0.val()
    }

    /// Pixels that `text` is wide.
    pub fn width(self, text: &str) -> usize {
        text.chars().count() * get_raster_width(FontWeight::Regular, self.0)
    }

    /// How many letters go into `width` pixels.
    pub fn within(self, width: usize) -> usize {
        width / get_raster_width(FontWeight::Regular, self.0)
    }
}

/// A sheet of paper.
#[derive(Clone, Debug)]
pub struct Canvas {
    picture: Picture,
    letters: Letters,
}

impl Canvas {
    /// An empty one, for `letters` of one size.
    pub fn new(width: usize, height: usize, letters: Letters) -> Self {
        let rgb = vec![PAPER; 3 * width * height];
        Self {
            picture: Picture { width, height, rgb },
            letters,
        }
    }

    /// Writes a line with its upper left corner at x, y; what the font has no picture of becomes `?`, and what would lie
    /// beyond the edge is left out.
    pub fn write(&mut self, text: &str, x: usize, y: usize) {
        let Letters(height) = self.letters;
        let raster = |letter| get_raster(letter, FontWeight::Regular, height);
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
    pub fn place(&mut self, picture: &Picture, x: usize, y: usize) {
        for row in 0..picture.height {
            for column in 0..picture.width {
                let at = row * picture.width + column;
                let colour = [0, 1, 2].map(|channel| picture.rgb[channel * picture.pixels() + at]);
                self.set(x + column, y + row, colour);
            }
        }
    }

    /// What was drawn.
    pub fn into_picture(self) -> Picture {
        self.picture
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

    #[test]
    fn letters_differ_and_end_at_the_edge() {
        let ink = |text: &str| {
            let mut canvas = Canvas::new(40, 20, Letters::beside(40));
            canvas.write(text, 2, 2);
            let picture = canvas.into_picture();
            picture.rgb.iter().filter(|&&value| value < 0.5).count()
        };
        assert_eq!(ink(""), 0);
        assert!(ink("8") > ink("1"));
        assert!(ink("1") > 0);
        assert_eq!(ink("\u{1f58c}"), ink("?"));
        assert_eq!(ink("12345678"), ink("123456789"));
    }

    #[test]
    fn a_picture_lies_where_it_was_laid() {
        let picture = Picture {
            width: 2,
            height: 1,
            rgb: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        };
        let mut canvas = Canvas::new(4, 3, Letters::beside(4));
        canvas.place(&picture, 1, 2);
        canvas.place(&picture, 3, 0);
        let drawn = canvas.into_picture();
        assert_eq!(drawn.rgb[8..12], [PAPER, 0.1, 0.2, PAPER]);
        assert_eq!(drawn.rgb[..4], [PAPER, PAPER, PAPER, 0.1]);
        assert_eq!(drawn.rgb[12 + 8..12 + 12], [PAPER, 0.3, 0.4, PAPER]);
    }
}
