//! `--init`: where a run starts.

use std::path::{Path, PathBuf};

/// What `--init` says that a run starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Content,
    Noise,
    /// Blotches in the colours of the style pictures.
    Style,
    File(PathBuf),
}

impl Origin {
    /// What is no file.
    pub const NAMES: [&str; 3] = ["content", "noise", "style"];

    /// Never an error: what is no name is a file.
    pub(super) fn named(text: &str) -> Result<Self, String> {
        Ok(match text {
            "content" => Self::Content,
            "noise" => Self::Noise,
            "style" => Self::Style,
            path => Self::File(PathBuf::from(path)),
        })
    }

    /// The picture to read, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Content | Self::Noise | Self::Style => None,
        }
    }
}
