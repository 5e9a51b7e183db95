//! Flags of `impasto weights`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Subcommand)]
pub enum WeightsCommand {
    /// Networks that --model finds by name: where they lie, bytes, checksums, convolutions
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check that weights are whole: checksum, and the shape of every tensor
    Verify {
        /// Name of a network or a file [default: every network that is there]
        #[arg(value_name = "NAME|FILE")]
        which: Option<String>,
    },
    /// Put weights into the data folder, where --model finds them by name
    Import {
        /// Weights of a VGG-19 or VGG-16: .npz with the layers' names, or .safetensors with torchvision's
        file: PathBuf,
        /// Name for --model: letters, digits, - and _ [default: that of the file]
        #[arg(long)]
        name: Option<String>,
        /// Replace the network that has this name
        #[arg(long)]
        force: bool,
    },
}
