//! `impasto style --from PICTURE`: the run that made a picture once more, by the picture's own record.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use impasto::paint::RunOrigin;

use super::arguments::Common;
use super::checkpoint::{Inputs, warn_of_change};
use super::failure::Failure;
use super::record::{INPUTS, Input, Record, Resolved};
use super::resume::{Flag, Run, command_line};
use super::say;

/// Flags with which the same picture comes out.
const HARMLESS: [&str; 9] = [
    "output",
    "save-every",
    "trace",
    "plot",
    "preview",
    "checkpoint",
    "checkpoint-every",
    "no-record",
    "record-time",
];

/// A run to be made again.
pub struct Repetition {
    path: PathBuf,
    record: Record,
    /// The flags that are other ones now.
    given: BTreeSet<String>,
}

impl Repetition {
    /// The run that made the picture at `path`, and its command line with what was `given` now.
    pub fn new(run: Run, path: &Path, given: &[Flag]) -> Result<(Self, Vec<OsString>), Failure> {
        let record = Record::read(path)?;
        if !record.runs.is_empty() {
            return Err(Failure::bad_input(format!(
                "`{}` is a sheet of {} runs; give one of its pictures, which `impasto sweep --keep` keeps",
                path.display(),
                record.runs.len()
            )));
        }
        let given = given.iter().filter(|flag| flag.given);
        let names: BTreeSet<String> = given.clone().map(|flag| flag.name.clone()).collect();
        let shown = path.display();
        if !names.contains("output") {
            return Err(Failure::usage(format!(
                "--from `{shown}` paints anew and never over a picture that is there; name the new one with -o"
            )));
        }
        let mut streams = record.inputs.iter().filter(|input| input.path == "-");
        if let Some(input) = streams.find(|input| !names.contains(&input.option)) {
            return Err(Failure::usage(format!(
                "the {} of `{shown}` came from standard input; name it",
                input.option
            )));
        }
        let mut options: BTreeMap<&str, Vec<OsString>> = record
            .origin
            .options
            .iter()
            .map(|(name, values)| (&**name, values.iter().map(OsString::from).collect()))
            .collect();
        let of_presets = ["size", "iterations", "scales", "finish"];
        if names.contains("preset") {
            options.retain(|name, _| !of_presets.contains(name));
        }
        if names.contains("size") && !names.contains("scales") {
            // From a larger size on there are more of them.
            options.remove("scales");
        }
        for flag in given {
            options.insert(&flag.name, flag.values.clone());
        }
        options.insert("from", vec![path.into()]);
        let words = command_line(run, options);
        let repetition = Self {
            path: path.to_path_buf(),
            record,
            given: names,
        };
        Ok((repetition, words))
    }

    /// The failure of a command line that this version does not take.
    pub fn unknown_options(&self) -> Failure {
        Failure::bad_input(format!(
            "`{}` was made with options that this impasto does not take; use impasto {}, or name all options",
            self.path.display(),
            self.record.origin.impasto
        ))
    }

    /// Refuses if a file that was not named anew has changed.
    pub fn check(
        &self,
        common: &Common,
        inputs: &[Input],
        fingerprints: &Inputs,
    ) -> Result<(), Failure> {
        let made = self.path.display();
        let kept = |option: &str| !self.given.contains(option);
        for option in INPUTS.into_iter().filter(|option| kept(option)) {
            let of = |inputs: &'_ [Input]| -> Vec<Input> {
                let inputs = inputs.iter().filter(|input| input.option == option);
                inputs.cloned().collect()
            };
            for (before, now) in of(&self.record.inputs).iter().zip(&of(inputs)) {
                if before.sha256 != now.sha256 {
                    return Err(Failure::bad_input(format!(
                        "`{}` has changed since `{made}` was made from it; bring that one back, or name it on the command line to paint from what is there",
                        now.path
                    )));
                }
            }
        }
        let model_is_kept = kept("model") && kept("weights");
        if model_is_kept && self.record.origin.weights != fingerprints.weights() {
            return Err(Failure::bad_input(format!(
                "`{made}` was made with other weights than `{}` has now; name some with --model or --weights",
                common.model
            )));
        }
        Ok(())
    }

    /// Says so if the same options meet other circumstances, which round differently. The record knows the kernels of
    /// the last scale alone, where there were several.
    pub fn warn(
        &self,
        common: &Common,
        origin: &RunOrigin,
        (resolved, over_scales): (Option<&Resolved>, bool),
    ) {
        if self.given.iter().any(|flag| !HARMLESS.contains(&&**flag)) {
            return;
        }
        let mut origin = origin.clone();
        if over_scales {
            origin.kernels.clone_from(&self.record.origin.kernels);
        }
        warn_of_change(common, &self.record.origin, &origin);
        if self.record.resolved.as_ref() != resolved {
            say(
                common,
                "note: the optimiser or what is kept in memory is another than it was, so the result is not bit for bit the same; see --memory",
            );
        }
    }
}
