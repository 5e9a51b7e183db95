//! A run as bytes: everything that decides how it goes on, in a form that can be checked.
//!
//! A checkpoint is a safetensors file, so that any tool which reads these opens the picture and the
//! moments, with one tensor more than that format asks for:
//!
//! | part | bytes |
//! |---|---|
//! | length n of the header | 8, little endian |
//! | header: JSON with the place of every tensor and, under `__metadata__`, `format`, `version` and `run` | n |
//! | `picture` (3,H,W), then the optimiser's vectors by name, if there is one, and what else it moves | f32, little endian |
//! | `checksum`: SHA-256 of every byte before | 32 |
//!
//! The header begins with `{"__metadata__":{"format":"impasto checkpoint"`. A later version may change `run` and the tensors, but not the container, its beginning,
//! the place of the checksum and the key `version`: so an older program can tell a newer file from a damaged one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{ScalePosition, Standing};
use crate::optim::{OptimiserSettings, OptimiserState};
use crate::quote::brief;

/// What every checkpoint says of itself.
const FORMAT: &str = "impasto checkpoint";
/// How the header of every checkpoint begins.
const BEGINNING: &str = r#"{"__metadata__":{"format":"impasto checkpoint""#;
/// The newest version that is read, and the one that is written.
const VERSION: u64 = 1;
const CHECKSUM_BYTES: usize = 32;

/// A run as it stood after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Where the run comes from.
    pub origin: RunOrigin,
    /// How far it got.
    pub position: RunPosition,
    /// The picture after the step.
    pub standing: Standing,
    /// The memory of the optimiser after the same step; dreams climb without one.
    pub optimiser: Option<OptimiserState>,
}

/// What a run was made from; the same for all of its checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOrigin {
    /// The version of this program.
    pub impasto: String,
    /// The adapter's name.
    pub adapter: String,
    /// Its driver and the version of that.
    pub driver: String,
    /// Fingerprint of the kernels of a step, which depend on the adapter and on what was measured there.
    pub kernels: String,
    /// Fingerprint of the network.
    pub weights: String,
    /// Fingerprints of the content and of the styles, at the sizes that the network saw.
    pub pictures: Vec<String>,
    /// W and H of the picture, at the scale where the run stands.
    pub size: [usize; 2],
    /// The flags of the command line with their values, defaults included.
    pub options: BTreeMap<String, Vec<String>>,
    /// Those of the options that were left to a recipe or a preset, and stand there as these had them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<String>,
}

/// How far a run got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPosition {
    /// Where among the recipe's scales.
    #[serde(flatten)]
    pub scale: ScalePosition,
    /// Seconds of painting.
    pub seconds: f64,
    /// Steps that met numbers which were not finite.
    pub lost_steps: usize,
    /// Loss terms of the last step, in the order of the tape; empty before the first, or if an earlier version
    /// wrote the file.
    #[serde(default)]
    pub losses: Vec<f32>,
    /// Whether nothing is left to do; `None` where the options tell.
    #[serde(default)]
    pub is_finished: Option<bool>,
}

/// A file that is no checkpoint, or none that can be gone on from. Every message names the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Something else.
    #[error("`{origin}` is no checkpoint; name a file that --checkpoint has written")]
    NotACheckpoint {
        /// The file.
        origin: String,
    },
    /// Cut off or changed.
    #[error(
        "the checkpoint `{origin}` is damaged ({reason}); go on from another copy or start anew"
    )]
    Damaged {
        /// The file.
        origin: String,
        /// What does not fit.
        reason: String,
    },
    /// Written by a later version of this program.
    #[error(
        "the checkpoint `{origin}` has version {version} and this program reads {VERSION}; use the impasto that wrote it"
    )]
    Newer {
        /// The file.
        origin: String,
        /// Its version.
        version: u64,
    },
}

/// The part of the header that is not about tensors.
#[derive(Serialize, Deserialize)]
struct RunHeader {
    #[serde(flatten)]
    origin: RunOrigin,
    #[serde(flatten)]
    position: RunPosition,
    step: usize,
    #[serde(default)]
    optimiser: Option<OptimiserSettings>,
    #[serde(default)]
    optimiser_step: usize,
}

