//! `impasto style --from PICTURE`: the run that made a picture once more, by the picture's own record.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use impasto::image::PictureFormat;
use impasto::paint::RunOrigin;

use super::arguments::Common;
use super::checkpoint::{Inputs, warn_of_change};
use super::failure::{Failure, Refusal};
use super::flags::{DESTINATIONS, Flag, PICTURES, Run, command_line};
use super::record::{Input, Record, Resolved};
use super::say;

/// What a preset of `style` fits to the adapter, whoever gave it before. One of `dream` is what flags are unless they are
/// given.
const FITTED: [&str; 4] = ["size", "iterations", "scales", "finish"];

/// Flags about the guide of a dream.
const OF_GUIDE: [&str; 3] = ["guide-mode", "guide-power", "guide-size"];

/// A flag that is given now takes the place of these too, whoever gave them.
const REPLACED: [(&str, &[&str]); 10] = [
    // From a larger size on there are more of them.
    ("size", &["scales"]),
    ("smallest", &["scales"]),
    // Those of one optimiser mean nothing to another.
    (
        "optimizer",
        &["learning-rate", "beta1", "beta2", "epsilon", "history"],
    ),
    // A part of one picture is none of another.
    ("style", &["style-mask"]),
    ("styles", &["style-mask"]),
    // Nothing but a match has a space of its own.
    ("color", &["color-space"]),
    // Neither goes with a guide, without which its flags mean nothing.
    ("channel", &OF_GUIDE),
    ("objective", &OF_GUIDE),
    ("model", &["weights"]),
    ("weights", &["model"]),
];

/// And of these, if they were left to the recipe, which will have them anew.
const LEFT_ANEW: [(&str, &[&str]); 5] = [
    ("iterations", &["finish", "style-loss", "optimizer"]),
    ("size", &["finish", "style-loss", "optimizer"]),
    ("style-loss", &["finish"]),
    ("optimizer", &["finish"]),
    ("content-weight", &["detail"]),
];

/// A run to be made again.
pub struct Repetition {
    /// Options that were left to the recipe or the preset, and still are what these had.
    pub left: BTreeSet<String>,
    path: PathBuf,
    record: Record,
    /// The flags that are other ones now.
    given: BTreeSet<String>,
    /// What is to be said of an option that gave way.
    note: Option<String>,
}

impl Repetition {
    /// The run that made the picture at `path`, and its command line with what was `given` now. The `command` tells which
    /// flags go together.
    pub fn new(
        command: &clap::Command,
        run: Run,
        path: &Path,
        given: &[Flag],
    ) -> Result<(Self, Vec<OsString>), Failure> {
        let record = Record::read(path)?;
        let given = given.iter().filter(|flag| flag.given);
        let names: BTreeSet<String> = given.clone().map(|flag| flag.name.clone()).collect();
        check_beginning(&record, run, path, &names)?;
        let options = &record.origin.options;
        let mut left = record.origin.left.clone();
        let conflicts = conflicts(command, run, &names);
        let is_style = run.command == "style";
        let stays = |name: &str| {
            let is_replaced = names.iter().any(|given| replaces(given, name, &left));
            let is_fitted = is_style && names.contains("preset") && FITTED.contains(&name);
            !is_replaced && !is_fitted && !conflicts.contains(name)
        };
        check_inputs(&record, path, |option| {
            stays(option) && !names.contains(option)
        })?;
        let kept = options.iter().filter(|(name, _)| stays(name));
        let mut options: BTreeMap<&str, Vec<OsString>> = kept
            .map(|(name, values)| (&**name, values.iter().map(OsString::from).collect()))
            .collect();
        left.retain(|name| options.contains_key(&**name) && !names.contains(name));
        for flag in given {
            options.insert(&flag.name, flag.values.clone());
        }
        options.insert("from", vec![path.into()]);
        let note = shallow(&mut options, &names, path);
        let words = command_line(run, options);
        let repetition = Self {
            left,
            path: path.to_path_buf(),
            record,
            given: names,
            note,
        };
        Ok((repetition, words))
    }

    /// Why its command line with the given flags is not taken: they do not go together, or the record has options that
    /// this version does not know.
    pub fn refusal(&self, error: clap::Error) -> Refusal {
        use clap::error::ErrorKind::{ArgumentConflict, MissingRequiredArgument};
        if [ArgumentConflict, MissingRequiredArgument].contains(&error.kind()) {
            return error.into();
        }
        Refusal::from(Failure::bad_input(format!(
            "`{}` was made with options that this impasto does not take; use impasto {}, or name all options",
            self.path.display(),
            self.record.origin.impasto
        )))
    }

