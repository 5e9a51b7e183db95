//! `--mask` and `--content-mask`: where in the picture the terms hold.

use std::path::Path;

use impasto::image::Picture;
use impasto::objective::{Regions, StyleRegion};

use super::objective::check_one_for_each;
use crate::cli::arguments::{Common, StyleArguments, Weighted};
use crate::cli::failure::Failure;
use crate::cli::mask::{grey, load};
use crate::cli::record::Input;

/// The pictures that the flags name, at the size that they have.
pub(super) struct Masks {
    styles: Vec<Picture>,
    content: Option<Picture>,
}

impl Masks {
    /// Reads them, and notes the files among the `inputs`.
    pub(super) fn load(
        common: &Common,
        arguments: &StyleArguments,
        content: &Picture,
        inputs: &mut Vec<Input>,
    ) -> Result<Self, Failure> {
        check_one_for_each(
            "mask",
            arguments.masks.len(),
            arguments.styles.len(),
            "none any",
        )?;
        let mut read = |option: &str, path: &Path| -> Result<Picture, Failure> {
            load(common, (option, path), ("content", content), inputs)
        };
        let styles = arguments.masks.iter().map(|path| read("mask", path));
        let styles = styles.collect::<Result<_, _>>()?;
        let content = arguments.content_mask.iter();
        let mut content = content.map(|path| read("content-mask", path));
        Ok(Self {
            styles,
            content: content.next().transpose()?,
        })
    }

    /// All of them, for fingerprints.
    pub(super) fn all(&self) -> impl Iterator<Item = &Picture> {
        self.styles.iter().chain(&self.content)
    }

    /// Where the terms of `styles` hold. Their weights count relative to the mean of them.
    pub(super) fn regions(&self, styles: &[Weighted]) -> Regions {
        let sum: f32 = styles.iter().map(|style| style.weight).sum();
        let mean = sum / styles.len().max(1) as f32;
        let region = |(mask, style): (&Picture, &Weighted)| StyleRegion {
            mask: grey(mask),
            strength: style.weight / mean,
        };
        Regions {
            content: self.content.as_ref().map(grey),
            styles: self.styles.iter().zip(styles).map(region).collect(),
        }
    }
}
