//! Checkpoints of a dream, and where one goes on.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::image::remove_leftovers;
use impasto::paint::{Checkpoint, DreamStanding, DreamStart, Octave};

use crate::cli::arguments::{Common, DreamArguments};
use crate::cli::checkpoint::{Inputs, Keeper, Rhythm, is_continued_in_place};
use crate::cli::failure::Failure;
use crate::cli::resume::{Options, Session};

/// How a dream is kept, and from where it goes on.
pub struct Keeping<'a> {
    arguments: &'a DreamArguments,
    inputs: Inputs,
    options: Options,
    resumed: Option<Checkpoint>,
}

impl<'a> Keeping<'a> {
    /// Of a dream that is made from `inputs`, if it is to be kept, after a look at whether these are what the checkpoint was made from.
    pub fn new(
        common: &Common,
        arguments: &'a DreamArguments,
        session: &Session,
        inputs: Inputs,
    ) -> Result<Option<Self>, Failure> {
        let flags = &arguments.keeping;
        if flags.checkpoint.is_none() {
            return Ok(None);
        }
        if let (Some(resumed), Some(from)) = (&session.resumed, &flags.resume) {
            let image = std::iter::once(&*arguments.image);
            let names: Vec<&Path> = image.chain(arguments.guide.as_deref()).collect();
            inputs.check(resumed, from, common, &names)?;
        }
        Ok(Some(Self {
            arguments,
            inputs,
            options: session.options()?,
            resumed: session.resumed.clone(),
        }))
    }

    /// Where a dream over these octaves of so many steps begins.
    pub fn start(&self, octaves: &[Octave], iterations: usize) -> Result<DreamStart, Failure> {
        let Some(resumed) = &self.resumed else {
            return Ok(DreamStart::Anew { after: 0 });
        };
        let octave = resumed.position.scale.scale;
        let steps = octave * iterations..=(octave + 1) * iterations;
        let fits = octaves
            .get(octave)
            .is_some_and(|octave| octave.size == resumed.origin.size);
        if !fits || !steps.contains(&resumed.standing.step) {
            let from = self.arguments.keeping.resume.as_deref();
            return Err(Failure::bad_input(format!(
                "`{}` stands in an octave that its dream does not have; dream anew",
                from.unwrap_or(Path::new("-")).display()
            )));
        }
        Ok(DreamStart::Resumed(DreamStanding {
            octave,
            standing: resumed.standing.clone(),
        }))
    }

    /// The file that is written, and when.
    pub fn file(&self) -> Option<(&Path, Rhythm)> {
        let flags = &self.arguments.keeping;
        let rhythm = flags.checkpoint_every.unwrap_or_default();
        Some((flags.checkpoint.as_deref()?, rhythm))
    }

    /// What writes the checkpoints.
    pub fn keeper(&self, gpu: &Gpu) -> Option<Keeper> {
        let (path, rhythm) = self.file()?;
        remove_leftovers(path);
        // Size and kernels are those of the octave, which are told when it begins.
        let (inputs, options) = (self.inputs.clone(), self.options.clone());
        let origin = inputs.origin(gpu.adapter(), String::new(), [0, 0], options);
        let resumed = self.resumed.as_ref().map(|of| of.standing.step);
        let kept = resumed.filter(|_| is_continued_in_place(&self.arguments.keeping));
        Some(Keeper::new(path, rhythm, origin, kept))
    }

    /// The run that it goes on with.
    pub fn resumed(&self) -> Option<&Checkpoint> {
        self.resumed.as_ref()
    }
}
