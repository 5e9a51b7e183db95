//! Floor 1: the graph executor. A [`Tape`] says what is computed, [`Program`] adds the way back to the
//! picture, [`Plan`] shares buffers, [`Executable`] runs it all with one submit, or with several where
//! it would take a GPU long.

mod candidates;
mod filters;
mod forecast;
mod grad;
mod lineage;
mod lower;
mod node;
mod normalised;
mod plan;
mod pooling;
mod run;
mod section;
mod span;
mod strategy;
mod tape;
mod tile;
mod unroll;

pub use crate::kernels::Pass;
pub use candidates::Candidate;
pub use forecast::{Allocation, ConvolutionChoice, Forecast, Purpose};
pub use grad::{Program, Step};
pub use lower::{Memory, RunOptions};
pub use node::{Extent, Node, Op, Value, ValueId};
pub use plan::{Plan, Requirement, plan, requirements};
pub use run::{Executable, NodeTime};
pub use strategy::{Cut, Margin, Strategy};
pub use tape::{Tape, TapeError};
pub use unroll::Detail;
