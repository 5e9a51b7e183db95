//! DEC's sixels: six pixels of a column in a letter, one colour after the other (VT330/VT340 Programmer Reference, chapter 14).

use std::fmt::Write;

use color_quant::NeuQuant;
use impasto::image::Picture;

/// Colours that every terminal with sixels has registers for.
const COLOURS: usize = 256;

/// Rows of pixels in a row of letters.
const BAND: usize = 6;

/// A pixel in how many the palette is learnt from; 1 would be slow and hardly better.
const SAMPLED: i32 = 4;

/// `picture` in the 256 colours that suit it best.
pub fn encode(picture: &Picture) -> String {
    let (width, height) = (picture.width, picture.height);
    let (palette, indices) = in_few_colours(picture);
    let mut text = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for (index, colour) in palette.iter().enumerate() {
        let [red, green, blue] = colour.map(|value| (u32::from(value) * 100 + 127) / 255);
        push(&mut text, format_args!("#{index};2;{red};{green};{blue}"));
    }
    for band in indices.chunks(BAND * width.max(1)) {
        let mut used: Vec<usize> = band.to_vec();
        used.sort_unstable();
        used.dedup();
        for colour in used {
            push(&mut text, format_args!("#{colour}"));
            let letters = (0..width).map(|x| {
                let column = band.iter().skip(x).step_by(width);
                let bits = column
                    .enumerate()
                    .map(|(row, &of)| u8::from(of == colour) << row);
                b'?' + bits.sum::<u8>()
            });
            push_runs(&mut text, &letters.collect::<Vec<u8>>());
            // Back to the beginning of the row, for the next colour.
            text.push('$');
        }
        text.push('-');
    }
    text + "\x1b\\"
}

/// The colours, and for each pixel the number of its own.
fn in_few_colours(picture: &Picture) -> (Vec<[u8; 3]>, Vec<usize>) {
    let plane = picture.width * picture.height;
    let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    let pixel = |at: usize| {
        let [red, green, blue] = [0, 1, 2].map(|channel| byte(picture.rgb[channel * plane + at]));
        [red, green, blue, u8::MAX]
    };
    let pixels: Vec<[u8; 4]> = (0..plane).map(pixel).collect();
    let mut distinct = pixels.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() <= COLOURS {
        // Nothing has to be learnt, nor lost.
        let index = |pixel| distinct.binary_search(pixel).unwrap_or(0);
        let indices = pixels.iter().map(index).collect();
        let colour = |&[red, green, blue, _]: &[u8; 4]| [red, green, blue];
        return (distinct.iter().map(colour).collect(), indices);
    }
    let learnt = NeuQuant::new(SAMPLED, COLOURS, pixels.as_flattened());
    let palette = learnt.color_map_rgb();
    let palette = palette.as_chunks::<3>().0.to_vec();
    let indices = pixels.iter().map(|pixel| learnt.index_of(pixel));
    (palette, indices.collect())
}

/// The letters, `!12~` for twelve that are alike.
fn push_runs(text: &mut String, letters: &[u8]) {
    for run in letters.chunk_by(|a, b| a == b) {
        let letter = char::from(run[0]);
        match run.len() {
            count @ 4.. => push(text, format_args!("!{count}{letter}")),
            count => text.extend(std::iter::repeat_n(letter, count)),
        }
    }
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Text takes whatever is written.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of a picture in sixels, row by row, read as a terminal would.
    fn read(text: &str, [width, height]: [usize; 2]) -> Vec<[u32; 3]> {
        let size = format!("\"1;1;{width};{height}#");
        let (head, rest) = text.split_once(&size).unwrap();
        assert_eq!(head, "\x1bP0;1;0q");
        let body = format!("#{}", rest.strip_suffix("\x1b\\").unwrap());
        let mut letters = body.chars().peekable();
        let mut registers = vec![[0; 3]; COLOURS];
        let mut pixels = vec![[u32::MAX; 3]; width * height];
        let (mut x, mut top, mut colour) = (0, 0, 0);
        while let Some(letter) = letters.next() {
            let mut numbers = Vec::new();
            let mut number = String::new();
            while letters
                .peek()
                .is_some_and(|of| of.is_ascii_digit() || *of == ';')
                && "#!".contains(letter)
            {
                match letters.next().unwrap() {
                    ';' => numbers.push(std::mem::take(&mut number).parse().unwrap()),
                    digit => number.push(digit),
                }
            }
            numbers.extend(number.parse::<usize>());
            let (count, sixel) = match letter {
                '#' => {
                    colour = numbers[0];
                    if let [_, 2, parts @ ..] = &numbers[..] {
                        registers[colour] = [0, 1, 2].map(|at| parts[at] as u32);
                    }
                    continue;
                }
                '$' => {
                    x = 0;
                    continue;
                }
                '-' => {
                    (x, top) = (0, top + BAND);
                    continue;
                }
                '!' => (numbers[0], letters.next().unwrap()),
                sixel => (1, sixel),
            };
            for _ in 0..count {
                for row in (0..BAND).filter(|row| (sixel as u32 - 63) >> row & 1 == 1) {
                    pixels[(top + row) * width + x] = registers[colour];
                }
                x += 1;
            }
        }
        pixels
    }

    fn picture([width, height]: [usize; 2], of: impl Fn(usize, usize, usize) -> f32) -> Picture {
        let mut rgb = Vec::new();
        for channel in 0..3 {
            for at in 0..width * height {
                rgb.push(of(channel, at % width, at / width));
            }
        }
        Picture { width, height, rgb }
    }

    fn differences(picture: &Picture) -> Vec<f32> {
        let size = [picture.width, picture.height];
        let plane = size[0] * size[1];
        let found = read(&encode(picture), size).into_iter().enumerate();
        let channels = found.flat_map(|(at, colour)| {
            let wanted = [0, 1, 2].map(|channel| picture.rgb[channel * plane + at]);
            [0, 1, 2].map(|channel| (colour[channel] as f32 / 100.0 - wanted[channel]).abs())
        });
        channels.collect()
    }

    #[test]
    fn few_colours_stay_what_they_are() {
        // No side is a multiple of six.
        let flag = picture([13, 8], |channel, x, y| {
            f32::from(u8::from(channel == (x / 5 + y / 4) % 3))
        });
        assert_eq!(differences(&flag), vec![0.0; 3 * 13 * 8]);
    }

    #[test]
    fn many_colours_become_near_ones() {
        let slopes = picture([64, 40], |channel, x, y| match channel {
            0 => x as f32 / 63.0,
            1 => y as f32 / 39.0,
            _ => 0.5,
        });
        let differences = differences(&slopes);
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        assert!(mean < 0.04, "{mean}");
    }
}
