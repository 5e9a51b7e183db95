//! Files of strangers: every seed of the fuzzer, and every file that once did harm, is read as the fuzzer reads it.
//! `fuzz/README.md` says how more of them are found.

#[path = "untrusted/inputs.rs"]
mod inputs;

use std::fs;
use std::path::Path;

/// Feeds every file of a folder of seeds to `read`.
fn each(target: &str, read: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/untrusted/seeds")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        // Names the file where the next line panics.
        println!("{}", path.display());
        read(&fs::read(path).unwrap());
        count += 1;
    }
    assert!(count >= 10, "{count} seeds in {}", folder.display());
}

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

/// Whatever a file of a hundred bytes announces.
#[test]
fn few_bytes_cost_few() {
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
    for fields in [&floats[..], &strips] {
        inputs::cheap_picture(&tiff(&[&size, fields].concat()));
    }
    // A PNG file of 16 bits and four channels that ends after its header.
    let mut header = b"IHDR\0\0\x27\x10\0\0\x27\x10\x10\x06\0\0\0".to_vec();
    header.extend(crc32(&header).to_be_bytes());
    let data = b"\0\0\0\0IDAT\x35\xaf\x06\x1e";
    inputs::cheap_picture(&[b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &header[..], data].concat());
}

/// A chunk of a WebP file that is said to have this length.
fn announced(kind: &[u8; 4], length: u32, payload: &[u8]) -> Vec<u8> {
    [kind, &length.to_le_bytes(), payload].concat()
}

fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    announced(kind, payload.len() as u32, payload)
}

/// A WebP file of the extended form: flags, a canvas of one pixel, these chunks; `beyond` of its bytes stand behind its end.
fn webp(flags: u8, chunks: &[Vec<u8>], beyond: usize) -> Vec<u8> {
    let header = chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let body = [b"WEBP", &header[..], &chunks.concat()].concat();
    announced(b"RIFF", (body.len() - beyond) as u32, &body)
}

/// Whatever a WebP file of a hundred bytes announces.
#[test]
fn few_bytes_of_a_webp_cost_few() {
    // 16383×16383 pixels, with the first bytes of a picture and without loss.
    let lossy = b"\x10\x02\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let lossless = b"\x2f\xfe\xbf\xff\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let pixel = chunk(b"VP8L", b"\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0");
    let opacity = chunk(b"ALPH", &[0, 255]);
    let notes = announced(b"EXIF", 0xffff_fff0, b"");
    let still = |chunks: &[Vec<u8>]| webp(0, chunks, 0);
    // One frame of one pixel that has these chunks.
    let animated = |chunks: &[Vec<u8>]| {
        let frame = [&[0; 16][..], &chunks.concat()].concat();
        let chunks = [chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)];
        webp(2, &chunks, 0)
    };
    let files = [
        still(&[chunk(b"VP8 ", lossy)]),
        still(&[opacity.clone(), chunk(b"VP8 ", lossy)]),
        animated(&[chunk(b"VP8 ", lossy)]),
        animated(&[opacity.clone(), chunk(b"VP8 ", lossy)]),
        animated(&[opacity.clone(), chunk(b"ABCD", lossy)]),
        still(&[chunk(b"VP8L", lossless)]),
        animated(&[chunk(b"VP8L", lossless)]),
        // Notes of four gigabytes: where they belong, behind the end, in a frame, in what stands first in a frame.
        webp(8, &[pixel.clone(), notes.clone()], 0),
        webp(8, &[pixel.clone(), notes.clone()], notes.len()),
        animated(&[notes.clone(), pixel.clone()]),
        animated(&[pixel.clone(), notes.clone()]),
        animated(&[chunk(b"ABCD", &notes), pixel]),
    ];
    for file in files {
        assert!(file.len() <= 140, "{}", file.len());
        inputs::cheap_picture(&file);
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| match crc & 1 {
            0 => crc >> 1,
            _ => crc >> 1 ^ 0xedb8_8320,
        })
    })
}

#[test]
fn pictures() {
    each("picture", inputs::picture);
}

#[test]
fn weights_of_numpy() {
    each("npz", inputs::weights);
}

#[test]
fn weights_as_safetensors() {
    each("safetensors", inputs::weights);
}

#[test]
fn checkpoints() {
    each("checkpoint", inputs::checkpoint);
}

/// The fuzzer's workspace compiles the command line into itself, and nothing else here would notice that it cannot.
#[test]
fn the_fuzzer_has_what_the_command_line_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dependencies = |manifest: &str| -> Vec<String> {
        let text = fs::read_to_string(root.join(manifest)).unwrap();
        let tables = text.split("\n[").filter(|table| {
            let head = table.lines().next().unwrap_or_default();
            head.ends_with("dependencies]") && !head.contains("dev-")
        });
        let lines = tables.flat_map(|table| table.lines().skip(1));
        let names = lines.filter_map(|line| line.split_once(" = "));
        names.map(|(name, _)| name.to_string()).collect()
    };
    let mut sources = String::new();
    let mut folders = vec![root.join("src/cli")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources += &fs::read_to_string(path).unwrap(),
            }
        }
    }
    let named = |name: &String| {
        let path = format!("{}::", name.replace('-', "_"));
        sources.match_indices(&path).any(|(at, _)| {
            let before = sources[..at].chars().next_back();
            !before.is_some_and(|letter| letter.is_alphanumeric() || "_:".contains(letter))
        })
    };
    let named: Vec<String> = dependencies("Cargo.toml")
        .into_iter()
        .filter(named)
        .collect();
    assert!(named.iter().any(|name| name == "clap"), "{named:?}");
    let known = dependencies("fuzz/Cargo.toml");
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "fuzz/Cargo.toml lacks {unknown:?}");
}
