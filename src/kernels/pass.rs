//! Which way through an op.

use std::fmt;

/// Which way a step runs through its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Inputs to output.
    Forward,
    /// Gradient of the output (or of a loss: 1) to the gradient of the first input.
    Gradient,
}

impl fmt::Display for Pass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Forward => "forward",
            Self::Gradient => "gradient",
        })
    }
}
