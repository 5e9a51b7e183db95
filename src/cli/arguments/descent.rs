//! Flags of `impasto style` about the way down: scales, the optimiser's settings, the mean of its pictures.

use std::str::FromStr;

use clap::Args;

use super::values::{not_negative, positive, share};

#[derive(Args)]
pub struct DescentArguments {
    /// Sizes to paint at one after the other, each √2 times the last: a number, or auto for as many as there are
    /// from --smallest on [default: that of the recipe]
    #[arg(long, value_parser = ScaleCount::from_str, value_name = "N|auto")]
    pub scales: Option<ScaleCount>,
    /// Longer side of the coarsest scale [default: that of the recipe, or 128]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=16384), value_name = "N")]
    pub smallest: Option<u32>,
    /// Longer side of the style pictures relative to that of the scale, for all or for each in turn: below 1 for
    /// finer strokes, above for broader ones; no picture is enlarged
    #[arg(long = "style-scale", default_value = "1", allow_negative_numbers = true, value_parser = positive, value_name = "F")]
    pub style_scales: Vec<f32>,
    /// Style layers that the style at the same place in the list is seen at: fine (texture, up to relu2_2), coarse
    /// (structure, from relu3_1 on), all, or FROM..TO; one for each style, or none
    #[arg(long = "style-part", value_parser = StylePart::from_str, value_name = "fine|coarse|all|FROM..TO")]
    pub style_parts: Vec<StylePart>,
    /// Decay of the mean of pictures that is the result, or that a finish starts from, over a tenth of a scale's steps at most; 0 for the last
    /// picture [default: that of the recipe]
    #[arg(long, allow_negative_numbers = true, value_parser = share, value_name = "DECAY")]
    pub average: Option<f32>,
    /// End a scale when its loss changed by less than this, relatively, over 20 steps; 0 for never
    /// [default: that of the recipe]
    #[arg(long, allow_negative_numbers = true, value_parser = not_negative, value_name = "X")]
    pub tolerance: Option<f32>,
    /// Steps, of those of --iterations, at the end of the run, that match Gram matrices at full size by L-BFGS
    /// [default: that of the recipe, half of them for painterly, fewer below 256 pixels; 0 with --style-loss or --optimizer]
    #[arg(long, allow_negative_numbers = true, value_name = "N")]
    pub finish: Option<u32>,
    /// Decay of Adam's mean of gradients [default: 0.9]
    #[arg(long, allow_negative_numbers = true, value_parser = share, value_name = "DECAY")]
    pub beta1: Option<f32>,
    /// Decay of Adam's mean of squared gradients [default: 0.99]
    #[arg(long, allow_negative_numbers = true, value_parser = share, value_name = "DECAY")]
    pub beta2: Option<f32>,
    /// What Adam adds to the root of that mean [default: 1e-8]
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "EPSILON")]
    pub epsilon: Option<f32>,
}

/// Layers that a style is seen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StylePart {
    All,
    Fine,
    Coarse,
    /// Names of the first and the last.
    Between(String, String),
}

impl FromStr for StylePart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.split_once("..")) {
            ("all", _) => Ok(Self::All),
            ("fine", _) => Ok(Self::Fine),
            ("coarse", _) => Ok(Self::Coarse),
            (_, Some((first, last))) if !first.is_empty() && !last.is_empty() => {
                Ok(Self::Between(first.to_string(), last.to_string()))
            }
            _ => Err(
                "it must be fine, coarse, all, or two layers such as relu1_1..relu2_1".to_string(),
            ),
        }
    }
}

/// The most scales that can be asked for.
pub const MOST_SCALES: usize = 24;

/// How many scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleCount {
    /// As many as there are from the smallest size on.
    Auto,
    /// So many.
    Number(usize),
}

impl FromStr for ScaleCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) if (1..=MOST_SCALES).contains(&number) => Ok(Self::Number(number)),
            _ if text == "auto" => Ok(Self::Auto),
            _ => Err(format!(
                "it must be auto or a number from 1 to {MOST_SCALES}"
            )),
        }
    }
}
