//! The command line as clap sees it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use impasto::image::{Depth, PictureFormat};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::pool2::Pooling;

use super::checkpoint::Rhythm;
use super::memory::Bytes;

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
#[derive(Args)]
pub struct Common {
    /// Network: vgg19, vgg16 or a file (.npz or .safetensors)
    #[arg(long, global = true, default_value = "vgg19", value_name = "NAME|FILE")]
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
    /// Paint the built-in pictures, nothing else needed
    Demo(DemoArguments),
    /// Measure kernels and whole steps on this adapter
    Bench(BenchArguments),
    /// List the adapters, and say which one is used and why
    Devices(DevicesArguments),
    /// Check every kernel on this adapter against the CPU
    Doctor,
    /// Look inside: features, Gram matrices, gradients
    #[command(subcommand)]
    Inspect(Inspect),
}

#[derive(Args)]
pub struct StyleArguments {
    /// Picture to paint, `-` for standard input; its transparency, depth and EXIF data go into the result
    #[arg(required = false, required_unless_present = "resume")]
    pub content: PathBuf,
    /// Picture to take the style from, with its share when there are several; repeatable
    #[arg(
        long = "style",
        required_unless_present = "resume",
        value_name = "IMG[:WEIGHT]"
    )]
    pub styles: Vec<Weighted>,
    /// Picture to write: .png, .jpg, .webp, .tiff or .bmp, or `-` for standard output
    #[arg(
        short,
        long,
        required = false,
        required_unless_present = "resume",
        value_name = "OUT"
    )]
    pub output: PathBuf,
    /// Format of `-o -`: png, jpg, webp, tiff or bmp [default: png]
    #[arg(long, value_parser = PictureFormat::from_str, value_name = "NAME")]
    pub format: Option<PictureFormat>,
    /// Bits per channel of a .png or .tiff; the default is that of the content
    #[arg(long, value_parser = Depth::from_str, value_name = "8|16")]
    pub depth: Option<Depth>,
    /// Longer side of the result in pixels; the default is that of the content, at most 512; pictures
    /// are sized by a bicubic filter on sRGB values
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=16384), value_name = "N")]
    pub size: Option<u32>,
    /// Steps of the optimiser
    #[arg(long, default_value_t = 300, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "N")]
    pub iterations: u32,
    #[arg(long, value_enum, default_value_t = Recipe::Gatys)]
    pub recipe: Recipe,
    /// Seed of `--init noise`
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Layer whose map is kept from the content, with the weight of its term; repeatable
    #[arg(long = "content-layer", value_name = "NAME[:W]")]
    pub content_layers: Vec<Weighted>,
    /// Layer whose statistics are taken from the style; W multiplies the recipe's own weight, 1000/C²
    #[arg(long = "style-layer", value_name = "NAME[:W]")]
    pub style_layers: Vec<Weighted>,
    /// Weight of the content terms
    #[arg(long, default_value = "1", allow_negative_numbers = true, value_parser = positive, value_name = "W")]
    pub content_weight: f32,
    /// Weight of the style terms
    #[arg(long, default_value = "1", allow_negative_numbers = true, value_parser = positive, value_name = "W")]
    pub style_weight: f32,
    /// Weight of the total variation; 0 for none
    #[arg(long, default_value = "0", allow_negative_numbers = true, value_parser = not_negative, value_name = "W")]
    pub tv_weight: f32,
    /// How the network halves its maps
    #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg")]
    pub pooling: Pooling,
    #[arg(long, value_enum, default_value_t = OptimiserName::Lbfgs)]
    pub optimizer: OptimiserName,
    /// Pairs that L-BFGS remembers, 24 bytes per pixel each [default: 20, fewer if memory is short, at least 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=128), value_name = "N")]
    pub history: Option<u32>,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Step length: of Adam in units of the picture (default 0.02), of L-BFGS relative to Newton's (default 1)
    #[arg(long, allow_negative_numbers = true, value_parser = positive, value_name = "RATE")]
    pub learning_rate: Option<f32>,
    /// Variant of the convolutions that can run it: plain, direct, direct-portable, gemm, from-rgb-broadcast, winograd, winograd-fused, winograd-tiled
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME")]
    pub variant: Option<Variant>,
    /// Picture to start from: content, noise or a file
    #[arg(long, default_value = "content", value_name = "content|noise|FILE")]
    pub init: String,
    /// Also write the picture after every N steps, as OUT with the step before its extension
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub save_every: Option<u32>,
    /// Write the losses of every step as CSV (step,seconds,total,content,style,tv)
    #[arg(long, value_name = "FILE.csv")]
    pub trace: Option<PathBuf>,
    /// Keep all that the run needs to go on in this file, on the way and at the end
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Rewrite the checkpoint after so many steps (50) or so much time (30s, 10m, 1h) [default: 5m]
    #[arg(long, value_parser = Rhythm::from_str, value_name = "N|TIME")]
    pub checkpoint_every: Option<Rhythm>,
    /// Go on with the run that this checkpoint is of, with its flags; no other is needed
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
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
pub struct BenchArguments {
    /// What to measure [default: step]
    #[arg(value_enum)]
    pub what: Option<Benchmark>,
    /// Side of the square picture in pixels
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=8192), value_name = "N")]
    pub size: u32,
    /// Runs of each; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    pub runs: u32,
    /// Variant of the convolutions that can run it: plain, direct, direct-portable, gemm, from-rgb-broadcast, winograd, winograd-fused, winograd-tiled
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME")]
    pub variant: Option<Variant>,
    #[arg(long, value_enum, default_value_t = OptimiserName::Lbfgs)]
    pub optimizer: OptimiserName,
    /// Take the step in the way that `style` would with so much device memory; the default keeps everything
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Measure every variant of every convolution and keep the figures for later choices
    #[arg(long, conflicts_with_all = ["variant", "optimizer", "memory"])]
    pub tune: bool,
    /// Write the figures as JSON, to a file or (without one) to standard output
    #[arg(long, num_args = 0..=1, default_missing_value = "-", value_parser = json_of_bench, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw every kernel of the run under the adapter's roofs
    #[arg(long, value_parser = svg, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

