//! The recipe that the flags name, with what they change in how it descends.

use impasto::net::Architecture;
use impasto::objective::StyleTerms;
use impasto::optim::{AdamSettings, LbfgsSettings, OptimiserSettings};
use impasto::paint::{
    Checkpoint, Scale, Sources, StyleRecipe, scale_sizes, share_steps_and_finish,
};

use super::JobFinish;
use crate::cli::arguments::{OptimiserName, Recipe, RunArguments, ScaleCount, StyleArguments};
use crate::cli::failure::Failure;
use crate::cli::memory::OptimiserWish;
use crate::cli::resume::Session;

/// The longer side of the coarsest scale if neither flags nor the recipe name one.
const USUAL_SMALLEST: usize = 128;

/// The recipe as it is.
pub(super) fn named(arguments: &StyleArguments, architecture: Architecture) -> StyleRecipe {
    match arguments.recipe {
        Recipe::Gatys => StyleRecipe::gatys(architecture),
        Recipe::Painterly => StyleRecipe::painterly(architecture),
    }
}

/// The optimiser of `recipe`, or the one that the flags name.
pub fn optimiser(arguments: &RunArguments, recipe: &StyleRecipe) -> Result<OptimiserWish, Failure> {
    let of_recipe = match recipe.optimiser {
        OptimiserSettings::Adam(_) => OptimiserName::Adam,
        OptimiserSettings::Lbfgs(_) => OptimiserName::Lbfgs,
    };
    let flags = &arguments.descent;
    match arguments.optimizer.unwrap_or(of_recipe) {
        OptimiserName::Lbfgs => {
            let of_adam = [
                ("--beta1", flags.beta1),
                ("--beta2", flags.beta2),
                ("--epsilon", flags.epsilon),
            ];
            if let Some((flag, value)) = of_adam.iter().find_map(|&(flag, v)| Some((flag, v?))) {
                return Err(Failure::usage(format!(
                    "{flag} {value} is for Adam, and L-BFGS has none; add --optimizer adam, or leave it out"
                )));
            }
            let of_recipe = match recipe.optimiser {
                OptimiserSettings::Lbfgs(settings) => settings,
                OptimiserSettings::Adam(_) => LbfgsSettings::default(),
            };
            let learning_rate = arguments.learning_rate.unwrap_or(of_recipe.learning_rate);
            let settings = LbfgsSettings {
                learning_rate,
                ..of_recipe
            };
            Ok(OptimiserWish::lbfgs(arguments.history, settings))
        }
        OptimiserName::Adam => {
            let of_recipe = match recipe.optimiser {
                OptimiserSettings::Adam(settings) => settings,
                OptimiserSettings::Lbfgs(_) => AdamSettings::default(),
            };
            Ok(OptimiserWish::Adam(AdamSettings {
                learning_rate: arguments.learning_rate.unwrap_or(of_recipe.learning_rate),
                beta1: flags.beta1.unwrap_or(of_recipe.beta1),
                beta2: flags.beta2.unwrap_or(of_recipe.beta2),
                epsilon: flags.epsilon.unwrap_or(of_recipe.epsilon),
                ..of_recipe
            }))
        }
    }
}

/// The part of the content's detail that each scale begins with: less where the content is to count for less than in
/// `recipe`, so that a picture that is not to show it does not get it by the back door.
pub(super) fn detail(arguments: &StyleArguments, recipe: &StyleRecipe, terms: &StyleTerms) -> f32 {
    let weight = terms.content_weight / recipe.terms.content_weight;
    arguments
        .detail
        .unwrap_or(recipe.detail * weight.clamp(0.0, 1.0))
}

/// How many scales the flags ask for, and from which size on.
enum Wish {
    Number(usize),
    From(usize),
}

fn wish(arguments: &RunArguments, recipe: &StyleRecipe) -> Result<Wish, Failure> {
    let flags = &arguments.descent;
    let smallest = flags.smallest.map(|smallest| smallest as usize);
    match (flags.scales, smallest) {
        (Some(ScaleCount::Number(number)), Some(smallest)) => Err(Failure::usage(format!(
            "--smallest {smallest} and --scales {number} both say where to begin; leave one of them out"
        ))),
        (Some(ScaleCount::Number(number)), None) => Ok(Wish::Number(number)),
        (Some(ScaleCount::Auto), smallest) => {
            let smallest = smallest.or(recipe.smallest);
            Ok(Wish::From(smallest.unwrap_or(USUAL_SMALLEST)))
        }
        (None, smallest) => Ok(match smallest.or(recipe.smallest) {
            Some(smallest) => Wish::From(smallest),
            None => Wish::Number(1),
        }),
    }
}

