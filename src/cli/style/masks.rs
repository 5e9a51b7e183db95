//! `--mask` and `--content-mask`: where in the picture the terms hold.

use std::path::Path;

use impasto::image::Picture;
use impasto::objective::{Mask, Regions, StyleRegion};

use super::objective::check_one_for_each;
use crate::cli::arguments::{Common, StyleArguments, Weighted};
use crate::cli::failure::Failure;
use crate::cli::pictures::read;
use crate::cli::record::Input;

/// The pictures that the flags name, at the size that they have.
pub(super) struct Masks {
    styles: Vec<Picture>,
    content: Option<Picture>,
}

/// By how much the proportions of a mask may differ from those of the content: a rounded pixel of a small one.
const TOLERANCE: f64 = 0.02;

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
        let mut load = |option: &str, path: &Path| -> Result<Picture, Failure> {
            let file = read(common, path)?;
            inputs.push(Input::new(option, path, &file.sha256));
            check_proportions(option, path, [&file.picture, content])?;
            Ok(file.picture)
        };
        let styles = arguments.masks.iter().map(|path| load("mask", path));
        let styles = styles.collect::<Result<_, _>>()?;
        let content = arguments.content_mask.iter();
        let mut content = content.map(|path| load("content-mask", path));
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

fn grey(picture: &Picture) -> Mask {
    let luminance = picture.luminance().into_iter();
    Mask {
        width: picture.width,
        height: picture.height,
        values: luminance.map(|value| value as f32).collect(),
    }
}

fn check_proportions(
    option: &str,
    path: &Path,
    [mask, content]: [&Picture; 2],
) -> Result<(), Failure> {
    let ratio = |picture: &Picture| picture.width as f64 / picture.height as f64;
    if (ratio(mask) / ratio(content) - 1.0).abs() <= TOLERANCE {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "--{option} `{}` is {}×{} and the content {}×{}; give a mask of the same proportions",
        path.display(),
        mask.width,
        mask.height,
        content.width,
        content.height
    )))
}
