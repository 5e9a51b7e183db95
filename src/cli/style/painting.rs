//! A style transfer from the first words about it to the last.

use impasto::gpu::Gpu;
use impasto::image::remove_leftovers;
use impasto::net::Network;
use impasto::paint::{
    Ending, Painting, Resumption, Rhythm as Looks, RunOrigin, ScaledChoices, ScaledRun, Standing,
    Watcher, fingerprint,
};

use super::plan::{self, Plan};
use super::{Keeping, StyleJob, expectation, rehearsal};
use crate::cli::arguments::Common;
use crate::cli::checkpoint::{Keeper, warn_of_change};
use crate::cli::duration::minutes;
use crate::cli::ending::{conclude, left_out, save_somewhere, summary};
use crate::cli::failure::Failure;
use crate::cli::flags::Options;
use crate::cli::memory::Bytes;
use crate::cli::pictures::Output;
use crate::cli::preview::Preview;
use crate::cli::progress::{Progress, Saving};
use crate::cli::record::Resolved;
use crate::cli::trace::Trace;
use crate::cli::wait::wait;
use crate::cli::{explain, say};

/// Paints `job` and writes its picture, also when the run ends before its time.
pub fn paint(
    common: &Common,
    gpu: &Gpu,
    network: &Network,
    job: StyleJob<'_>,
) -> Result<(), Failure> {
    // A software adapter takes so long for a step that looking at each costs nothing, and so does a copy of
    // the picture beside ten steps of any.
    let often = if gpu.adapter().is_software() { 1 } else { 10 };
    let plan = plan::plan(gpu, network, &job, often)?;
    if job.is_dry {
        return rehearsal::tell(gpu, network, &job, &plan);
    }
    plan.lines.iter().for_each(|line| say(common, line));
    let foretold = expectation::foretold(common, gpu, network, &job, &plan);
    say(
        common,
        match foretold {
            Some(seconds) => format!("time: about {}", minutes(seconds)),
            None => "time: said after the first steps, since timing some before takes as long as this run"
                .to_string(),
        },
    );
    let (peak, resolved) = (plan.peak, resolved(network, &job, &plan));
    let mut run = prepare(gpu, network, &job, plan)?;
    let mut progress = progress(common, &job, &run);
    progress.foretold(foretold.is_some());
    let halves = run.executable().memory().weights_in_f16;
    if halves > 0 {
        explain(common, format!("{} of weights lie in f16", Bytes(halves)));
    }
    let first_step = job.resumed.as_ref().map_or(0, |run| run.standing.step);
    announce(common, &job, first_step);
    let (output, iterations) = (job.output.clone(), job.iterations());
    set_out(common, gpu, &run, job, resolved, &mut progress)?;
    let looks = Looks {
        report_every: often,
        snapshot_every: often,
    };
    let painting = wait(gpu, run.paint(gpu, looks, &mut progress));
    measure(gpu, &run, &painting, &mut progress);
    let to = (&output, first_step, iterations);
    let ended = end(common, to, painting, progress);
    let held = Bytes(gpu.peak_bytes());
    let line = format!("memory: {held} at the peak, forecast {}", Bytes(peak));
    explain(common, line);
    ended
}

/// What the choices that depend on memory came to at the last scale.
fn resolved(network: &Network, job: &StyleJob<'_>, plan: &Plan) -> Resolved {
    let strategy = plan.scales.last().map(|(_, way)| &way.candidate.strategy);
    let strategy = strategy.cloned().unwrap_or_default();
    let last = plan.finish.as_ref();
    let (terms, optimiser) = last.map_or((&job.terms, plan.optimiser), |finish| {
        (&finish.terms, finish.optimiser)
    });
    Resolved::new(network, terms, optimiser, &strategy)
}

/// Brings the first scale onto the device, or that at which the run to go on with stood.
fn prepare<'a>(
    gpu: &Gpu,
    network: &'a Network,
    job: &StyleJob<'_>,
    plan: Plan,
) -> Result<ScaledRun<'a>, Failure> {
    let choices = ScaledChoices {
        terms: job.terms.clone(),
        optimiser: plan.optimiser,
        finish: plan.finish,
        start: job.start.clone(),
        scales: plan.scales,
        average: job.average,
        detail: job.detail,
        tolerance: job.tolerance,
    };
    let resumption = job.resumed.as_ref().map(|resumed| {
        let optimiser = resumed.optimiser.clone();
        let optimiser = optimiser.ok_or_else(|| Failure::mismatch(&"it has no optimiser"))?;
        Ok::<_, Failure>(Resumption {
            position: resumed.position.scale,
            standing: resumed.standing.clone(),
            optimiser,
        })
    });
    let (resumption, sources) = (resumption.transpose()?, job.sources.clone());
    let preparation = ScaledRun::prepare(gpu, network, choices, sources, resumption);
    Ok(wait(gpu, preparation)?)
}

