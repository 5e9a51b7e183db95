//! Pictures as escape sequences: the protocols of kitty and iTerm2, which take a PNG in base64, and sixel.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use impasto::image::{Attachments, Picture, PictureFormat};

use super::sixel;
use crate::cli::failure::Failure;

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// <https://sw.kovidgoyal.net/kitty/graphics-protocol/>
    Kitty,
    /// <https://iterm2.com/documentation-images.html>
    Iterm,
    /// DEC's six pixels a letter.
    Sixel,
}

/// The number by which kitty knows the picture, so that the next one takes its place.
const PICTURE: u32 = 1;

/// kitty takes no longer piece of base64.
const PIECE: usize = 4096;

impl Protocol {
    /// That of the terminal which the environment tells of. None within tmux and screen, which pass such sequences on
    /// only if they are told to.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let is = |name: &str, values: &[&str]| {
            variable(name).is_some_and(|value| values.contains(&value.as_str()))
        };
        let term = variable("TERM").unwrap_or_default();
        if is_set("TMUX") || is_set("STY") || term.starts_with("screen") || term == "dumb" {
            return None;
        }
        if is_set("NO_COLOR") {
            return None;
        }
        if is("TERM", &["xterm-kitty", "xterm-ghostty"])
            || is("TERM_PROGRAM", &["ghostty", "WezTerm"])
            || is_set("KITTY_WINDOW_ID")
        {
            return Some(Self::Kitty);
        }
        if is("TERM_PROGRAM", &["iTerm.app", "mintty"]) || is("LC_TERMINAL", &["iTerm2"]) {
            return Some(Self::Iterm);
        }
        let by_sixel = ["foot", "mlterm", "contour"];
        let by_sixel = by_sixel.iter().any(|name| term.starts_with(name));
        (by_sixel || term.contains("sixel")).then_some(Self::Sixel)
    }

    /// The longer side of a picture that fits the lines it is given, where these do not scale it, in pixels.
    pub fn side(self) -> usize {
        match self {
            Self::Kitty | Self::Iterm => usize::MAX,
            // Twenty lines of twelve pixels, fewer than those of any usual font.
            Self::Sixel => 240,
        }
    }

    /// `picture` on so many lines.
    pub fn draw(self, picture: &Picture, rows: usize) -> Result<String, Failure> {
        let in_base64 = || -> Result<String, Failure> {
            let plain = Attachments::default();
            let png = picture.encode(PictureFormat::Png, &plain, "the preview")?;
            Ok(STANDARD.encode(png))
        };
        match self {
            Self::Kitty => Ok(kitty(&in_base64()?, rows)),
            Self::Iterm => {
                let png = in_base64()?;
                Ok(format!(
                    "\x1b]1337;File=inline=1;height={rows};preserveAspectRatio=1:{png}\x07"
                ))
            }
            Self::Sixel => Ok(sixel::encode(picture)),
        }
    }
}

/// Transmits and shows (`a=T`) a PNG (`f=100`) in pieces; no answer (`q=2`), which would stand in the shell afterwards, and
/// the cursor stays (`C=1`).
fn kitty(png: &str, rows: usize) -> String {
    let mut text = String::new();
    let mut keys = format!("a=T,f=100,q=2,C=1,i={PICTURE},p={PICTURE},r={rows},");
    let mut rest = png;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(PIECE));
        let more = u8::from(!after.is_empty());
        text += &format!("\x1b_G{keys}m={more};{piece}\x1b\\");
        if after.is_empty() {
            return text;
        }
        keys.clear();
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)]) -> Option<Protocol> {
        Protocol::of(|name| {
            let found = environment.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    /// Colours that a palette has.
    fn picture() -> Picture {
        let rgb = [[1.0_f32, 0.0], [0.0, 0.0], [0.0, 1.0]];
        Picture {
            width: 12,
            height: 6,
            rgb: rgb
                .iter()
                .flat_map(|halves| (0..72).map(|at| halves[usize::from(at % 12 >= 6)]))
                .collect(),
        }
    }

    #[test]
    fn terminals_are_told_by_their_environment() {
        for (environment, protocol) in [
            (&[("TERM", "xterm-kitty")][..], Some(Protocol::Kitty)),
            (&[("TERM_PROGRAM", "WezTerm")], Some(Protocol::Kitty)),
            (&[("TERM_PROGRAM", "iTerm.app")], Some(Protocol::Iterm)),
            (&[("TERM", "foot-extra")], Some(Protocol::Sixel)),
            (&[("TERM", "xterm+sixel")], Some(Protocol::Sixel)),
            (&[("TERM", "xterm-256color")], None),
            (&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/1")], None),
            (&[("TERM", "xterm-kitty"), ("NO_COLOR", "1")], None),
            (&[("TERM", "dumb"), ("KITTY_WINDOW_ID", "1")], None),
            (&[], None),
        ] {
            assert_eq!(of(environment), protocol, "{environment:?}");
        }
    }

    #[test]
    fn kitty_gets_pieces_that_make_the_whole() {
        let png = "abcd".repeat(2500);
        let text = kitty(&png, 7);
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|of| !of.is_empty()).collect();
        assert_eq!(pieces.len(), 3);
        let keys = pieces[0].strip_prefix("\x1b_G").unwrap();
        assert!(keys.starts_with("a=T,f=100,q=2,") && keys.contains(",r=7,m=1;"));
        assert!(pieces[1].starts_with("\x1b_Gm=1;") && pieces[2].starts_with("\x1b_Gm=0;"));
        let data: Vec<&str> = pieces
            .iter()
            .filter_map(|piece| Some(piece.split_once(';')?.1))
            .collect();
        assert!(data.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(data.concat(), png);
    }

    #[test]
    fn iterm_gets_the_file() {
        let text = Protocol::Iterm.draw(&picture(), 9).unwrap();
        let rest = text
            .strip_prefix("\x1b]1337;File=inline=1;height=9;")
            .unwrap();
        let png = rest
            .split_once(':')
            .unwrap()
            .1
            .strip_suffix('\x07')
            .unwrap();
        let png = STANDARD.decode(png).unwrap();
        assert_eq!(Picture::decode(&png, "png").unwrap(), picture());
    }
}
