//! Floor 4: recipes, the run loop, and runs as bytes. Knows no clock, no file and no terminal; see [`Watcher`].

mod checkpoint;
mod descent;
pub mod fingerprint;
mod forecast;
mod style;

pub use checkpoint::{Checkpoint, CheckpointError, RunOrigin, RunPosition};
pub use descent::{Ending, Painting, Schedule, Standing, StepLosses, Watcher, descend};
pub use forecast::{Misfit, StyleForecast, StyleProblem, first_that_fits, largest_side};
pub use style::{Start, StyleChoices, StyleRun, gatys, gatys_style_weight};
