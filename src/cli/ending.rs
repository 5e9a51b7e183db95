//! How a run ends: its picture is saved, whatever happened, and one sentence says what to do.

use std::ops::Range;

use impasto::image::Picture;
use impasto::objective::LossSummary;
use impasto::paint::Ending;

use super::failure::{Code, Failure};
use super::pictures::Output;
use super::progress::Progress;
use super::record::Record;

/// Writes the picture after `step` to `output`, or else where there is room for it, which is a failure all
/// the same. A run that failed before its first step leaves there what was there. Either way the words say what became of it.
pub fn save_somewhere(
    picture: &Picture,
    output: &Output,
    record: Option<&Record>,
    (ending, step): (&Ending, usize),
) -> Result<String, String> {
    if matches!((ending, step), (Ending::Failed(_), 0)) {
        let output = output.name();
        return Err(format!(
            "no step was made, so nothing is saved as `{output}`"
        ));
    }
    let written = output.write_somewhere(picture, record);
    let output = output.name();
    match written {
        Ok(()) => Ok(format!("the picture of step {step} is saved as `{output}`")),
        Err(failure) => Err(failure.message),
    }
}

/// What was painted and how far it got.
pub fn summary(output: &str, steps: &Range<usize>, seconds: f64, progress: &Progress) -> String {
    let step = steps.end;
    if step == 0 {
        return format!("{output}: the starting picture, since no step was made");
    }
    if steps.is_empty() {
        return format!("{output}: the picture after {step} steps, since no step was left to make");
    }
    let LossSummary {
        total,
        content,
        style,
        dream,
        ..
    } = progress.last;
    let dream = match dream {
        0.0 => String::new(),
        dream => format!(", dream {dream:.4e}"),
    };
    format!(
        "{output} after {step} steps in {seconds:.1} s, loss {total:.4e} (content {content:.4e}, style {style:.4e}{dream})"
    )
}

/// What the steps that a finished run did not make are for, if there are some.
pub fn left_out(ending: &Ending, steps: &Range<usize>, iterations: usize) -> Option<String> {
    let left = iterations.saturating_sub(steps.end);
    (matches!(ending, Ending::Finished) && left > 0).then(|| {
        format!(
            "note: {left} of {iterations} steps were left out, where the loss no longer changed (--tolerance 0 makes them)"
        )
    })
}

/// The exit code of a run, and what became of its picture if not all went well.
pub fn conclude(
    ending: Ending,
    saved: Result<String, String>,
    mut progress: Progress,
    step: usize,
    output: &str,
) -> Result<(), Failure> {
    let advice = progress
        .advice()
        .map_or(String::new(), |advice| format!(", and {advice}"));
    match (ending, saved) {
        (Ending::Failed(error), Ok(words) | Err(words)) => {
            let failure = Failure::from(error);
            Err(Failure {
                message: format!("{}; {words}{advice}", failure.message),
                ..failure
            })
        }
        (_, Err(words)) => Err(Failure::bad_input(format!("{words}{advice}"))),
        (Ending::Stopped, Ok(_)) => Err(Failure {
            code: Code::Interrupted,
            message: format!("interrupted after step {step}; `{output}` is saved{advice}"),
        }),
        (Ending::Finished, Ok(_)) if step > 0 && progress.lost_steps == step => {
            Err(Failure::usage(format!(
                "no step met finite numbers, so `{output}` is the starting picture; lower the weights, or give pictures of more than one colour"
            )))
        }
        (Ending::Finished, Ok(_)) => match progress.missing() {
            Some(failure) => Err(Failure {
                message: format!("`{output}` is painted, but {}", failure.message),
                ..failure
            }),
            None => Ok(()),
        },
    }
}
