//! Command lines that nobody thought of: whatever stands there, the command does it or says in a sentence why not.
//!
//! Flags are learnt from `--help`, so that new ones are tried too; values are drawn from what the flag asks for and from what it does not.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::workshop::{Outcome, Workshop};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};

/// Commands, with what makes them short: small pictures, no step.
const COMMANDS: [(&str, &str); 19] = [
    (
        "style",
        "content.png --style style.png --iterations 0 -o out.png",
    ),
    ("style", "content.png --iterations 0 --recipe gatys"),
    ("texture", "style.png --size 32 --iterations 0 -o out.png"),
    (
        "sweep",
        "content.png --style style.png --iterations 0 -o out.png --vary seed=0,1",
    ),
    ("dream", "content.png --iterations 0 --octaves 1 -o out.png"),
    (
        "visualize",
        "--layer relu1_1 --channel 3 --size 16 --iterations 0 -o out.png",
    ),
    ("demo", "--size 16 --iterations 0 -o out.png"),
    ("bench", ENDLESS),
    ("devices", ""),
    ("doctor", ENDLESS),
    ("inspect features", "content.png --layer relu1_1 -o map.npy"),
    (
        "inspect gradient",
        "content.png --style style.png --at content.png -o map.npy",
    ),
    ("inspect dream", "content.png --layer relu1_1 -o map.npy"),
    ("inspect plan", "--size 64x48"),
    ("inspect record", "content.png"),
    (
        "inspect tensor",
        "content.png --style style.png --name relu1_1 -o map.npy",
    ),
    ("weights verify", "content.png"),
    ("completions", "bash"),
    ("man", ""),
];

/// A flag that nobody knows, for what would measure for minutes.
const ENDLESS: &str = "--no-such-flag";

/// Values that are good somewhere, and bad elsewhere.
const VALUES: [&str; 44] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "16",
    "17",
    "33",
    "64",
    "0.5",
    "1e-3",
    "1.5",
    "-1",
    "-0",
    "1e39",
    "nan",
    "inf",
    "99999999999999999999",
    "1x1",
    "16x9",
    "1..3",
    "3..1",
    "0..0",
    "2GiB",
    "1KiB",
    "9999999GiB",
    "50",
    "30s",
    "10m",
    "relu1_1",
    "relu2_2:0.5",
    "relu9_9",
    "conv1_1:",
    "all",
    "",
    " ",
    ":",
    "content.png",
    "style.png:2",
    "missing.png",
    "missing/out.png",
    ".",
    "-",
    "ünï\u{202e}cødé\u{1f3a8}",
];

/// A flag as `--help` tells of it.
#[derive(Clone, Debug)]
struct Flag {
    name: String,
    /// Whether something follows it.
    takes_value: bool,
    /// The names that it takes, if it takes names.
    names: Vec<String>,
}

/// Flags that make a run long, or that end it before it begins.
const LEFT_OUT: [&str; 3] = ["--help", "--preset", "--iterations"];

fn flags_of(workshop: &Workshop, command: &str) -> Vec<Flag> {
    let words: Vec<&str> = command.split(' ').chain(["-h"]).collect();
    let help = workshop.succeed(&words).stdout;
    let mut flags: Vec<Flag> = Vec::new();
    for line in help.lines() {
        let spelling = line.trim_start().split("  ").next().unwrap_or_default();
        if let Some(at) = spelling.find("--").filter(|_| spelling.starts_with('-')) {
            let word = &spelling[at..];
            let end = word.find([' ', '[', '=']).unwrap_or(word.len());
            let value = word[end..].trim_matches(['<', '>', '[', ']', '=', ' ', '.']);
            let listed = value
                .split('|')
                .filter(|name| name.chars().all(|letter| letter.is_lowercase()));
            flags.push(Flag {
                name: word[..end].to_string(),
                takes_value: !value.is_empty(),
                names: listed
                    .filter(|name| !name.is_empty())
                    .map(String::from)
                    .collect(),
            });
        }
        let possible = line
            .split_once("[possible values: ")
            .map(|(_, names)| names.trim_end_matches(']'));
        if let (Some(names), Some(flag)) = (possible, flags.last_mut()) {
            flag.names.extend(names.split(", ").map(String::from));
        }
    }
    assert!(flags.len() >= 5, "{help}");
    flags.retain(|flag| !LEFT_OUT.contains(&&*flag.name));
    flags
}

