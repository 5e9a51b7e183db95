//! Floor 4: recipes, the run loop, and runs as bytes. Knows no clock, no file and no terminal; see [`Watcher`].

mod checkpoint;
mod descent;
mod detail;
mod dream;
pub mod fingerprint;
mod forecast;
mod glance;
mod noise;
mod octaves;
mod proportion;
mod recipe;
mod scale_watcher;
mod scaled;
mod scales;
mod search;
mod style;
mod texture;
mod visualize;
mod zoom;

pub use checkpoint::{Checkpoint, CheckpointError, RunOrigin, RunPosition};
pub use descent::{Ending, Painting, Schedule, Standing, StepLosses, Watcher, descend};
pub use dream::{DreamChoices, DreamStanding, DreamStart, DreamWatcher, Dreamt, dream};
pub use forecast::{StyleForecast, StyleProblem, anything_fits, first_that_fits};
pub use glance::{Glance, dream_gradient_that_fits, features_that_fit, style_gradient_that_fits};
pub use octaves::{Octave, octave_sizes};
pub use proportion::{at_scale, in_proportion};
pub use recipe::{
    CONTENT_PULL, RecipeFinish, StyleRecipe, dream_weight, gatys, gatys_style_weight, match_grams,
    match_moments, normalise_gradients, painterly_style_weight, style_weight,
};
pub use scaled::{Finish, PreparationError, Resumption, Rhythm, ScaledChoices, ScaledRun};
pub use scales::{
    Scale, ScalePosition, Sources, averaging_over, nearest_multiple, scale_sizes, share_steps,
    share_steps_and_finish,
};
pub use search::{Misfit, OnPaper, Way, largest_side};
pub use style::{Start, StyleChoices, StyleRun};
pub use texture::{canvas, texture};
pub use visualize::{
    Parametrisation, Transforms, Visualisation, VisualisationError, VisualisationReport,
    VisualisationState, VisualisationWatcher, VisualizeRecipe, visualisation_that_fits,
};
pub use zoom::zoomed;
