//! Words for the user. A closed pipe at the other end is no reason to lose a picture, or to panic.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};

use super::failure::Failure;

/// Prints a line to stdout. A reader that has gone, such as `head`, has seen enough.
///
/// # Errors
/// [`Failure`] if stdout takes nothing for another reason, such as a full disk.
pub fn print(line: impl Display) -> Result<(), Failure> {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::bad_input(format!(
            "standard output cannot be written ({error}); check where it goes"
        ))),
        _ => Ok(()),
    }
}

/// Prints a line to stderr, if anybody listens.
pub fn tell(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}
