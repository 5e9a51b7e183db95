//! Flags of `impasto dream`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, ValueEnum};
use impasto::image::{Depth, PictureFormat};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::dream_loss::Measure;
use impasto::kernels::pool2::Pooling;
use impasto::optim::Smoothing;

use super::keeping::KeepingArguments;
use super::recording::RecordingArguments;
use super::values::{
    Weighted, above_one, finite, in_text, not_negative, pooling, positive, range, svg, unit,
    variants,
};
use crate::cli::memory::Bytes;

#[derive(Args)]
pub struct DreamArguments {
    /// Picture to dream of, `-` for standard input; its transparency, depth and EXIF data go into the result
    #[arg(required = false, required_unless_present_any = ["resume", "from"])]
    pub image: PathBuf,
    /// Picture to write: .png, .jpg, .webp, .tiff or .bmp, or `-` for standard output; with --zoom also .gif and .mp4, and a .webp that moves
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
    /// Bits per channel of a .png or .tiff; the default is that of the picture
    #[arg(long, value_parser = Depth::from_str, value_name = "8|16")]
    pub depth: Option<Depth>,
    /// Longer side of the result in pixels; the default is that of the picture, at most 512
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=16384), value_name = "N")]
    pub size: Option<u32>,
    /// A kind of dream: what the flags below are unless they are given
    #[arg(long, value_enum, default_value_t = DreamPreset::Classic)]
    pub preset: DreamPreset,
    /// Layer that is to see more of what it sees, with the weight of its term; repeatable [default: that of the preset]
    #[arg(long = "layer", value_name = "NAME[:WEIGHT]")]
    pub layers: Vec<Weighted>,
    /// Channels of the layers that count, such as 3,17,42; all without this flag
    #[arg(long = "channel", value_delimiter = ',', value_name = "K,…")]
    pub channels: Vec<usize>,
    /// Picture that steers: the dream sees what there is in it
    #[arg(long, conflicts_with_all = ["channels", "objective"], value_name = "IMAGE")]
    pub guide: Option<PathBuf>,
    /// What of the guide each place looks at: wherever it shows what is most like it, or the same place [default: match]
    #[arg(long, value_enum)]
    pub guide_mode: Option<GuideMode>,
    /// Power of the cosine by which agreement with the guide counts more than strength [default: 0 to match, 1 for
    /// caricatures]
    #[arg(long, allow_negative_numbers = true, value_parser = not_negative, value_name = "P")]
    pub guide_power: Option<f32>,
    /// Longer side of the guide, at most: the smaller, the larger the things that are seen; not for
    /// caricatures [default: 224]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(16..=2048), value_name = "N")]
    pub guide_size: Option<u32>,
    /// Grey picture, laid over the whole: it dreams where this is white, and black stays as the picture is; the network sees all
    /// of the picture all the same
    #[arg(long, value_name = "IMAGE")]
    pub mask: Option<PathBuf>,
    /// What of a layer is climbed: the mean of its squares, their root, or its mean [default: square]
    #[arg(long, value_parser = Measure::from_str, value_name = "square|l2|mean")]
    pub objective: Option<Measure>,
    /// Sizes to dream at, from small to that of the result [default: that of the preset]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=24), value_name = "N")]
    pub octaves: Option<u32>,
    /// How much larger each is than the one before [default: that of the preset]
    #[arg(long, allow_negative_numbers = true, value_parser = above_one, value_name = "F")]
    pub octave_scale: Option<f32>,
    /// Steps per octave [default: that of the preset, with --zoom half as many]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "N")]
    pub iterations: Option<u32>,
    /// What a step changes on average, in units of the picture, where 1 is from black to white [default: that of the
    /// preset]
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "F")]
    pub step: Option<f32>,
    /// The picture is shifted by up to so many pixels before each step, and back [default: that of the preset]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=16384), value_name = "N")]
    pub jitter: Option<u32>,
    /// What becomes of a gradient before it is followed: nothing, blurred by three Gaussians, or its fine and coarse
    /// bands brought to the same strength [default: that of the preset]
    #[arg(long, value_parser = Smoothing::from_str, value_name = "none|gaussian|laplacian")]
    pub smooth: Option<Smoothing>,
    /// Make N frames, each dreamt from the one before, a little enlarged: OUT-0001.png and so on, and a film if OUT ends in
    /// .gif, .webp or .mp4 (by ffmpeg); frames that are there are not made again
    #[arg(long, allow_negative_numbers = true, conflicts_with_all = ["checkpoint", "resume"], value_parser = clap::value_parser!(u32).range(1..=9999), value_name = "N")]
    pub zoom: Option<u32>,
    /// How much larger things are from frame to frame
    #[arg(long, default_value = "1.05", allow_negative_numbers = true, value_parser = positive, value_name = "F")]
    pub zoom_factor: f32,
    /// How far they turn from frame to frame, clockwise
    #[arg(long, default_value = "0", allow_negative_numbers = true, value_parser = finite, value_name = "DEGREES")]
    pub rotate: f32,
    /// Make these frames only, from the frame before the first of them
    #[arg(long, value_parser = range, value_name = "A..B")]
    pub frames: Option<RangeInclusive<usize>>,
    /// Frames a second of a film; a .gif shows each for the nearest hundredths of a second, and at least two
    #[arg(long, allow_negative_numbers = true, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120), value_name = "N")]
    pub fps: u32,
    /// How deep the dream is: 0 is the picture itself, 1 what the flags say; it multiplies the step
    #[arg(long, default_value = "1", allow_negative_numbers = true, value_parser = unit, value_name = "0…1")]
    pub strength: f32,
    /// Give the result the chroma of the picture; the dream itself sees colours as ever
    // Takes a value like other flags, so that records keep it.
    #[arg(long, action = ArgAction::Set, default_value_t = false, default_missing_value = "true", num_args = 0..=1, require_equals = true, hide_possible_values = true)]
    pub keep_colors: bool,
    /// Seed of the jitter
    #[arg(
        long,
        allow_negative_numbers = true,
        default_value_t = 0,
        value_name = "N"
    )]
    pub seed: u64,
    /// How the network halves its maps [default: that of the preset]
    #[arg(long, value_parser = pooling, value_name = "max|avg|l2")]
    pub pooling: Option<Pooling>,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME", help = variants())]
    pub variant: Option<Variant>,
    /// Draw the terms of the objective over the steps as SVG, when the dream ends
    #[arg(long, conflicts_with = "zoom", value_parser = in_text(svg), value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Show the picture every few seconds: above the progress line, in a terminal that takes pictures (kitty, iTerm2, sixel),
    /// or in a file that is rewritten, for a viewer that reloads it
    #[arg(long, conflicts_with = "zoom", num_args = 0..=1, default_missing_value = "-", hide_default_value = true, value_name = "FILE.png")]
    pub preview: Option<PathBuf>,
    /// Check everything and say what would be done, how and with what memory; paint and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub keeping: KeepingArguments,
    /// Dream again as this picture was dreamt, by the record in it; other flags go before those of the record
    #[arg(long, conflicts_with = "resume", value_name = "PICTURE")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub recording: RecordingArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuideMode {
    /// Wherever the guide shows what is most like it
    Match,
    /// The same place, the guide being as large as the picture
    Caricature,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DreamPreset {
    /// Heads, snouts and fur in every fold, by relu5_1
    Classic,
    /// Eyes and spirals, by relu4_3
    Eyes,
    /// Brush strokes and bright spots, the objects staying what they are, by relu3_3
    Strokes,
    /// As classic, blurred gradients making fewer and softer shapes
    Soft,
}
