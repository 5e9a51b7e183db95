//! Finding the weights that `--model` means.

use std::path::{Path, PathBuf};

use impasto::net::{Architecture, Network, Weights, weights};

use super::arguments::{Common, hint};
use super::failure::Failure;

/// The default network travels inside the binary. A test holds it against its checksum and its fingerprint, so that no run has to.
pub static VGG19: &[u8] = include_bytes!("../../weights/vgg19.npz");
/// What records and checkpoints call it, see [`impasto::paint::fingerprint`].
const FINGERPRINT_OF_VGG19: &str =
    "971587405bf7b7779b487e1b8f786817194fa5f92b82e072d683fe85e0764f99";
/// Checksums of the bundled files, in the format of sha256sum.
static CHECKSUMS: &str = include_str!("../../weights/SHA256SUMS");

/// Reads and checks the network that the flags name.
pub fn load(common: &Common) -> Result<Network, Failure> {
    match common.model.parse::<Architecture>() {
        Ok(Architecture::Vgg19) if common.weights.is_none() => embedded(),
        Ok(architecture) => Ok(Network::new(bundled(common, architecture)?)),
        Err(_) => Ok(Network::new(file(&common.model)?)),
    }
}

/// The network that every binary has.
fn embedded() -> Result<Network, Failure> {
    let weights = Weights::from_bytes(VGG19, "vgg19.npz")?;
    Ok(Network::new(weights).known_by(FINGERPRINT_OF_VGG19))
}

/// A network of ours: from `--weights` if given, else from one of the usual folders.
fn bundled(common: &Common, architecture: Architecture) -> Result<Weights, Failure> {
    let name = match architecture {
        Architecture::Vgg19 => "vgg19.npz",
        Architecture::Vgg16 => "vgg16.npz",
    };
    if let Some(folder) = &common.weights {
        return own(&folder.join(name), architecture);
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
    if is_name(model) {
        return match imported().into_iter().find(|known| known.name == model) {
            Some(Known {
                place: Place::File(path),
                ..
            }) => Ok(Weights::from_bytes(
                &read(&path)?,
                &path.display().to_string(),
            )?),
            _ => Err(unknown("--model", model)),
        };
    }
    Ok(Weights::from_bytes(&read(path)?, model)?)
}

/// Whether `model` is the name of a network and no file.
pub fn is_name(model: &str) -> bool {
    model.parse::<Architecture>().is_ok() || (is_simple(model) && !Path::new(model).is_file())
}

/// Whether weights can be imported under this name: a word, which is the same on every system.
pub fn is_simple(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.chars().all(plain)
}

/// The refusal of `wanted`, the value of `what`, which is no network's name.
pub fn unknown(what: &str, wanted: &str) -> Failure {
    let names = imported().into_iter().map(|known| known.name);
    let names: Vec<String> = BUNDLED.map(String::from).into_iter().chain(names).collect();
    let choices: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = hint(wanted, &choices);
    Failure::usage(format!(
        "{what} `{wanted}` is neither a network nor a file{hint}; choose one of {}, see `impasto weights list`",
        names.join(", ")
    ))
}

/// A network that `--model` finds by its name.
pub struct Known {
    pub name: String,
    pub place: Place,
}

/// Where its weights lie.
pub enum Place {
    Embedded,
    File(PathBuf),
    /// In none of these folders, though they should be.
    Missing(Vec<PathBuf>),
}

/// The networks that this program is made for.
const BUNDLED: [&str; 2] = ["vgg19", "vgg16"];

/// All networks that `--model` finds by name.
pub fn known(common: &Common) -> Vec<Known> {
    let bundled = BUNDLED.map(|name| {
        let file = format!("{name}.npz");
        let folders = match &common.weights {
            Some(folder) => vec![folder.clone()],
            None => folders(),
        };
        let mut paths = folders.iter().map(|folder| folder.join(&file));
        let place = match paths.find(|path| path.is_file()) {
            _ if name == "vgg19" && common.weights.is_none() => Place::Embedded,
            Some(path) => Place::File(path),
            None => Place::Missing(folders),
        };
        let name = name.to_string();
        Known { name, place }
    });
    bundled.into_iter().chain(imported()).collect()
}

/// Networks that the user has put into the data folder, by name.
fn imported() -> Vec<Known> {
    let Some(Ok(files)) = data_folder().map(std::fs::read_dir) else {
        return Vec::new();
    };
    let known = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_string();
        let extension = path.extension()?.to_str()?;
        let is_one = ["npz", "safetensors"].contains(&extension) && path.is_file();
        let place = Place::File(path);
        (is_one && is_simple(&name) && !BUNDLED.contains(&&*name)).then_some(Known { name, place })
    };
    let mut found: Vec<Known> = files
        .flatten()
        .filter_map(|file| known(file.path()))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Where the user's own weights lie; `None` on a system that has no place for such things.
pub fn data_folder() -> Option<PathBuf> {
    Some(dirs::data_dir()?.join("impasto").join("weights"))
}

/// The bytes of a file of weights.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
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
    beside
        .into_iter()
        .chain([source])
        .chain(data_folder())
        .collect()
}

/// The checksum of a bundled file; empty if it is not listed, which then never matches.
pub fn checksum(name: &str) -> &'static str {
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
        let weights = Weights::from_bytes(VGG19, "vgg19.npz").unwrap();
        let taken = impasto::paint::fingerprint::of_network(&Network::new(weights));
        assert_eq!(taken, FINGERPRINT_OF_VGG19);
        assert_eq!(checksum("vgg16.npz").len(), 64);
        assert_eq!(checksum("vgg11.npz"), "");
    }
}
