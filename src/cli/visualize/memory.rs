//! How a visualisation is computed within the memory that there is.

use impasto::gpu::Profile;
use impasto::graph::TapeError;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::paint::{
    Glance, Misfit, Way, features_that_fit, largest_side, visualisation_that_fits,
};

use super::plan::Plan;
use crate::cli::arguments::VisualizeArguments;
use crate::cli::failure::Failure;
use crate::cli::memory::{Budget, announcement_of_a_look, refusal_of_a_look};

/// How it is computed.
pub struct Ways {
    /// The step.
    pub step: Glance,
    /// The look at the picture whose features are taken, if there is one.
    pub look: Option<Way>,
    /// What is to be said of both.
    pub line: String,
}

/// What is to be computed, and on what.
pub struct Problem<'a> {
    pub network: &'a Network,
    pub arguments: &'a VisualizeArguments,
    pub plan: &'a Plan,
    pub preference: &'a Preference,
    pub adapter: &'a Profile,
}

/// The step and the look, the smallest of what was tried if one does not fit.
type Found = Result<Result<(Glance, Option<Glance>), Misfit<Glance>>, TapeError>;

impl Problem<'_> {
    /// The first ways that fit.
    pub fn choose(&self) -> Result<Ways, Failure> {
        let size = self.plan.size;
        let budget = Budget::new(self.arguments.memory, self.adapter);
        match self.at(size, &budget)? {
            Ok((mut step, look)) => {
                // One comes after the other.
                step.peak = step.peak.max(look.as_ref().map_or(0, |look| look.peak));
                let line = announcement_of_a_look(&step, &budget);
                let look = look.map(|look| look.way);
                Ok(Ways { step, look, line })
            }
            Err(Misfit(smallest)) => {
                let [width, height] = size;
                let what = format!("a picture of {width}×{height}");
                let remedy = match self.largest(&budget) {
                    Some(side) => format!("use --size {side}, or raise --memory"),
                    None => "no smaller size fits either, so raise --memory".to_string(),
                };
                Err(refusal_of_a_look(&what, &smallest, &budget, &remedy))
            }
        }
    }

    /// For pictures of another `size`.
    fn at(&self, size: [usize; 2], budget: &Budget) -> Found {
        let (plan, adapter) = (self.plan, self.adapter);
        let look = plan.look(size).map(|(seen, wanted, preference)| {
            let wanted = (self.network, self.arguments.pooling, seen, &wanted);
            features_that_fit(wanted, &preference, adapter, budget.bytes)
        });
        let objective = plan.objective_at(size, self.network, self.arguments, &[])?;
        let what = (&plan.recipe, size);
        let step =
            visualisation_that_fits(&objective, what, self.preference, adapter, budget.bytes)?;
        Ok(match (look.transpose()?.transpose(), step) {
            (Ok(look), Ok(step)) => Ok((step, look)),
            // What is said to be the least must be enough for both.
            (Err(look), Err(step)) if look.0.peak > step.0.peak => Err(look),
            (_, Err(misfit)) | (Err(misfit), _) => Err(misfit),
        })
    }

    /// The largest side that fits, of those that the command takes.
    fn largest(&self, budget: &Budget) -> Option<usize> {
        let longest = self.plan.size[0].max(self.plan.size[1]);
        let at = |side: usize| {
            let scaled = |of: usize| (of * side).div_ceil(longest);
            self.plan.size.map(scaled)
        };
        // A smaller picture may be too small for the layer: that does not fit either.
        let fits = |side| self.at(at(side), budget).is_ok_and(|found| found.is_ok());
        largest_side(longest, fits).filter(|&side| side >= LEAST_SIDE)
    }
}

/// The smallest `--size`.
const LEAST_SIDE: usize = 16;
