//! `--mask` and `--content-mask`: where in the picture the terms hold; and all masks of a run together.

use std::path::Path;

use impasto::image::Picture;
use impasto::net::Architecture;
use impasto::objective::{Regions, StyleRegion, StyleTerms};

use super::objective::check_one_for_each;
use super::style_masks::StyleMasks;
use crate::cli::arguments::{Common, StyleArguments, Weighted};
use crate::cli::failure::Failure;
use crate::cli::mask::{Black, grey, load, lost_at};
use crate::cli::record::Input;
use crate::cli::say;

/// The pictures that the flags name, at the size that they have.
pub(super) struct Masks {
    styles: Vec<Picture>,
    content: Option<Picture>,
    pub(super) in_styles: StyleMasks,
}

/// From this part of white on a mask holds pixels no longer: how much the style counts is a matter of its terms.
const OPAQUE: f64 = 0.25;

impl Masks {
    /// Reads them, and notes the files among the `inputs`.
    pub(super) fn load(
        common: &Common,
        arguments: &StyleArguments,
        (content, pictures): (&Picture, &[(Picture, f32)]),
        inputs: &mut Vec<Input>,
    ) -> Result<Self, Failure> {
        check_one_for_each(
            "mask",
            arguments.masks.len(),
            arguments.styles.len(),
            "none any",
        )?;
        let mut read = |option: &str, path: &Path| -> Result<Picture, Failure> {
            let of = ("content", content);
            load(common, (option, path), of, inputs, Black::Told)
        };
        let styles = arguments.masks.iter().map(|path| read("mask", path));
        let styles = styles.collect::<Result<_, _>>()?;
        let content = arguments.content_mask.iter();
        let mut content = content.map(|path| read("content-mask", path));
        Ok(Self {
            styles,
            content: content.next().transpose()?,
            in_styles: StyleMasks::load(common, arguments, pictures, inputs)?,
        })
    }

    /// All of them, for fingerprints.
    pub(super) fn all(&self) -> impl Iterator<Item = &Picture> {
        let in_the_picture = self.styles.iter().chain(&self.content);
        in_the_picture.chain(self.in_styles.all())
    }

    /// How much paint lies on each pixel of a picture of `size` (W, H): none where the mask of every style is black.
    /// Nothing where there is paint on all of it.
    pub(super) fn paint(&self, size: [usize; 2]) -> Option<Vec<f32>> {
        if self.styles.is_empty() {
            return None;
        }
        let mut covered = vec![0.0; size[0] * size[1]];
        for mask in &self.styles {
            let values = grey(mask).resized(size);
            covered
                .iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value);
        }
        let paint = covered.iter().map(|sum| (sum / OPAQUE).min(1.0) as f32);
        let paint: Vec<f32> = paint.collect();
        paint.iter().any(|&paint| paint < 1.0).then_some(paint)
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
            in_styles: self.in_styles.parts(),
        }
    }
}

/// Says at which layers of `terms` a mask of `arguments` has no statistics in a picture of `size` (W, H): no position there
/// sees enough of its region alone, and the style is without a term. One that is black has none anywhere, and was told
/// when it was read.
pub(super) fn say_if_lost(
    common: &Common,
    arguments: &StyleArguments,
    (architecture, terms): (Architecture, &StyleTerms),
    size: [usize; 2],
) {
    for (path, region) in arguments.masks.iter().zip(&terms.regions.styles) {
        if region.mask.values.iter().all(|&value| value <= 0.0) {
            continue;
        }
        let lost = lost_at(&region.mask, (architecture, terms), size);
        if lost.is_empty() {
            continue;
        }
        let [width, height] = size;
        say(
            common,
            format!(
                "note: of --mask `{}` too little is left at {} in {width}×{height}, so its style has no term there; a larger region or --size gives it one",
                path.display(),
                lost.join(", "),
            ),
        );
    }
}
