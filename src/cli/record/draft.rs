//! A record before the run: options, inputs and fingerprints.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use impasto::paint::RunOrigin;

use super::{FORM, Input, Record, Resolved};
use crate::cli::arguments::{Common, RecordingArguments, Weighted};
use crate::cli::checkpoint::Inputs;
use crate::cli::failure::Failure;
use crate::cli::flags::{DESTINATIONS, Options, PICTURES};
use crate::cli::pictures::Output;
use crate::cli::repeat::Repetition;
use crate::cli::resume::Session;
use crate::cli::{explain, say};

/// What stands in a record before anything is on the device.
pub struct Draft {
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// Fingerprints.
    pub fingerprints: Inputs,
    /// All options, if a record is wanted.
    pub options: Option<Options>,
    /// Those of the options that are left to the recipe or the preset.
    pub left: BTreeSet<String>,
    /// Seed of noise.
    pub seed: u64,
    /// Whether records have the time.
    pub is_dated: bool,
    /// The run that is made again.
    pub repeated: Option<Repetition>,
    /// Whether all steps depend on how many there are, so that a shorter run makes other pictures on its way.
    pub steps_are_shared: bool,
}

impl Draft {
    /// Of a run that read `inputs` and writes `output`.
    pub fn new(
        common: &Common,
        recording: RecordingArguments,
        session: &mut Session,
        (inputs, seed): (Vec<Input>, u64),
        (fingerprints, output): (&Inputs, &Output),
    ) -> Result<Self, Failure> {
        recording.check()?;
        let RecordingArguments {
            no_record,
            record_time,
        } = recording;
        let repeated = session.repeated.take();
        if let Some(repeated) = &repeated {
            repeated.check(common, &inputs, fingerprints)?;
        }
        let options = match &session.resumed {
            _ if no_record => None,
            // The record is that of the whole run, wherever it is gone on with.
            Some(run) => Some(run.origin.options.clone()),
            None => match session.options() {
                Ok(options) => Some(options),
                Err(failure) => {
                    say(
                        common,
                        format!("note: no record is kept: {}", failure.message),
                    );
                    None
                }
            },
        };
        if !no_record && !output.holds_record() {
            explain(
                common,
                format!(
                    "`{}` has no place for a record of how it was made",
                    output.name()
                ),
            );
        }
        let inputs = match &session.resumed {
            Some(run) => named_by(&run.origin.options, inputs),
            None => inputs,
        };
        Ok(Self {
            inputs,
            fingerprints: fingerprints.clone(),
            options,
            left: session.left.clone(),
            seed,
            is_dated: record_time,
            repeated,
            steps_are_shared: false,
        })
    }

    /// The record of a run of this `origin`, before its first step, if one is wanted. Says so if a run is not made
    /// again as it was.
    pub fn finish(
        mut self,
        common: &Common,
        origin: RunOrigin,
        resolved: Option<Resolved>,
    ) -> Option<Record> {
        self.record(common, origin, resolved)
    }

    /// As [`Draft::finish`], for a run that writes several pictures; what differs from a run that is made again is said once.
    pub fn record(
        &mut self,
        common: &Common,
        mut origin: RunOrigin,
        resolved: Option<Resolved>,
    ) -> Option<Record> {
        if let Some(repeated) = self.repeated.take() {
            repeated.warn(common, &origin, (resolved.as_ref(), self.steps_are_shared));
        }
        let mut options = self.options.clone()?;
        options.retain(|flag, _| !DESTINATIONS.contains(&&**flag));
        origin.options = options;
        origin.left.clone_from(&self.left);
        Some(Record {
            record: FORM,
            origin,
            inputs: self.inputs.clone(),
            seed: self.seed,
            resolved,
            steps: 0,
            unfinished: false,
            losses: BTreeMap::new(),
            painted: None,
            runs: Vec::new(),
            steps_are_shared: self.steps_are_shared,
            is_dated: self.is_dated,
        })
    }
}

/// The files by the names that these options have for them: they may have moved since.
fn named_by(options: &Options, mut inputs: Vec<Input>) -> Vec<Input> {
    for option in PICTURES {
        let names = options.get(option).into_iter().flatten();
        let files = inputs.iter_mut().filter(|input| input.option == option);
        for (input, name) in files.zip(names) {
            input.path = match Weighted::from_str(name) {
                Ok(weighted) if option.starts_with("style") => weighted.name,
                _ => name.clone(),
            };
        }
    }
    inputs
}
