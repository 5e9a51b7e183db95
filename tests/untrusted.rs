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
