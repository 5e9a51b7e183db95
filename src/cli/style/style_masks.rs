//! `--style-mask`: the part of each style picture that is looked at.

use impasto::image::Picture;
use impasto::net::Architecture;
use impasto::objective::{Mask, StyleTerms};

use super::objective::check_one_for_each;
use crate::cli::arguments::{Common, RunArguments};
use crate::cli::failure::Failure;
use crate::cli::mask::{Black, grey, load, lost_at};
use crate::cli::record::Input;
use crate::cli::say;

/// The pictures that the flag names, at the size that they have.
pub struct StyleMasks(Vec<Picture>);

impl StyleMasks {
    /// Reads those of the `styles`, and notes the files among the `inputs`.
    pub fn load(
        common: &Common,
        arguments: &RunArguments,
        styles: &[(Picture, f32)],
        inputs: &mut Vec<Input>,
    ) -> Result<Self, Failure> {
        let paths = &arguments.style_masks;
        check_one_for_each("style-mask", paths.len(), styles.len(), "none any")?;
        let read = |(path, (style, _)): (_, &(Picture, f32))| {
            let of = ("style", style);
            load(common, (OPTION, path), of, inputs, Black::Refused)
        };
        let masks = paths.iter().map(|path| path.as_path()).zip(styles);
        Ok(Self(masks.map(read).collect::<Result<_, _>>()?))
    }

    /// All of them, for fingerprints.
    pub fn all(&self) -> impl Iterator<Item = &Picture> {
        self.0.iter()
    }

    /// How much each place of each style picture is looked at; nothing where all of every one is.
    pub fn parts(&self) -> Vec<Mask> {
        self.0.iter().map(grey).collect()
    }
}

const OPTION: &str = "style-mask";

/// Says at which layers of `terms` nothing sees a part by itself, in style pictures of these `sizes` (W, H).
pub fn say_if_mingled(
    common: &Common,
    arguments: &RunArguments,
    (architecture, terms): (Architecture, &StyleTerms),
    sizes: &[[usize; 2]],
) {
    let masks = arguments.style_masks.iter().zip(&terms.regions.in_styles);
    for ((path, mask), &[width, height]) in masks.zip(sizes) {
        let mingled = lost_at(mask, (architecture, terms), [width, height]);
        if mingled.is_empty() {
            continue;
        }
        say(
            common,
            format!(
                "note: of --{OPTION} `{}` too little is left at {} in {width}×{height}, so what lies beside it counts there too; a larger part or --style-scale keeps it out",
                path.display(),
                mingled.join(", "),
            ),
        );
    }
}
