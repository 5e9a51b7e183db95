//! Which optimiser is wished for, and with how little of its memory it may do.

use impasto::optim::{AdamSettings, LbfgsSettings, OptimiserSettings};

/// The shortest history of L-BFGS that is taken to save memory without being asked. A pair costs 24 bytes per pixel.
const SHORTEST_HISTORY: usize = 5;

/// Which optimiser the flags ask for.
#[derive(Clone, Copy)]
pub enum OptimiserWish {
    Adam(AdamSettings),
    /// With a history as long as these settings say. One that nobody named may be shorter, to fit.
    Lbfgs {
        settings: LbfgsSettings,
        is_named: bool,
        /// What does without.
        without: &'static str,
    },
}

/// What does without L-BFGS in a run that is all its own.
const ADAM: &str = "--optimizer adam";

impl From<OptimiserSettings> for OptimiserWish {
    fn from(settings: OptimiserSettings) -> Self {
        match settings {
            OptimiserSettings::Adam(settings) => Self::Adam(settings),
            OptimiserSettings::Lbfgs(settings) => Self::Lbfgs {
                settings,
                is_named: true,
                without: ADAM,
            },
        }
    }
}

impl OptimiserWish {
    /// L-BFGS with the `history` that was named, else with that of `settings` where it fits.
    pub fn lbfgs(history: Option<u32>, settings: LbfgsSettings) -> Self {
        Self::Lbfgs {
            settings: LbfgsSettings {
                history: history.map_or(settings.history, |history| history as usize),
                ..settings
            },
            is_named: history.is_some(),
            without: ADAM,
        }
    }

    /// The same for the last part of a run, which can be left out.
    pub fn of_a_finish(self) -> Self {
        match self {
            Self::Lbfgs {
                settings, is_named, ..
            } => Self::Lbfgs {
                settings,
                is_named,
                without: "--finish 0",
            },
            adam => adam,
        }
    }

    /// The shortest history that would do.
    fn shortest_history(self) -> usize {
        match self {
            Self::Lbfgs {
                settings,
                is_named: true,
                ..
            } => settings.history,
            _ => SHORTEST_HISTORY,
        }
    }

    /// L-BFGS with shorter histories than would do, the longest first.
    pub fn with_less(self) -> Vec<OptimiserSettings> {
        match self {
            Self::Adam(_) => Vec::new(),
            Self::Lbfgs { settings, .. } => {
                histories(2, self.shortest_history() - 1, settings).collect()
            }
        }
    }

    /// What would do, the best first.
    pub fn settings(self) -> Vec<OptimiserSettings> {
        match self {
            Self::Adam(settings) => vec![OptimiserSettings::Adam(settings)],
            Self::Lbfgs { settings, .. } => {
                histories(self.shortest_history(), settings.history, settings).collect()
            }
        }
    }
}

/// L-BFGS with the longest history to the shortest.
fn histories(
    shortest: usize,
    longest: usize,
    settings: LbfgsSettings,
) -> impl Iterator<Item = OptimiserSettings> {
    let all = (shortest..=longest).rev();
    all.map(move |history| {
        OptimiserSettings::Lbfgs(LbfgsSettings {
            history,
            ..settings
        })
    })
}