/// The words of one flag.
fn words_of(flag: Flag) -> BoxedStrategy<Vec<String>> {
    if !flag.takes_value {
        return Just(vec![flag.name]).boxed();
    }
    let anything = select(VALUES.as_slice()).prop_map(String::from);
    let value = match flag.names.is_empty() {
        true => anything.boxed(),
        false => prop_oneof![3 => select(flag.names), 1 => anything].boxed(),
    };
    // Behind an equals sign even what begins with a dash is a value.
    (value, any::<bool>())
        .prop_map(move |(value, apart)| match apart {
            true => vec![flag.name.clone(), value],
            false => vec![format!("{}={value}", flag.name)],
        })
        .boxed()
}

/// A command line: what makes it short, and up to four more flags.
fn command_line(
    commands: Vec<(&'static str, &'static str, Vec<Flag>)>,
) -> impl Strategy<Value = Vec<String>> {
    select(commands).prop_flat_map(|(command, base, flags)| {
        let chosen = subsequence(flags, 0..=4);
        let more =
            chosen.prop_flat_map(|flags| flags.into_iter().map(words_of).collect::<Vec<_>>());
        (more, any::<Index>()).prop_map(move |(more, left_out)| {
            let command = command.split(' ').chain(base.split_whitespace());
            let mut words: Vec<String> = command.map(String::from).collect();
            words.extend(more.into_iter().flatten());
            // Now and then something that is needed is missing.
            let is_long = words.iter().any(|word| word == ENDLESS);
            if left_out.index(12) == 0 && words.len() > 2 && !is_long {
                words.remove(left_out.index(words.len() - 1) + 1);
            }
            words
        })
    })
}

/// Removes what runs have left.
fn tidy(workshop: &Workshop) {
    for name in workshop.names() {
        let path = workshop.path(&name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else if name != "content.png" && name != "style.png" {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Runs the command line, which must end soon and say little.
fn obey(workshop: &Workshop, words: &[String]) -> Result<Outcome, TestCaseError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let started = Instant::now();
    let outcome = Outcome::of(workshop.command(&words).output().unwrap(), &words);
    let seconds = started.elapsed();
    prop_assert!(
        seconds < Duration::from_secs(30),
        "{seconds:?} for {outcome:?}"
    );
    let code = outcome.code.unwrap_or(-1);
    prop_assert!([0, 2, 3, 4, 5, 6].contains(&code), "{outcome:?}");
    prop_assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    if code != 0 {
        let told: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("impasto: "))
            .collect();
        prop_assert_eq!(told.len(), 1, "{:?}", &outcome);
        prop_assert_eq!(
            outcome.stderr.lines().last(),
            Some(told[0]),
            "{:?}",
            &outcome
        );
        let sentences = 1 + told[0].matches(". ").count();
        prop_assert!(sentences <= 2 && told[0].len() < 500, "{:?}", &outcome);
    }
    Ok(outcome)
}

#[test]
fn any_command_line_is_obeyed_or_refused_in_a_sentence() {
    let workshop = Workshop::with_pictures();
    let commands = COMMANDS.map(|(command, base)| (command, base, flags_of(&workshop, command)));
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let mut runner = TestRunner::new(Config {
        cases: cases.unwrap_or(64),
        failure_persistence: None,
        ..Config::default()
    });
    let (obeyed, refused) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&command_line(commands.to_vec()), |words| {
        // Results of the case before must not decide what happens to this one.
        tidy(&workshop);
        let outcome = obey(&workshop, &words)?;
        let count = if outcome.code == Some(0) {
            &obeyed
        } else {
            &refused
        };
        count.set(count.get() + 1);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (obeyed, refused) = (obeyed.get(), refused.get());
    println!("{obeyed} obeyed, {refused} refused");
    assert!(obeyed > 0 && refused > 0);
}