/// What watches the run.
fn progress(common: &Common, job: &StyleJob<'_>, run: &ScaledRun<'_>) -> Progress {
    let names = run.executable().program().tape.losses().to_vec();
    let scales = (&job.scales[..], job.finish.is_some());
    let mut progress = Progress::new(common, scales, &names, job.size());
    progress.save(job.save_every.map(|every| Saving {
        output: job.output.clone(),
        every: every as usize,
    }));
    progress
}

/// Notes the losses of the picture of a whole run as it will be saved.
fn measure(gpu: &Gpu, run: &ScaledRun<'_>, painting: &Painting, progress: &mut Progress) {
    let Standing { step, rgb } = &painting.standing;
    // Whoever stops a run wants the picture at once. If it fails, losses as the last step found them are better than none.
    if matches!(painting.ending, Ending::Finished)
        && *step > 0
        && let Ok(Some(terms)) = wait(gpu, run.measure(gpu, rgb))
    {
        progress.measured(*step, terms);
    }
}

/// Saves what was painted, says what became of the run, and whether that is a failure.
fn end(
    common: &Common,
    (output, first_step, iterations): (&Output, usize, usize),
    Painting { standing, ending }: Painting,
    mut progress: Progress,
) -> Result<(), Failure> {
    let seconds = progress.finish();
    let picture = progress.whole_picture(standing.rgb);
    progress.show(&picture);
    let record = progress.record_after(standing.step);
    let record = record.map(|record| match ending {
        Ending::Finished => record,
        _ => record.on_the_way(),
    });
    let step = standing.step;
    let saved = save_somewhere(&picture, output, record.as_ref(), (&ending, step));
    let output = output.name();
    if saved.is_ok() {
        let steps = first_step..standing.step;
        say(common, summary(&output, &steps, seconds, &progress));
        let left_out = left_out(&ending, &steps, iterations);
        left_out.into_iter().for_each(|line| say(common, line));
    }
    if progress.lost_steps > 0 {
        let lost = progress.lost_steps;
        say(
            common,
            format!("note: {lost} steps met numbers that were not finite and were taken back"),
        );
    }
    conclude(ending, saved, progress, standing.step, &output)
}

/// Opens the files that are written on the way, and takes up the run that is continued, if one is.
fn set_out(
    common: &Common,
    gpu: &Gpu,
    run: &ScaledRun<'_>,
    job: StyleJob<'_>,
    resolved: Resolved,
    progress: &mut Progress,
) -> Result<(), Failure> {
    remove_leftovers(job.output.path());
    let kernels = fingerprint::of_kernels(run.executable().recording());
    if let Some(draft) = job.record {
        let fingerprints = draft.fingerprints.clone();
        let options = Options::new();
        let origin = fingerprints.origin(gpu.adapter(), kernels.clone(), run.size(), options);
        progress.note(draft.finish(common, origin, Some(resolved)));
    }
    let step = job.resumed.as_ref().map(|resumed| resumed.standing.step);
    let keeper = job.keeping.map(|keeping| {
        remove_leftovers(keeping.path);
        let Keeping {
            inputs,
            options,
            left,
            ..
        } = keeping;
        let origin = RunOrigin {
            left,
            ..inputs.origin(gpu.adapter(), kernels, run.size(), options)
        };
        if let Some(resumed) = &job.resumed {
            warn_of_change(common, &resumed.origin, &origin);
        }
        let kept = step.filter(|_| keeping.in_place);
        Keeper::new(keeping.path, keeping.rhythm, origin, kept)
    });
    progress.keep(keeper);
    if let Some(resumed) = job.resumed {
        progress.resume(resumed.standing.step, resumed.position);
    }
    progress.plot(job.plot);
    let preview = job.preview.and_then(|wish| Preview::new(common, wish));
    progress.preview(preview.map(|preview| (preview, job.output.clone())));
    progress.trace(match (job.trace, step) {
        (Some(path), Some(step)) => Some(Trace::continue_after(path, step)?),
        (Some(path), None) => Some(Trace::create(path)?),
        (None, _) => None,
    });
    Ok(())
}

fn announce(common: &Common, job: &StyleJob<'_>, first_step: usize) {
    let ([width, height], iterations) = (job.size(), job.iterations());
    let scales = match job.scales.len() - usize::from(job.finish.is_some()) {
        0 | 1 => String::new(),
        number => format!(" in {number} scales from {}", job.scales[0].size),
    };
    let finish = match (&job.finish, job.scales.last()) {
        (Some(_), Some(last)) => format!(", {} of them the finish", last.steps),
        _ => String::new(),
    };
    let start = match first_step {
        0 => String::new(),
        step => format!(", on from step {step}"),
    };
    say(
        common,
        format!("painting {width}×{height}{scales}, {iterations} steps{finish}{start}"),
    );
}
