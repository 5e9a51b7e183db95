//! `--proof`: pictures in the colours of a printing process.

use std::path::Path;

use impasto::image::{PictureFile, Proof};

use super::arguments::{Common, RunArguments};
use super::failure::Failure;
use super::flags::is_stream;
use super::pictures;
use super::record::Input;

/// Reads the profile that the flag names, and notes the file among the `inputs`.
pub fn load(arguments: &RunArguments, inputs: &mut Vec<Input>) -> Result<Option<Proof>, Failure> {
    let Some(path) = &arguments.proof else {
        return Ok(None);
    };
    if is_stream(path) {
        return Err(Failure::usage(
            "--proof takes a file, and `-` is standard input, which holds a picture; name a profile",
        ));
    }
    let proof = Proof::load(path)?;
    inputs.push(Input::new("proof", path, &proof.sha256));
    Ok(Some(proof))
}

/// Reads the picture at `path` as [`pictures::read`] does, in the colours of the proof, if there is one.
pub fn read(common: &Common, path: &Path, proof: Option<&Proof>) -> Result<PictureFile, Failure> {
    let mut file = pictures::read(common, path)?;
    if let Some(proof) = proof {
        proof.apply(&mut file.picture);
    }
    Ok(file)
}
