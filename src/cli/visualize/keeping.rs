//! A run as a checkpoint has it: the pictures that are done, and how far the one in work came.

use impasto::image::Picture;
use impasto::paint::{
    Checkpoint, RunOrigin, RunPosition, ScalePosition, Standing, VisualisationState,
};

use crate::cli::failure::Failure;

/// What is optimised, among the vectors of the optimiser.
const VARIABLE: &str = "variable";

/// What a picture that is done is called among the vectors.
fn name(number: usize) -> String {
    format!("picture.{number}")
}

/// Pictures that are done, the last losses, and the state of the picture in work.
pub type Begun = (Vec<Picture>, Vec<f32>, Option<VisualisationState>);

/// The checkpoint of a run that was `before` steps long when the picture in work was begun.
pub fn checkpoint(
    origin: RunOrigin,
    (done, losses): (&[Picture], Vec<f32>),
    mut state: VisualisationState,
    (before, seconds, is_finished): (usize, f64, bool),
) -> Checkpoint {
    let step = before + state.optimiser.step;
    let vectors = &mut state.optimiser.vectors;
    vectors.insert(VARIABLE.to_string(), state.variable);
    for (number, picture) in done.iter().enumerate() {
        vectors.insert(name(number), picture.rgb.clone());
    }
    Checkpoint {
        origin,
        position: RunPosition {
            scale: ScalePosition {
                scale: done.len(),
                first_step: before,
                ..ScalePosition::default()
            },
            seconds,
            lost_steps: 0,
            losses,
            is_finished: Some(is_finished),
        },
        standing: Standing {
            step,
            rgb: state.picture.rgb,
        },
        optimiser: Some(state.optimiser),
    }
}

/// How far the run of a checkpoint came, which makes so many pictures of `size`.
pub fn progressed(
    checkpoint: &Checkpoint,
    (pictures, [width, height]): (usize, [usize; 2]),
) -> Result<Begun, Failure> {
    let misfit = || Failure::mismatch(&"its pictures are not those of its options");
    let number = checkpoint.position.scale.scale;
    let mut optimiser = checkpoint.optimiser.clone().ok_or_else(misfit)?;
    if number >= pictures || checkpoint.origin.size != [width, height] {
        return Err(misfit());
    }
    let picture = |rgb: Vec<f32>| {
        let is_whole = rgb.len() == 3 * width * height;
        let picture = Picture { width, height, rgb };
        is_whole.then_some(picture).ok_or_else(misfit)
    };
    let done = (0..number).map(|number| {
        let rgb = optimiser.vectors.remove(&name(number)).unwrap_or_default();
        picture(rgb)
    });
    let done: Vec<Picture> = done.collect::<Result<_, _>>()?;
    let state = VisualisationState {
        picture: picture(checkpoint.standing.rgb.clone())?,
        variable: optimiser.vectors.remove(VARIABLE).ok_or_else(misfit)?,
        optimiser,
    };
    Ok((done, checkpoint.position.losses.clone(), Some(state)))
}
