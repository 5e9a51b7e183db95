//! Flags of `impasto texture`.

use std::ops::Deref;
use std::str::FromStr;

use clap::{ArgAction, Args};

use super::RunArguments;
use super::values::{Size, Weighted, in_text};

#[derive(Args)]
pub struct TextureArguments {
    /// Pictures to take the texture from, each with its share when there are several
    #[arg(
        required = false,
        required_unless_present_any = ["resume", "from"],
        value_parser = in_text(Weighted::from_str),
        value_name = "STYLE[:WEIGHT]"
    )]
    pub styles: Vec<Weighted>,
    /// Size of the result; the default is that of the first picture, at most 512 on its longer side
    #[arg(long, value_name = "WxH")]
    pub size: Option<Size>,
    /// Longer side at which the pictures are looked at: the smaller, the finer the texture [default: their own, at
    /// most 512]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(16..=16384), value_name = "N")]
    pub style_size: Option<u32>,
    /// Let copies of the result side by side have no seam; takes sides that are multiples of 16
    // Takes a value like other flags, so that checkpoints keep it.
    #[arg(long, action = ArgAction::Set, default_value_t = false, default_missing_value = "true", num_args = 0..=1, require_equals = true, hide_possible_values = true)]
    pub tileable: bool,
    /// Seed of the noise that the run starts from
    #[arg(
        long,
        allow_negative_numbers = true,
        default_value_t = 0,
        value_name = "N"
    )]
    pub seed: u64,
    #[command(flatten)]
    pub run: RunArguments,
}

impl Deref for TextureArguments {
    type Target = RunArguments;

    fn deref(&self) -> &RunArguments {
        &self.run
    }
}
