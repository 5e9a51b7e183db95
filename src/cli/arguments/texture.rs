//! Flags of `impasto texture`.

use std::ops::Deref;
use std::str::FromStr;

use clap::{Arg, ArgAction, Args};

use super::RunArguments;
use super::values::{Size, Weighted, in_text};

#[derive(Args)]
#[command(mut_args(in_words_of_a_texture))]
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

/// Help of flags whose defaults are those of a recipe with `style`, or that speak of a content.
fn in_words_of_a_texture(flag: Arg) -> Arg {
    let help = match flag.get_id().as_str() {
        "depth" => "Bits per channel of a .png or .tiff [default: 8]",
        "style_loss" => {
            "What is matched: Gram matrices, or means and covariances by their Wasserstein distance [default: gram]"
        }
        "style_masks" => {
            "Grey picture, white where the picture of the same place in the list is looked at: one for each, or none; \
             repeatable"
        }
        "proof" => {
            "ICC profile of a printing process, in CMYK or RGB: the pictures get the colours that they would have in print as \
             they are read, so that the result is made of such (perceptual intent, there and back)"
        }
        "style_weight" => "Weight of the style terms [default: 1]",
        "tv_weight" => "Weight of the total variation [default: 0, for none]",
        "pooling" => "How the network halves its maps [default: max]",
        "optimizer" => "How to descend the objective [default: lbfgs]",
        "history" => {
            "Pairs that L-BFGS remembers, 24 bytes per pixel each [default: 100, fewer if memory is short, at least 5]"
        }
        "learning_rate" => {
            "Step length: of Adam in units of the picture [default: 0.02], of L-BFGS relative to Newton's [default: 1]"
        }
        "scales" => {
            "Sizes to make one after the other, each √2 times the last: a number, or auto for as many as there are from \
             --smallest on [default: 1]"
        }
        "smallest" => "Longer side of the coarsest scale [default: 128]",
        "average" => {
            "Decay of the mean of pictures that is the result, or that a finish starts from, over a tenth of a scale's steps at \
             most [default: 0, for the last picture]"
        }
        "tolerance" => {
            "End a scale when its loss changed by less than this, relatively, over 20 steps [default: 0, for never]"
        }
        "finish" => {
            "Steps, of those of --iterations, at the end of the run, that match Gram matrices at full size by L-BFGS \
             [default: 0]"
        }
        _ => return flag,
    };
    flag.help(help)
}

impl Deref for TextureArguments {
    type Target = RunArguments;

    fn deref(&self) -> &RunArguments {
        &self.run
    }
}
