//! Flags of `impasto bench`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use impasto::kernels::conv3x3::Variant;
use impasto::shape::Border;

use super::values::{border, svg, variants};
use super::{OptimiserName, StyleLoss};
use crate::cli::memory::Bytes;

#[derive(Args)]
pub struct BenchArguments {
    /// What to measure [default: step]
    #[arg(value_enum)]
    pub what: Option<Benchmark>,
    /// Only this layer, in `conv`, `gram` and `--tune`; may be repeated [default: every convolution, the style layers of gatys]
    #[arg(long = "layer", value_name = "NAME")]
    pub layers: Vec<String>,
    /// Side of the square picture in pixels
    #[arg(long, allow_negative_numbers = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=8192), value_name = "N")]
    pub size: u32,
    /// Runs of each; the median counts
    #[arg(long, allow_negative_numbers = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    pub runs: u32,
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME", help = variants())]
    pub variant: Option<Variant>,
    /// How the step descends the objective
    #[arg(long, value_enum, default_value_t = OptimiserName::Lbfgs)]
    pub optimizer: OptimiserName,
    /// What the network sees beyond the border of the picture, in `bench step`
    #[arg(long, value_parser = border, default_value = "zero", value_name = "zero|replicate|wrap")]
    pub border: Border,
    /// What of the style the step matches
    #[arg(long, value_enum, default_value_t = StyleLoss::Gram)]
    pub style_loss: StyleLoss,
    /// Take the step in the way that `style` would with so much device memory; the default keeps everything
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Measure every variant of every convolution and keep the figures for later choices
    #[arg(long, conflicts_with_all = ["variant", "optimizer", "style_loss", "memory"])]
    pub tune: bool,
    /// Write the figures as JSON, to a file or (without one) to standard output
    #[arg(long, num_args = 0..=1, default_missing_value = "-", value_parser = json_of_bench, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw every kernel of the run under the adapter's roofs
    #[arg(long, value_parser = svg, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Benchmark {
    /// A whole step of recipe gatys
    Step,
    /// Every convolution of the network, both directions
    Conv,
    /// Every Gram matrix of recipe gatys, both directions
    Gram,
}

/// A file, or `-`; a benchmark's name here was meant to say what to measure.
fn json_of_bench(text: &str) -> Result<PathBuf, String> {
    match Benchmark::from_str(text, false) {
        Ok(_) => Err(format!(
            "`{text}` is a benchmark, not a file; put it first, as in `impasto bench {text} --json`"
        )),
        Err(_) => Ok(PathBuf::from(text)),
    }
}
