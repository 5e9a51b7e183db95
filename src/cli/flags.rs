//! The flags of a run, and what they are about, for whoever has to tell them apart: records, checkpoints, sheets and films.
//!
//! A flag that is new belongs into one of these lists if it names a picture that is read or a place that is written to.
//! One in none of them decides what is painted: records have it, and a run that is gone on with must agree with it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf, absolute};

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::arguments::Origin;
use super::network;

/// They name pictures that are read, and the profile by which these are proofed.
pub const PICTURES: [&str; 12] = [
    "content",
    "style",
    "styles",
    "style-mask",
    "mask",
    "content-mask",
    "init",
    "invert",
    "caricature",
    "image",
    "guide",
    "proof",
];

/// They decide where things go, when, and whether with a note of their making, but not what is painted: with others the
/// same picture comes out.
pub const DESTINATIONS: [&str; 12] = [
    "output",
    "format",
    "out-dir",
    "keep",
    "save-every",
    "trace",
    "plot",
    "preview",
    "checkpoint",
    "checkpoint-every",
    "no-record",
    "record-time",
];

/// They name the network and the device.
pub const MACHINERY: [&str; 3] = ["model", "weights", "adapter"];

/// Whether `value` of the flag `name` is a path, and no name or stream.
pub fn is_path(name: &str, value: &OsStr) -> bool {
    match name {
        "init" => value != "-" && !Origin::NAMES.iter().any(|origin| value == *origin),
        // A stream may have a weight.
        "style" | "styles" => value != "-" && !value.as_encoded_bytes().starts_with(b"-:"),
        "trace" | "plot" | "checkpoint" | "weights" | "out-dir" | "keep" | "invert"
        | "caricature" => true,
        "output" | "preview" => value != "-",
        "model" => value.to_str().is_none_or(|model| !network::is_name(model)),
        _ => PICTURES.contains(&name) && value != "-",
    }
}

/// Whether `path` means standard input or output.
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Flags with their values, paths absolute.
pub type Options = BTreeMap<String, Vec<String>>;

/// A flag of a run that has a value, given or by default.
pub struct Flag {
    /// As on the command line, without dashes.
    pub name: String,
    /// Paths absolute.
    pub values: Vec<OsString>,
    /// Whether it stands on the command line.
    pub given: bool,
}

/// A command whose runs can be continued.
#[derive(Clone, Copy)]
pub struct Run {
    /// Its name.
    pub command: &'static str,
    /// What it takes without a flag.
    positional: &'static str,
    /// An option that all of its runs have, and no others.
    pub mark: &'static str,
}

pub const STYLE: Run = Run {
    command: "style",
    positional: "content",
    mark: "content",
};
const TEXTURE: Run = Run {
    command: "texture",
    positional: "styles",
    mark: "styles",
};
pub const DREAM: Run = Run {
    command: "dream",
    positional: "image",
    mark: "image",
};
/// Many runs of [`STYLE`], which can be continued neither together nor one by one.
pub const SWEEP: Run = Run {
    command: "sweep",
    ..STYLE
};
pub const VISUALIZE: Run = Run {
    command: "visualize",
    // All of it has flags.
    positional: "",
    mark: "parametrisation",
};

/// The run that is asked for, and its flags.
fn run(matches: &ArgMatches) -> Option<(Run, &ArgMatches)> {
    let (name, flags) = matches.subcommand()?;
    let mut runs = [STYLE, TEXTURE, DREAM, SWEEP, VISUALIZE].into_iter();
    let run = runs.find(|run| run.command == name)?;
    Some((run, flags))
}

/// The file that a flag of a run names, if the run knows the flag.
pub fn named(matches: &ArgMatches, flag: &str) -> Option<(Run, PathBuf)> {
    let (run, flags) = run(matches).filter(|(run, _)| run.command != SWEEP.command)?;
    Some((run, flags.try_get_one(flag).ok()?.cloned()?))
}

/// Every flag of a run that decides what happens; nothing for another command.
pub fn flags(command: &clap::Command, matches: &ArgMatches) -> Vec<Flag> {
    let Some((run, matches)) = run(matches) else {
        return Vec::new();
    };
    let known = command.find_subcommand(run.command).into_iter();
    let known = known.flat_map(|command| command.get_arguments());
    let flag = |argument: &clap::Arg| {
        let id = argument.get_id().as_str();
        let values = matches.get_raw(id).filter(|_| takes_a_value(argument))?;
        let name = argument.get_long().unwrap_or(id);
        Some(Flag {
            name: name.to_string(),
            values: values.map(|value| settled(name, value)).collect(),
            given: matches.value_source(id) == Some(ValueSource::CommandLine),
        })
    };
    known
        .filter(|argument| argument.get_id() != "resume" && argument.get_id() != "from")
        .filter_map(flag)
        .collect()
}

fn takes_a_value(argument: &clap::Arg) -> bool {
    matches!(
        argument.get_action(),
        clap::ArgAction::Set | clap::ArgAction::Append
    )
}

/// `value` with paths made absolute, so that a run can be continued from any folder.
fn settled(name: &str, value: &OsStr) -> OsString {
    match absolute(value) {
        Ok(path) if is_path(name, value) => path.into(),
        _ => value.to_os_string(),
    }
}

/// The command line of a run with these options.
pub fn command_line(run: Run, mut options: BTreeMap<&str, Vec<OsString>>) -> Vec<OsString> {
    let pictures = options.remove(run.positional).unwrap_or_default();
    let mut words: Vec<OsString> = vec!["impasto".into(), run.command.into()];
    for (name, values) in options {
        for value in values {
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            words.push(word);
        }
    }
    words.push("--".into());
    words.extend(pictures);
    words
}