impl Checkpoint {
    /// Writes the bytes of the file to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = Hashing {
            out,
            hash: Sha256::new(),
        };
        let header = self.header()?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for (_, _, values) in self.tensors() {
            // In pieces, so that a second copy of a large state is never made.
            for piece in values.chunks(1 << 14) {
                let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
                out.write_all(&bytes)?;
            }
        }
        let Hashing { out, hash } = out;
        out.write_all(&hash.finalize())
    }

    /// Name, shape and values of every tensor, in the order of the file.
    fn tensors(&self) -> Vec<(&str, Vec<usize>, &[f32])> {
        let [width, height] = self.origin.size;
        let rgb = &self.standing.rgb[..];
        let mut tensors = vec![("picture", vec![3, height, width], rgb)];
        for (name, values) in self.optimiser.iter().flat_map(|state| &state.vectors) {
            tensors.push((name, vec![values.len()], values));
        }
        tensors
    }

    fn header(&self) -> io::Result<Vec<u8>> {
        let run = RunHeader {
            origin: self.origin.clone(),
            position: self.position.clone(),
            step: self.standing.step,
            optimiser: self.optimiser.as_ref().map(|state| state.settings),
            optimiser_step: self.optimiser.as_ref().map_or(0, |state| state.step),
        };
        let metadata = json!({
            "format": FORMAT,
            "version": VERSION.to_string(),
            "run": serde_json::to_string(&run)?,
        });
        let mut entries = Map::new();
        let mut place = |name: &str, dtype: &str, shape: Value, start: usize, bytes: usize| {
            let entry =
                json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, start + bytes] });
            entries.insert(name.to_string(), entry);
            start + bytes
        };
        let mut end = 0;
        for (name, shape, values) in self.tensors() {
            end = place(name, "F32", json!(shape), end, size_of_val(values));
        }
        place(
            "checksum",
            "U8",
            json!([CHECKSUM_BYTES]),
            end,
            CHECKSUM_BYTES,
        );
        // The metadata first, whatever the tensors are called: a file is known by its beginning.
        let mut header = format!("{{\"__metadata__\":{metadata},").into_bytes();
        header.extend(&serde_json::to_vec(&entries)?[1..]);
        // Tensors begin at multiples of eight, which spaces provide for.
        header.resize(header.len().next_multiple_of(8), b' ');
        Ok(header)
    }

    /// Reads the bytes of a file; `origin` is its name in messages.
    ///
    /// # Errors
    /// [`CheckpointError`]; any byte that was changed or is missing is noticed.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, CheckpointError> {
        let is_ours = bytes
            .get(size_of::<u64>()..)
            .is_some_and(|header| header.starts_with(BEGINNING.as_bytes()));
        if !is_ours {
            return Err(CheckpointError::NotACheckpoint {
                origin: origin.to_string(),
            });
        }
        let damaged = |reason: &str| CheckpointError::Damaged {
            origin: origin.to_string(),
            reason: brief(reason),
        };
        let sound = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .is_some_and(|(data, checksum)| *checksum == *Sha256::digest(data));
        if !sound {
            return Err(damaged("its checksum does not match"));
        }
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error.to_string()))?;
        let entries = metadata.metadata().clone().unwrap_or_default();
        let entry = |key: &str| {
            let missing = || damaged(&format!("its header lacks `{key}`"));
            entries.get(key).ok_or_else(missing)
        };
        let version = entry("version")?
            .parse()
            .map_err(|_| damaged("its version is no number"))?;
        if version > VERSION {
            return Err(CheckpointError::Newer {
                origin: origin.to_string(),
                version,
            });
        }
        let run: RunHeader =
            serde_json::from_str(entry("run")?).map_err(|error| damaged(&error.to_string()))?;
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|error| damaged(&error.to_string()))?;
        let mut vectors = BTreeMap::new();
        for (name, tensor) in tensors.iter() {
            if tensor.dtype() == Dtype::F32 {
                vectors.insert(name.to_string(), floats(tensor.data()));
            }
        }
        let rgb = vectors
            .remove("picture")
            .ok_or_else(|| damaged("its picture is missing"))?;
        let [width, height] = run.origin.size;
        if width.checked_mul(height).and_then(|n| n.checked_mul(3)) != Some(rgb.len()) {
            return Err(damaged("its picture is not of the size that it names"));
        }
        Ok(Self {
            origin: run.origin,
            position: run.position,
            standing: Standing {
                step: run.step,
                rgb,
            },
            optimiser: run.optimiser.map(|settings| OptimiserState {
                settings,
                step: run.optimiser_step,
                vectors,
            }),
        })
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

/// Passes bytes on and adds them to a checksum.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
