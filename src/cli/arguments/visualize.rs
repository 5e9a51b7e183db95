//! Flags of `impasto visualize`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, ValueEnum};
use impasto::image::PictureFormat;
use impasto::kernels::pool2::Pooling;

use super::keeping::KeepingArguments;
use super::recording::RecordingArguments;
use super::values::{finite, not_negative, pooling, positive};
use crate::cli::memory::Bytes;

#[derive(Args)]
pub struct VisualizeArguments {
    /// Layer to look into, such as relu4_1
    #[arg(
        long,
        required = false,
        required_unless_present_any = ["resume", "from"],
        value_name = "NAME"
    )]
    pub layer: String,
    /// Channel to show, counted from 0; several with weights, which may be negative, are a direction
    #[arg(
        long = "channel",
        conflicts_with_all = ["grid", "invert", "caricature"],
        allow_negative_numbers = true,
        value_name = "K[:W]"
    )]
    pub channels: Vec<ChannelWeight>,
    /// A contact sheet of many channels: 0..16 (without 16), or a list such as 3,17,40..44 [default: 0..16]
    #[arg(
        long,
        conflicts_with_all = ["invert", "caricature"],
        num_args = 0..=1,
        default_missing_value = "0..16",
        value_name = "A..B|LIST"
    )]
    pub grid: Option<ChannelList>,
    /// What a layer remembers of this picture: one with the same features, from noise
    #[arg(long, conflicts_with = "caricature", value_name = "IMAGE")]
    pub invert: Option<PathBuf>,
    /// A picture with more of the features of this one
    #[arg(long, value_name = "IMAGE")]
    pub caricature: Option<PathBuf>,
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
    /// Side of the picture, of each in a contact sheet; with an IMAGE the longer side [default: 128, with an IMAGE 224]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(16..=2048), value_name = "N")]
    pub size: Option<u32>,
    /// Steps of Adam [default: 48, of an inversion 128]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "N")]
    pub iterations: Option<u32>,
    /// What is wanted of a channel: its mean over all places, or one neuron of it
    #[arg(long, value_enum, default_value = "channel")]
    pub objective: Objective,
    /// Pixel of the picture that the neuron is above [default: the middle]
    #[arg(long, value_name = "X,Y")]
    pub at: Option<Place>,
    /// Seed of the noise and of the transforms
    #[arg(
        long,
        allow_negative_numbers = true,
        default_value_t = 0,
        value_name = "N"
    )]
    pub seed: u64,
    /// What is optimised: the spectrum of the picture, or its pixels
    #[arg(long, value_enum, default_value = "fourier")]
    pub parametrisation: ParametrisationName,
    /// Power of the frequency by which its amplitude is divided: less for finer, more for softer pictures
    #[arg(long, allow_negative_numbers = true, default_value_t = 1.0, value_parser = not_negative, value_name = "P")]
    pub decay: f32,
    /// Whether steps are as long in every direction in which colours of photographs vary
    #[arg(long, action = ArgAction::Set, default_value_t = true, value_name = "true|false")]
    pub decorrelate: bool,
    /// Do not pad, move, scale and turn the picture at each step; an inversion never does
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_possible_values = true, hide_default_value = true, value_name = "true|false")]
    pub no_transforms: bool,
    /// Step length of Adam, in units of the variable
    #[arg(long, allow_negative_numbers = true, default_value_t = 0.05, value_parser = positive, value_name = "RATE")]
    pub learning_rate: f32,
    /// Weight of the total variation [default: 0, of an inversion 1]
    #[arg(long, allow_negative_numbers = true, value_parser = not_negative, value_name = "W")]
    pub tv_weight: Option<f32>,
    /// Power of the cosine that a caricature multiplies its dot product with
    #[arg(long, allow_negative_numbers = true, default_value_t = 1.0, value_parser = not_negative, value_name = "P")]
    pub cosine_power: f32,
    /// How the network halves its maps
    #[arg(long, default_value = "max", value_parser = pooling, value_name = "max|avg|l2")]
    pub pooling: Pooling,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Show the picture, or what there is of the contact sheet, every few seconds: above the progress line, in a terminal
    /// that takes pictures (kitty, iTerm2, sixel), or in a file that is rewritten, for a viewer that reloads it
    #[arg(long, num_args = 0..=1, default_missing_value = "-", hide_default_value = true, value_name = "FILE.png")]
    pub preview: Option<PathBuf>,
    /// Check everything and say what would be done, how and with what memory; paint and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub keeping: KeepingArguments,
    /// Make the picture again that this one is, by the record in it; other flags go before those of the record
    #[arg(long, conflicts_with = "resume", value_name = "PICTURE")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub recording: RecordingArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Objective {
    /// The mean of the channel
    Channel,
    /// One position of the channel
    Neuron,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ParametrisationName {
    /// Its spectrum
    Fourier,
    /// Its pixels
    Pixels,
}

/// `K` or `K:WEIGHT`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelWeight {
    pub channel: usize,
    /// 1 if none is given, never 0.
    pub weight: f32,
}

impl FromStr for ChannelWeight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (channel, weight) = text.split_once(':').unwrap_or((text, "1"));
        let weight = finite(weight.trim()).ok().filter(|weight| *weight != 0.0);
        match (channel.trim().parse(), weight) {
            (Ok(channel), Some(weight)) => Ok(Self { channel, weight }),
            _ => Err("it is no channel; write a number, or one with a weight as in 17:0.5".into()),
        }
    }
}

/// Channels of a contact sheet, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelList(pub Vec<usize>);

/// Cells of a contact sheet, at most.
const MOST_CELLS: usize = 1024;

impl FromStr for ChannelList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault =
            || "it is no list of channels; write for example 0..16 or 3,17,40..44".to_string();
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| fault());
        let mut channels = Vec::new();
        for part in text.split(',') {
            let range = match part.split_once("..") {
                Some((first, end)) => number(first)?..number(end)?,
                None => number(part)?..number(part)?.saturating_add(1),
            };
            if range.is_empty() {
                return Err(fault());
            }
            if channels.len() + range.len() > MOST_CELLS {
                return Err(format!("it names more than {MOST_CELLS} channels"));
            }
            channels.extend(range);
        }
        Ok(Self(channels))
    }
}

/// `X,Y` in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub x: usize,
    pub y: usize,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pair = text.split_once(',');
        let pair = pair.map(|(x, y)| (x.trim().parse(), y.trim().parse()));
        match pair {
            Some((Ok(x), Ok(y))) => Ok(Self { x, y }),
            _ => Err("it is no place; write column and row as in 64,64".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_lists_are_read() {
        let channel = |text: &str| ChannelWeight::from_str(text).ok();
        let of = |channel, weight| Some(ChannelWeight { channel, weight });
        assert_eq!(channel("7"), of(7, 1.0));
        assert_eq!(channel("7:-0.5"), of(7, -0.5));
        for wrong in ["", "a", "7:", "7:0", "7:nan", "-1", "7:inf"] {
            assert_eq!(channel(wrong), None, "{wrong}");
        }
        let list = |text: &str| ChannelList::from_str(text).map(|list| list.0).ok();
        assert_eq!(list("2..5"), Some(vec![2, 3, 4]));
        assert_eq!(list("9,1,3..5"), Some(vec![9, 1, 3, 4]));
        for wrong in [
            "",
            "5..5",
            "5..2",
            "1,,2",
            "a..b",
            "0..2000",
            "18446744073709551615",
        ] {
            assert_eq!(list(wrong), None, "{wrong}");
        }
    }
}
