//! `--memory`: how much there is, what of it a painting takes, and what to do where it does not fit.

use impasto::gpu::{AdapterMemory, Profile};
use impasto::graph::{Detail, TapeError};
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::objective::StyleTerms;
use impasto::optim::{AdamSettings, OptimiserSettings};
use impasto::paint::{
    Glance, Misfit, OnPaper, StyleForecast, StyleProblem, Way, anything_fits, first_that_fits,
    largest_side,
};

use super::failure::{Code, Failure};
pub use bytes::Bytes;
pub use optimiser_wish::OptimiserWish;
pub use resized::Resized;

mod bytes;
mod optimiser_wish;
mod resized;

/// The longest side that is looked at for something that fits.
const LONGEST_SIDE: usize = 16_384;

/// How much may be used, and who says so.
pub struct Budget {
    /// `None` where nobody knows.
    pub bytes: Option<u64>,
    /// Half a sentence.
    origin: &'static str,
    /// Bytes that were taken off already, and of which what is said speaks too.
    beside: u64,
    /// All of it.
    all: Option<u64>,
}

impl Budget {
    /// What `--memory` says, else what is known of the adapter. An eighth is left to others.
    pub fn new(wanted: Option<Bytes>, adapter: &Profile) -> Self {
        let shared = |bytes: u64| Some(bytes / 8 * 7);
        let (bytes, origin) = match (wanted, adapter.memory) {
            (Some(Bytes(bytes)), _) => (Some(bytes), "--memory"),
            (None, AdapterMemory::Own(bytes)) => (shared(bytes), "7/8 of the adapter's memory"),
            (None, AdapterMemory::Machine) => (
                free_memory().and_then(shared),
                "7/8 of the machine's free memory",
            ),
            (None, AdapterMemory::Shared(most)) => match free_memory() {
                Some(free) if free < most => (shared(free), "7/8 of the machine's free memory"),
                _ => (shared(most), "7/8 of what the driver has for the adapter"),
            },
            (None, AdapterMemory::Unknown) => (None, "nobody"),
        };
        Self {
            bytes,
            origin,
            beside: 0,
            all: bytes,
        }
    }

    /// What `--memory` says, else no limit.
    pub fn only(wanted: Option<Bytes>) -> Self {
        let bytes = wanted.map(|Bytes(bytes)| bytes);
        Self {
            bytes,
            origin: "--memory",
            beside: 0,
            all: bytes,
        }
    }

    /// What of it is left beside so many bytes.
    pub fn without(&self, bytes: u64) -> Self {
        Self {
            bytes: self.bytes.map(|left| left.saturating_sub(bytes)),
            beside: self.beside + bytes,
            ..*self
        }
    }

    /// `of 600.0 MiB (--memory)`.
    fn as_limit(&self) -> String {
        match self.bytes {
            Some(_) => format!("of {}", self.in_words()),
            None => "of an unknown amount (--memory sets a limit)".to_string(),
        }
    }

    /// `600.0 MiB (--memory)`.
    fn in_words(&self) -> String {
        match self.all {
            Some(bytes) => format!("{} ({})", Bytes(bytes), self.origin),
            None => "an unknown amount".to_string(),
        }
    }
}

/// Free memory of the machine, or of the group of processes that this one is confined to.
fn free_memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let confined = system.cgroup_limits().map(|limits| limits.free_memory);
    let free = system.available_memory().min(confined.unwrap_or(u64::MAX));
    (free > 0).then_some(free)
}

/// The first way to paint `problem` that fits. `resized` makes the picture of another longer side.
pub fn choose(
    problem: &StyleProblem<'_>,
    adapter: &Profile,
    wish: OptimiserWish,
    budget: &Budget,
    resized: impl Fn(usize) -> Resized,
) -> Result<StyleForecast, Failure> {
    let misfit = match first_that_fits(problem, adapter, &wish.settings(), budget.bytes)? {
        Ok(forecast) => return Ok(forecast),
        Err(misfit) => misfit,
    };
    let any = |problem: &StyleProblem<'_>, settings: &[OptimiserSettings], detail| {
        let wanted = (budget.bytes, detail);
        // A smaller picture may be too small for a layer: that does not fit either.
        anything_fits(problem, adapter, settings, wanted)
            .ok()
            .flatten()
    };
    let mut remedies = Vec::new();
    if let OptimiserWish::Lbfgs { without, .. } = wish {
        let shorter = wish.with_less();
        if !shorter.is_empty()
            && let Some(found) = any(problem, &shorter, Detail::Full)
            && let OptimiserSettings::Lbfgs(settings) = found.optimiser
        {
            remedies.push(format!("--history {}", settings.history));
        }
        let adam = OptimiserSettings::Adam(AdamSettings::default());
        if any(problem, &[adam], Detail::Full).is_some() {
            remedies.push(without.to_string());
        }
    }
    let direct = Preference {
        wish: Some(Variant::Direct),
        ..problem.preference.clone()
    };
    let direct = StyleProblem {
        preference: &direct,
        ..*problem
    };
    let is_rounded = problem.preference.wish.is_some() && problem.preference.may_round_in_tiles();
    let settings = wish.settings();
    if is_rounded && any(&direct, &settings, Detail::Full).is_some() {
        remedies.push("--variant direct".to_string());
    }
    // Tiles, which nobody can lay where the norm of a whole map is wanted.
    let in_tiles = StyleTerms {
        normalised: false,
        ..problem.terms.clone()
    };
    let in_tiles = StyleProblem {
        terms: &in_tiles,
        ..*problem
    };
    if problem.terms.normalised && any(&in_tiles, &settings, Detail::Full).is_some() {
        remedies.push("no --normalize-gradients".to_string());
    }
    let fits = |side, detail| {
        let resized = resized(side);
        let smaller = StyleProblem {
            size: resized.content,
            styles: &resized.styles,
            ..*problem
        };
        any(&smaller, &settings, detail).is_some()
    };
    let longest = problem.size[0].max(problem.size[1]).min(LONGEST_SIDE);
    let side = largest_side(longest, |side| fits(side, Detail::Sketch));
    // The next smaller ones, should the sketch have been too small.
    let sides = side.into_iter().flat_map(|side| [side, side - side / 32]);
    let side = sides.into_iter().find(|&side| fits(side, Detail::Full));
    remedies.extend(side.map(|side| format!("--size {}", resized(side).flag)));
    Err(refusal(problem, wish, budget, &misfit, &remedies))
}

