//! The command line as clap sees it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod bench;
mod colour_control;
mod descent;
mod dream;
mod inspect;
mod keeping;
mod origin;
mod recording;
mod rhythm;
mod run;
mod style;
mod sweep;
mod texture;
mod values;
mod visualize;
mod weights;

pub use bench::{BenchArguments, Benchmark};
pub use colour_control::ColourControl;
pub use descent::{MOST_SCALES, ScaleCount, StylePart};
pub use dream::{DreamArguments, DreamPreset, GuideMode};
pub use inspect::{Inspect, PlanArguments, TensorArguments};
pub use keeping::KeepingArguments;
pub use origin::Origin;
pub use recording::RecordingArguments;
pub use rhythm::Rhythm;
pub use run::{OptimiserName, RunArguments, StyleLoss};
pub use style::{Preset, Recipe, StyleArguments};
pub use sweep::{SweepArguments, Variation};
pub use texture::TextureArguments;
pub use values::{Weighted, border_name, hint, pooling_name};
use values::{in_text, whole};
pub use visualize::{Objective, ParametrisationName, Place, VisualizeArguments};
pub use weights::WeightsCommand;

/// Paint with neural networks on any GPU.
#[derive(Parser)]
#[command(name = "impasto", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every subcommand.
#[derive(Args, Clone)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// Network: vgg19, vgg16 or a file (.npz or .safetensors)
    #[arg(long, global = true, default_value = "vgg19", value_parser = in_text(whole), value_name = "NAME|FILE")]
    pub model: String,
    /// Adapter, by number or a part of its name, see `impasto devices` (also IMPASTO_ADAPTER)
    #[arg(long, global = true, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Folder with vgg19.npz and vgg16.npz
    #[arg(long, global = true, value_name = "DIR")]
    pub weights: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: memory, variants, every loss term
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Paint a picture in the style of others
    Style(Box<StyleArguments>),
    /// Paint with one or two flags varied, and show all results on one labelled sheet
    Sweep(Box<SweepArguments>),
    /// Paint a texture: the style of pictures without their content, at any size
    Texture(Box<TextureArguments>),
    /// Show what a part of the network wants to see: channels, neurons, directions
    Visualize(Box<VisualizeArguments>),
    /// Let a network show in a picture what it sees there: DeepDream
    Dream(Box<DreamArguments>),
    /// Paint the built-in pictures, nothing else needed
    Demo(DemoArguments),
    /// Measure kernels and whole steps on this adapter
    Bench(BenchArguments),
    /// List the adapters, and say which one is used and why
    Devices(DevicesArguments),
    /// Check every kernel on this adapter against the CPU
    Doctor,
    /// List, check and import networks
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Print a script that completes this command line in a shell
    Completions(CompletionsArguments),
    /// Print the manual page, or write those of all commands
    Man(ManArguments),
    /// Look inside: features, Gram matrices, gradients
    #[command(subcommand)]
    Inspect(Inspect),
}

#[derive(Args)]
pub struct DemoArguments {
    /// Picture to write
    #[arg(short, long, default_value = "demo.png", value_name = "OUT")]
    pub output: PathBuf,
    /// Longer side in pixels; the default suits the adapter
    #[arg(long, value_parser = clap::value_parser!(u32).range(16..=4096), value_name = "N")]
    pub size: Option<u32>,
    /// Steps of the optimiser; the default suits the adapter
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "N")]
    pub iterations: Option<u32>,
}

#[derive(Args)]
pub struct DevicesArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct CompletionsArguments {
    /// Shell that is to run the script
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub struct ManArguments {
    /// Folder for a page of every command, as impasto-style.1; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
