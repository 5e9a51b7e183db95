//! Weights files written here, whole and broken in every way that is refused.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// One tensor on its way into a file.
#[derive(Clone)]
struct Array {
    name: String,
    descr: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    fn new(name: String, descr: &'static str, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self {
            name,
            descr,
            shape: shape.to_vec(),
            bytes,
        }
    }

    fn npy(&self, fortran_order: &str) -> Vec<u8> {
        let shape: String = self.shape.iter().map(|side| format!("{side}, ")).collect();
        let header = format!(
            "{{'descr': '{}', 'fortran_order': {fortran_order}, 'shape': ({shape}), }}\n",
            self.descr
        );
        let mut npy = b"\x93NUMPY\x01\x00".to_vec();
        npy.extend((header.len() as u16).to_le_bytes());
        npy.extend(header.as_bytes());
        npy.extend(&self.bytes);
        npy
    }
}

fn f32_bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// What the weights of these files repeat; small enough to be exact in every element type.
const CYCLE: [f32; 7] = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];

/// A whole network whose weights repeat [`CYCLE`], named by `family`, as f32, f16 or codes.
fn network(architecture: Architecture, family: Family, descr: &'static str) -> Vec<Array> {
    let mut arrays = Vec::new();
    for (index, layer, c_in, c_out) in architecture.convolutions() {
        let prefix = family.tensor_prefix(index, layer);
        let shape = [c_out, c_in, 3, 3];
        let count = shape.iter().product::<usize>();
        let (part, mut bytes) = match descr {
            "<f4" => ("weight", f32_bytes(CYCLE)),
            "<f2" => {
                let halves = CYCLE.map(|value| half::f16::from_f32(value).to_le_bytes());
                ("weight", halves.concat())
            }
            _ => ("codes", CYCLE.map(|value| (value + 3.0) as u8).to_vec()),
        };
        let length = count * bytes.len() / CYCLE.len();
        bytes = bytes.repeat(count / CYCLE.len() + 1);
        bytes.truncate(length);
        if part == "codes" {
            let entries = (0..CODEBOOK).map(|code| code as f32 - 3.0);
            arrays.push(Array::new(
                format!("{prefix}.codebook"),
                "<f4",
                &[CODEBOOK],
                f32_bytes(entries),
            ));
        }
        arrays.push(Array::new(format!("{prefix}.{part}"), descr, &shape, bytes));
        let bias = (0..c_out).map(|channel| channel as f32 * 0.5);
        let name = format!("{prefix}.bias");
        arrays.push(Array::new(name, "<f4", &[c_out], f32_bytes(bias)));
    }
    arrays
}

fn zip(entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut archive = ZipWriter::new(&mut bytes);
    for (name, content) in entries {
        archive
            .start_file(format!("{name}.npy"), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}

fn npz(arrays: &[Array]) -> Vec<u8> {
    zip(arrays
        .iter()
        .map(|array| (array.name.clone(), array.npy("False"))))
}

fn safetensors(arrays: &[Array]) -> Vec<u8> {
    let mut directory = Vec::new();
    let mut data = Vec::<u8>::new();
    for array in arrays {
        let dtype = match array.descr {
            "<f4" => "F32",
            "<f2" => "F16",
            "bf16" => "BF16",
            "<f8" => "F64",
            _ => "U8",
        };
        let start = data.len();
        data.extend(&array.bytes);
        directory.push(format!(
            "\"{}\":{{\"dtype\":\"{dtype}\",\"shape\":{:?},\"data_offsets\":[{start},{}]}}",
            array.name,
            array.shape,
            data.len()
        ));
    }
    let json = format!("{{{}}}", directory.join(","));
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.extend(data);
    bytes
}

/// A coded VGG-16 with every name in it, but without numbers from the third block on: whatever is
/// wrong in the first two blocks must be found before those are missed.
fn caffe16() -> Vec<Array> {
    hollow(network(Architecture::Vgg16, Family::Caffe, "|u1"))
}

fn hollow(mut arrays: Vec<Array>) -> Vec<Array> {
    for array in &mut arrays {
        if array.name.starts_with(['c']) && array.name.as_bytes()[4] > b'2' {
            array.bytes.clear();
        }
    }
    arrays
}

fn array<'a>(arrays: &'a mut [Array], name: &str) -> &'a mut Array {
    arrays.iter_mut().find(|array| array.name == name).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let message = Weights::from_bytes(bytes, "some.npz")
        .unwrap_err()
        .to_string();
    assert!(message.contains("`some.npz`"), "{message}");
    assert!(
        !message.contains('\n') && !message.ends_with('.'),
        "{message}"
    );
    message
}

