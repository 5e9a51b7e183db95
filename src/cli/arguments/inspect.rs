//! Flags of `impasto inspect`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::pool2::Pooling;

use super::OptimiserName;
use super::values::{Size, Weighted, in_text, not_negative, pooling, svg, variants};
use crate::cli::memory::Bytes;

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
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg|l2")]
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
        #[arg(long = "style", required = true, value_parser = in_text(Weighted::from_str), value_name = "IMG[:WEIGHT]")]
        styles: Vec<Weighted>,
        /// Picture at which the gradient is taken, of the size of the content
        #[arg(long, value_name = "IMG")]
        at: PathBuf,
        /// How the network halves its maps
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg|l2")]
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
        #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg|l2")]
        pooling: Pooling,
        /// Device memory that may be used, such as 2GiB or 1500MiB; the default is what the adapter has
        #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
        memory: Option<Bytes>,
        /// File to write
        #[arg(short, long, value_name = "G.npy")]
        output: PathBuf,
    },
    /// Any value of a step of recipe gatys, forward or gradient, as f32 .npy and as a picture
    Tensor(TensorArguments),
    /// Memory of a step of recipe gatys: every buffer, its lifetime, the peak; needs no adapter
    Plan(PlanArguments),
    /// How a picture was made, by the record that impasto left in it
    Record {
        /// Picture
        picture: PathBuf,
        /// Print the record as it stands there, which is JSON
        #[arg(long)]
        json: bool,
    },
    /// Every kernel: knobs, flop per byte, and which variant each convolution gets and why
    Kernels {
        /// Side of the square picture in pixels
        #[arg(long, allow_negative_numbers = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=8192), value_name = "N")]
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
pub struct TensorArguments {
    /// Content picture
    pub content: PathBuf,
    /// Style picture
    #[arg(long, value_name = "IMG")]
    pub style: PathBuf,
    /// Picture at which the step is taken, of the size of the content [default: the content]
    #[arg(long, value_name = "IMG")]
    pub at: Option<PathBuf>,
    /// How the network halves its maps
    #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg|l2")]
    pub pooling: Pooling,
    /// Print what there is, each with its sides
    #[arg(long, conflicts_with_all = ["name", "output", "picture"])]
    pub list: bool,
    /// What to look at: relu3_1, `gradient of conv3_1`, gram:relu3_1, …
    #[arg(long, required_unless_present = "list", value_name = "NAME")]
    pub name: Option<String>,
    /// Write the numbers
    #[arg(short, long, required_unless_present_any = ["list", "picture"], value_name = "F.npy")]
    pub output: Option<PathBuf>,
    /// Draw it: every channel of a map, black for 0, through orange to white above it, through blue below
    #[arg(long, value_name = "F.png")]
    pub picture: Option<PathBuf>,
}

#[derive(Args)]
pub struct PlanArguments {
    /// Size of the picture
    #[arg(long, value_name = "WxH")]
    pub size: Size,
    /// Device memory that may be used, such as 2GiB or 1500MiB; the first way that fits is shown
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// How the run descends the objective, for what it remembers
    #[arg(long, value_enum, default_value_t = OptimiserName::Lbfgs)]
    pub optimizer: OptimiserName,
    /// Pairs that L-BFGS remembers [default: 100, fewer if --memory is short, at least 5]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(2..=128), value_name = "N")]
    pub history: Option<u32>,
    /// How the network halves its maps
    #[arg(long, value_parser = pooling, default_value = "max", value_name = "max|avg|l2")]
    pub pooling: Pooling,
    #[arg(long, value_parser = Variant::from_str, value_name = "NAME", help = variants())]
    pub variant: Option<Variant>,
    /// Write the plan as JSON instead, to a file or (without one) to standard output
    #[arg(long, num_args = 0..=1, default_missing_value = "-", value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw the memory over the step
    #[arg(long, value_parser = in_text(svg), value_name = "FILE.svg")]
    pub svg: Option<PathBuf>,
}
