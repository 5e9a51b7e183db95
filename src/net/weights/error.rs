//! Why a file cannot serve as the weights of a network.

use thiserror::Error;

use crate::net::architecture::Architecture;

/// A refused weights file. Every message is one sentence that names the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeightsError {
    /// Neither of the two containers.
    #[error(
        "`{origin}` is not a weights file ({reason}); give a .npz or .safetensors file of VGG-16 or VGG-19"
    )]
    NotWeights {
        /// The file.
        origin: String,
        /// What was found instead.
        reason: String,
    },
    /// The container is cut off or its contents contradict themselves.
    #[error("`{origin}` is damaged or cut off ({reason}); fetch or make the file again")]
    Damaged {
        /// The file.
        origin: String,
        /// What the reader of the container said.
        reason: String,
    },
    /// A sound container without one known name in it.
    #[error(
        "`{origin}` holds no VGG convolution; expected names such as conv1_1.weight, conv1_1.codes or features.0.weight"
    )]
    NoConvolution {
        /// The file.
        origin: String,
    },
    /// A tensor of the network is not there.
    #[error(
        "`{origin}` lacks `{tensor}`, which {architecture} needs; use a file that has every convolution"
    )]
    Missing {
        /// The file.
        origin: String,
        /// The network that the other names belong to.
        architecture: Architecture,
        /// The name that was looked for.
        tensor: String,
    },
    /// A tensor has the wrong extent.
    #[error(
        "`{tensor}` in `{origin}` has shape {found}, but {expected} is needed; use the weights of an unmodified VGG"
    )]
    Shape {
        /// The file.
        origin: String,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: String,
        /// The shape the network needs.
        expected: String,
    },
    /// A tensor's numbers are of a kind that is not read.
    #[error("`{tensor}` in `{origin}` is stored as {found}, but {expected} is needed; convert it")]
    Element {
        /// The file.
        origin: String,
        /// The tensor.
        tensor: String,
        /// Its element type as the file writes it.
        found: String,
        /// The element types that are read.
        expected: &'static str,
    },
    /// numpy's `fortran_order`, first index fastest.
    #[error(
        "`{tensor}` in `{origin}` is stored column by column; save it again with numpy.ascontiguousarray"
    )]
    ColumnOrder {
        /// The file.
        origin: String,
        /// The tensor.
        tensor: String,
    },
    /// A number that would poison every picture.
    #[error(
        "`{tensor}` in `{origin}` is {value} at position {position}; use a file with finite weights only"
    )]
    NotFinite {
        /// The file.
        origin: String,
        /// The tensor.
        tensor: String,
        /// Where, counted from 0 in row-major order.
        position: usize,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// Not the bytes that this release was made with.
    #[error("`{origin}` has SHA-256 {found}, but {expected} was expected; fetch the file again")]
    Checksum {
        /// The file.
        origin: String,
        /// What its bytes give.
        found: String,
        /// What this release was made with.
        expected: String,
    },
}
