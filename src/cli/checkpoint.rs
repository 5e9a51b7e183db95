//! Checkpoints on disk: when they are due, how they are written, what they are compared with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use impasto::gpu::AdapterSummary;
use impasto::image::{Picture, Proof, write_atomically_with};
use impasto::net::Network;
use impasto::paint::{Checkpoint, RunOrigin, fingerprint, share_steps_and_finish};

use super::arguments::{Common, KeepingArguments, MOST_SCALES, Rhythm};
use super::failure::Failure;
use super::flags::Options;
use super::{say, side_file};

/// What a run's result depends on beside its options, and that the command line does not show.
#[derive(Clone)]
pub struct Inputs {
    weights: String,
    /// The profile of a proof goes before them.
    pictures: Vec<String>,
    is_proofed: bool,
}

impl Inputs {
    /// Of a network and all pictures that are looked at.
    pub fn new<'a>(network: &Network, pictures: impl Iterator<Item = &'a Picture>) -> Self {
        Self {
            weights: fingerprint::of_network(network),
            pictures: pictures.map(fingerprint::of_picture).collect(),
            is_proofed: false,
        }
    }

    /// These, looked at through a proof, if there is one. It stands before the pictures, which would be other ones by another
    /// profile and not be to blame.
    pub fn seen_through(mut self, proof: Option<&Proof>) -> Self {
        let fingerprint = proof.map(|proof| proof.sha256.clone());
        self.is_proofed = fingerprint.is_some();
        self.pictures.splice(0..0, fingerprint);
        self
    }

    /// The fingerprint of the network.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Refuses if the run of the checkpoint at `path` was made from other ones; `names` are those of the pictures.
    pub fn check(
        &self,
        checkpoint: &Checkpoint,
        path: &Path,
        common: &Common,
        names: &[&Path],
    ) -> Result<(), Failure> {
        let path = path.display();
        let RunOrigin {
            weights, pictures, ..
        } = &checkpoint.origin;
        if *weights != self.weights {
            return Err(Failure::bad_input(format!(
                "the run of `{path}` had other weights than `{}`; name those with --model or --weights",
                common.model
            )));
        }
        for (index, (name, now)) in names.iter().zip(&self.pictures).enumerate() {
            if pictures.get(index) != Some(now) {
                let what = match index {
                    0 if self.is_proofed => "profile",
                    _ => "picture",
                };
                return Err(Failure::bad_input(format!(
                    "`{}` is not the {what} that the run of `{path}` was made from; bring that one back, or start a new run",
                    name.display()
                )));
            }
        }
        Ok(())
    }

    /// These with everything else that a checkpoint tells of its origin.
    pub fn origin(
        self,
        adapter: &AdapterSummary,
        kernels: String,
        size: [usize; 2],
        options: Options,
    ) -> RunOrigin {
        RunOrigin {
            impasto: env!("CARGO_PKG_VERSION").to_string(),
            adapter: adapter.name.clone(),
            driver: adapter.driver.clone(),
            kernels,
            weights: self.weights,
            pictures: self.pictures,
            size,
            options,
            left: BTreeSet::new(),
        }
    }
}

/// Says so if the run goes on in other circumstances.
pub fn warn_of_change(common: &Common, before: &RunOrigin, now: &RunOrigin) {
    if let Some(note) = note_of_change(before, now) {
        say(common, note);
    }
}

/// What to say of other circumstances, which round differently.
pub fn note_of_change(before: &RunOrigin, now: &RunOrigin) -> Option<String> {
    let changes = [
        ("version", &before.impasto, &now.impasto),
        ("adapter", &before.adapter, &now.adapter),
        ("driver", &before.driver, &now.driver),
    ];
    let change = changes.into_iter().find(|(_, before, now)| before != now);
    let what = match change {
        Some((what, before, now)) => format!("the {what} was `{before}` and is now `{now}`"),
        None if before.kernels != now.kernels => {
            "other kernels are chosen now, perhaps by `impasto bench --tune`".to_string()
        }
        None => return None,
    };
    Some(format!(
        "note: {what}, so the result is not bit for bit that of a run in one go"
    ))
}

/// Refuses to keep a run of `streams`, which cannot be read again.
pub fn check_names(arguments: &KeepingArguments, streams: bool) -> Result<(), Failure> {
    if arguments.checkpoint.is_some() && streams {
        return Err(Failure::usage(
            "--checkpoint keeps the names of pictures, and `-` is none that a later run could read; name files",
        ));
    }
    Ok(())
}

/// The checkpoint that a run writes, if it does, when it can be written and is none of the `others`.
pub fn check_file<'a>(
    arguments: &'a KeepingArguments,
    others: &[&Path],
) -> Result<Option<&'a Path>, Failure> {
    match &arguments.checkpoint {
        Some(checkpoint) => {
            side_file::check("checkpoint", checkpoint, others)?;
            if !is_continued_in_place(arguments) {
                check_replaceable(checkpoint)?;
            }
            Ok(Some(checkpoint))
        }
        None if arguments.checkpoint_every.is_some() => Err(Failure::usage(
            "--checkpoint-every is of no use without a checkpoint; name one with --checkpoint",
        )),
        None => Ok(None),
    }
}

/// Whether the run that goes on lies in the file that is written.
pub fn is_continued_in_place(arguments: &KeepingArguments) -> bool {
    match (&arguments.checkpoint, &arguments.resume) {
        (Some(path), Some(from)) => path.canonicalize().ok() == from.canonicalize().ok(),
        _ => false,
    }
}

