//! How a run is kept, and what it goes on from.

use std::collections::BTreeSet;
use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::remove_leftovers;
use impasto::paint::{Checkpoint, RunOrigin};

use super::arguments::{Common, KeepingArguments, Rhythm};
use super::checkpoint::{Inputs, Keeper, is_continued_in_place};
use super::failure::Failure;
use super::flags::Options;
use super::resume::Session;

/// Refuses a rhythm of checkpoints where `what` keeps none, so that no other flag would mend it.
pub fn check_rhythm(arguments: &KeepingArguments, what: &str) -> Result<(), Failure> {
    match arguments.checkpoint_every {
        Some(_) => Err(Failure::usage(format!(
            "--checkpoint-every is of no use with {what}, which keeps no checkpoints; leave it out"
        ))),
        None => Ok(()),
    }
}

/// The checkpoint that a run writes, and the one that it goes on from.
pub struct Keeping<'a> {
    path: &'a Path,
    flags: &'a KeepingArguments,
    inputs: Inputs,
    options: Options,
    left: BTreeSet<String>,
    resumed: Option<Checkpoint>,
}

impl<'a> Keeping<'a> {
    /// Of a run that is made from `inputs`, pictures of these `names`, if it is to be kept; after a look at whether these
    /// are what the checkpoint was made from.
    pub fn new(
        common: &Common,
        flags: &'a KeepingArguments,
        session: &Session,
        (inputs, names): (Inputs, &[&Path]),
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = flags.checkpoint.as_deref() else {
            return Ok(None);
        };
        if let (Some(resumed), Some(from)) = (&session.resumed, &flags.resume) {
            inputs.check(resumed, from, common, names)?;
        }
        Ok(Some(Self {
            path,
            flags,
            inputs,
            options: session.options()?,
            left: session.left.clone(),
            resumed: session.resumed.clone(),
        }))
    }

    /// The run that it goes on with.
    pub fn resumed(&self) -> Option<&Checkpoint> {
        self.resumed.as_ref()
    }

    /// The file that is written, and when.
    pub fn file(&self) -> (&Path, Rhythm) {
        (self.path, self.flags.checkpoint_every.unwrap_or_default())
    }

    /// What writes the checkpoints, and is given the size and the kernels before the first.
    pub fn keeper(&self, gpu: &Gpu) -> Keeper {
        let (path, rhythm) = self.file();
        remove_leftovers(path);
        let (inputs, options) = (self.inputs.clone(), self.options.clone());
        let origin = RunOrigin {
            left: self.left.clone(),
            ..inputs.origin(gpu.adapter(), String::new(), [0, 0], options)
        };
        let resumed = self.resumed.as_ref().map(|of| of.standing.step);
        let kept = resumed.filter(|_| is_continued_in_place(self.flags));
        Keeper::new(path, rhythm, origin, kept)
    }
}
