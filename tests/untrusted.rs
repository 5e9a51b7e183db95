//! Files of strangers: every seed of the fuzzer, and every file that once did harm, is read as the fuzzer reads it.
//! `fuzz/README.md` says how more of them are found.

#[path = "untrusted/inputs.rs"]
mod inputs;
#[path = "untrusted/tiff.rs"]
mod tiff;
#[path = "untrusted/webp.rs"]
mod webp;

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

/// Whatever a file of a hundred bytes announces.
#[test]
fn few_bytes_of_a_png_cost_few() {
    // A PNG file of 16 bits and four channels that ends after its header.
    let mut header = b"IHDR\0\0\x27\x10\0\0\x27\x10\x10\x06\0\0\0".to_vec();
    header.extend(crc32(&header).to_be_bytes());
    let data = b"\0\0\0\0IDAT\x35\xaf\x06\x1e";
    inputs::cheap_picture(&[b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &header[..], data].concat());
}

/// A GIF file of one pixel that has a frame of 20 000 × 20 000.
#[test]
fn few_bytes_of_a_gif_cost_few() {
    let screen = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    let frame = b"\x2c\0\0\0\0\x20\x4e\x20\x4e\0\x02\x02\x44\x01\0\x3b";
    inputs::cheap_picture(&[&screen[..], frame].concat());
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
