//! Checkpoints survive the way through bytes, and damage is noticed.

use super::*;
use crate::optim::{AdamSettings, LbfgsSettings};

fn checkpoint(settings: OptimiserSettings) -> Checkpoint {
    let values = |seed: usize| (0..12).map(|i| (i * 7 + seed) as f32 / 31.0).collect();
    let vectors = [("b.0", values(1)), ("a", vec![f32::NAN, -0.0, 1e-42])];
    let options = [
        ("style", vec!["/a b.png:2", "/ö.png"]),
        ("size", vec!["512"]),
    ];
    let text = |values: Vec<&str>| values.into_iter().map(String::from).collect();
    Checkpoint {
        origin: RunOrigin {
            impasto: "0.1.0".to_string(),
            adapter: "an \"adapter\"".to_string(),
            driver: String::new(),
            kernels: "k".to_string(),
            weights: "w".to_string(),
            pictures: vec!["c".to_string(), "s".to_string()],
            size: [4, 1],
            options: options
                .map(|(flag, values)| (flag.to_string(), text(values)))
                .into(),
            left: ["size".to_string()].into(),
        },
        position: RunPosition {
            scale: ScalePosition {
                scale: 1,
                first_step: 5,
                judged: Some(0.1),
                settled: false,
            },
            seconds: 3.0,
            lost_steps: 1,
            losses: vec![0.5, 1e-9],
            is_finished: Some(false),
        },
        standing: Standing {
            step: 7,
            rgb: values(0),
        },
        optimiser: Some(OptimiserState {
            settings,
            step: 7,
            vectors: vectors
                .map(|(name, values)| (name.to_string(), values))
                .into(),
        }),
    }
}

fn bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint.write_to(&mut bytes).unwrap();
    bytes
}

fn all() -> [Checkpoint; 3] {
    let adam = OptimiserSettings::Adam(AdamSettings::default());
    [
        checkpoint(OptimiserSettings::Adam(AdamSettings {
            learning_rate: 0.1,
            ..AdamSettings::default()
        })),
        checkpoint(OptimiserSettings::Lbfgs(LbfgsSettings {
            history: 3,
            learning_rate: f32::MIN_POSITIVE,
            clamp: false,
            longest: 0.0,
        })),
        Checkpoint {
            optimiser: None,
            ..checkpoint(adam)
        },
    ]
}

#[test]
fn what_is_written_is_read() {
    for written in all() {
        let bytes = bytes(&written);
        let read = Checkpoint::from_bytes(&bytes, "a").unwrap();
        // NaN is not equal to itself, so the bytes are compared too.
        assert_eq!(read.origin, written.origin);
        let settings = |of: &Checkpoint| of.optimiser.as_ref().map(|state| state.settings);
        assert_eq!(settings(&read), settings(&written));
        let mut again = Vec::new();
        read.write_to(&mut again).unwrap();
        assert!(again == bytes);
    }
}

/// Other programs read safetensors.
#[test]
fn the_file_is_a_safetensors_file() {
    let bytes = bytes(&all()[0]);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("picture").unwrap().shape(), [3, 1, 4]);
    assert_eq!(tensors.tensor("b.0").unwrap().shape(), [12]);
    let checksum = tensors.tensor("checksum").unwrap().data().to_vec();
    assert_eq!(checksum, bytes[bytes.len() - CHECKSUM_BYTES..]);
    let start = bytes.len() - CHECKSUM_BYTES - 2 * 48 - 12;
    assert_eq!(start % 8, 0);
}

#[test]
fn any_flipped_bit_is_noticed() {
    let bytes = bytes(&all()[1]);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let message = Checkpoint::from_bytes(&flipped, "a.b")
                .unwrap_err()
                .to_string();
            assert!(message.contains("`a.b` is"), "byte {at}: {message}");
        }
    }
}

#[test]
fn any_missing_or_surplus_byte_is_noticed() {
    let mut bytes = bytes(&all()[0]);
    for length in 0..bytes.len() {
        assert!(
            Checkpoint::from_bytes(&bytes[..length], "a").is_err(),
            "{length}"
        );
        assert!(
            Checkpoint::from_bytes(&bytes[length + 1..], "a").is_err(),
            "{length}"
        );
    }
    bytes.push(0);
    assert!(Checkpoint::from_bytes(&bytes, "a").is_err());
}

/// A file whose checksum is right, although its header says `new` where it should say `old`.
fn forged(old: &str, new: &str) -> CheckpointError {
    let sound = bytes(&all()[0]);
    let length = u64::from_le_bytes(*sound.first_chunk().unwrap()) as usize;
    let header = std::str::from_utf8(&sound[8..8 + length]).unwrap();
    assert!(header.contains(old), "{header}");
    let header = header.replace(old, new);
    let data = &sound[8 + length..sound.len() - CHECKSUM_BYTES];
    let length = (header.len() as u64).to_le_bytes();
    let mut bytes = [&length, header.as_bytes(), data].concat();
    bytes.extend_from_slice(&Sha256::digest(&bytes));
    Checkpoint::from_bytes(&bytes, "a").unwrap_err()
}

#[test]
fn a_later_version_is_told_from_damage() {
    let newer = forged(r#""version":"1""#, r#""version":"2""#);
    assert_eq!(
        newer,
        CheckpointError::Newer {
            origin: "a".to_string(),
            version: 2
        }
    );
    let reason = |error| match error {
        CheckpointError::Damaged { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let missing = reason(forged(r#""version":"1""#, r#""edition":"1""#));
    assert!(missing.contains("`version`"), "{missing}");
    let wide = reason(forged(r#"\"size\":[4,1]"#, r#"\"size\":[4,2]"#));
    assert!(wide.contains("picture"), "{wide}");
    let huge = reason(forged(
        r#"\"size\":[4,1]"#,
        r#"\"size\":[9223372036854775807,3]"#,
    ));
    assert!(huge.contains("picture"), "{huge}");
    let nameless = reason(forged(r#""picture":"#, r#""painting":"#));
    assert!(nameless.contains("picture"), "{nameless}");
    reason(forged(r#"\"step\":7"#, r#"\"step\":-7"#));
    reason(forged(r#""shape":[12]"#, r#""shape":[13]"#));
}

#[test]
fn other_files_are_no_checkpoints() {
    for other in [&b""[..], b"\x89PNG\r\n\x1a\n", &[0; 100]] {
        let error = Checkpoint::from_bytes(other, "a").unwrap_err();
        assert!(
            matches!(error, CheckpointError::NotACheckpoint { .. }),
            "{error}"
        );
    }
}
