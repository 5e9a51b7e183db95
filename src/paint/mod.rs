//! Floor 4: recipes and the run loop. Knows no clock, no file and no terminal; see [`Watcher`].

mod descent;
mod forecast;
mod style;

pub use descent::{Ending, Painting, Schedule, StepLosses, Watcher, descend};
pub use forecast::{Misfit, StyleForecast, StyleProblem, first_that_fits, largest_side};
pub use style::{Start, StyleChoices, StyleRun, gatys, gatys_style_weight};
