//! Pictures: reading them from bytes, resizing them, writing them.
//!
//! Everything works on byte slices; only [`PictureFile::load`], [`Picture::load`], [`Picture::save`],
//! [`Proof::load`], [`load_record`], [`save_npy`] and the functions on output paths touch the file system.

mod alpha;
mod animation;
mod canvas;
mod colour;
mod contact_sheet;
mod error;
mod exif;
mod false_colour;
mod file;
mod jpeg;
mod load;
mod npy;
mod output;
mod png;
mod proof;
mod recolour;
mod record;
mod resize;
mod save;
mod webp;
mod xmp;

pub use self::animation::AnimationFormat;
pub use self::canvas::{Canvas, Letters};
pub use self::contact_sheet::contact_sheet;
pub use self::error::ImageError;
pub use self::false_colour::FalseColours;
pub use self::file::{Attachments, Depth, PictureFile};
pub use self::load::{MAX_PIXELS, MAX_SIDE};
pub use self::npy::{encode_npy, save_npy};
pub use self::output::{
    check_output, check_output_file, remove_leftovers, write_atomically, write_atomically_with,
};
pub use self::proof::{Proof, ProofError};
pub use self::recolour::{ColourSpace, ColourStatistics, Matching, Recolouring};
pub use self::record::{decode_record, load_record};
pub use self::resize::{Filter, fitted, resampled, resized_plane};
pub use self::save::PictureFormat;

/// An RGB picture, sRGB-encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// W, in pixels.
    pub width: usize,
    /// H, in pixels.
    pub height: usize,
    /// Planar (3,H,W), R then G then B, in \[0,1\].
    pub rgb: Vec<f32>,
}

impl Picture {
    /// W·H.
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }
}

/// The value in \[0,1\]; NaN becomes 0.
fn unit(value: f32) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}
