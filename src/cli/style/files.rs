//! The files that a run would read and write, looked at before it begins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use impasto::image::{check_output, check_output_file};

use crate::cli::arguments::{RunArguments, StyleArguments};
use crate::cli::checkpoint::{check_file, check_names};
use crate::cli::failure::Failure;
use crate::cli::flags::is_stream;
use crate::cli::pictures::{Output, check_streams};
use crate::cli::progress::{numbered, step_of};
use crate::cli::side_file;

/// The masks that the flags name.
pub fn mask_files(arguments: &StyleArguments) -> impl Iterator<Item = &Path> {
    let masks = arguments.masks.iter().chain(&arguments.content_mask);
    masks
        .chain(&arguments.style_masks)
        .map(|path| path.as_path())
}

/// The files that the flags name for reading.
pub fn inputs(arguments: &StyleArguments) -> Vec<&Path> {
    let mut inputs = vec![arguments.content()];
    inputs.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
    inputs.extend(mask_files(arguments));
    inputs.extend(arguments.init.file());
    inputs.extend(arguments.proof.as_deref());
    inputs
}

/// As [`check_files`], for the pictures that the flags name.
pub fn check_outputs(arguments: &StyleArguments) -> Result<Output, Failure> {
    check_files(arguments, inputs(arguments))
}

/// The output, when everything that a run would write can be written, and every one of `inputs` is one.
pub fn check_files<'a>(
    arguments: &'a RunArguments,
    mut inputs: Vec<&'a Path>,
) -> Result<Output, Failure> {
    check_streams(&inputs)?;
    let streams = inputs.iter().any(|path| is_stream(path)) || is_stream(&arguments.output);
    check_names(&arguments.keeping, streams)?;
    inputs.retain(|input| !is_stream(input));
    // The picture of the run that is made again must not be lost either.
    inputs.extend(arguments.from.as_deref());
    let resumed = arguments.keeping.resume.as_deref();
    let output = Output::of(arguments, &[&inputs[..], resumed.as_slice()].concat())?;
    if let Some(trace) = &arguments.trace {
        inputs.push(&arguments.output);
        side_file::check("trace", trace, &inputs)?;
        inputs.push(trace);
    }
    if let Some(plot) = &arguments.plot {
        side_file::check("plot", plot, &[&inputs[..], &[&arguments.output]].concat())?;
        inputs.push(plot);
    }
    if let Some(preview) = arguments.preview.as_ref().filter(|path| !is_stream(path)) {
        side_file::check_picture(
            "preview",
            preview,
            &[&inputs[..], &[&arguments.output]].concat(),
        )?;
        inputs.push(preview);
    }
    let others = [&inputs[..], &[&arguments.output]].concat();
    inputs.extend(check_file(&arguments.keeping, &others)?);
    check_numbered(arguments, &resolved(&inputs))?;
    Ok(output)
}

/// Refuses if one of several runs would replace what another one reads or writes. Results are told apart already.
pub fn check_series(runs: &[&StyleArguments]) -> Result<(), Failure> {
    let read: BTreeSet<&Path> = runs.iter().flat_map(|run| inputs(run)).collect();
    let read: Vec<&Path> = read.into_iter().collect();
    let results = runs.iter().map(|run| &*run.output);
    let mut taken: Vec<&Path> = read.iter().copied().chain(results).collect();
    let previews = runs.iter().filter_map(|run| run.preview.as_deref());
    let previews: BTreeSet<&Path> = previews.filter(|path| !is_stream(path)).collect();
    for preview in previews {
        side_file::check_picture("preview", preview, &taken)?;
        taken.push(preview);
    }
    let taken = resolved(&taken);
    for run in runs {
        check_output(&run.output, &read)?;
        check_numbered(run, &taken)?;
    }
    Ok(())
}

/// The paths, each behind the file that it leads to.
fn resolved<'a>(paths: &[&'a Path]) -> Vec<(PathBuf, &'a Path)> {
    let resolve = |path: &&'a Path| (path.canonicalize().unwrap_or(path.to_path_buf()), *path);
    paths.iter().map(resolve).collect()
}

/// Refuses if a picture on the way would replace one of the files that are `taken`.
fn check_numbered(arguments: &RunArguments, taken: &[(PathBuf, &Path)]) -> Result<(), Failure> {
    let Some(every) = arguments.save_every else {
        return Ok(());
    };
    // The last of them has the longest name.
    let last = arguments.iterations / every * every;
    if last > 0 {
        check_output_file(&numbered(&arguments.output, last as usize), &[])?;
    }
    for (file, input) in taken {
        let Some(step) = step_of(&arguments.output, file) else {
            continue;
        };
        if step.is_multiple_of(every as usize) && step <= arguments.iterations as usize {
            check_output_file(&numbered(&arguments.output, step), &[input])?;
        }
    }
    Ok(())
}