#[derive(Args)]
pub struct DevicesArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Inspect {
    /// Feature map of a layer as f32 .npy (C,H,W), or its Gram matrix (C,C)
    Features {
        /// Picture to show to the network, never resized
        image: PathBuf,
        /// Layer: conv1_1, relu1_1, pool1, …
        #[arg(long, value_name = "NAME")]
        layer: String,
        /// F·Fᵀ/(H·W) instead of F
        #[arg(long)]
        gram: bool,
        /// How the network halves its maps
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg")]
        pooling: Pooling,
        /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
        #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
        memory: Option<Bytes>,
        /// File to write
        #[arg(short, long, value_name = "F.npy")]
        output: PathBuf,
    },
    /// Gradient of recipe gatys with respect to a picture as f32 .npy (3,H,W)
    Gradient {
        /// Content picture
        content: PathBuf,
        /// Style picture, with its share when there are several; repeatable
        #[arg(long = "style", required = true, value_name = "IMG[:WEIGHT]")]
        styles: Vec<Weighted>,
        /// Picture at which the gradient is taken, of the size of the content
        #[arg(long, value_name = "IMG")]
        at: PathBuf,
        /// How the network halves its maps
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg")]
        pooling: Pooling,
        /// Weight of the total variation; 0 for none
        #[arg(long, default_value = "0", allow_negative_numbers = true, value_parser = not_negative, value_name = "W")]
        tv_weight: f32,
        /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
        #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
        memory: Option<Bytes>,
        /// File to write
        #[arg(short, long, value_name = "G.npy")]
        output: PathBuf,
        /// Also write the loss terms, to a file or (without one) to standard output
        #[arg(long, num_args = 0..=1, default_missing_value = "-", value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Gradient of mean(F²) of a layer with respect to a picture as f32 .npy (3,H,W)
    Dream {
        /// Picture, never resized
        image: PathBuf,
        /// Layer: relu4_3, …
        #[arg(long, value_name = "NAME")]
        layer: String,
        /// How the network halves its maps
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg")]
        pooling: Pooling,
        /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
        #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
        memory: Option<Bytes>,
        /// File to write
        #[arg(short, long, value_name = "G.npy")]
        output: PathBuf,
    },
    /// Memory of a style transfer: every buffer, its lifetime, the peak; needs no adapter
    Plan(PlanArguments),
    /// Every kernel: knobs, flop per byte, and which variant each convolution gets and why
    Kernels {
        /// Side of the square picture in pixels
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=8192), value_name = "N")]
        size: u32,
        /// Also write the WGSL of every kernel into this folder, made if it is not there
        #[arg(long, value_name = "DIR")]
        emit: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct PlanArguments {
    /// Size of the picture
    #[arg(long, value_name = "WxH")]
    pub size: Size,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the first way that fits is shown
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    #[arg(long, value_enum, default_value_t = OptimiserName::Lbfgs)]
    pub optimizer: OptimiserName,
    /// Pairs that L-BFGS remembers [default: 20, fewer if --memory is short, at least 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=128), value_name = "N")]
    pub history: Option<u32>,
    /// How the network halves its maps
    #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg")]
    pub pooling: Pooling,
    /// Variant of the convolutions that can run it: plain, direct, direct-portable, gemm, from-rgb-broadcast, winograd, winograd-tiled
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME")]
    pub variant: Option<Variant>,
    /// Write the plan as JSON instead, to a file or (without one) to standard output
    #[arg(long, num_args = 0..=1, default_missing_value = "-", value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw the memory over the step
    #[arg(long, value_parser = svg, value_name = "FILE.svg")]
    pub svg: Option<PathBuf>,
}

