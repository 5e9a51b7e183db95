//! Grey pictures that say where in another one something holds: white where it does.

use std::path::Path;

use impasto::image::Picture;
use impasto::objective::Mask;

use super::arguments::Common;
use super::failure::Failure;
use super::pictures::read;
use super::record::Input;
use super::say;

/// By how much the proportions of a mask may differ from those of its picture: a rounded pixel of a small one.
const TOLERANCE: f64 = 0.02;

/// Reads the mask at `path`, which `option` names, and notes the file among the `inputs`. It must have the proportions of
/// the picture that it is for, of which messages say `name`.
pub fn load(
    common: &Common,
    (option, path): (&str, &Path),
    (name, picture): (&str, &Picture),
    inputs: &mut Vec<Input>,
) -> Result<Picture, Failure> {
    let file = read(common, path)?;
    inputs.push(Input::new(option, path, &file.sha256));
    let mut mask = file.picture;
    if let Some(alpha) = &file.attachments.alpha {
        // What is transparent does not belong.
        mask.lay_over_black(alpha);
    }
    let ratio = |picture: &Picture| picture.width as f64 / picture.height as f64;
    if (ratio(&mask) / ratio(picture) - 1.0).abs() <= TOLERANCE {
        if mask.rgb.iter().all(|&value| value <= 0.0) {
            say(
                common,
                format!(
                    "note: --{option} `{}` is black all over, so it lets nothing through",
                    path.display()
                ),
            );
        }
        return Ok(mask);
    }
    Err(Failure::bad_input(format!(
        "--{option} `{}` is {}×{} and the {name} {}×{}; give a mask of the same proportions",
        path.display(),
        mask.width,
        mask.height,
        picture.width,
        picture.height
    )))
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