fn check(bytes: &[u8], architecture: Architecture, family: Family) {
    let weights = Weights::from_bytes(bytes, "some.npz").unwrap();
    assert_eq!(weights.architecture, architecture);
    assert_eq!(weights.family, family);
    assert_eq!(
        weights.convolutions.len(),
        architecture.convolutions().count()
    );
    let second = weights.convolution("conv1_2").unwrap();
    assert_eq!((second.c_in, second.c_out), (64, 64));
    assert_eq!(
        second.weight[..8],
        [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, -3.0]
    );
    assert_eq!(second.weight.len(), 64 * 64 * 9);
    assert_eq!(second.bias[..3], [0.0, 0.5, 1.0]);
}

#[test]
fn every_kind_of_file_is_read_and_told_apart() {
    use Architecture::{Vgg16, Vgg19};
    let halves = network(Vgg16, Family::Caffe, "<f2");
    check(&npz(&halves), Vgg16, Family::Caffe);
    let codes = network(Vgg19, Family::Caffe, "|u1");
    check(&npz(&codes), Vgg19, Family::Caffe);
    for architecture in [Vgg16, Vgg19] {
        let mut arrays = network(architecture, Family::Torchvision, "<f4");
        let classifier = "classifier.0.weight".to_owned();
        arrays.push(Array::new(classifier, "<f8", &[1], vec![255; 8]));
        check(&safetensors(&arrays), architecture, Family::Torchvision);
    }
}

#[test]
fn bf16_is_read() {
    let mut arrays = network(Architecture::Vgg16, Family::Torchvision, "<f4");
    let bias = array(&mut arrays, "features.0.bias");
    bias.descr = "bf16";
    bias.bytes = (0..64)
        .flat_map(|i| half::bf16::from_f32(i as f32).to_le_bytes())
        .collect();
    let weights = Weights::from_bytes(&safetensors(&arrays), "some").unwrap();
    assert_eq!(weights.convolutions[0].bias[63], 63.0);
}

#[test]
fn what_is_no_weights_file_is_said() {
    assert!(refusal(b"").contains("it is empty"));
    assert!(refusal(b"hello, this is text").contains("begins neither"));
    assert!(refusal(b"version https://git-lfs.github.com/spec/v1").contains("git lfs pull"));
    let other = Array::new("dense.weight".to_owned(), "<f4", &[1], vec![0; 4]);
    assert!(refusal(&npz(&[other])).contains("holds no VGG convolution"));
}

#[test]
fn a_cut_or_altered_file_is_refused() {
    let whole = npz(&caffe16());
    for length in [4, 30, whole.len() / 2, whole.len() - 1] {
        assert!(refusal(&whole[..length]).contains("damaged or cut off"));
    }
    let whole = safetensors(&network(Architecture::Vgg16, Family::Torchvision, "<f2"));
    for length in [9, 30, whole.len() / 2, whole.len() - 1] {
        assert!(refusal(&whole[..length]).contains("damaged or cut off"));
    }
    // The archive's checksum notices one changed bit.
    let mut altered = npz(&caffe16());
    let middle = altered.len() / 2;
    altered[middle] ^= 0x10;
    assert!(refusal(&altered).contains("damaged or cut off"));
}

#[test]
fn an_encrypted_archive_is_refused() {
    let mut bytes = npz(&caffe16());
    // The first bit of the flags, which stand in the header of each entry and in the directory.
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let headers: Vec<usize> = (0..bytes.len() - 4)
            .filter(|&at| &bytes[at..at + 4] == signature)
            .collect();
        assert!(headers.len() >= 13);
        for header in headers {
            bytes[header + flags] |= 1;
        }
    }
    let message = refusal(&bytes);
    assert!(message.contains(".npy is encrypted"), "{message}");
}

#[test]
fn a_missing_tensor_is_named() {
    for (absent, architecture) in [
        ("conv1_1.bias", "VGG-16"),
        ("conv3_2.codebook", "VGG-16"),
        ("conv5_3.bias", "VGG-16"),
    ] {
        let mut arrays = caffe16();
        arrays.retain(|array| array.name != absent);
        let message = refusal(&npz(&arrays));
        assert!(message.contains(&format!("lacks `{absent}`, which {architecture}")));
    }
    // VGG-19 without its last convolution is an incomplete VGG-19, not a VGG-16.
    let mut arrays = network(Architecture::Vgg19, Family::Torchvision, "<f2");
    arrays.retain(|array| array.name != "features.34.weight");
    let message = refusal(&safetensors(&arrays));
    assert!(message.contains("lacks `features.34.weight`, which VGG-19"));
}