fn refusal(
    problem: &StyleProblem<'_>,
    wish: OptimiserWish,
    budget: &Budget,
    Misfit(smallest): &Misfit<StyleForecast>,
    remedies: &[String],
) -> Failure {
    let [width, height] = problem.size;
    let remedies = remedies.join(" or ");
    let message = if let Some(obstacle) = &smallest.obstacle {
        match remedies.as_str() {
            "" => obstacle.to_string(),
            remedies => format!("{obstacle}, for example {remedies}"),
        }
    } else {
        let with = match wish {
            OptimiserWish::Lbfgs {
                settings,
                is_named: true,
                ..
            } => format!(" with --history {}", settings.history),
            _ => String::new(),
        };
        let remedies = match remedies.as_str() {
            "" => "no smaller size fits either, so raise --memory".to_string(),
            remedies => format!("use {remedies}, or raise --memory"),
        };
        format!(
            "{width}×{height}{with} takes at least {} of device memory and the limit is {}; {remedies}",
            Bytes(smallest.peak),
            budget.in_words(),
        )
    };
    Failure {
        code: Code::Memory,
        message,
    }
}

/// How it is computed, what it takes of what there is, and what L-BFGS remembers: one line.
pub fn announcement(forecast: &StyleForecast, wish: OptimiserWish, budget: &Budget) -> String {
    let peak = Bytes(forecast.peak);
    let history = match (forecast.optimiser, wish) {
        (
            OptimiserSettings::Lbfgs(settings),
            OptimiserWish::Lbfgs {
                settings: wished, ..
            },
        ) if settings.history < wished.history => {
            let (history, wished) = (settings.history, wished.history);
            format!("; L-BFGS remembers {history} steps instead of {wished}, to fit")
        }
        (OptimiserSettings::Lbfgs(settings), _) => {
            format!("; L-BFGS remembers {} steps", settings.history)
        }
        (OptimiserSettings::Adam(_), _) => String::new(),
    };
    let (limit, way) = (budget.as_limit(), in_words(&forecast.way));
    format!("memory: {peak} at the peak {limit}, {way}{history}")
}

/// The first way to look at a picture that fits, with a line that announces it; `what` is looked at.
pub fn choose_for_a_look(
    what: &str,
    budget: &Budget,
    find: impl FnOnce(Option<u64>) -> Result<Result<Glance, Misfit<Glance>>, TapeError>,
) -> Result<(Glance, String), Failure> {
    let glance = match find(budget.bytes)? {
        Ok(glance) => glance,
        Err(Misfit(smallest)) => {
            let remedy = "use a smaller picture, or raise --memory";
            return Err(refusal_of_a_look(what, &smallest, budget, remedy));
        }
    };
    let line = announcement_of_a_look(&glance, budget);
    Ok((glance, line))
}

/// How a look is computed and what it takes of what there is: one line.
pub fn announcement_of_a_look(glance: &Glance, budget: &Budget) -> String {
    let peak = Bytes(glance.peak + budget.beside);
    let (limit, way) = (budget.as_limit(), in_words(&glance.way));
    format!("memory: {peak} at the peak {limit}, {way}")
}

/// That nothing fits, given the `smallest` look that was tried.
pub fn refusal_of_a_look(what: &str, smallest: &Glance, budget: &Budget, remedy: &str) -> Failure {
    let message = match smallest.obstacle() {
        Some(obstacle) => obstacle.to_string(),
        None => format!(
            "{what} takes at least {} of device memory and the limit is {}; {remedy}",
            Bytes(smallest.peak + budget.beside),
            budget.in_words(),
        ),
    };
    Failure {
        code: Code::Memory,
        message,
    }
}

/// Cuts and tiles, and what they cost.
fn in_words(way: &Way) -> String {
    let strategy = &way.candidate.strategy;
    if way.gives_up_speed {
        format!("{strategy}, exact convolutions instead of faster ones, to fit")
    } else {
        strategy.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_free_memory() {
        assert!(free_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
