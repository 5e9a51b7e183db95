//! Reads a command line, and those of the run that it goes on with or makes again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use impasto::paint::Checkpoint;

use super::arguments::Arguments;
use super::checkpoint;
use super::failure::{Failure, Refusal};
use super::flags::{Flag, Options, STYLE, command_line, flags, named};
use super::repeat::Repetition;
use agreement::continuation;

mod agreement;

/// A command line, read.
pub struct Parsed {
    /// What was asked for, by flags and by the checkpoint if one is continued.
    pub arguments: Arguments,
    /// For checkpoints of a run.
    pub session: Session,
}

/// What a run needs to know about the command line itself.
#[derive(Default)]
pub struct Session {
    flags: Vec<Flag>,
    /// Flags that stand on the command line itself, whatever those of an earlier run are.
    now: BTreeSet<String>,
    /// Whether `--dry-run` is given, which is no part of a run that is kept or made again.
    is_dry: bool,
    /// Flags that were left to the recipe or the preset, also when the run was made that is made again.
    pub left: BTreeSet<String>,
    /// The checkpoint that `--resume` names.
    pub resumed: Option<Checkpoint>,
    /// The run of the picture that `--from` names.
    pub repeated: Option<Repetition>,
}

/// Reads a command line, the command's own name first. With `--resume` the flags of the checkpoint are filled in,
/// with `--from` those of the picture's record.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, Refusal> {
    parse_with(&mut Arguments::command(), words)
}

/// The same with the definition of all flags at hand, for whoever reads many command lines.
pub fn parse_with(
    command: &mut clap::Command,
    words: impl IntoIterator<Item = OsString>,
) -> Result<Parsed, Refusal> {
    let mut matches = command.try_get_matches_from_mut(words)?;
    let (mut resumed, mut repeated) = (None, None);
    let given = flags(command, &matches);
    let now = given.iter().filter(|flag| flag.given);
    let now = now.map(|flag| flag.name.clone()).collect();
    let mut left = BTreeSet::new();
    if let Some((run, path)) = named(&matches, "resume") {
        let checkpoint = checkpoint::read(&path)?;
        let words = continuation(run, &checkpoint.origin.options, &given, &path)?;
        matches = command.try_get_matches_from_mut(with_switches(words, &matches))?;
        left.clone_from(&checkpoint.origin.left);
        resumed = Some(checkpoint);
    } else if let Some((run, path)) = named(&matches, "from") {
        let (repetition, words) = Repetition::new(command, run, &path, &given)?;
        matches = command
            .try_get_matches_from_mut(with_switches(words, &matches))
            .map_err(|error| repetition.refusal(error))?;
        left.clone_from(&repetition.left);
        repeated = Some(repetition);
    }
    let flags = flags(command, &matches);
    let is_dry = is_set(&matches, "dry_run");
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(command))?;
    Ok(Parsed {
        arguments,
        session: Session {
            flags,
            now,
            is_dry,
            left,
            resumed,
            repeated,
        },
    })
}

impl Session {
    /// Lets a flag have a value as if it stood on the command line.
    pub fn set(&mut self, name: &str, value: &str) {
        self.set_all(name, [value.to_string()]);
    }

    /// The same with a flag that may be repeated.
    pub fn set_all(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.unset(name);
        self.flags.push(Flag {
            name: name.to_string(),
            values: values.into_iter().map(OsString::from).collect(),
            given: true,
        });
    }

    /// Lets a flag that is not given have a value as [`Session::set`] does, and notes that it was left open.
    pub fn settle(&mut self, name: &str, value: &str) {
        self.settle_all(name, [value.to_string()]);
    }

    /// The same with a flag that may be repeated.
    pub fn settle_all(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        if !self.gives(name) {
            self.left.insert(name.to_string());
        }
        self.set_all(name, values);
    }

    /// Forgets what stood on the command line.
    pub fn unset(&mut self, name: &str) {
        self.flags.retain(|flag| flag.name != name);
    }

    /// Whether a flag stands on the command line.
    pub fn gives(&self, name: &str) -> bool {
        self.flags
            .iter()
            .any(|flag| flag.name == name && flag.given)
    }

    /// Whether a flag stands there now, and not only in the run that is gone on with or made again, which gives all.
    pub fn gives_now(&self, name: &str) -> bool {
        self.now.contains(name)
    }

    /// The values of a flag, paths absolute.
    pub fn values(&self, name: &str) -> &[OsString] {
        let flag = self.flags.iter().find(|flag| flag.name == name);
        flag.map_or(&[], |flag| &flag.values)
    }

    /// The command line of a run of `impasto style` with the flags that were given; those in `other` have these
    /// values instead, and are left out where there is none.
    pub fn style_with(&self, other: &[(&str, Vec<OsString>)]) -> Vec<OsString> {
        let given = self.flags.iter().filter(|flag| flag.given);
        let mut options: BTreeMap<&str, Vec<OsString>> = given
            .map(|flag| (&*flag.name, flag.values.clone()))
            .collect();
        options.extend(other.iter().cloned());
        let mut words = command_line(STYLE, options);
        if self.is_dry {
            words.insert(AFTER_THE_COMMAND, DRY_RUN.into());
        }
        words
    }

    /// The flags for a checkpoint or a record.
    pub fn options(&self) -> Result<Options, Failure> {
        let text = |value: &OsString| {
            value.to_str().map(String::from).ok_or_else(|| {
                Failure::usage(format!(
                    "`{}` cannot be kept in a checkpoint or a record; rename it in UTF-8",
                    value.display()
                ))
            })
        };
        let flags = self.flags.iter().map(|flag| {
            let values = flag.values.iter().map(text).collect::<Result<_, _>>()?;
            Ok((flag.name.clone(), values))
        });
        flags.collect()
    }
}

const DRY_RUN: &str = "--dry-run";

/// The place of the first flag of a command in a [`command_line`].
const AFTER_THE_COMMAND: usize = 2;

/// Whether a flag without a value is given to the command that is asked for.
fn is_set(matches: &ArgMatches, flag: &str) -> bool {
    let flags = matches.subcommand().map(|(_, flags)| flags);
    let given = flags.and_then(|flags| flags.try_get_one::<bool>(flag).ok()?);
    given.copied().unwrap_or_default()
}

/// The words with the flags that have no value and so are in no run that is kept: how much is to be said, whether nothing
/// is to be done, and what such a run refuses.
fn with_switches(mut words: Vec<OsString>, matches: &ArgMatches) -> Vec<OsString> {
    for (flag, word) in [("dry_run", DRY_RUN), ("each_style", "--each-style")] {
        if is_set(matches, flag) {
            words.insert(AFTER_THE_COMMAND, word.into());
        }
    }
    let talk = ["quiet", "verbose"]
        .into_iter()
        .filter(|flag| matches.get_flag(flag));
    words.splice(1..1, talk.map(|flag| format!("--{flag}").into()));
    words
}
