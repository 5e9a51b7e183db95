//! Finding the weights that `--model` means.

use std::path::{Path, PathBuf};

use impasto::net::{Architecture, Network, Weights, weights};

use super::arguments::Common;
use super::failure::Failure;

/// The default network travels inside the binary.
static VGG19: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/weights/vgg19.npz"));
/// Checksums of the bundled files, in the format of sha256sum.
static CHECKSUMS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/weights/SHA256SUMS"));

/// Reads and checks the network that the flags name.
pub fn load(common: &Common) -> Result<Network, Failure> {
    let weights = match common.model.parse::<Architecture>() {
        Ok(architecture) => bundled(common, architecture)?,
        Err(_) => file(&common.model)?,
    };
    Ok(Network::new(weights))
}

/// A network of ours: from `--weights` if given, else embedded, else from one of the usual folders.
fn bundled(common: &Common, architecture: Architecture) -> Result<Weights, Failure> {
    let (name, embedded) = match architecture {
        Architecture::Vgg19 => ("vgg19.npz", Some(VGG19)),
        Architecture::Vgg16 => ("vgg16.npz", None),
    };
    if let Some(folder) = &common.weights {
        return own(&folder.join(name), architecture);
    }
    if let Some(bytes) = embedded {
        weights::verify_bundled(bytes, checksum(name), name)?;
        return Ok(Weights::from_bytes(bytes, name)?);
    }
    let folders = folders();
    for folder in &folders {
        let path = folder.join(name);
        if path.is_file() {
            let origin = path.display().to_string();
            let bytes = read(&path)?;
            weights::verify_bundled(&bytes, checksum(name), &origin)?;
            return Ok(Weights::from_bytes(&bytes, &origin)?);
        }
    }
    let searched: Vec<_> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    Err(Failure::bad_input(format!(
        "{name} was not found in {}; name its folder with --weights",
        searched.join(" or ")
    )))
}

/// A file in a folder of the user's own: any weights, but of the network that it is called after.
fn own(path: &Path, architecture: Architecture) -> Result<Weights, Failure> {
    let weights = Weights::from_bytes(&read(path)?, &path.display().to_string())?;
    if weights.architecture == architecture {
        return Ok(weights);
    }
    Err(Failure::bad_input(format!(
        "`{}` holds a {}; rename it or name it with --model",
        path.display(),
        weights.architecture
    )))
}

fn file(model: &str) -> Result<Weights, Failure> {
    let path = Path::new(model);
    if !path.exists() && path.extension().is_none() {
        return Err(Failure::usage(format!(
            "--model `{model}` is neither vgg19 nor vgg16 nor a file; choose one of these"
        )));
    }
    Ok(Weights::from_bytes(&read(path)?, model)?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::bad_input(format!(
            "the weights `{}` cannot be read ({error}); check the path",
            path.display()
        ))
    })
}

/// Beside the binary, in the source tree, in the user's data folder.
fn folders() -> Vec<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("weights")));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    let data = dirs::data_dir().map(|folder| folder.join("impasto").join("weights"));
    beside.into_iter().chain([source]).chain(data).collect()
}

/// The checksum of a bundled file; empty if it is not listed, which then never matches.
fn checksum(name: &str) -> &'static str {
    CHECKSUMS
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .find(|(_, file)| file.trim_start().trim_start_matches('*') == name)
        .map_or("", |(sum, _)| sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_network_is_the_one_that_is_listed() {
        weights::verify_bundled(VGG19, checksum("vgg19.npz"), "vgg19.npz").unwrap();
        assert_eq!(checksum("vgg16.npz").len(), 64);
        assert_eq!(checksum("vgg11.npz"), "");
    }
}
