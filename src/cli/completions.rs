//! `impasto completions`.

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArguments};
use super::failure::Failure;
use super::terminal::print;

/// Runs the command.
pub fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "impasto", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}
