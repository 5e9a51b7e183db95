//! WebP files that announce more than they have.

use super::inputs;

/// A chunk that is said to have this length.
fn announced(kind: &[u8; 4], length: u32, payload: &[u8]) -> Vec<u8> {
    [kind, &length.to_le_bytes(), payload].concat()
}

fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let padding = &[0][..payload.len() % 2];
    [
        announced(kind, payload.len() as u32, payload),
        padding.to_vec(),
    ]
    .concat()
}

/// A file of the extended form: flags, a canvas of one pixel, these chunks; `beyond` of its bytes stand behind its end.
fn extended(flags: u8, chunks: &[Vec<u8>], beyond: usize) -> Vec<u8> {
    let header = chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let body = [b"WEBP", &header[..], &chunks.concat()].concat();
    announced(b"RIFF", (body.len() - beyond) as u32, &body)
}

/// A frame of one pixel.
fn frame(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"ANMF", &[&[0; 16][..], &chunks.concat()].concat())
}

fn still(chunks: &[Vec<u8>]) -> Vec<u8> {
    extended(0, chunks, 0)
}

/// One frame that has these chunks.
fn animated(chunks: &[Vec<u8>]) -> Vec<u8> {
    extended(2, &[chunk(b"ANIM", &[0; 6]), frame(chunks)], 0)
}

/// The first bytes of a lossy picture of 16383×16383 pixels.
const LOSSY: &[u8] = b"\x10\x02\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The same without loss.
const LOSSLESS: &[u8] = b"\x2f\xfe\xbf\xff\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// One pixel without loss, and one that can be seen.
const PIXEL: &[u8] = b"\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";
const OPACITY: &[u8] = &[0, 255];

/// Whatever a WebP file of a hundred bytes announces.
#[test]
fn few_bytes_of_a_webp_cost_few() {
    let pixel = || chunk(b"VP8L", PIXEL);
    let notes = || announced(b"EXIF", 0xffff_fff0, b"");
    let files = [
        still(&[chunk(b"VP8 ", LOSSY)]),
        still(&[chunk(b"ALPH", OPACITY), chunk(b"VP8 ", LOSSY)]),
        animated(&[chunk(b"VP8 ", LOSSY)]),
        animated(&[chunk(b"ALPH", OPACITY), chunk(b"VP8 ", LOSSY)]),
        animated(&[chunk(b"ALPH", OPACITY), chunk(b"ABCD", LOSSY)]),
        still(&[chunk(b"VP8L", LOSSLESS)]),
        animated(&[chunk(b"VP8L", LOSSLESS)]),
        // Notes of four gigabytes: where they belong, behind the end, in a frame, in what stands first in a frame.
        extended(8, &[pixel(), notes()], 0),
        extended(8, &[pixel(), notes()], notes().len()),
        animated(&[notes(), pixel()]),
        animated(&[pixel(), notes()]),
        animated(&[chunk(b"ABCD", &notes()), pixel()]),
    ];
    for file in files {
        assert!(file.len() <= 140, "{}", file.len());
        inputs::cheap_picture(&file);
    }
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, number: u32, count: usize) {
        for place in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (number >> place & 1) as u8;
            *self.bytes.last_mut().unwrap() |= bit << (self.count % 8);
            self.count += 1;
        }
    }

    /// A code of one symbol.
    fn code_of(&mut self, symbol: u32) {
        self.put(0b101, 3);
        self.put(symbol, 8);
    }

    /// A code of 2048 symbols of 11 bits.
    fn long_code(&mut self) {
        // Lengths are written by a code of 15 lengths that has only that of 11.
        self.put(0, 1);
        self.put(15 - 4, 4);
        self.put(0, 3 * 14);
        self.put(1, 3);
        self.put(1, 1);
        self.put(5, 3);
        self.put(2048 - 2, 12);
    }

    /// One pixel that has this many sets of codes.
    fn sets(&mut self, count: u32) {
        // No transformation, and a cache of 2048 colours.
        self.put(0, 1);
        self.put(1 | 11 << 1, 5);
        // An image of one pixel that says which set is used, without a cache.
        self.put(1, 1 + 3 + 1);
        let last = count - 1;
        for symbol in [last & 0xff, last >> 8, 0, 0, 0] {
            self.code_of(symbol);
        }
        for _ in 0..count {
            self.long_code();
            for _ in 0..4 {
                self.code_of(0);
            }
        }
        self.put(0, 64);
    }
}

#[test]
fn many_codes_are_refused() {
    let mut picture = Bits::default();
    picture.put(0x2f, 8);
    picture.put(0, 14 + 14 + 4);
    picture.sets(1 << 16);
    let mut opacity = Bits::default();
    opacity.put(1, 8);
    opacity.sets(1 << 16);
    let mut pixel = LOSSY.to_vec();
    pixel[6..10].copy_from_slice(&[1, 0, 1, 0]);

    let picture = || chunk(b"VP8L", &picture.bytes);
    let opacity = || chunk(b"ALPH", &opacity.bytes);
    let pixel = || chunk(b"VP8 ", &pixel);
    let simple = [b"WEBP", &picture()[..]].concat();
    for file in [
        announced(b"RIFF", simple.len() as u32, &simple),
        still(&[picture()]),
        animated(&[picture()]),
        extended(16, &[opacity(), pixel()], 0),
        animated(&[opacity(), pixel()]),
        // Parts of frames are taken for parts of a still picture.
        extended(16, &[pixel(), frame(&[opacity(), pixel()])], 0),
        still(&[pixel(), frame(&[picture()])]),
    ] {
        inputs::cheap_picture(&file);
    }
}
