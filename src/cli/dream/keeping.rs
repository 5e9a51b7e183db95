//! Where a dream goes on.

use impasto::paint::{Checkpoint, DreamStanding, DreamStart, Octave};

use crate::cli::failure::Failure;

/// Where a dream over these octaves of so many steps begins, if it goes on from `resumed`.
pub fn start(
    resumed: Option<&Checkpoint>,
    octaves: &[Octave],
    iterations: usize,
) -> Result<DreamStart, Failure> {
    let Some(resumed) = resumed else {
        return Ok(DreamStart::Anew { after: 0 });
    };
    let octave = resumed.position.scale.scale;
    let size = octaves.get(octave).map(|octave| octave.size);
    let first = octave.saturating_mul(iterations);
    let steps = first..=first.saturating_add(iterations);
    if size != Some(resumed.origin.size) || !steps.contains(&resumed.standing.step) {
        return Err(Failure::mismatch(
            &"it stands in an octave that is not there",
        ));
    }
    Ok(DreamStart::Resumed(DreamStanding {
        octave,
        standing: resumed.standing.clone(),
    }))
}
