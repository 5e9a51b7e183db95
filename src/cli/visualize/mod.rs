//! `impasto visualize`.

use std::path::Path;

use impasto::paint::{Visualisation, fingerprint};

use self::job::Job;
use self::plan::Plan;
use super::arguments::{Common, Objective, ParametrisationName, VisualizeArguments};
use super::failure::Failure;
use super::pictures::Output;
use super::resume::{Options, Session};
use super::{network, open_gpu, say, tuning};

mod job;
mod plan;
mod progress;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &VisualizeArguments,
    session: Session,
) -> Result<(), Failure> {
    check(arguments)?;
    // The picture that is made again must not be lost either.
    let inputs = image(arguments).into_iter().map(|(_, path)| path);
    let inputs: Vec<&Path> = inputs.chain(arguments.from.as_deref()).collect();
    let output = Output::file(&arguments.output, &inputs)?;
    let network = network::load(common)?;
    let plan = Plan::new(common, arguments, &network)?;
    let draft = plan.draft(common, arguments, session, &network)?;
    let gpu = open_gpu(common)?;
    let preference = tuning::preference(common, gpu.profile(), None);
    let goals = plan.goals(&gpu, &network, arguments)?;
    let visualisation = Visualisation::prepare(
        &gpu,
        plan.objective(&network, arguments, &goals)?,
        plan.recipe.clone(),
        plan.size,
        &preference,
    )?;
    let origin = draft.fingerprints.clone().origin(
        gpu.adapter(),
        fingerprint::of_kernels(visualisation.executable().recording()),
        plan.size,
        Options::new(),
    );
    let record = draft.finish(common, origin, Some(plan.resolved()));
    let [width, height] = plan.size;
    let (pictures, steps) = (goals.len(), plan.recipe.iterations);
    say(
        common,
        match pictures {
            1 => format!("painting {width}×{height}, {steps} steps"),
            _ => format!("painting {pictures} pictures of {width}×{height}, {steps} steps each"),
        },
    );
    let job = Job {
        visualisation,
        plan,
        goals,
        output,
        record,
    };
    job.paint(common, &gpu)
}

/// Refuses flags that do not go together.
fn check(arguments: &VisualizeArguments) -> Result<(), Failure> {
    if let (Some((option, _)), Objective::Neuron) = (image(arguments), arguments.objective) {
        return Err(Failure::usage(format!(
            "--{option} takes all features of its picture, and --objective neuron one; leave one of them away"
        )));
    }
    if arguments.at.is_some() && arguments.objective != Objective::Neuron {
        return Err(Failure::usage(
            "--at names the place of a neuron, and no neuron is asked for; add --objective neuron",
        ));
    }
    if arguments.parametrisation == ParametrisationName::Pixels && arguments.decay != 1.0 {
        return Err(Failure::usage(
            "--decay weighs frequencies, which --parametrisation pixels has none of; leave one of them away",
        ));
    }
    Ok(())
}

/// The picture that features are taken of, if any, and the option that names it.
fn image(arguments: &VisualizeArguments) -> Option<(&'static str, &Path)> {
    let images = [
        ("invert", &arguments.invert),
        ("caricature", &arguments.caricature),
    ];
    let mut images = images.into_iter();
    images.find_map(|(option, path)| Some((option, path.as_deref()?)))
}
