//! The extent of a feature map, and of a part of it.

use std::fmt;

/// Channels × height × width of a feature map or picture, in that (row-major) order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// C, the number of feature channels.
    pub channels: usize,
    /// H, in pixels of this map.
    pub height: usize,
    /// W, in pixels of this map.
    pub width: usize,
}

impl Shape {
    /// A shape of `channels` × `height` × `width`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// M = H·W, the number of positions of one channel.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// C·H·W, the number of values.
    pub const fn len(self) -> usize {
        self.channels * self.pixels()
    }

    /// Whether there is no value at all.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same extent with another number of channels.
    pub const fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// A rectangle of positions of a map or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its first column.
    pub left: usize,
    /// Its first row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window {
    /// All positions of a map of this shape.
    pub const fn whole(shape: Shape) -> Self {
        Self {
            left: 0,
            top: 0,
            width: shape.width,
            height: shape.height,
        }
    }

    /// How many positions it has.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }
}
