//! Weights files that cannot serve: refused with code 4, and nothing left behind.

mod cli_support;

use std::fs;
use std::io::{Cursor, Write};

use cli_support::{Workshop, source};
use impasto::net::Architecture;
use npyz::npz::NpzWriter;

/// One array of numpy, little-endian.
fn npy(descr: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sides}), }}\n");
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(bytes);
    npy
}

/// A VGG-16 in codes whose weights are all 0, after `change` had its way with the arrays of the last layer.
fn coded_npz(change: impl Fn(&str, &mut Vec<usize>, &mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut npz = NpzWriter::new(&mut bytes);
    for (_, layer, c_in, c_out) in Architecture::Vgg16.convolutions() {
        let codes = vec![0; 9 * c_in * c_out];
        for (part, descr, shape, content) in [
            ("codes", "|u1", vec![c_out, c_in, 3, 3], codes),
            ("codebook", "<f4", vec![256], vec![0; 4 * 256]),
            ("bias", "<f4", vec![c_out], vec![0; 4 * c_out]),
        ] {
            let (mut shape, mut content) = (shape, content);
            if layer == "conv5_3" {
                change(part, &mut shape, &mut content);
            }
            let zip = npz.zip_writer();
            zip.start_file(format!("{layer}.{part}.npy"), Default::default())
                .unwrap();
            zip.write_all(&npy(descr, &shape, &content)).unwrap();
        }
    }
    npz.zip_writer().finish().unwrap();
    drop(npz);
    bytes.into_inner()
}

fn refuse_weights(workshop: &Workshop, flags: &[&str], words: &[&str]) {
    let features = [
        "inspect",
        "features",
        "content.png",
        "--layer",
        "relu1_1",
        "-o",
        "f.npy",
    ];
    workshop.refuse(&[&features[..], flags].concat(), 4, words);
}

#[test]
fn weights_that_are_damaged_or_missing_are_refused() {
    let workshop = Workshop::with_pictures();
    let whole = fs::read(source("weights/vgg16.npz")).unwrap();
    workshop.write("short.npz", &whole[..whole.len() / 2]);
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    workshop.write("flipped.npz", &flipped);
    workshop.write("text.npz", b"weights, honestly");
    workshop.write("empty.npz", b"");
    workshop.write(
        "cut.safetensors",
        b"\x40\0\0\0\0\0\0\0{\"features.0.weight\":",
    );
    for file in ["short.npz", "flipped.npz", "cut.safetensors"] {
        let words = [&*format!("`{file}`"), "damaged or cut off"];
        refuse_weights(&workshop, &["--model", file], &words);
    }
    for file in ["text.npz", "empty.npz"] {
        let words = [&*format!("`{file}`"), "not a weights file"];
        refuse_weights(&workshop, &["--model", file], &words);
    }
    refuse_weights(&workshop, &["--model", "missing.npz"], &["`missing.npz`"]);
    refuse_weights(
        &workshop,
        &["--weights", "nowhere"],
        &["nowhere", "vgg19.npz"],
    );
    fs::create_dir(workshop.path("weights")).unwrap();
    fs::write(workshop.path("weights").join("vgg19.npz"), "no zip").unwrap();
    refuse_weights(
        &workshop,
        &["--weights", "weights"],
        &["vgg19.npz", "not a weights file"],
    );
    refuse_weights(
        &workshop,
        &["--weights", "weights", "--model", "vgg16"],
        &["vgg16.npz"],
    );
}

#[test]
fn weights_with_a_wrong_shape_or_a_number_that_is_none_are_refused() {
    let workshop = Workshop::with_pictures();
    let model = ["--model", "w.npz"];
    workshop.write("w.npz", &coded_npz(|_, _, _| ()));
    let features = [
        "inspect",
        "features",
        "content.png",
        "--layer",
        "relu1_1",
        "-o",
        "f.npy",
    ];
    workshop.succeed(&[&features[..], &model].concat());
    fs::remove_file(workshop.path("f.npy")).unwrap();

    workshop.write(
        "w.npz",
        &coded_npz(|part, _, bytes| {
            if part == "bias" {
                bytes[12..16].copy_from_slice(&f32::NAN.to_le_bytes());
            }
        }),
    );
    refuse_weights(
        &workshop,
        &model,
        &["`w.npz`", "`conv5_3.bias`", "NaN", "position 3"],
    );

    workshop.write(
        "w.npz",
        &coded_npz(|part, _, bytes| {
            if part == "codebook" {
                bytes[..4].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
            }
        }),
    );
    refuse_weights(
        &workshop,
        &model,
        &["`w.npz`", "`conv5_3.codebook`", "-inf"],
    );

    workshop.write(
        "w.npz",
        &coded_npz(|part, shape, bytes| {
            if part == "codes" {
                shape[0] = 511;
                bytes.truncate(511 * 512 * 9);
            }
        }),
    );
    let words = [
        "`w.npz`",
        "`conv5_3.codes`",
        "(511, 512, 3, 3)",
        "(512, 512, 3, 3)",
    ];
    refuse_weights(&workshop, &model, &words);
}

/// A folder may hold anybody's weights, but not those of another network under this one's name.
#[test]
fn weights_under_the_name_of_another_network_are_refused() {
    let workshop = Workshop::with_pictures();
    std::fs::create_dir(workshop.path("nets")).unwrap();
    workshop.fetch("weights/vgg16.npz", "nets/vgg19.npz");
    refuse_weights(&workshop, &["--weights", "nets"], &["vgg19.npz", "VGG-16"]);
}
