//! Floor 4: recipes and the run loop. Knows no clock, no file and no terminal; see [`Watcher`].

mod descent;
mod style;

pub use descent::{Ending, Painting, Schedule, StepLosses, Watcher, descend};
pub use style::{Start, StyleChoices, StyleRun, gatys, gatys_style_weight};
