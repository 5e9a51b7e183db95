//! `impasto visualize`.

use std::path::Path;

use impasto::image::remove_leftovers;
use impasto::paint::{Glance, Visualisation, fingerprint};

use self::job::Job;
use self::memory::{Problem, Ways};
use self::plan::{Plan, image};
use self::sheet::Places;
use super::arguments::{Common, Objective, ParametrisationName, VisualizeArguments};
use super::checkpoint::{check_file, check_names};
use super::dry_run::Report;
use super::failure::Failure;
use super::flags::{Options, is_stream};
use super::keeping::Keeping;
use super::memory::Bytes;
use super::pictures::Output;
use super::resume::Session;
use super::{explain, network, open_gpu, say, side_file, tuning};

mod job;
mod keeping;
mod memory;
mod plan;
mod progress;
mod sheet;
#[cfg(test)]
mod tests;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &VisualizeArguments,
    mut session: Session,
) -> Result<(), Failure> {
    check(arguments, &session)?;
    // The picture that is made again must not be lost either.
    let inputs = image(arguments).into_iter().map(|(_, path)| path);
    let inputs: Vec<&Path> = inputs.chain(arguments.from.as_deref()).collect();
    let output = check_files(arguments, inputs)?;
    let network = network::load(common)?;
    let plan = Plan::new(common, arguments, &network)?;
    plan.settle(&mut session);
    let flags = &arguments.keeping;
    let names: Vec<&Path> = image(arguments).into_iter().map(|(_, path)| path).collect();
    let of_inputs = (plan.fingerprints(&network), &names[..]);
    let keeping = Keeping::new(common, flags, &session, of_inputs)?;
    let draft = plan.draft(common, arguments, session, (&network, &output))?;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let preference = tuning::preference(common, gpu.profile(), None);
    let problem = Problem {
        network: &network,
        arguments,
        plan: &plan,
        preference: &preference,
        adapter: gpu.profile(),
    };
    let Ways { step, look, line } = problem.choose()?;
    if arguments.dry_run {
        let files = (&output, keeping.as_ref());
        return tell(arguments, &plan, (&step, line), files);
    }
    say(common, line);
    remove_leftovers(output.path());
    let goals = plan.goals(&gpu, &network, arguments, look.as_ref())?;
    let strategy = &step.way.candidate.strategy;
    let visualisation = Visualisation::prepare(
        &gpu,
        plan.objective_at(plan.size, &network, arguments, &goals)?,
        plan.recipe.clone(),
        plan.size,
        (&step.way.preference, strategy),
    )?;
    let origin = draft.fingerprints.clone().origin(
        gpu.adapter(),
        fingerprint::of_kernels(visualisation.executable().recording()),
        plan.size,
        Options::new(),
    );
    let record = draft.finish(common, origin, Some(plan.resolved(strategy)));
    say(common, undertaking(&plan, goals.len()));
    let note = Places::of(goals.len(), plan.size).note();
    note.into_iter().for_each(|note| say(common, note));
    let job = Job {
        visualisation,
        plan,
        goals,
        output,
        record,
        keeping,
        preview: arguments.preview.as_deref(),
    };
    job.paint(common, &gpu)?;
    let peak = Bytes(gpu.peak_bytes());
    explain(common, format!("memory: {peak} at the peak"));
    Ok(())
}

/// The output, when everything that a run would write can be written, and none of it is one of `inputs`.
fn check_files<'a>(
    arguments: &'a VisualizeArguments,
    mut inputs: Vec<&'a Path>,
) -> Result<Output, Failure> {
    let path = &*arguments.output;
    let streams = inputs.iter().any(|path| is_stream(path)) || is_stream(path);
    check_names(&arguments.keeping, streams)?;
    let resumed = arguments.keeping.resume.as_deref();
    let read = [&inputs[..], resumed.as_slice()].concat();
    let output = Output::named(path, arguments.format, &read)?;
    if let Some(preview) = arguments.preview.as_deref().filter(|path| !is_stream(path)) {
        side_file::check_picture("preview", preview, &[&read[..], &[path]].concat())?;
        inputs.push(preview);
    }
    inputs.push(path);
    check_file(&arguments.keeping, &inputs)?;
    Ok(output)
}

/// What begins, of so many pictures.
fn undertaking(plan: &Plan, pictures: usize) -> String {
    let ([width, height], steps) = (plan.size, plan.recipe.iterations);
    match pictures {
        1 => format!("painting {width}×{height}, {steps} steps"),
        _ => format!("painting {pictures} pictures of {width}×{height}, {steps} steps each"),
    }
}

/// Tells what would be painted.
fn tell(
    arguments: &VisualizeArguments,
    plan: &Plan,
    (step, line): (&Glance, String),
    (output, keeping): (&Output, Option<&Keeping<'_>>),
) -> Result<(), Failure> {
    let ([width, height], steps) = (plan.size, plan.recipe.iterations);
    let pictures = match &arguments.grid {
        Some(list) if list.0.len() > 1 => format!("{} pictures of ", list.0.len()),
        _ => String::new(),
    };
    let name = output.name();
    let what = format!("{name}, {pictures}{width}×{height} in {steps} steps");
    let mut report = Report::of(&what);
    report.line(line);
    report.convolutions(&step.convolutions, plan.seen());
    let number = arguments.grid.as_ref().map_or(1, |list| list.0.len());
    let note = Places::of(number, plan.size).note();
    note.into_iter().for_each(|note| report.line(note));
    report.output(output.path(), "");
    if let Some(preview) = arguments.preview.as_ref().filter(|path| !is_stream(path)) {
        report.output(preview, ", the picture on the way");
    }
    if let Some((path, rhythm)) = keeping.map(Keeping::file) {
        report.output(path, &format!(", the checkpoint, {rhythm} and at the end"));
    }
    report.print()
}

/// Refuses flags that do not go together.
fn check(arguments: &VisualizeArguments, session: &Session) -> Result<(), Failure> {
    arguments.recording.check()?;
    let is_of_channels = !arguments.channels.is_empty() || arguments.grid.is_some();
    if !is_of_channels && image(arguments).is_none() {
        return Err(Failure::usage(
            "nothing of the layer is asked for; add --channel K, --grid, --invert IMAGE or --caricature IMAGE",
        ));
    }
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
    if session.gives_now("cosine-power") && arguments.caricature.is_none() {
        return Err(Failure::usage(
            "--cosine-power is for caricatures, and none is asked for; add --caricature IMAGE, or leave it out",
        ));
    }
    if arguments.parametrisation == ParametrisationName::Pixels && arguments.decay != 1.0 {
        return Err(Failure::usage(
            "--decay weighs frequencies, which --parametrisation pixels has none of; leave one of them away",
        ));
    }
    Ok(())
}
