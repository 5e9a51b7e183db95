//! The line that shows how far a run is.

use std::io::{self, IsTerminal, Write, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::cli::arguments::Common;

/// A bar over so many `steps`, shown as the `template` of indicatif says; hidden from users who want silence, and where
/// nobody looks.
pub fn bar(common: &Common, steps: usize, template: &str) -> ProgressBar {
    let target = match (common.quiet, wants_plain_text()) {
        (true, _) => ProgressDrawTarget::hidden(),
        (false, false) => ProgressDrawTarget::stderr(),
        (false, true) if stderr().is_terminal() => {
            ProgressDrawTarget::term_like(Box::new(PlainTerminal))
        }
        (false, true) => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    // Templates are constants and valid; if one were not, the default style would do.
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or(ProgressStyle::default_bar()))
}

/// Whether nothing but text is to go to the terminal: `NO_COLOR` is set (no-color.org), or it understands nothing else.
pub fn wants_plain_text() -> bool {
    let is_set = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_set || std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

/// A terminal on which one line is rewritten by carriage returns and blanks, without an escape sequence.
#[derive(Debug)]
struct PlainTerminal;

/// What the narrowest usual terminal takes without going on in the next line.
const WIDTH: u16 = 79;

impl TermLike for PlainTerminal {
    fn width(&self) -> u16 {
        WIDTH
    }

    // There is one line, and it is always written from its beginning.
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        writeln!(stderr(), "{text}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        write!(stderr(), "{text}")
    }

    fn clear_line(&self) -> io::Result<()> {
        write!(stderr(), "\r{:1$}\r", "", WIDTH as usize)
    }

    fn flush(&self) -> io::Result<()> {
        stderr().flush()
    }
}
