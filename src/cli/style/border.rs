//! Pictures that wrap around.

use impasto::image::fitted;
use impasto::paint::{Sources, nearest_multiple};
use impasto::shape::Border;

use crate::cli::arguments::Common;
use crate::cli::say;

/// Sides are multiples of this: then no pooling of VGG up to its last convolution drops a row or a column.
const MULTIPLE: usize = 16;

/// What the sides of a picture with such a border are multiples of.
pub fn multiple(border: Border) -> usize {
    match border {
        Border::Wrap => MULTIPLE,
        Border::Zero | Border::Replicate => 1,
    }
}

/// The nearest length that wraps around.
pub fn closes(side: usize) -> usize {
    nearest_multiple(side, MULTIPLE)
}

/// Says so if the size of the result, for a longer side of `longer`, is not that of the content.
pub(super) fn say_if_rounded(
    common: &Common,
    sources: &Sources,
    [width, height]: [usize; 2],
    longer: usize,
) {
    let content = &sources.content;
    if fitted(content.width, content.height, longer) != (width, height) {
        say(
            common,
            format!(
                "note: sides that wrap around are multiples of {MULTIPLE}: {width}×{height} it is"
            ),
        );
    }
}
