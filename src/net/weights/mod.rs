//! The frozen weights of a network: reading them from bytes, and telling what they are.
//!
//! | container | tensors of the layer `conv1_1` | family |
//! |---|---|---|
//! | `.npz` | `conv1_1.codes` u8 (O,I,3,3), `conv1_1.codebook` f32 (256), `conv1_1.bias` f32 (O) | Caffe |
//! | `.npz`, `.safetensors` | `conv1_1.weight` (O,I,3,3), `conv1_1.bias` (O) | Caffe |
//! | `.npz`, `.safetensors` | `features.0.weight` (O,I,3,3), `features.0.bias` (O) | torchvision |
//!
//! `.weight` and `.bias` may be f32 or f16, in `.safetensors` also bf16. The network is known by
//! which convolutions are there; other tensors, such as the classifier's, are passed over.

mod container;
mod error;
mod npz;
mod safetensors;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use self::container::{Container, read_codes, read_floats};
pub use self::error::WeightsError;
use self::npz::Npz;
use self::safetensors::Safetensors;
use super::architecture::Architecture;

/// The entries of a codebook: one per value of a u8 code.
const CODEBOOK: usize = 256;

/// The weights of one 3×3 convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// The layer, for example `conv1_1`.
    pub name: String,
    /// C, the channels read.
    pub c_in: usize,
    /// O, the channels made.
    pub c_out: usize,
    /// Row-major (O,C,3,3).
    pub weight: Vec<f32>,
    /// (O).
    pub bias: Vec<f32>,
}

/// Who trained the weights, which decides what the network expects to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The Oxford originals: channels B, G, R in 0…255 with the mean colour taken away.
    Caffe,
    /// torchvision's own training: channels R, G, B with mean and deviation normalised.
    Torchvision,
}

/// The affine map from a picture to the network's input:
/// input_k = Σ_j `matrix[k][j]`·x_j + `offset[k]`, where j runs over R, G, B in \[0,1\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocessing {
    /// Network channel × R, G, B.
    pub matrix: [[f32; 3]; 3],
    /// One per network channel.
    pub offset: [f32; 3],
}

impl Family {
    /// What to do to a picture before the first convolution.
    pub fn preprocessing(self) -> Preprocessing {
        match self {
            Self::Caffe => Preprocessing {
                matrix: [[0.0, 0.0, 255.0], [0.0, 255.0, 0.0], [255.0, 0.0, 0.0]],
                // The mean colour of ImageNet in B, G, R (Simonyan & Zisserman, section 2.1).
                offset: [-103.939, -116.779, -123.68],
            },
            Self::Torchvision => {
                let mean = [0.485_f32, 0.456, 0.406];
                let deviation = [0.229_f32, 0.224, 0.225];
                let mut matrix = [[0.0; 3]; 3];
                let mut offset = [0.0; 3];
                for k in 0..3 {
                    matrix[k][k] = 1.0 / deviation[k];
                    offset[k] = -mean[k] / deviation[k];
                }
                Preprocessing { matrix, offset }
            }
        }
    }

    /// What a file calls the convolution `layer`, which stands at `index` in the network.
    fn tensor_prefix(self, index: usize, layer: &str) -> String {
        match self {
            Self::Caffe => layer.to_owned(),
            Self::Torchvision => format!("features.{index}"),
        }
    }
}

/// All convolutions of one network, checked and in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The network they belong to.
    pub architecture: Architecture,
    /// What they expect to see.
    pub family: Family,
    /// One per convolution of [`Architecture::convolutions`], in that order.
    pub convolutions: Vec<Convolution>,
}

