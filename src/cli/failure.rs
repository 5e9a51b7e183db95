//! What ends the command early: one sentence and an exit code.

use std::fmt;

use impasto::gpu::GpuError;
use impasto::graph::TapeError;
use impasto::image::{ImageError, ProofError};
use impasto::net::WeightsError;
use impasto::objective::ObjectiveError;
use impasto::paint::{CheckpointError, PreparationError, VisualisationError};

/// Exit codes beyond success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Something is wrong that no other code names.
    Internal = 1,
    /// A flag or its value.
    Usage = 2,
    /// No usable adapter.
    NoAdapter = 3,
    /// A file, picture or weights.
    BadInput = 4,
    /// Would not fit in memory.
    Memory = 5,
    /// The device was lost.
    DeviceLost = 6,
    /// Interrupted by the user.
    Interrupted = 130,
}

/// A failure as the user sees it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// One sentence, without a trailing full stop.
    pub message: String,
}

impl Failure {
    /// A flag that cannot be obeyed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: Code::Usage,
            message: message.into(),
        }
    }

    /// A checkpoint that is not what it says of itself.
    pub fn mismatch(reason: &dyn fmt::Display) -> Self {
        Self::bad_input(format!(
            "the checkpoint does not fit its own run ({reason}); start a new run"
        ))
    }

    /// A file that cannot be used.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self {
            code: Code::BadInput,
            message: message.into(),
        }
    }
}

impl From<GpuError> for Failure {
    fn from(error: GpuError) -> Self {
        let code = match error {
            GpuError::NoAdapter
            | GpuError::NoSuchAdapter { .. }
            | GpuError::DeviceRefused { .. } => Code::NoAdapter,
            GpuError::OutOfMemory { .. }
            | GpuError::MemoryExhausted
            | GpuError::BindingTooLarge { .. }
            | GpuError::TooManyWorkgroups { .. } => Code::Memory,
            GpuError::DeviceLost { .. } => Code::DeviceLost,
            GpuError::Rejected { .. } => Code::Internal,
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}

impl From<TapeError> for Failure {
    fn from(error: TapeError) -> Self {
        let remedy = match error {
            TapeError::TooSmall { .. } => "; use a larger picture or a layer further down",
            _ => "",
        };
        Self::bad_input(format!("{error}{remedy}"))
    }
}

impl From<ObjectiveError> for Failure {
    fn from(error: ObjectiveError) -> Self {
        match error {
            ObjectiveError::Tape(error) => error.into(),
            ObjectiveError::Gpu(error) => error.into(),
        }
    }
}

impl From<PreparationError> for Failure {
    fn from(error: PreparationError) -> Self {
        match error {
            PreparationError::Objective(error) => error.into(),
            mismatch => Self::mismatch(&mismatch),
        }
    }
}

impl From<VisualisationError> for Failure {
    fn from(error: VisualisationError) -> Self {
        match error {
            VisualisationError::Gpu(error) => error.into(),
            mismatch => Self::mismatch(&mismatch),
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        Self::bad_input(error.to_string())
    }
}

/// A command line that asks for nothing that can be done.
pub enum Refusal {
    /// What clap has to say, help included.
    Clap(clap::Error),
    /// What we have to say.
    Failure(Failure),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
