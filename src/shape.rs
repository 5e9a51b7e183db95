//! The extent of a feature map, of a part of it, and what lies beyond.

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

/// What a 3×3 window sees beyond the border of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Border {
    /// Zeros, as the networks were trained.
    #[default]
    Zero,
    /// The nearest pixel: the outermost rows and columns go on.
    Replicate,
    /// The opposite side: the map is a torus, so that copies of it side by side have no seam.
    Wrap,
}

impl Border {
    /// The border of the convolution that computes the gradient of one with this border. It is all of the gradient but
    /// for [`Border::Replicate`], see [`crate::kernels::conv3x3::replicate`].
    pub const fn of_gradient(self) -> Self {
        match self {
            Self::Wrap => Self::Wrap,
            Self::Zero | Self::Replicate => Self::Zero,
        }
    }
}
