//! Floor 4: checks every kernel on the adapter at hand against the f64 reference.
//!
//! A driver may compile a kernel wrongly, and a picture hides much. Each check runs one kernel on numbers from
//! [`crate::reference::samples`], compares what comes out with [`crate::reference`], and looks whether anything was
//! written that should not have been. `impasto doctor` reports [`check_all`]; the test suite calls the same functions
//! with many more cases.

pub mod alignment_loss;
pub mod average;
mod comparison;
pub mod conv3x3;
pub mod copy_bandwidth;
pub mod crop;
pub mod decorrelate;
pub mod dream;
mod evenness;
pub mod fma_peak;
pub mod fourier;
pub mod gram;
pub mod losses;
pub mod moments;
pub mod normalise;
pub mod optimisers;
pub mod picture_input;
pub mod pool2;
pub mod pooled_convolution;
pub mod relu;
pub mod resample;
mod round;
pub mod wasserstein_loss;

use std::fmt;

pub use evenness::Evenness;
pub use round::{check_all, check_shaders};

use crate::kernels::Merge;

/// What one kernel was found to compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Kernel and case: `conv3x3_direct 64→64 on 33×17`.
    pub name: String,
    /// The largest difference from the reference, relative to the root mean square of the latter; infinite with a fault.
    pub deviation: f64,
    /// The largest deviation that rounding explains.
    pub tolerance: f64,
    /// What is wrong that no rounding explains.
    pub fault: Option<Fault>,
}

/// What a kernel must never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It wrote where nothing of its output is: to this f32 of the buffer, which pads a plane or comes after the last.
    Strays(usize),
    /// Two runs from the same start differ in a bit.
    Wavers,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strays(at) => write!(out, "writes outside of its output, to f32 number {at}"),
            Self::Wavers => write!(out, "differs between two runs from the same start"),
        }
    }
}

impl Check {
    /// Whether the kernel does what it should; a deviation that is no number does not pass.
    pub fn passed(&self) -> bool {
        self.fault.is_none() && self.deviation <= self.tolerance
    }

    /// What was found: `is off by 3.1e-7, allowed 3.0e-5`, or the fault.
    pub fn finding(&self) -> String {
        match self.fault {
            Some(fault) => fault.to_string(),
            None => {
                format!(
                    "is off by {:.1e}, allowed {:.1e}",
                    self.deviation, self.tolerance
                )
            }
        }
    }
}

/// How a gradient joins others, for the name of a check.
fn merge_in_words(merge: Merge) -> &'static str {
    match (merge.accumulate, merge.mask) {
        (false, false) => "",
        (true, false) => ", added",
        (false, true) => ", masked",
        (true, true) => ", added and masked",
    }
}

fn slices_in_words(binding_limit: Option<u64>) -> String {
    binding_limit.map_or_else(String::new, |bytes| format!(", {bytes} bytes a binding"))
}
