//! What may differ between a run that was kept and the command line that continues it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;

use crate::cli::arguments::Weighted;
use crate::cli::failure::Failure;
use crate::cli::flags::{
    DESTINATIONS, DREAM, Flag, MACHINERY, Options, Run, VISUALIZE, command_line,
};

/// Pictures that are a part of the command, whose contents the checkpoint knows.
const CONTENTS: [&str; 4] = ["content", "image", "invert", "caricature"];

/// Pictures beside the content and the profile by which all are proofed, whose contents the checkpoint knows too. There must
/// be as many as before.
const BESIDE: [&str; 5] = ["mask", "content-mask", "style-mask", "guide", "proof"];

impl Run {
    /// Whether this flag may differ from that of the checkpoint: it changes no step, or what it names is compared with what
    /// the checkpoint knows of it.
    fn leaves_free(self, flag: &str) -> bool {
        let is_one_of = |flags: &[&str]| flags.contains(&flag);
        // A dream with other steps in its first octave is another dream, and so is a picture of a sheet.
        let is_shared = [DREAM.command, VISUALIZE.command].contains(&self.command);
        is_one_of(&DESTINATIONS)
            || is_one_of(&MACHINERY)
            || is_one_of(&CONTENTS)
            || flag == "memory"
            || (flag == "iterations" && !is_shared)
    }
}

/// The command line of the run that was kept with what was `given` now.
pub fn continuation(
    run: Run,
    kept: &Options,
    given: &[Flag],
    path: &Path,
) -> Result<Vec<OsString>, Failure> {
    if !kept.contains_key(run.mark) {
        return Err(Failure::usage(format!(
            "`{}` is no run of `impasto {}`; go on with the command that began it",
            path.display(),
            run.command
        )));
    }
    let mut options: BTreeMap<&str, Vec<OsString>> = kept
        .iter()
        .map(|(name, values)| (&**name, values.iter().map(OsString::from).collect()))
        .collect();
    options.insert("checkpoint", vec![path.into()]);
    for flag in given
        .iter()
        .filter(|flag| flag.given && flag.values == ["true"])
    {
        // What is said now counts, not what the run was begun with.
        match &*flag.name {
            "no-record" => options.remove("record-time"),
            "record-time" => options.remove("no-record"),
            _ => None,
        };
    }
    for flag in given.iter().filter(|flag| flag.given) {
        let before = options.get(&*flag.name).map_or(&[][..], |values| values);
        if !run.leaves_free(&flag.name) && !agree(&flag.name, before, &flag.values) {
            return Err(disagreement(flag, before, path));
        }
        options.insert(&flag.name, flag.values.clone());
    }
    options.insert("resume", vec![path.into()]);
    Ok(command_line(run, options))
}

/// Whether two lists of values mean the same.
fn agree(name: &str, before: &[OsString], now: &[OsString]) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    // A style may have moved: its picture is compared later, its weight here.
    let weight = |text: &str| {
        Weighted::from_str(text)
            .ok()
            .map(|weighted| weighted.weight)
    };
    before.len() == now.len()
        && before.iter().zip(now).all(|(before, now)| {
            before == now
                || BESIDE.contains(&name)
                || match (before.to_str(), now.to_str()) {
                    (Some(before), Some(now)) if matches!(name, "style" | "styles") => {
                        weight(before) == weight(now)
                    }
                    (Some(before), Some(now)) => {
                        number(before).is_some() && number(before) == number(now)
                    }
                    _ => false,
                }
        })
}

fn disagreement(flag: &Flag, before: &[OsString], path: &Path) -> Failure {
    let shown = |values: &[OsString]| {
        let values: Vec<_> = values
            .iter()
            .map(|value| format!("`{}`", value.display()))
            .collect();
        values.join(", ")
    };
    let before = match before {
        [] => "none".to_string(),
        values => shown(values),
    };
    Failure::usage(format!(
        "--{} {} does not agree with the run of `{}`, which has {before}; leave the flag out",
        flag.name,
        shown(&flag.values),
        path.display()
    ))
}
