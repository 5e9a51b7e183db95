//! Weights files that cannot serve: refused with code 4, and nothing left behind.

use std::fs;
use std::io::{Cursor, Write};

use crate::workshop::{Outcome, Workshop, source};
use impasto::net::Architecture;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

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
    let mut archive = ZipWriter::new(&mut bytes);
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
            let name = format!("{layer}.{part}.npy");
            archive
                .start_file(name, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(&npy(descr, &shape, &content)).unwrap();
        }
    }
    archive.finish().unwrap();
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

/// A workshop whose command has a data folder of its own.
struct Store {
    workshop: Workshop,
}

impl Store {
    fn new() -> Self {
        let workshop = Workshop::with_pictures();
        workshop.write("w.npz", &coded_npz(|_, _, _| ()));
        Self { workshop }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.workshop.command(arguments);
        command
            .env("XDG_DATA_HOME", self.workshop.path("data"))
            .env("HOME", self.workshop.path("home"));
        Outcome::of(command.output().unwrap(), arguments)
    }

    fn succeed(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome
    }

    fn list(&self) -> Vec<Value> {
        let listed = self.succeed(&["weights", "list", "--json"]).stdout;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        listed["networks"].as_array().unwrap().clone()
    }

    /// The file that `name` was imported as.
    fn place(&self, name: &str) -> String {
        let listed = self.list();
        let row = listed.iter().find(|row| row["name"] == name);
        row.unwrap()["place"].as_str().unwrap().to_string()
    }
}

const FEATURES: [&str; 7] = [
    "inspect",
    "features",
    "content.png",
    "--layer",
    "relu1_1",
    "-o",
    "f.npy",
];

#[test]
fn the_list_tells_checksums_and_layers() {
    let listed = Store::new().list();
    let sums = fs::read_to_string(source("weights/SHA256SUMS")).unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    for (row, (name, network, layers)) in listed
        .iter()
        .zip([("vgg19", "VGG-19", 16), ("vgg16", "VGG-16", 13)])
    {
        assert_eq!(
            (&row["name"], &row["network"]),
            (&name.into(), &network.into())
        );
        let line = format!("{}  {name}.npz", row["sha256"].as_str().unwrap());
        assert!(sums.lines().any(|of| of == line), "{line}");
        let bytes = fs::metadata(source(&format!("weights/{name}.npz"))).unwrap();
        assert_eq!(row["bytes"], bytes.len());
        assert_eq!(row["convolutions"].as_array().unwrap().len(), layers);
    }
    assert_eq!(listed[0]["place"], "inside the program");
}

#[test]
fn imported_weights_are_found_by_their_name() {
    let store = Store::new();
    let unknown = [&FEATURES[..], &["--model", "mine"]].concat();
    store.run(&unknown).refused(2, &["`mine`", "vgg19"]);
    store.succeed(&["weights", "import", "w.npz", "--name", "mine"]);
    let imported = store.place("mine");
    assert_eq!(fs::read(&imported).unwrap(), store.workshop.read("w.npz"));
    store.succeed(&unknown);
    let features = store.workshop.array("f.npy");
    assert!(features.values.iter().all(|&value| value == 0.0));
    // One letter is wrong.
    let misspelt = [&FEATURES[..], &["--model", "mien"]].concat();
    store.run(&misspelt).refused(2, &["did you mean mine?"]);
    let verified = store.succeed(&["weights", "verify", "mine"]).stdout;
    assert!(verified.contains("mine is whole: VGG-16, 13"), "{verified}");
    assert!(verified.contains("that is listed"), "{verified}");
    // A record has the name and no path of it.
    let style = ["style", "content.png", "--style=style.png", "-o", "a.png"];
    let flags = ["--model=mine", "--iterations=1", "--recipe=gatys", "-q"];
    store.succeed(&[&style[..], &flags].concat());
    let record = store
        .succeed(&["inspect", "record", "a.png", "--json"])
        .stdout;
    let record: Value = serde_json::from_str(&record).unwrap();
    store.succeed(&["style", "--from=a.png", "-o", "b.png"]);
    assert!(record["options"]["model"].is_null() || record["options"]["model"][0] == "mine");
    assert_eq!(store.workshop.read("a.png"), store.workshop.read("b.png"));
}

#[test]
fn what_cannot_serve_is_not_imported() {
    let store = Store::new();
    store.workshop.write("text.npz", b"weights, honestly");
    let import = |flags: &[&str]| store.run(&[&["weights", "import"], flags].concat());
    import(&["text.npz"]).refused(4, &["text.npz", "not a weights file"]);
    import(&["missing.npz"]).refused(4, &["missing.npz"]);
    import(&["w.npz", "--name=a/b"]).refused(2, &["a/b", "--name"]);
    import(&["w.npz", "--name=vgg16"]).refused(2, &["vgg16", "--name"]);
    assert_eq!(store.list().len(), 2);
    assert!(!store.workshop.path("data").exists());
}

#[test]
fn weights_that_are_there_are_replaced_by_force_alone() {
    let store = Store::new();
    store.succeed(&["weights", "import", "w.npz"]);
    let other = coded_npz(|part, _, bytes| {
        if part == "bias" {
            bytes[..4].copy_from_slice(&1f32.to_le_bytes());
        }
    });
    store.workshop.write("w.npz", &other);
    let again = store.run(&["weights", "import", "w.npz"]);
    again.refused(2, &["`w` is there already", "--force"]);
    assert_ne!(fs::read(store.place("w")).unwrap(), other);
    store.succeed(&["weights", "import", "w.npz", "--force"]);
    assert_eq!(fs::read(store.place("w")).unwrap(), other);
    store.succeed(&["weights", "verify", "w"]);
    // The originals may keep their names.
    let vgg16 = source("weights/vgg16.npz");
    store.succeed(&["weights", "import", vgg16.to_str().unwrap()]);
    assert_eq!(store.list().len(), 3);
}

#[test]
fn weights_that_changed_are_found_out() {
    let store = Store::new();
    store.succeed(&["weights", "import", "w.npz", "--name", "mine"]);
    let whole = store.succeed(&["weights", "verify"]).stdout;
    assert_eq!(whole.lines().count(), 3, "{whole}");
    let place = store.place("mine");
    let other = coded_npz(|part, _, bytes| {
        if part == "bias" {
            bytes[..4].copy_from_slice(&1f32.to_le_bytes());
        }
    });
    fs::write(&place, &other).unwrap();
    store
        .run(&["weights", "verify", "mine"])
        .refused(4, &["mine.npz", "listed"]);
    store
        .run(&["weights", "verify"])
        .refused(4, &["mine.npz", "listed"]);
    fs::write(&place, &other[..other.len() / 2]).unwrap();
    store
        .run(&["weights", "verify", "mine"])
        .refused(4, &["damaged or cut off"]);
    store.succeed(&["weights", "verify", "vgg19"]);
    store.succeed(&["weights", "verify", "w.npz"]);
    store
        .run(&["weights", "verify", "vgg18"])
        .refused(4, &["did you mean vgg19?"]);
    store
        .run(&["weights", "verify", "no.npz"])
        .refused(4, &["no.npz"]);
    let listed = store.list();
    let fault = listed[2]["fault"].as_str().unwrap();
    assert!(fault.contains("damaged or cut off"), "{listed:?}");
}
