//! Checkpoints of a run, and whether it can be gone on with.

use std::collections::BTreeSet;
use std::path::Path;

use super::{StyleJob, recipe};
use crate::cli::arguments::{Common, Rhythm, RunArguments};
use crate::cli::checkpoint::{Inputs, is_continued_in_place};
use crate::cli::failure::Failure;
use crate::cli::flags::Options;
use crate::cli::resume::Session;

/// Where and when to write checkpoints, and what is to stand in them.
pub struct Keeping<'a> {
    pub(super) path: &'a Path,
    pub(super) rhythm: Rhythm,
    pub(super) inputs: Inputs,
    pub(super) options: Options,
    /// Those of them that are left to the recipe.
    pub(super) left: BTreeSet<String>,
    /// Whether the run that is continued lies in the same file.
    pub(super) in_place: bool,
}

/// How the run of `job` is to be kept, if it is, after a look at whether it can be continued from
/// what it was made from: `inputs`, pictures of these `names`.
pub fn keeping<'a>(
    common: &Common,
    arguments: &'a RunArguments,
    session: &Session,
    (inputs, names): (Inputs, &[&Path]),
    job: &StyleJob<'_>,
) -> Result<Option<Keeping<'a>>, Failure> {
    let Some(path) = arguments.keeping.checkpoint.as_deref() else {
        return Ok(None);
    };
    if let (Some(resumed), Some(from)) = (&session.resumed, &arguments.keeping.resume) {
        inputs.check(resumed, from, common, names)?;
        recipe::check_iterations(arguments, resumed, job.shares_its_steps())?;
    }
    let mut options = session.options()?;
    let mut left = session.left.clone();
    left.extend(job.settle(&mut options));
    Ok(Some(Keeping {
        path,
        rhythm: arguments.keeping.checkpoint_every.unwrap_or_default(),
        inputs,
        options,
        left,
        in_place: is_continued_in_place(&arguments.keeping),
    }))
}
