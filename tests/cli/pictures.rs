//! Pictures through `impasto style` and back: colours, depth, transparency and notes.
//!
//! The pictures and what should come of them are made by `tests/pictures/hygiene/make.py` with other
//! programs. No step is made, so the result is the content, as far as the formats can hold it.

use std::fs;
use std::io::{Cursor, Write};
use std::process::Stdio;

use crate::workshop::{Outcome, Workshop, source};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader};

/// What is before and after the names of the pictures.
const STYLE: [&str; 8] = [
    "--style",
    "style.png",
    "--iterations=0",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "-o",
    "out.png",
    "--recipe=gatys",
];

/// A file that the command wrote, read without this project's own code.
struct Written {
    pixels: DynamicImage,
    profile: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
}

impl Written {
    fn read(bytes: &[u8]) -> Self {
        let reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .unwrap();
        let mut decoder = reader.into_decoder().unwrap();
        // The decoder of TIFF hands on only profiles of an unusual field type.
        let stored = || {
            let at = bytes.windows(4).position(|window| window == b"acsp")?;
            Some(bytes[at - 36..].to_vec())
        };
        Self {
            profile: decoder.icc_profile().unwrap().or_else(stored),
            exif: decoder.exif_metadata().unwrap(),
            pixels: DynamicImage::from_decoder(decoder).unwrap(),
        }
    }

    /// The largest difference to a picture of `tests/pictures/hygiene/expected`, in its own steps.
    fn difference(&self, expected: &str) -> u16 {
        let path = source(&format!("tests/pictures/hygiene/expected/{expected}.png"));
        let expected = image::open(path).unwrap();
        assert_eq!(self.pixels.color(), expected.color());
        assert_eq!(self.pixels.width(), expected.width());
        let deep = expected.color().bytes_per_pixel() > expected.color().channel_count();
        let steps = |picture: &DynamicImage| -> Vec<u16> {
            let bytes = picture.as_bytes();
            if deep {
                let (pairs, _) = bytes.as_chunks::<2>();
                pairs.iter().map(|&pair| u16::from_ne_bytes(pair)).collect()
            } else {
                bytes.iter().map(|&byte| u16::from(byte)).collect()
            }
        };
        let (found, expected) = (steps(&self.pixels), steps(&expected));
        assert_eq!(found.len(), expected.len());
        let pairs = found.iter().zip(&expected);
        pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    fn says(&self, words: &str) -> bool {
        let exif = self.exif.as_deref().unwrap_or_default();
        exif.windows(words.len())
            .any(|window| window == words.as_bytes())
    }
}

fn workshop(pictures: &[&str]) -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("style.png", 36, 33, 1);
    for name in pictures {
        workshop.fetch(&format!("tests/pictures/hygiene/{name}"), name);
    }
    workshop
}

/// Paints `content` to `output` and reads that.
fn through(workshop: &Workshop, content: &str, output: &str) -> (Written, Outcome) {
    let mut arguments = [&["style", content], &STYLE[..]].concat();
    arguments[8] = output;
    let outcome = workshop.succeed(&arguments);
    (Written::read(&workshop.read(output)), outcome)
}

/// Paints each content to each output, checks the colours to so many steps and that sRGB is embedded.
fn come_back(expected: &str, tolerance: u16, contents: &[&str], outputs: &[&str]) {
    let workshop = workshop(contents);
    for content in contents {
        for output in outputs {
            let (written, _) = through(&workshop, content, output);
            let found = written.difference(expected);
            assert!(found <= tolerance, "{content} to {output}: {found}");
            let profile = written.profile.expect(output);
            assert_eq!(profile[36..40], *b"acsp", "{output}");
            assert!(
                profile.windows(8).any(|window| window == b"\0s\0R\0G\0B"),
                "{output}"
            );
        }
    }
}

#[test]
fn wide_gamut_becomes_srgb_and_says_so() {
    let contents = ["p3.png", "p3.tiff", "p3.webp"];
    come_back("p3", 1, &contents, &["out.png"]);
    come_back("p3", 1, &contents[..1], &["out.webp", "out.tiff"]);
    // The error of JPEG itself, once in and once out.
    come_back("p3_jpg", 3, &["p3.jpg"], &["out.png", "out.jpg"]);
    // A profile at the precision of 16 bits; code points mean primaries without a profile's rounding,
    // which shows in a channel near 0 of a strong colour.
    come_back("p3_16", 4, &["p3_16.png"], &["out.png"]);
    come_back("p3_16", 40, &["p3_cicp.png"], &["out.png"]);
    come_back("gray_gamma", 1, &["gray_gamma.png"], &["out.png"]);
}

