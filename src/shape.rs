//! The extent of a feature map.

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
