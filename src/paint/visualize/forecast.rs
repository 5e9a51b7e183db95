//! What a visualisation takes of the memory of a device, on paper, and the first way to compute it that fits.

use super::VisualizeRecipe;
use super::parametrisation::Variable;
use crate::gpu::{Ledger, Profile, UNIFORM_SLOT};
use crate::graph::{Detail, Purpose};
use crate::kernels::conv3x3::Preference;
use crate::kernels::resample::Affine;
use crate::objective::PursuitTape;
use crate::optim::OptimiserSettings;
use crate::paint::glance::{Found, Glance, step_on_paper};
use crate::paint::search::{Search, Way};

/// Dispatches around the network, at most: three times from the variable to a picture, once back.
const DISPATCHES: u64 = 16;

/// For a visualisation of `size` (W, H) by this recipe, with everything around the network.
///
/// # Errors
/// A picture too small for a layer.
pub fn visualisation_that_fits(
    objective: &PursuitTape,
    (recipe, size): (&VisualizeRecipe, [usize; 2]),
    preference: &Preference,
    adapter: &Profile,
    budget: Option<u64>,
) -> Found {
    let search = Search {
        ways: &Way::all(&objective.tape, preference, adapter.binding_limit),
        beside: Some(0),
        budget,
        on_paper: &|way, detail| Ok(on_paper(objective, (recipe, size), adapter, (way, detail))),
    };
    search.first()
}

/// What [`super::Visualisation::prepare`] makes, and one run of it.
fn on_paper(
    objective: &PursuitTape,
    (recipe, size): (&VisualizeRecipe, [usize; 2]),
    adapter: &Profile,
    (way, detail): (&Way, Detail),
) -> Glance {
    let mut ledger = Ledger::default();
    let forecast = step_on_paper(&objective.tape, adapter, (way, detail), &mut ledger);
    let values = Variable::on_paper(recipe.parametrisation, size, &mut ledger);
    for small in [
        size_of::<[f32; Affine::NUMBERS]>() as u64,
        DISPATCHES * UNIFORM_SLOT,
    ] {
        ledger.make(small);
        ledger.write(small);
    }
    // The longest that is read back.
    let read = (16 * size[0] * size[1]).max(4 * values) as u64;
    ledger.make(Ledger::staging(Ledger::rounded(read)));
    for target in &forecast.allocations {
        if target.purpose == Purpose::Target {
            ledger.write(target.bytes);
        }
    }
    ledger.write(4 * values as u64);
    for state in OptimiserSettings::Adam(recipe.adam()).on_paper(values) {
        ledger.make(state.bytes);
    }
    ledger.submit();
    Glance {
        way: way.clone(),
        peak: ledger.peak(),
        convolutions: forecast.convolutions,
        obstacle: forecast.obstacle,
    }
}
