//! `impasto style`.

use super::arguments::{Common, StyleArguments};
use super::failure::Failure;
use super::keeping::check_rhythm;
use super::resume::Session;
use super::{network, open_gpu};

mod batch;
mod border;
mod expectation;
mod files;
mod job;
mod keeping;
mod masks;
mod objective;
mod opened;
mod pace;
mod painting;
mod pictures;
mod plan;
mod preset;
mod recipe;
mod rehearsal;
mod settled;
mod small_styles;
mod style_masks;
#[cfg(test)]
mod tests;
mod timing;

pub use border::{closes, multiple};
pub use files::{check_files, inputs};
pub use job::{JobFinish, Motif, StyleJob};
pub use keeping::{Keeping, keeping};
pub use objective::{
    Remedies, check_side, check_sides, find_layer, parts, style_scales, with_style,
};
pub use opened::Opened;
pub use painting::paint;
pub use recipe::{settle_scales, sizes};
pub use small_styles::say_if_small;
pub use style_masks::{StyleMasks, say_if_mingled};

/// The longer side if neither `--size` nor a smaller content says otherwise.
pub const USUAL_SIZE: usize = 512;

/// Runs the command.
pub fn run(common: &Common, arguments: &StyleArguments, session: Session) -> Result<(), Failure> {
    if let Some(folder) = &arguments.out_dir {
        check_rhythm(&arguments.keeping, "--out-dir")?;
        return batch::run(common, arguments, &session, folder);
    }
    if arguments.each_style && (arguments.from.is_some() || arguments.keeping.resume.is_some()) {
        return Err(Failure::usage(
            "--each-style makes several results, and a run that is made again or gone on with has one; leave it out",
        ));
    }
    if arguments.each_style {
        return Err(Failure::usage(
            "--each-style makes several results and -o names one; name a folder for them with --out-dir",
        ));
    }
    if let [_, second, ..] = arguments.contents() {
        return Err(Failure::usage(format!(
            "`{}` is a second content and -o names one result; name a folder for several with --out-dir",
            second.display()
        )));
    }
    let opened = Opened::new(common, arguments, session)?;
    let network = network::load(common)?;
    if arguments.preset.is_some() {
        // What it stands for depends on the adapter.
        let gpu = open_gpu(common)?.for_run(arguments.dry_run);
        return opened.paint(common, arguments, (&network, &gpu));
    }
    let job = opened.job(common, arguments, &network)?;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let job = job.on(common, arguments, &gpu);
    paint(common, &gpu, &network, job)
}
