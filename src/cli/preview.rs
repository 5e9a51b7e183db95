//! `--preview`: the picture on the way every few seconds, above the progress line of a terminal that shows pictures, or
//! in a file for viewers that look again when it changes.

use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use impasto::image::{Attachments, ImageError, Picture, PictureFormat, write_atomically};

use super::arguments::Common;
use super::failure::Failure;
use super::flags::is_stream;
use super::say;
use graphics::Protocol;

mod graphics;
mod sixel;

/// Often enough to see it grow, and seldom enough to cost next to nothing.
const EVERY: Duration = Duration::from_secs(3);

/// Lines of the terminal that a picture takes.
const ROWS: usize = 20;

/// The longer side of what is sent to a terminal, in pixels.
const SIDE: usize = 480;

/// Where the picture on the way is shown.
pub struct Preview {
    to: Target,
    last: Option<Instant>,
}

enum Target {
    File(PathBuf),
    Terminal {
        protocol: Protocol,
        /// Whether the picture before stands right above the line where the next begins.
        is_above: bool,
    },
}

impl Preview {
    /// What `--preview` asks for, `-` being the terminal; says so where that shows no pictures.
    pub fn new(common: &Common, wish: &Path) -> Option<Self> {
        let to = if !is_stream(wish) {
            Target::File(wish.to_path_buf())
        } else if common.quiet {
            return None;
        } else {
            let variable = |name: &str| std::env::var(name).ok();
            let protocol = Protocol::of(variable).filter(|_| stderr().is_terminal());
            let Some(protocol) = protocol else {
                say(
                    common,
                    "note: this terminal is not known to show pictures (kitty, iTerm2 and sixel are), so there is no preview; --preview FILE.png writes one",
                );
                return None;
            };
            Target::Terminal {
                protocol,
                is_above: false,
            }
        };
        Some(Self { to, last: None })
    }

    /// Whether it is time for the next picture.
    pub fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= EVERY)
    }

    /// Other text stands between the picture before and the next.
    pub fn scrolled(&mut self) {
        if let Target::Terminal { is_above, .. } = &mut self.to {
            *is_above = false;
        }
    }

    /// Shows `picture`.
    pub fn show(&mut self, picture: &Picture) -> Result<(), Failure> {
        self.last = Some(Instant::now());
        match &mut self.to {
            Target::File(path) => Ok(write(path, picture)?),
            Target::Terminal { protocol, is_above } => {
                let small = picture.fit_longer_side(protocol.side().min(SIDE), false);
                let drawn = protocol.draw(&small, ROWS)?;
                let place = place(&drawn, *is_above);
                *is_above = true;
                // A terminal that has gone needs no picture.
                let _ = stderr().write_all(place.as_bytes());
                Ok(())
            }
        }
    }
}

fn write(path: &Path, picture: &Picture) -> Result<(), ImageError> {
    let shown = path.display().to_string();
    let bytes = picture.encode(PictureFormat::of(path)?, &Attachments::default(), &shown)?;
    write_atomically(path, &bytes)
}

/// `drawn` on lines that are its own: those of the picture before if that `is_above`, new ones else. The cursor ends on
/// the line below.
fn place(drawn: &str, is_above: bool) -> String {
    // Where the screen ends, new lines scroll it; so they come first, and the way back up is known.
    let new = if is_above {
        String::new()
    } else {
        "\n".repeat(ROWS)
    };
    format!("\r{new}\x1b[{ROWS}A\x1b7{drawn}\x1b8\x1b[{ROWS}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_takes_the_place_of_the_one_before() {
        let new_lines = |place: String| place.matches('\n').count();
        assert_eq!(new_lines(place("picture", false)), ROWS);
        assert_eq!(new_lines(place("picture", true)), 0);
        assert!(place("picture", true).ends_with("\x1b[20B"));
    }
}
