//! Flags of `impasto style`.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::ArgPredicate;
use clap::{Args, ValueEnum};
use impasto::image::ColourSpace;
use impasto::shape::Border;

use super::RunArguments;
use super::colour_control::ColourControl;
use super::origin::Origin;
use super::values::{Weighted, border, in_text, positive, unit};

#[derive(Args)]
// What stands there beside --out-dir is never looked at.
#[command(mut_arg("output", |output| output
    .required_unless_present("out_dir")
    .default_value_if("out_dir", ArgPredicate::IsPresent, ".")))]
pub struct StyleArguments {
    /// Picture to paint, `-` for standard input; its transparency, depth and EXIF data go into the result. Several
    /// with --out-dir
    #[arg(
        id = "content",
        required_unless_present_any = ["resume", "from"],
        value_name = "CONTENT"
    )]
    contents: Vec<PathBuf>,
    /// Picture to take the style from, with its share when there are several; repeatable
    #[arg(
        long = "style",
        required_unless_present_any = ["resume", "from"],
        value_parser = in_text(Weighted::from_str),
        value_name = "IMG[:WEIGHT]"
    )]
    pub styles: Vec<Weighted>,
    /// Folder for the results of several contents, as CONTENT_STYLE.png; made if it is not there
    #[arg(long, conflicts_with_all = ["output", "resume", "from", "checkpoint", "trace", "plot"], value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Paint every content in every style by itself, instead of in all of them blended
    #[arg(long)]
    pub each_style: bool,
    /// Size, steps and scales for about 1, 5 or 20 minutes on this adapter, the size at most 512, 1024 or 2048 pixels
    /// and that of the content; flags of your own go before it
    #[arg(long, value_enum)]
    pub preset: Option<Preset>,
    /// Longer side of the result in pixels; the default is that of the content, at most 512; pictures
    /// are sized by a bicubic filter on sRGB values
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=16384), value_name = "N")]
    pub size: Option<u32>,
    /// What is minimised, from which size on and how, where other flags leave it open
    #[arg(long, value_enum, default_value_t = Recipe::Painterly)]
    pub recipe: Recipe,
    /// Seed of `--init noise` and `--init style`
    #[arg(
        long,
        allow_negative_numbers = true,
        default_value_t = 0,
        value_name = "N"
    )]
    pub seed: u64,
    /// Layer whose map is kept from the content, with the weight of its term; repeatable
    #[arg(long = "content-layer", value_name = "NAME[:W]")]
    pub content_layers: Vec<Weighted>,
    /// Weight of the content terms [default: that of the recipe, 1]
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "W")]
    pub content_weight: Option<f32>,
    /// Part of the content's detail, from 0 to 1, that each scale begins with: of what the one before was too small to show
    /// [default: that of the recipe, 1 for painterly, less with a smaller --content-weight]
    #[arg(long, allow_negative_numbers = true, value_parser = unit, value_name = "PART")]
    pub detail: Option<f32>,
    /// Layer that is to see more of what it sees in the picture, as in a dream: from 0.03 things begin to appear, at 0.1
    /// they are everywhere, from 0.5 they push the style aside; repeatable
    #[arg(long = "dream", value_name = "NAME[:W]")]
    pub dreams: Vec<Weighted>,
    /// How far towards the style the statistics of the content are to go, from 0, not at all, to 1, all the way
    #[arg(long, default_value = "1", allow_negative_numbers = true, value_parser = unit, value_name = "S")]
    pub strength: f32,
    /// Grey picture, white where the style of the same place in the list holds: one for each --style, or none;
    /// repeatable. Greys blend; where all of them are black the content stays, pixel for pixel
    #[arg(long = "mask", value_name = "FILE")]
    pub masks: Vec<PathBuf>,
    /// Grey picture, the whiter the more of the content stays there
    #[arg(long, value_name = "FILE")]
    pub content_mask: Option<PathBuf>,
    /// Whose colours the result has: of the style; of the content, by its chroma; of the content, in a run that
    /// sees luminance only; or of the content by way of a style picture that is matched to it in mean and
    /// covariance first, by pca, chol or ot (optimal transport, the default), on sRGB values
    #[arg(long, default_value = "style", value_parser = ColourControl::from_str, value_name = "style|content|luminance|match[:pca|chol|ot]")]
    pub color: ColourControl,
    /// Numbers in which `--color match` averages: sRGB values or amounts of light [default: srgb]
    #[arg(long, value_parser = ColourSpace::from_str, value_name = "srgb|linear")]
    pub color_space: Option<ColourSpace>,
    /// Longer side of the style pictures at every scale, in place of the scale's own: strokes are as many pixels broad at any
    /// --size, so that a small picture does not tell what a large one will be; --style-scale multiplies it
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(16..=16384), value_name = "N")]
    pub style_size: Option<u32>,
    /// Picture to start from: content, noise, blotches in the colours of the style, or a file
    #[arg(long, default_value = "content", value_parser = in_text(Origin::named), value_name = "content|noise|style|FILE")]
    pub init: Origin,
    /// What the network sees beyond the border: zeros, the picture's edge going on, or its opposite side (then
    /// strokes go on from one side to the other, but for edges of the content itself, and sides are rounded to multiples of 16) [default: that of
    /// the recipe, replicate for painterly]
    #[arg(long, value_parser = border, value_name = "zero|replicate|wrap")]
    pub border: Option<Border>,
    #[command(flatten)]
    pub run: RunArguments,
}

impl StyleArguments {
    /// The picture to paint, the first if there are several.
    pub fn content(&self) -> &Path {
        // clap wants at least one.
        self.contents
            .first()
            .map_or(Path::new(""), PathBuf::as_path)
    }

    /// All pictures to paint, one after the other.
    pub fn contents(&self) -> &[PathBuf] {
        &self.contents
    }
}

impl Deref for StyleArguments {
    type Target = RunArguments;

    fn deref(&self) -> &RunArguments {
        &self.run
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// Gatys, Ecker & Bethge: Gram matrices, one scale
    Gatys,
    /// Means and covariances from coarse to fine by Adam, then Gram matrices at full size by L-BFGS
    Painterly,
}

impl Recipe {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gatys => "gatys",
            Self::Painterly => "painterly",
        }
    }
}

/// How much time a run is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// About a minute, to see whether a style suits
    Draft,
    /// About five minutes
    Standard,
    /// About twenty minutes
    Fine,
}