/// Longer sides from coarse to fine, up to `end`. Where their number is not named, those too small for a layer of
/// `terms` are left out.
pub fn sizes(
    arguments: &RunArguments,
    recipe: &StyleRecipe,
    (architecture, terms): (Architecture, &StyleTerms),
    (sources, end): (&Sources, usize),
) -> Result<Vec<usize>, Failure> {
    let mut sizes = match wish(arguments, recipe)? {
        Wish::Number(number) => {
            let mut sizes = scale_sizes(end, 1);
            sizes.drain(..sizes.len().saturating_sub(number));
            return Ok(sizes);
        }
        Wish::From(smallest) => scale_sizes(end, smallest),
    };
    let layers = || terms.content.iter().chain(&terms.style).chain(&terms.dream);
    let least = layers()
        .map(|term| architecture.downscale(term.layer))
        .max();
    sizes.retain(|&size| {
        let (content, styles) = sources.sizes(size);
        let mut sides = std::iter::once(content).chain(styles).flatten();
        size == end || sides.all(|side| side >= least.unwrap_or(1))
    });
    Ok(sizes)
}

/// The scales of a run of all steps that the flags name, and what is done at the last of them instead, if anything is.
pub fn stages(
    arguments: &RunArguments,
    recipe: &StyleRecipe,
    (architecture, terms): (Architecture, &StyleTerms),
    sizes: &[usize],
) -> Result<(Vec<Scale>, Option<JobFinish>), Failure> {
    let (iterations, finish) = (arguments.iterations, arguments.descent.finish);
    let is_told_how = arguments.style_loss.is_some() || arguments.optimizer.is_some();
    let side = sizes.last().copied().unwrap_or(0);
    let steps = match finish {
        Some(steps) if steps > iterations => {
            return Err(Failure::usage(format!(
                "--finish {steps} is more than the {iterations} steps of --iterations; take fewer, or give the run more"
            )));
        }
        Some(steps) => steps as usize,
        None if is_told_how => 0,
        None => recipe.finish.steps(iterations, side),
    };
    let scales = share_steps_and_finish(sizes, iterations as usize, steps);
    if steps == 0 {
        return Ok((scales, None));
    }
    let finish = JobFinish {
        terms: recipe.finishing(terms, architecture, side),
        optimiser: OptimiserWish::lbfgs(arguments.history, recipe.finish.optimiser).of_a_finish(),
    };
    Ok((scales, Some(finish)))
}

/// The optimisers of a run and of its finish, if that has one, where it goes on from `resumed`: what that remembers
/// decides.
pub fn resumed_wishes(
    wish: OptimiserWish,
    finish: Option<JobFinish>,
    (resumed, scales): (Option<&Checkpoint>, usize),
) -> (OptimiserWish, Option<JobFinish>) {
    let Some(resumed) = resumed else {
        return (wish, finish);
    };
    let Some(kept) = &resumed.optimiser else {
        return (wish, finish);
    };
    let kept = OptimiserWish::from(kept.settings);
    match finish {
        Some(finish) if resumed.position.scale.scale + 1 == scales => {
            let finish = JobFinish {
                optimiser: kept.of_a_finish(),
                ..finish
            };
            (wish, Some(finish))
        }
        finish => (kept, finish),
    }
}

/// Writes into the flags of the `session` how many `scales` there are, as if they had said it.
pub fn settle_scales(session: &mut Session, scales: usize) {
    if !session.gives("smallest") {
        session.settle("scales", &scales.to_string());
    } else {
        session.set("scales", &scales.to_string());
        session.unset("smallest");
    }
}

/// Refuses another number of steps than that which was shared among scales, or over which the mean was laid out.
pub(super) fn check_iterations(
    arguments: &RunArguments,
    resumed: &Checkpoint,
    hangs_on_it: bool,
) -> Result<(), Failure> {
    let kept = resumed.origin.options.get("iterations");
    let kept = kept.and_then(|values| values.first()?.parse::<u32>().ok());
    match kept {
        Some(kept) if hangs_on_it && kept != arguments.iterations => Err(Failure::usage(format!(
            "--iterations {} does not agree with the run that is gone on with, whose {kept} steps are shared among its scales and means; leave the flag out",
            arguments.iterations
        ))),
        _ => Ok(()),
    }
}
