//! Flags that every command with a run of many steps has: what is written, how it descends, how it goes on.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, ValueEnum};
use impasto::image::{Depth, PictureFormat};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::pool2::Pooling;

use super::descent::DescentArguments;
use super::keeping::KeepingArguments;
use super::recording::RecordingArguments;
use super::values::{Weighted, in_text, not_negative, pooling, positive, svg, variants};
use crate::cli::memory::Bytes;

#[derive(Args)]
pub struct RunArguments {
    /// Picture to write: .png, .jpg, .webp, .tiff or .bmp, or `-` for standard output
    #[arg(
        short,
        long,
        required = false,
        required_unless_present_any = ["resume", "from"],
        value_name = "OUT"
    )]
    pub output: PathBuf,
    /// Format of `-o -`: png, jpg, webp, tiff or bmp [default: png]
    #[arg(long, value_parser = PictureFormat::from_str, value_name = "NAME")]
    pub format: Option<PictureFormat>,
    /// Bits per channel of a .png or .tiff; the default is that of the content, 8 without one
    #[arg(long, value_parser = Depth::from_str, value_name = "8|16")]
    pub depth: Option<Depth>,
    /// Steps of the optimiser, over all scales
    #[arg(long, default_value_t = 300, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "N")]
    pub iterations: u32,
    /// What of the style is matched: Gram matrices, or means and covariances by their Wasserstein distance
    /// [default: that of the recipe, wasserstein for painterly]
    #[arg(long, value_enum)]
    pub style_loss: Option<StyleLoss>,
    /// Layer whose statistics are taken from the style; W multiplies the weight that --style-loss gives it
    #[arg(long = "style-layer", value_name = "NAME[:W]")]
    pub style_layers: Vec<Weighted>,
    /// Grey picture, white where the style of the same place in the list is looked at: one for each style, or none;
    /// repeatable
    #[arg(long = "style-mask", value_name = "FILE")]
    pub style_masks: Vec<PathBuf>,
    /// ICC profile of a printing process, in CMYK or RGB: the content and the styles get the colours that they would have in
    /// print as they are read, so that the result is painted in such (perceptual intent, there and back). Opacity, masks and
    /// a picture of --init are left alone
    #[arg(long, value_name = "PROFILE.icc")]
    pub proof: Option<PathBuf>,
    /// Weight of the style terms [default: that of the recipe, 4 for painterly]
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "W")]
    pub style_weight: Option<f32>,
    /// Weight of the total variation, 0 for none; the last part of painterly adds its own beyond 320 pixels, where Gram
    /// matrices leave single pixels open [default: that of the recipe, 0]
    #[arg(long, allow_negative_numbers = true, value_parser = not_negative, value_name = "W")]
    pub tv_weight: Option<f32>,
    /// Let every term pull on its layer as strongly as its weight says, however far away its target is: gradients are divided
    /// by the sum of their absolute values, and style layers count alike unless --style-layer weighs them. Takes whole maps,
    /// so --memory cannot be kept by tiles
    // Takes a value like other flags, so that checkpoints keep it.
    #[arg(long, action = ArgAction::Set, default_value_t = false, default_missing_value = "true", num_args = 0..=1, require_equals = true, hide_possible_values = true)]
    pub normalize_gradients: bool,
    /// How the network halves its maps [default: that of the recipe, max]
    #[arg(long, value_parser = pooling, value_name = "max|avg|l2")]
    pub pooling: Option<Pooling>,
    /// How to descend the objective [default: that of the recipe, adam for painterly]
    #[arg(long, value_enum)]
    pub optimizer: Option<OptimiserName>,
    /// Pairs that L-BFGS remembers, 24 bytes per pixel each [default: 100, in the finish of painterly 20, fewer if memory is short, at least 5]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(2..=128), value_name = "N")]
    pub history: Option<u32>,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Step length: of Adam in units of the picture (0.02 unless the recipe says otherwise), of L-BFGS relative to Newton's (1)
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "RATE")]
    pub learning_rate: Option<f32>,
    #[command(flatten)]
    pub descent: DescentArguments,
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME", help = variants())]
    pub variant: Option<Variant>,
    /// Also write the picture after every N steps, as OUT with the step before its extension
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub save_every: Option<u32>,
    /// Write the losses of every step as CSV (step,seconds,total,content,style,tv)
    #[arg(long, value_name = "FILE.csv")]
    pub trace: Option<PathBuf>,
    /// Draw the loss terms over the steps as SVG, when the run ends; of a run that was resumed, since then
    #[arg(long, value_parser = in_text(svg), value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Check everything and say what would be done, how and with what memory; paint and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Show the picture every few seconds: above the progress line, in a terminal that takes pictures (kitty, iTerm2, sixel),
    /// or in a file that is rewritten, for a viewer that reloads it
    #[arg(long, num_args = 0..=1, default_missing_value = "-", hide_default_value = true, value_name = "FILE.png")]
    pub preview: Option<PathBuf>,
    #[command(flatten)]
    pub keeping: KeepingArguments,
    /// Make the run again that this picture is of, by the record in it; other flags go before those of the record
    #[arg(long, conflicts_with = "resume", value_name = "PICTURE")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub recording: RecordingArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StyleLoss {
    /// Mean squared difference of Gram matrices
    Gram,
    /// Squared Wasserstein-2 distance of means and covariances
    Wasserstein,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OptimiserName {
    Lbfgs,
    Adam,
}
