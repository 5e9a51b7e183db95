//! Pictures that wrap around.

use impasto::image::PictureFile;

use crate::cli::arguments::Common;
use crate::cli::say;

/// Sides are multiples of this: then no pooling of VGG up to its last convolution drops a row or a column.
const MULTIPLE: usize = 16;

/// The nearest length that wraps around.
pub fn closes(side: usize) -> usize {
    ((side + MULTIPLE / 2) / MULTIPLE * MULTIPLE).max(MULTIPLE)
}

/// The picture at the nearest size that wraps around; says so if that is another.
pub fn closed(common: &Common, picture: PictureFile) -> PictureFile {
    let before = [picture.picture.width, picture.picture.height];
    let [width, height] = before.map(closes);
    if before != [width, height] {
        say(
            common,
            format!(
                "note: sides that wrap around are multiples of {MULTIPLE}: {width}×{height} it is"
            ),
        );
    }
    picture.resized(width, height)
}
