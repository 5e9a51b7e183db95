//! Style pictures that have fewer pixels than they are to be looked at with.

use std::path::Path;

use impasto::paint::Sources;

use crate::cli::arguments::Common;
use crate::cli::say;

/// The part of the longer side that a style picture is wanted with below which that is said.
const ENOUGH: f64 = 0.8;

/// Says which style pictures, called `names`, are too small for a result whose longer side is `side`: they are not
/// enlarged, so that their strokes are finer than the user wants them.
pub fn say_if_small<'a>(
    common: &Common,
    names: impl Iterator<Item = &'a Path>,
    sources: &Sources,
    side: usize,
) {
    for ((name, (style, _)), wanted) in names.zip(&sources.styles).zip(sources.style_sides(side)) {
        let part = style.width.max(style.height) as f64 / wanted as f64;
        if part < ENOUGH {
            say(
                common,
                format!(
                    "note: `{}` is {}×{} and is not enlarged to a longer side of {wanted}, so its strokes are {part:.2} times as broad as they would be; a larger copy of it mends that",
                    name.display(),
                    style.width,
                    style.height
                ),
            );
        }
    }
}