/// `WxH`, or one number for a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        let side = |text: &str| {
            let side = text.trim().parse().ok();
            side.filter(|side| (1..=65_536).contains(side))
        };
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            _ => Err("it is no size; write for example 1024x768, up to 65536 a side".to_string()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// Gatys, Ecker & Bethge: Gram matrices, one scale
    Gatys,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OptimiserName {
    Lbfgs,
    Adam,
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

/// `NAME` or `NAME:WEIGHT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    pub name: String,
    /// 1 if none is given.
    pub weight: f32,
}

impl FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |name: &str| Self {
            name: name.to_string(),
            weight: 1.0,
        };
        match text.rsplit_once(':') {
            // What follows the last colon is a weight only if it looks like a number: file names and
            // Windows drives have colons too.
            Some((name, weight)) if !name.is_empty() && weight.trim().parse::<f32>().is_ok() => {
                Ok(Self {
                    name: name.to_string(),
                    weight: positive(weight.trim())
                        .map_err(|_| "its weight must be a finite number above 0")?,
                })
            }
            _ if text.is_empty() => Err("the name is empty".to_string()),
            _ => Ok(plain(text)),
        }
    }
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

fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("plots are written as SVG; give a name that ends in .svg".to_string()),
    }
}

fn finite(text: &str) -> Result<f32, String> {
    text.parse::<f32>()
        .ok()
        .filter(|value| value.is_finite())
        .ok_or_else(|| format!("`{text}` is not a finite number"))
}

fn positive(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value > 0.0 {
        Ok(value)
    } else {
        Err("it must be above 0".to_string())
    }
}

fn not_negative(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value >= 0.0 {
        Ok(value)
    } else {
        Err("it must not be below 0".to_string())
    }
}

fn pooling(text: &str) -> Result<Pooling, String> {
    match text {
        "max" => Ok(Pooling::Max),
        "avg" | "average" => Ok(Pooling::Average),
        other => Err(format!("`{other}` is not a pooling; choose max or avg")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_weight_follows_the_last_colon_only_if_it_is_a_number() {
        let parse = |text: &str| Weighted::from_str(text).map(|w| (w.name, w.weight));
        assert_eq!(parse("a.png"), Ok(("a.png".into(), 1.0)));
        assert_eq!(parse("a.png:2.5"), Ok(("a.png".into(), 2.5)));
        assert_eq!(parse("C:\\a.png"), Ok(("C:\\a.png".into(), 1.0)));
        assert_eq!(parse("C:\\a.png:3"), Ok(("C:\\a.png".into(), 3.0)));
        assert!(parse("a.png:0").is_err());
        assert!(parse("a.png:-1").is_err());
        assert!(parse("a.png:nan").is_err());
        assert!(parse("a.png:inf").is_err());
        assert!(parse("").is_err());
    }
}