#[test]
fn sixteen_bits_come_back_to_the_step() {
    come_back(
        "deep",
        0,
        &["deep.png", "deep.tiff"],
        &["out.png", "out.tiff"],
    );
    let workshop = workshop(&["deep.png", "p3.png"]);
    let depth = |content: &str, output: &str, flags: &[&str]| {
        let mut arguments = [&["style", content], &STYLE[..]].concat();
        arguments[8] = output;
        workshop.succeed(&[&arguments[..], flags].concat());
        Written::read(&workshop.read(output)).pixels.color()
    };
    assert_eq!(
        depth("deep.png", "a.png", &["--depth", "8"]),
        ColorType::Rgb8
    );
    assert_eq!(
        depth("p3.png", "a.png", &["--depth", "16"]),
        ColorType::Rgb16
    );
    let (_, outcome) = through(&workshop, "deep.png", "a.jpg");
    assert!(
        outcome.stderr.contains("`a.jpg` cannot hold 16 bits"),
        "{outcome:?}"
    );
    let mut arguments = [&["style", "deep.png"], &STYLE[..], &["--depth", "16"]].concat();
    arguments[8] = "b.webp";
    workshop.refuse(&arguments, 2, &["--depth 16", "`b.webp`", ".tiff"]);
}

#[test]
fn transparency_is_painted_over_white_and_comes_back() {
    let contents = ["alpha.png", "alpha.webp", "alpha.tiff"];
    come_back("alpha", 0, &contents, &["out.png"]);
    come_back("alpha", 0, &contents[..1], &["out.webp", "out.tiff"]);
    come_back("alpha_16", 8, &["alpha_16.png"], &["out.png"]);
    come_back("gray_alpha", 0, &["gray_alpha.png"], &["out.tiff"]);
    // Nothing of what transparency hides is seen, also not at its edge.
    let workshop = workshop(&contents);
    for output in ["out.bmp", "out.jpg"] {
        let (written, outcome) = through(&workshop, "alpha.png", output);
        let tolerance = if output == "out.bmp" { 0 } else { 10 };
        assert!(
            written.difference("alpha_over_white") <= tolerance,
            "{output}"
        );
        let note = format!("note: `{output}` cannot hold transparency");
        assert!(outcome.stderr.contains(&note), "{outcome:?}");
    }
}

#[test]
fn transparency_is_sized_with_the_picture() {
    let workshop = workshop(&[]);
    // Magenta that nobody is to see beside green.
    let halves = image::RgbaImage::from_fn(40, 32, |x, _| {
        image::Rgba(if x < 21 {
            [255, 0, 255, 0]
        } else {
            [40, 200, 60, 255]
        })
    });
    halves.save(workshop.path("halves.png")).unwrap();
    let smaller = [&["style", "halves.png"], &STYLE[..], &["--size", "20"]].concat();
    workshop.succeed(&smaller);
    let pixels = Written::read(&workshop.read("out.png")).pixels.into_rgba8();
    assert_eq!(pixels.dimensions(), (20, 16));
    for image::Rgba([red, green, blue, alpha]) in pixels.pixels().copied() {
        let is_green = red.abs_diff(40) < 14 && green.abs_diff(200) < 14 && blue.abs_diff(60) < 14;
        // The filter overshoots a little beside the edge.
        assert!(is_green || alpha < 16, "{red} {green} {blue} {alpha}");
    }
    let opacity = |x: u32| pixels.get_pixel(x, 8).0[3];
    assert!(opacity(8) == 0 && (20..235).contains(&opacity(10)) && opacity(15) == 255);
    // Pictures on the way are made like the result.
    let mut growing = [&smaller[..], &["--save-every", "1"]].concat();
    growing[4] = "--iterations=1";
    workshop.succeed(&growing);
    assert!(workshop.read("out_0001.png") == workshop.read("out.png"));
}

#[test]
fn four_inks_become_three_colours() {
    come_back("cmyk", 1, &["cmyk.tiff"], &["out.png"]);
    come_back("cmyk_jpg", 3, &["cmyk_adobe.jpg"], &["out.png"]);
}

