//! The shapes that tests and benches share: small odd ones to be right on, those of VGG-19 to be fast on.

// The benches take only the second kind.
#![allow(dead_code)]

use impasto::shape::Shape;

/// Height and width: a single pixel, odd sides, a strip, more than one workgroup.
pub const SIZES: [[usize; 2]; 4] = [[1, 1], [3, 5], [1, 19], [17, 33]];
/// Sizes that something is left of after pooling; the second loses a row and a column.
pub const POOLED_SIZES: [[usize; 2]; 4] = [[2, 2], [3, 5], [2, 19], [17, 33]];

/// Input channels and output of the convolutions of VGG-19 at 128², one of each block.
pub fn convolutions() -> [(usize, Shape); 5] {
    [
        (3, square(64, 128)),
        (64, square(64, 128)),
        (128, square(128, 64)),
        (256, square(256, 32)),
        (512, square(512, 16)),
    ]
}

/// Maps whose Gram matrices recipe gatys compares at 128²: the first, the middle one and the last but one.
pub fn grams() -> [Shape; 3] {
    [square(64, 128), square(256, 32), square(512, 16)]
}

/// What the first pooling of VGG-19 reads at 128².
pub fn pooled() -> Shape {
    square(64, 128)
}

fn square(channels: usize, side: usize) -> Shape {
    Shape::new(channels, side, side)
}