#[test]
fn shape_type_and_order_are_checked() {
    let mut arrays = caffe16();
    array(&mut arrays, "conv2_1.codes").shape = vec![64, 128, 3, 3];
    let message = refusal(&npz(&arrays));
    assert!(message.contains("shape (64, 128, 3, 3), but (128, 64, 3, 3)"));

    let mut arrays = caffe16();
    array(&mut arrays, "conv1_2.codebook").shape = vec![255];
    assert!(refusal(&npz(&arrays)).contains("shape (255), but (256)"));

    let mut arrays = caffe16();
    array(&mut arrays, "conv1_1.bias").descr = ">f4";
    assert!(refusal(&npz(&arrays)).contains("stored as >f4"));
    array(&mut arrays, "conv1_1.bias").descr = "|u1";
    assert!(refusal(&npz(&arrays)).contains("damaged")); // four times the bytes of its shape
    array(&mut arrays, "conv1_1.bias").bytes.truncate(64);
    assert!(refusal(&npz(&arrays)).contains("stored as u8, but f32"));

    let mut arrays = caffe16();
    array(&mut arrays, "conv1_1.codes").descr = "<f4";
    array(&mut arrays, "conv1_1.codes").bytes = vec![0; 64 * 27 * 4];
    assert!(refusal(&npz(&arrays)).contains("stored as f32, but u8"));

    let arrays = network(Architecture::Vgg16, Family::Torchvision, "<f4");
    let mut wide = arrays;
    let bias = array(&mut wide, "features.2.bias");
    bias.descr = "<f8";
    bias.bytes = vec![0; 64 * 8];
    assert!(refusal(&safetensors(&wide)).contains("stored as F64"));

    let columns = caffe16();
    let bytes = zip(columns
        .iter()
        .map(|array| (array.name.clone(), array.npy("True"))));
    assert!(refusal(&bytes).contains("column by column"));
}

#[test]
fn a_number_that_is_not_finite_is_found() {
    let mut arrays = hollow(network(Architecture::Vgg16, Family::Caffe, "<f4"));
    let weight = array(&mut arrays, "conv1_2.weight");
    weight.bytes[40..44].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(
        refusal(&npz(&arrays)).contains("`conv1_2.weight` in `some.npz` is NaN at position 10")
    );

    let mut arrays = network(Architecture::Vgg16, Family::Torchvision, "<f2");
    let weight = array(&mut arrays, "features.2.weight");
    weight.bytes[2..4].copy_from_slice(&half::f16::NEG_INFINITY.to_le_bytes());
    assert!(refusal(&safetensors(&arrays)).contains("is -inf at position 1"));
}

#[test]
fn absurd_headers_neither_allocate_nor_panic() {
    let npy = |header: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    };
    let huge =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4, 9, 9), }";
    let beyond = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }";
    let deep = format!("{{'shape': {}", "(".repeat(60_000));
    let structured = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (64, 3, 3, 3), }";
    let broken_line = "{'descr': '<f\n4', 'fortran_order': False, 'shape': (64, 3, 3, 3), }";
    for (content, expected) in [
        (npy(huge), "shape (9223372036854775807, 4, 9, 9)"),
        (npy(beyond), "damaged"),
        (npy(&deep), "damaged"),
        (npy(structured), "stored as"),
        (npy(broken_line), "stored as <f\\n4"),
        (npy(""), "damaged"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "damaged"),
        (b"\x93NUM".to_vec(), "damaged"),
        (Vec::new(), "damaged"),
        (b"not an array at all".to_vec(), "not a numpy array"),
    ] {
        let mut entries = vec![("conv1_1.weight".to_owned(), content)];
        for (_, layer, _, _) in Architecture::Vgg16.convolutions() {
            entries.push((format!("{layer}.bias"), Vec::new()));
            entries.push((format!("{layer}.weight"), Vec::new()));
        }
        entries.remove(2);
        let bytes = zip(entries);
        let message = refusal(&bytes);
        assert!(message.contains(expected), "{message}");
    }
    let mut bytes = u64::from(u32::MAX).to_le_bytes().to_vec();
    bytes.extend(b"{\"features.0.weight\":1}");
    assert!(refusal(&bytes).contains("damaged"));
}

#[test]
fn a_digest_is_compared() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256_hex(b"abc"), abc);
    assert_eq!(verify_bundled(b"abc", &abc.to_uppercase(), "f"), Ok(()));
    let message = verify_bundled(b"abd", abc, "vgg19.npz")
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("`vgg19.npz` has SHA-256 a52d159f"),
        "{message}"
    );
}

#[test]
fn the_families_see_a_picture_their_way() {
    let apply = |family: Family, x: [f32; 3]| -> [f32; 3] {
        let Preprocessing { matrix, offset } = family.preprocessing();
        std::array::from_fn(|k| (0..3).map(|j| matrix[k][j] * x[j]).sum::<f32>() + offset[k])
    };
    let caffe = apply(Family::Caffe, [1.0, 0.5, 0.0]);
    assert_eq!(caffe, [-103.939, 127.5 - 116.779, 255.0 - 123.68]);
    let torchvision = apply(Family::Torchvision, [0.485 + 0.229, 0.456, 0.406 - 0.225]);
    for (found, expected) in torchvision.into_iter().zip([1.0, 0.0, -1.0]) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