    /// Says what gave way, and refuses if a file that was not named anew has changed.
    pub fn check(
        &self,
        common: &Common,
        inputs: &[Input],
        fingerprints: &Inputs,
    ) -> Result<(), Failure> {
        if let Some(note) = &self.note {
            say(common, note);
        }
        let made = self.path.display();
        let kept = |option: &str| !self.given.contains(option);
        for option in PICTURES.into_iter().filter(|option| kept(option)) {
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
        let is_harmless = |flag: &String| DESTINATIONS.contains(&&**flag);
        if !self.given.iter().all(is_harmless) {
            return;
        }
        if self.record.unfinished {
            say(
                common,
                format!(
                    "note: `{}` stands after step {} of a run whose steps depend on how many there are, so what is painted now is the end of that run, and not this picture",
                    self.path.display(),
                    self.record.steps
                ),
            );
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

/// Takes 8 bits per channel instead of 16 that nobody asks for now, where the new file cannot hold them, and returns what
/// is to be said of that.
fn shallow(
    options: &mut BTreeMap<&str, Vec<OsString>>,
    names: &BTreeSet<String>,
    path: &Path,
) -> Option<String> {
    let output = Path::new(options.get("output")?.first()?);
    // A name that tells no format is refused later, and standard output is asked for in one that it gets.
    let format = PictureFormat::of(output).ok()?;
    let depth = options.get("depth").filter(|_| !names.contains("depth"))?;
    if *depth != ["16"] || format.holds_sixteen_bits() {
        return None;
    }
    let note = format!(
        "note: `{}` cannot hold the 16 bits per channel of `{}`, so it gets 8",
        output.display(),
        path.display()
    );
    options.insert("depth", vec!["8".into()]);
    Some(note)
}

/// Refuses to begin: a record of another command or of a sheet, or a command line that lacks what no record has.
fn check_beginning(
    record: &Record,
    run: Run,
    path: &Path,
    names: &BTreeSet<String>,
) -> Result<(), Failure> {
    let shown = path.display();
    if !record.runs.is_empty() {
        return Err(Failure::bad_input(format!(
            "`{shown}` is a sheet of {} runs; give one of its pictures, which `impasto sweep --keep` keeps",
            record.runs.len()
        )));
    }
    if !record.origin.options.contains_key(run.mark) {
        return Err(Failure::usage(format!(
            "`{shown}` is no picture of `impasto {}`; make it again with the command that made it",
            run.command
        )));
    }
    if !names.contains("output") {
        return Err(Failure::usage(format!(
            "--from `{shown}` paints anew and never over a picture that is there; name the new one with -o"
        )));
    }
    let mut streams = record.inputs.iter().filter(|input| input.path == "-");
    match streams.find(|input| !names.contains(&input.option)) {
        Some(input) => Err(Failure::usage(format!(
            "the {} of `{shown}` came from standard input; name it",
            input.option
        ))),
        None => Ok(()),
    }
}

/// Refuses if a picture that is read again is gone: nobody typed the path that would be missed.
fn check_inputs(
    record: &Record,
    path: &Path,
    is_read: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let is_gone = |input: &&Input| is_read(&input.option) && !Path::new(&input.path).exists();
    match record.inputs.iter().find(is_gone) {
        Some(input) => Err(Failure::bad_input(format!(
            "`{}`, which the record of `{}` names, does not exist; bring it back, or name another on the command line",
            input.path,
            path.display()
        ))),
        None => Ok(()),
    }
}

/// Whether a `given` flag takes the place of the recorded one called `name`, where those in `left` were left to a recipe
/// or a preset.
fn replaces(given: &str, name: &str, left: &BTreeSet<String>) -> bool {
    let names = |table: &[(&str, &[&str])]| {
        let mut of_given = table.iter().filter(|(flag, _)| *flag == given);
        of_given.any(|(_, replaced)| replaced.contains(&name))
    };
    // Another recipe or preset has ideas of its own.
    let is_another = ["recipe", "preset"].contains(&given);
    names(&REPLACED) || (left.contains(name) && (is_another || names(&LEFT_ANEW)))
}

/// The flags of a run that cannot stand beside those of these `names`.
fn conflicts(command: &clap::Command, run: Run, names: &BTreeSet<String>) -> BTreeSet<String> {
    let Some(command) = command.find_subcommand(run.command) else {
        return BTreeSet::new();
    };
    let name = |argument: &clap::Arg| {
        let long = argument.get_long();
        long.unwrap_or(argument.get_id().as_str()).to_string()
    };
    let all = || command.get_arguments();
    let pairs = all().flat_map(|one| {
        let others = command.get_arg_conflicts_with(one).into_iter();
        others.map(move |other| [name(one), name(other)])
    });
    // One of the two says so of both.
    let both = pairs.flat_map(|[one, other]| [[one.clone(), other.clone()], [other, one]]);
    both.filter(|[one, other]| names.contains(one) && !names.contains(other))
        .map(|[_, other]| other)
        .collect()
}
