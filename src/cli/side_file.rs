//! Files that a run writes beside its result. What is wrong with one is said by its flag: it is not the output.

use std::path::Path;

use impasto::image::{ImageError, check_output, check_output_file};

use super::failure::Failure;
use super::flags::is_stream;

/// Checks, before a run, that the file that `flag` names can be written without harm to the `others`.
pub fn check(flag: &str, path: &Path, others: &[&Path]) -> Result<(), Failure> {
    if is_stream(path) {
        return Err(Failure::usage(format!(
            "--{flag} `-` would be a file of that name, as the result alone goes to standard output; write `./-` if it is meant"
        )));
    }
    check_output_file(path, others).map_err(|error| of_flag(flag, path, &error))
}

/// As [`check`], for a picture.
pub fn check_picture(flag: &str, path: &Path, others: &[&Path]) -> Result<(), Failure> {
    check_output(path, others).map_err(|error| of_flag(flag, path, &error))
}

fn of_flag(flag: &str, path: &Path, error: &ImageError) -> Failure {
    let shown = path.display();
    let [output, named] = [
        format!("the output `{shown}`"),
        format!("--{flag} `{shown}`"),
    ];
    Failure::bad_input(error.to_string().replacen(&output, &named, 1))
}