#[test]
fn pictures_are_set_upright_and_keep_their_notes() {
    let contents = ["rotated_exif.png", "rotated_exif.webp", "rotated_exif.tiff"];
    come_back("rotated_exif", 0, &contents, &["out.png", "out.tiff"]);
    let workshop = workshop(&["rotated_exif.png", "rotated_exif.jpg", "rotated_exif.tiff"]);
    for content in ["rotated_exif.png", "rotated_exif.jpg", "rotated_exif.tiff"] {
        for output in ["out.png", "out.jpg", "out.webp"] {
            let (written, _) = through(&workshop, content, output);
            for words in ["a test picture", "Nobody", "Pinhole 1", "impasto", "CC0"] {
                assert!(written.says(words), "{content} to {output}: {words}");
            }
            let turned = written
                .exif
                .as_deref()
                .and_then(Orientation::from_exif_chunk);
            let upright = matches!(turned, None | Some(Orientation::NoTransforms));
            assert!(upright, "{content} to {output}: {turned:?}");
            // The thumbnail is a JPEG file within.
            let thumbnail = |block: &[u8]| block.windows(3).any(|window| window == b"\xff\xd8\xff");
            assert!(
                !thumbnail(written.exif.as_deref().unwrap()),
                "{content} to {output}"
            );
        }
    }
    // The notes also make their way through TIFF, where they are part of the file.
    through(&workshop, "rotated_exif.jpg", "way.tiff");
    let (written, _) = through(&workshop, "way.tiff", "out.png");
    assert!(written.says("Pinhole 1") && written.says("2020:02:29 12:00:00"));
    let (_, outcome) = through(&workshop, "rotated_exif.png", "out.bmp");
    assert!(
        outcome.stderr.contains("cannot hold EXIF data"),
        "{outcome:?}"
    );
}

#[test]
fn damaged_notes_and_profiles_are_named_and_left_out() {
    let workshop = workshop(&["p3.jpg", "rotated_exif.jpg"]);
    for (name, mark, word) in [
        ("p3.jpg", &b"acsp"[..], "colour profile"),
        ("rotated_exif.jpg", b"Exif\0\0MM", "EXIF"),
    ] {
        let mut bytes = workshop.read(name);
        let at = bytes.windows(mark.len()).position(|window| window == mark);
        bytes[at.unwrap() + mark.len() - 1] = b'?';
        workshop.write("bad.jpg", &bytes);
        let (written, outcome) = through(&workshop, "bad.jpg", "out.png");
        let note = outcome
            .stderr
            .lines()
            .find(|line| line.contains("`bad.jpg`"));
        assert!(note.is_some_and(|note| note.contains(word)), "{outcome:?}");
        assert!(!written.says("Nobody"));
    }
}

/// Runs the command with `input` at its standard input; what it writes to standard output.
fn piped(workshop: &Workshop, arguments: &[&str], input: &[u8]) -> (Vec<u8>, Outcome) {
    let mut child = workshop
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its flags reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    (output.stdout.clone(), Outcome::of(output, arguments))
}

#[test]
fn pictures_flow_through_standard_input_and_output() {
    let workshop = workshop(&["rotated_exif.png"]);
    let content = workshop.read("rotated_exif.png");
    let style = fs::read(workshop.path("style.png")).unwrap();
    let mut arguments = [&["style", "-"], &STYLE[..]].concat();
    arguments[8] = "-";
    for (flags, start) in [
        (&[][..], &b"\x89PNG"[..]),
        (&["--format", "jpg"], b"\xff\xd8\xff"),
        (&["--format", "webp"], b"RIFF"),
        (&["--format", "tiff"], b"II*\0"),
    ] {
        let (file, outcome) = piped(&workshop, &[&arguments[..], flags].concat(), &content);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(file.starts_with(start), "{outcome:?}");
        assert!(outcome.stderr.contains("standard output"), "{outcome:?}");
    }
    let (file, _) = piped(&workshop, &arguments, &content);
    assert_eq!(Written::read(&file).difference("rotated_exif"), 0);
    assert_eq!(workshop.names(), ["rotated_exif.png", "style.png"]);
    // The style may come that way too.
    let as_style = ["style", "rotated_exif.png", "--style", "-"];
    let (_, outcome) = piped(&workshop, &[&as_style[..], &STYLE[2..]].concat(), &style);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let refused = |arguments: &[&str], input: &[u8], code: i32, words: &[&str]| {
        let (file, outcome) = piped(&workshop, arguments, input);
        outcome.refused(code, words);
        assert!(file.is_empty());
    };
    refused(&arguments, b"", 4, &["`standard input`", "empty"]);
    refused(
        &arguments,
        b"text",
        4,
        &["`standard input`", "not a picture"],
    );
    let twice = [&arguments[..], &["--style", "-"]].concat();
    refused(&twice, &content, 2, &["`-`", "two pictures"]);
    let every = [&arguments[..], &["--save-every", "1"]].concat();
    refused(&every, &content, 2, &["--save-every", "standard output"]);
    let unknown = [&arguments[..], &["--format", "gif"]].concat();
    refused(&unknown, &content, 2, &["--format", "png, jpg"]);
    let otherwise = [
        &["style", "rotated_exif.png"],
        &STYLE[..],
        &["--format=jpg"],
    ]
    .concat();
    refused(&otherwise, b"", 2, &["--format", "`out.png`"]);
}