impl Weights {
    /// Reads a `.npz` or `.safetensors` file; `origin` is its name in messages.
    ///
    /// # Errors
    /// [`WeightsError`] if the bytes are not such a file, are damaged, lack a convolution, or hold
    /// a tensor of the wrong shape or type or one that is not finite.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, WeightsError> {
        let mut container = open(bytes, origin)?;
        let (architecture, family) = recognise(container.as_ref(), origin)?;
        for (index, name, _, _) in architecture.convolutions() {
            let prefix = family.tensor_prefix(index, name);
            require(container.as_ref(), origin, architecture, &prefix)?;
        }
        let convolutions = architecture
            .convolutions()
            .map(|(index, name, c_in, c_out)| {
                let prefix = family.tensor_prefix(index, name);
                let bias = format!("{prefix}.bias");
                let shape = [c_out, c_in, 3, 3];
                Ok(Convolution {
                    name: name.to_owned(),
                    c_in,
                    c_out,
                    weight: read_weight(container.as_mut(), origin, &prefix, &shape)?,
                    bias: read_floats(container.as_mut(), origin, &bias, &[c_out])?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            architecture,
            family,
            convolutions,
        })
    }

    /// The convolution called `name`, for example `conv1_1`.
    pub fn convolution(&self, name: &str) -> Option<&Convolution> {
        self.convolutions
            .iter()
            .find(|convolution| convolution.name == name)
    }
}

/// The SHA-256 of `bytes` in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that `bytes` are the ones this release was made with.
///
/// # Errors
/// [`WeightsError::Checksum`] if their SHA-256 is not `expected_hex` (case does not matter).
pub fn verify_bundled(bytes: &[u8], expected_hex: &str, origin: &str) -> Result<(), WeightsError> {
    let found = sha256_hex(bytes);
    if found.eq_ignore_ascii_case(expected_hex) {
        return Ok(());
    }
    Err(WeightsError::Checksum {
        origin: origin.to_owned(),
        found,
        expected: expected_hex.to_owned(),
    })
}

/// Tells the two containers apart by how they begin.
fn open<'a>(bytes: &'a [u8], origin: &'a str) -> Result<Box<dyn Container + 'a>, WeightsError> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Ok(Box::new(Npz::open(bytes, origin)?));
    }
    if Safetensors::recognises(bytes) {
        return Ok(Box::new(Safetensors::open(bytes, origin)?));
    }
    let reason = if bytes.is_empty() {
        "it is empty"
    } else if bytes.starts_with(b"version https://git-lfs") {
        "it is a Git LFS pointer; run `git lfs pull`"
    } else {
        "it begins neither as .npz nor as .safetensors"
    };
    Err(WeightsError::NotWeights {
        origin: origin.to_owned(),
        reason: reason.to_owned(),
    })
}

/// The network and family whose convolution names fit the file best.
fn recognise(
    container: &dyn Container,
    origin: &str,
) -> Result<(Architecture, Family), WeightsError> {
    let mut best = None;
    for family in [Family::Caffe, Family::Torchvision] {
        for architecture in [Architecture::Vgg19, Architecture::Vgg16] {
            let (mut present, mut missing) = (0_i32, 0_i32);
            for (index, name, _, _) in architecture.convolutions() {
                if has_weight(container, &family.tensor_prefix(index, name)) {
                    present += 1;
                } else {
                    missing += 1;
                }
            }
            // VGG-19 has every name of VGG-16 in the Caffe family, so what is present must count.
            let score = present - missing;
            if present > 0 && best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, (architecture, family)));
            }
        }
    }
    best.map(|(_, found)| found)
        .ok_or_else(|| WeightsError::NoConvolution {
            origin: origin.to_owned(),
        })
}

fn has_weight(container: &dyn Container, prefix: &str) -> bool {
    container.has(&format!("{prefix}.weight")) || container.has(&format!("{prefix}.codes"))
}

/// Names the first tensor of the convolution `prefix` that is not there.
fn require(
    container: &dyn Container,
    origin: &str,
    architecture: Architecture,
    prefix: &str,
) -> Result<(), WeightsError> {
    let coded = container.has(&format!("{prefix}.codes"));
    let needed: &[&str] = if coded {
        &["codes", "codebook", "bias"]
    } else {
        &["weight", "bias"]
    };
    for part in needed {
        let tensor = format!("{prefix}.{part}");
        if !container.has(&tensor) {
            return Err(WeightsError::Missing {
                origin: origin.to_owned(),
                architecture,
                tensor,
            });
        }
    }
    Ok(())
}

/// The weights of one convolution, looked up in its codebook if it has one.
fn read_weight(
    container: &mut dyn Container,
    origin: &str,
    prefix: &str,
    shape: &[usize; 4],
) -> Result<Vec<f32>, WeightsError> {
    let codes_name = format!("{prefix}.codes");
    if !container.has(&codes_name) {
        return read_floats(container, origin, &format!("{prefix}.weight"), shape);
    }
    let name = format!("{prefix}.codebook");
    let mut codebook = [0.0; CODEBOOK];
    codebook.copy_from_slice(&read_floats(container, origin, &name, &[CODEBOOK])?);
    let codes = read_codes(container, origin, &codes_name, shape)?;
    Ok(codes
        .iter()
        .map(|&code| codebook[usize::from(code)])
        .collect())
}
