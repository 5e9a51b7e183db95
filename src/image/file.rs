//! A picture file as a whole: the colours, and what else should come back with the result.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::str::FromStr;

use super::{ImageError, Picture};

/// The largest file that is read: 100 megapixels at 16 bits and four channels, with some room.
const MAX_FILE: u64 = 1 << 30;

/// Bits per channel of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 256 steps.
    #[default]
    Eight,
    /// 65 536 steps.
    Sixteen,
}

impl FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "8" => Ok(Self::Eight),
            "16" => Ok(Self::Sixteen),
            _ => Err("a channel has 8 or 16 bits".to_owned()),
        }
    }
}

/// What a file holds beside its colours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attachments {
    /// Opacity (H,W) in \[0,1\], if the file has any transparency. The colours of [`Picture`] are laid
    /// over white by it, so that nothing shows of what it hides.
    pub alpha: Option<Vec<f32>>,
    /// How finely the colours are stepped.
    pub depth: Depth,
    /// The EXIF block, from its byte order mark on, as it stood in the file.
    pub exif: Option<Vec<u8>>,
    /// How the picture was made, in this program's own words. Files are decoded without theirs, which would
    /// not be true of a result: see [`load_record`](super::load_record).
    pub record: Option<String>,
}

/// A picture with its attachments.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureFile {
    /// The colours, upright, in sRGB, over white.
    pub picture: Picture,
    /// Everything else that is kept.
    pub attachments: Attachments,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What could not be respected, each a clause that follows the file's name.
    pub remarks: Vec<&'static str>,
}

impl PictureFile {
    /// Reads the picture file at `path`; see [`PictureFile::decode`].
    ///
    /// # Errors
    /// [`ImageError`] if there is no readable file, or as [`PictureFile::decode`].
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        Self::decode(&bytes_of(path)?, &path.display().to_string())
    }

    /// Reads a picture file from `source`, which is called `origin` in messages.
    ///
    /// # Errors
    /// [`ImageError`] if it cannot be read or is larger than any picture, or as
    /// [`PictureFile::decode`].
    pub fn read(source: impl Read, origin: &str) -> Result<Self, ImageError> {
        Self::decode(&all_of(source, origin)?, origin)
    }

    /// Picture and transparency with the longer side at `longer`, as [`Picture::fit_longer_side`].
    pub fn fit_longer_side(mut self, longer: usize, enlarge: bool) -> Self {
        let fitted = self.picture.fit_longer_side(longer, enlarge);
        self.resize_alpha((fitted.width, fitted.height));
        self.picture = fitted;
        self
    }

    /// What the file holds beside its colours, for a result of this size.
    pub fn attachments_at(mut self, width: usize, height: usize) -> Attachments {
        self.resize_alpha((width, height));
        self.attachments
    }

    /// Resizes the transparency from the size of the picture.
    fn resize_alpha(&mut self, size: (usize, usize)) {
        let from = (self.picture.width, self.picture.height);
        if let Some(alpha) = &mut self.attachments.alpha
            && size != from
        {
            *alpha = super::resize::resized_plane(alpha, from, size);
        }
    }
}

impl Picture {
    /// The colours of the file at `path`; see [`PictureFile::load`].
    ///
    /// # Errors
    /// As [`PictureFile::load`].
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        Ok(PictureFile::load(path)?.picture)
    }

    /// The colours of an encoded picture; see [`PictureFile::decode`].
    ///
    /// # Errors
    /// As [`PictureFile::decode`].
    pub fn decode(bytes: &[u8], origin: &str) -> Result<Self, ImageError> {
        Ok(PictureFile::decode(bytes, origin)?.picture)
    }
}

/// The bytes of the file at `path`.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, ImageError> {
    let origin = path.display().to_string();
    // Asked first, because opening a folder fails differently from system to system.
    if path.is_dir() {
        return Err(ImageError::Directory { origin });
    }
    match File::open(path) {
        Ok(file) => all_of(file, &origin),
        Err(error) => Err(unreadable(&error, origin)),
    }
}

/// The bytes of `source`, if they are no more than a picture has.
fn all_of(source: impl Read, origin: &str) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    source
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error, origin.to_owned()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ImageError::FileTooLarge {
            origin: origin.to_owned(),
            limit_mebibytes: MAX_FILE >> 20,
        });
    }
    Ok(bytes)
}

fn unreadable(error: &std::io::Error, origin: String) -> ImageError {
    match error.kind() {
        ErrorKind::NotFound => ImageError::NotFound { origin },
        ErrorKind::IsADirectory => ImageError::Directory { origin },
        _ => ImageError::Unreadable {
            origin,
            reason: error.to_string(),
        },
    }
}
