//! Grey pictures that say where in another one something holds: white where it does.

use std::path::Path;

use impasto::image::{Picture, fitted};
use impasto::net::Architecture;
use impasto::objective::{Mask, StyleTerms};

use super::arguments::Common;
use super::failure::Failure;
use super::pictures::read;
use super::record::Input;
use super::say;

/// By how much the proportions of a mask may differ from those of its picture: a rounded pixel of a small one.
const TOLERANCE: f64 = 0.02;

/// What becomes of a mask that is black all over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Black {
    /// It lets nothing through, which is worth a warning.
    Told,
    /// Something must be left, and it is refused.
    Refused,
}

/// Reads the mask at `path`, which `option` names, and notes the file among the `inputs`. It must have the proportions of
/// the picture that it is for, of which messages say `name`.
pub fn load(
    common: &Common,
    (option, path): (&str, &Path),
    (name, picture): (&str, &Picture),
    inputs: &mut Vec<Input>,
    black: Black,
) -> Result<Picture, Failure> {
    let file = read(common, path)?;
    inputs.push(Input::new(option, path, &file.sha256));
    let mut mask = file.picture;
    if let Some(alpha) = &file.attachments.alpha {
        // What is transparent does not belong.
        mask.lay_over_black(alpha);
    }
    let shown = path.display();
    let ratio = |picture: &Picture| picture.width as f64 / picture.height as f64;
    if (ratio(&mask) / ratio(picture) - 1.0).abs() > TOLERANCE {
        return Err(Failure::bad_input(format!(
            "--{option} `{shown}` is {}×{} and the {name} {}×{}; give a mask of the same proportions",
            mask.width, mask.height, picture.width, picture.height
        )));
    }
    if mask.rgb.iter().any(|&value| value > 0.0) {
        return Ok(mask);
    }
    if black == Black::Refused {
        return Err(Failure::bad_input(format!(
            "--{option} `{shown}` is black all over, so nothing of its {name} is looked at; make white what is to be"
        )));
    }
    let note = "is black all over, so it lets nothing through";
    say(common, format!("note: --{option} `{shown}` {note}"));
    Ok(mask)
}

/// How much each pixel belongs: its luminance.
pub fn grey(picture: &Picture) -> Mask {
    let luminance = picture.luminance().into_iter();
    Mask {
        width: picture.width,
        height: picture.height,
        values: luminance.map(|value| value as f32).collect(),
    }
}

/// The longer side of a picture in which a mask is looked at first.
const SMALL: usize = 256;

/// The style layers of `terms` at which no position of a picture of `size` (W, H) sees enough of `mask` alone.
pub fn lost_at(
    mask: &Mask,
    (architecture, terms): (Architecture, &StyleTerms),
    size: [usize; 2],
) -> Vec<String> {
    let lost_at = |size: [usize; 2]| -> Vec<String> {
        let layers = terms.style.iter().map(|term| term.layer);
        let lost = layers.filter(|&layer| mask.at(architecture, layer, size).is_none());
        let name = |layer: usize| architecture.layers()[layer].name.clone();
        lost.map(name).collect()
    };
    let [width, height] = size;
    // A layer sees less of a larger picture: what a small one keeps need not be reckoned at full size, which takes seconds.
    let small = fitted(width, height, SMALL.min(width.max(height)));
    match lost_at(small.into()) {
        lost if lost.is_empty() => lost,
        _ => lost_at(size),
    }
}
