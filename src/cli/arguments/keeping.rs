//! Flags of runs that are kept on the way, and gone on with.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::rhythm::Rhythm;

#[derive(Args)]
pub struct KeepingArguments {
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
