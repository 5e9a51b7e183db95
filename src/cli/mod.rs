//! Floor 5: the command line. Flags, files, clocks, the terminal and exit codes live here and nowhere below.

mod arguments;
mod bench;
mod cache;
mod checkpoint;
mod colour;
mod completions;
mod demo;
mod devices;
mod doctor;
mod dream;
mod dry_run;
mod duration;
mod ending;
mod failure;
mod flags;
mod inspect;
mod interrupt;
mod keeping;
mod loss_plot;
mod manual;
mod mask;
mod memory;
mod network;
mod panics;
mod pictures;
mod preview;
mod progress;
mod proof;
mod record;
mod repeat;
mod result_size;
mod resume;
mod series;
mod side_file;
mod style;
mod sweep;
mod terminal;
mod texture;
mod trace;
mod tuning;
#[cfg(any(test, fuzzing))]
pub mod untrusted;
mod visualize;
mod wait;
mod weights;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use impasto::gpu::{ADAPTER_VARIABLE, AdapterList, Gpu, GpuOptions};

use self::arguments::{Arguments, Command, Common};
use self::cache::{CachedGpu, PipelineFile};
use self::failure::{Failure, Refusal};
use self::resume::Parsed;
use self::terminal::{print, tell};

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    panics::caught(run_command)
}

fn run_command() -> ExitCode {
    let Parsed { arguments, session } = match resume::parse(words()) {
        Ok(parsed) => parsed,
        // Help and version are no errors, and help is also the answer to no command: clap prints them.
        Err(Refusal::Clap(answer)) if is_help(&answer) => answer.exit(),
        Err(refusal) => return report(&refusal.into()),
    };
    let common = &arguments.common;
    let outcome = match &arguments.command {
        Command::Style(style) => style::run(common, style, session),
        Command::Sweep(sweep) => sweep::run(common, sweep, &session),
        Command::Texture(texture) => texture::run(common, texture, session),
        Command::Visualize(visualize) => visualize::run(common, visualize, session),
        Command::Dream(dream) => dream::run(common, dream, session),
        Command::Demo(demo) => demo::run(common, demo),
        Command::Bench(bench) => bench::run(common, bench),
        Command::Devices(devices) => devices::run(common, devices),
        Command::Weights(weights) => weights::run(common, weights),
        Command::Completions(completions) => completions::run(completions),
        Command::Man(man) => manual::run(common, man),
        Command::Doctor => doctor::run(common),
        Command::Inspect(inspect) => inspect::run(common, inspect),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// The words of the command line; `impasto help style` is short for `impasto style --help`.
fn words() -> impl Iterator<Item = OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    words.into_iter()
}

fn is_help(answer: &clap::Error) -> bool {
    let unasked = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    !answer.use_stderr() || answer.kind() == unasked
}

fn report(failure: &Failure) -> ExitCode {
    tell(format_args!("impasto: {}", failure.message));
    ExitCode::from(failure.code as u8)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // A part of the command line may be that of another command, whose flags the whole one lists too.
            Refusal::Clap(error) => {
                let command = command_of(words());
                Self::usage(one_sentence(&error.to_string(), &command))
            }
            Refusal::Failure(failure) => failure,
        }
    }
}

/// clap says what is wrong in a paragraph, perhaps a tip in another, then how to use everything, which the help of the
/// `command` says too.
fn one_sentence(text: &str, command: &str) -> String {
    let joined = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n").map(joined);
    let fault = paragraphs.next().unwrap_or_default();
    let fault = fault.trim_start_matches("error: ");
    // Rust's words for numbers.
    let fault = fault.replace("invalid digit found in string", "it is no whole number");
    let fault = fault.replace("number too large to fit in target type", "it is too large");
    let tip = paragraphs.find(|paragraph| paragraph.starts_with("tip: "));
    let tip = tip.map_or(String::new(), |tip| match tip.contains("as a value, use") {
        // What clap advises works for the last words alone.
        true => {
            " (a value that begins with a dash is written --flag=-value, a file ./-name)".into()
        }
        false => format!(" ({})", tip.trim_start_matches("tip: ")),
    });
    format!("{fault}{tip}; see `{command} --help`")
}

/// `impasto inspect plan`, as far as the words of a command line name commands.
fn command_of(words: impl Iterator<Item = OsString>) -> String {
    let mut name = "impasto".to_string();
    let mut command = Arguments::command();
    for word in words.skip(1) {
        if let Some(found) = command.find_subcommand(&word) {
            name = format!("{name} {}", found.get_name());
            command = found.clone();
        } else if !word.as_encoded_bytes().starts_with(b"-") {
            break;
        }
    }
    name
}

/// The adapter that the flags or the environment name.
fn wanted_adapter(common: &Common) -> Option<String> {
    let from_environment = || {
        std::env::var(ADAPTER_VARIABLE)
            .ok()
            .filter(|name| !name.is_empty())
    };
    common.adapter.clone().or_else(from_environment)
}

/// Opens the adapter that the flags or the environment name, and says aloud if it is no GPU.
fn open_gpu(common: &Common) -> Result<CachedGpu, Failure> {
    let mut options = GpuOptions {
        adapter: wanted_adapter(common),
        ..GpuOptions::default()
    };
    // Listing and opening do not wait for work on a device, so nothing needs to be polled.
    let adapters = pollster::block_on(AdapterList::discover());
    let (chosen, _) = adapters.choose(options.adapter.as_deref())?;
    let file = PipelineFile::of(&chosen);
    options.pipeline_cache = file.as_ref().map(PipelineFile::read);
    let gpu = pollster::block_on(Gpu::open_from(&adapters, &options))?;
    if !common.quiet {
        let adapter = gpu.adapter();
        tell(format_args!(
            "adapter: {} ({})",
            adapter.name,
            adapter.kind_in_words()
        ));
        if adapter.is_software() {
            tell(
                "note: this is a software adapter, so every step takes seconds; `impasto devices` lists others",
            );
        }
    }
    Ok(CachedGpu::new(gpu, file, common.verbose))
}

/// Prints to stderr unless the user wants silence.
fn say(common: &Common, message: impl AsRef<str>) {
    if !common.quiet {
        tell(message.as_ref());
    }
}

/// Prints to stderr if the user wants more.
fn explain(common: &Common, message: impl AsRef<str>) {
    if common.verbose {
        tell(message.as_ref());
    }
}

/// Writes `text` to the file, or to standard output for `-`.
fn write_text(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return print(text);
    }
    Ok(impasto::image::write_atomically(
        path,
        format!("{text}\n").as_bytes(),
    )?)
}