/// Refuses to let a new run replace what another one needs to go on, or what is no checkpoint at all.
fn check_replaceable(path: &Path) -> Result<(), Failure> {
    let Ok(bytes) = std::fs::read(path) else {
        return Ok(());
    };
    let shown = path.display();
    let Ok(checkpoint) = Checkpoint::from_bytes(&bytes, "") else {
        return Err(Failure::bad_input(format!(
            "--checkpoint `{shown}` is there already and is no sound checkpoint; choose another name or remove it"
        )));
    };
    if is_finished(&checkpoint) {
        return Ok(());
    }
    let step = checkpoint.standing.step;
    Err(Failure::bad_input(format!(
        "--checkpoint `{shown}` holds an unfinished run after step {step}; go on with `--resume {shown}`, or remove it"
    )))
}

/// Whether nothing is left to do. Dreams and visualisations say so themselves; scales whose loss no longer changes end
/// before their time, so that the number of steps alone does not tell.
fn is_finished(checkpoint: &Checkpoint) -> bool {
    if let Some(is_finished) = checkpoint.position.is_finished {
        return is_finished;
    }
    let number = |option: &str| -> Option<usize> {
        let values = checkpoint.origin.options.get(option)?;
        values.first()?.parse().ok()
    };
    let Some(iterations) = number("iterations") else {
        return false;
    };
    // What a forged file says of them must not be what is asked of memory.
    let sizes = vec![1; number("scales").unwrap_or(1).min(MOST_SCALES)];
    let finish = number("finish").unwrap_or(0);
    let scales = share_steps_and_finish(&sizes, iterations, finish);
    let (at, step) = (checkpoint.position.scale, checkpoint.standing.step);
    let is_last = at.scale + 1 >= scales.len();
    let end = match scales.last() {
        // It has those steps too that scales before it left over.
        _ if finish > 0 => iterations,
        last => at
            .first_step
            .saturating_add(last.map_or(0, |scale| scale.steps)),
    };
    is_last && (at.settled || step >= end)
}

/// Reads the checkpoint that `--resume` names.
pub fn read(path: &Path) -> Result<Checkpoint, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::bad_input(format!(
            "the checkpoint `{}` cannot be read ({error}); check the path",
            path.display()
        ))
    })?;
    Ok(Checkpoint::from_bytes(&bytes, &path.display().to_string())?)
}

/// Writes the checkpoints of a run.
pub struct Keeper {
    path: PathBuf,
    rhythm: Rhythm,
    origin: RunOrigin,
    last: Instant,
    /// The step of the checkpoint on disk, if there is one.
    kept: Option<usize>,
    /// Why the last one could not be written.
    unkept: Option<Failure>,
}

/// What is said of a file on the way that is missing.
pub fn going_on(failure: &Failure) -> String {
    format!("note: {}; painting goes on", failure.message)
}

impl Keeper {
    /// Checkpoints of a run of this `origin` at `path`, where one of step `kept` may lie already.
    pub fn new(path: &Path, rhythm: Rhythm, origin: RunOrigin, kept: Option<usize>) -> Self {
        Self {
            path: path.to_path_buf(),
            rhythm,
            origin,
            last: Instant::now(),
            kept,
            unkept: None,
        }
    }

    /// Whether one is to be written after `step`, and surely after the last.
    pub fn is_due(&self, step: usize, last: bool) -> bool {
        last || match self.rhythm {
            Rhythm::Steps(every) => step.is_multiple_of(every),
            Rhythm::Time(pause) => self.last.elapsed() >= pause,
        }
    }

    /// Where the run comes from.
    pub fn origin(&self) -> &RunOrigin {
        &self.origin
    }

    /// The run goes on at a scale of this `size`, with other `kernels`.
    pub fn enter(&mut self, size: [usize; 2], kernels: String) {
        self.origin.size = size;
        self.origin.kernels = kernels;
    }

    /// Replaces the file. If that fails the old one stays, and the next is due as if it had not; what is to be said of
    /// the first failure in a row is returned.
    pub fn write(&mut self, checkpoint: &Checkpoint) -> Option<String> {
        let written = write_atomically_with(&self.path, |file| checkpoint.write_to(file));
        // Counted from the end, so that a slow disk does not keep the run from painting.
        self.last = Instant::now();
        if written.is_ok() {
            self.kept = Some(checkpoint.standing.step);
        }
        let before = self.unkept.take();
        self.unkept = written.err().map(Failure::from);
        let failure = self.unkept.as_ref().filter(|_| before.is_none())?;
        Some(going_on(failure))
    }

    /// Why the last checkpoint could not be written, if it could not.
    pub fn missing(&mut self) -> Option<Failure> {
        self.unkept.take()
    }

    /// How to go on, for a message; nothing if no checkpoint was written.
    pub fn advice(&self) -> Option<String> {
        let step = self.kept?;
        Some(format!(
            "`--resume {}` goes on from step {step}",
            self.path.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_checkpoint_is_due_by_steps_or_by_time_and_in_the_end() {
        let origin = RunOrigin {
            impasto: String::new(),
            adapter: String::new(),
            driver: String::new(),
            kernels: String::new(),
            weights: String::new(),
            pictures: Vec::new(),
            size: [1, 1],
            options: Options::new(),
            left: BTreeSet::new(),
        };
        let keeper = |rhythm| Keeper::new(Path::new("a"), rhythm, origin.clone(), None);
        let steps = keeper(Rhythm::Steps(50));
        assert!(!steps.is_due(49, false) && steps.is_due(50, false) && steps.is_due(51, true));
        let hour = keeper(Rhythm::Time(Duration::from_secs(3600)));
        assert!(!hour.is_due(50, false) && hour.is_due(50, true));
        assert!(keeper(Rhythm::Time(Duration::ZERO)).is_due(1, false));
        assert_eq!(hour.advice(), None);
    }
}
