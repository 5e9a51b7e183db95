//! `impasto weights`: which networks there are, whether they are whole, and how more come in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use impasto::image::write_atomically;
use impasto::net::weights::{Family, sha256_hex, verify_bundled};
use impasto::net::{Architecture, Weights};
use serde_json::{Value, json};

use super::arguments::{Common, WeightsCommand};
use super::failure::{Code, Failure};
use super::network::{self, Known, Place};
use super::say;
use super::terminal::print;

/// Checksums of imported weights, beside them, in the format of sha256sum.
const SUMS: &str = "SHA256SUMS";

/// Runs the command.
pub fn run(common: &Common, command: &WeightsCommand) -> Result<(), Failure> {
    match command {
        WeightsCommand::List { json } => list(common, *json),
        WeightsCommand::Verify { which } => verify(common, which.as_deref()),
        WeightsCommand::Import { file, name, force } => {
            import(common, file, (name.as_deref(), *force))
        }
    }
}

/// Weights that were read.
struct Found {
    bytes: usize,
    sha256: String,
    weights: Weights,
}

impl Found {
    fn new(bytes: &[u8], origin: &str) -> Result<Self, Failure> {
        Ok(Self {
            bytes: bytes.len(),
            sha256: sha256_hex(bytes),
            weights: Weights::from_bytes(bytes, origin)?,
        })
    }

    /// `VGG-16, 13 convolutions from conv1_1 to conv5_3`.
    fn layers(&self) -> String {
        let convolutions = &self.weights.convolutions;
        let name = |of: Option<&impasto::net::weights::Convolution>| {
            of.map_or(String::new(), |of| of.name.clone())
        };
        let (first, last) = (name(convolutions.first()), name(convolutions.last()));
        let number = convolutions.len();
        let architecture = self.weights.architecture;
        format!("{architecture}, {number} convolutions from {first} to {last}")
    }

    fn family(&self) -> &'static str {
        match self.weights.family {
            Family::Caffe => "Caffe",
            Family::Torchvision => "torchvision",
        }
    }
}

/// What is known of a network by its name.
fn look(known: &Known) -> Result<Found, Failure> {
    match &known.place {
        Place::Embedded => Found::new(network::VGG19, &known.name),
        Place::File(path) => Found::new(&network::read(path)?, &path.display().to_string()),
        Place::Missing(folders) => {
            let folders = folders
                .iter()
                .map(|folder| format!("`{}`", folder.display()));
            Err(Failure::bad_input(format!(
                "{}.npz was not found in {}; import it with `impasto weights import`, or name its folder with --weights",
                known.name,
                folders.collect::<Vec<_>>().join(" or ")
            )))
        }
    }
}

fn place(known: &Known) -> String {
    match &known.place {
        Place::Embedded => "inside the program".to_string(),
        Place::File(path) => path.display().to_string(),
        Place::Missing(_) => "nowhere".to_string(),
    }
}

fn list(common: &Common, as_json: bool) -> Result<(), Failure> {
    let all = network::known(common);
    if as_json {
        let rows: Vec<Value> = all.iter().map(in_json).collect();
        return print(json!({ "networks": rows }));
    }
    for known in &all {
        let Known { name, .. } = known;
        match look(known) {
            Ok(found) => {
                print(format_args!(
                    "{name}  {}, as {}",
                    found.layers(),
                    found.family()
                ))?;
                print(format_args!("  {}, {} bytes", place(known), found.bytes))?;
                print(format_args!("  sha256 {}", found.sha256))?;
            }
            Err(failure) => print(format_args!("{name}  {}", failure.message))?,
        }
    }
    Ok(())
}

fn in_json(known: &Known) -> Value {
    let row = json!({ "name": known.name, "place": place(known) });
    let rest = match look(known) {
        Ok(found) => {
            let convolutions = found.weights.convolutions.iter();
            let convolutions: Vec<&str> = convolutions.map(|of| &*of.name).collect();
            json!({
                "network": found.weights.architecture.to_string(),
                "family": found.family(),
                "bytes": found.bytes,
                "sha256": found.sha256,
                "convolutions": convolutions,
            })
        }
        Err(failure) => json!({ "fault": failure.message }),
    };
    let fields = [row, rest].into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

/// Checks one, or all that are there; says what each is, and fails for the first that is not whole.
fn verify(common: &Common, wanted: Option<&str>) -> Result<(), Failure> {
    let all = network::known(common);
    let Some(wanted) = wanted else {
        let mut failed = None;
        for known in all {
            if matches!(known.place, Place::Missing(_)) {
                continue;
            }
            if let Err(failure) = check(common, &known) {
                say(common, format!("{}: {}", known.name, failure.message));
                failed.get_or_insert(failure);
            }
        }
        return failed.map_or(Ok(()), Err);
    };
    match all.iter().find(|known| known.name == wanted) {
        Some(known) => check(common, known),
        None if network::is_name(wanted) => Err(Failure {
            code: Code::BadInput,
            ..network::unknown("the name", wanted)
        }),
        None => check(
            common,
            &Known {
                name: wanted.to_string(),
                place: Place::File(wanted.into()),
            },
        ),
    }
}

fn check(common: &Common, known: &Known) -> Result<(), Failure> {
    let found = look(known)?;
    let verdict = match listed(common, known) {
        Some(sum) if sum == found.sha256 => "the checksum that is listed",
        Some(sum) => {
            return Err(Failure::bad_input(format!(
                "`{}` has the SHA-256 {} and {sum} is listed; import it anew, or name another with --model",
                place(known),
                found.sha256
            )));
        }
        None => "a checksum that is listed nowhere",
    };
    print(format_args!(
        "{} is whole: {}, sha256 {}, {verdict}",
        known.name,
        found.layers(),
        found.sha256
    ))
}

/// The checksum that `known` should have. In a folder of the user's own, anybody's weights may lie.
fn listed(common: &Common, known: &Known) -> Option<String> {
    let bundled = network::checksum(&format!("{}.npz", known.name));
    if !bundled.is_empty() && common.weights.is_none() {
        return Some(bundled.to_string());
    }
    let Place::File(path) = &known.place else {
        return None;
    };
    let folder = network::data_folder()?;
    let file = path.strip_prefix(&folder).ok()?.to_str()?;
    sums(&folder.join(SUMS)).remove(file)
}

/// Checksums by file; none if they cannot be read.
fn sums(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pair = |line: &str| {
        let (sum, file) = line.split_once("  ")?;
        Some((file.to_string(), sum.to_string()))
    };
    text.lines().filter_map(pair).collect()
}

/// Copies weights that are whole into the data folder.
fn import(
    common: &Common,
    file: &Path,
    (name, force): (Option<&str>, bool),
) -> Result<(), Failure> {
    let shown = file.display().to_string();
    let bytes = network::read(file)?;
    let found = Found::new(&bytes, &shown)?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.unwrap_or(&stem);
    if !network::is_simple(name) {
        return Err(Failure::usage(format!(
            "`{name}` is no name for weights, which has letters, digits, - and _; give one with --name"
        )));
    }
    // Others under the name of a bundled network would never be found, or taken for it.
    if name.parse::<Architecture>().is_ok() {
        let listed = network::checksum(&format!("{name}.npz"));
        verify_bundled(&bytes, listed, &shown).map_err(|_| {
            Failure::usage(format!(
                "`{name}` is the name of a network of the Oxford originals, and `{shown}` is another; give it a name of its own with --name"
            ))
        })?;
    }
    let folder = network::data_folder().ok_or_else(|| {
        Failure::usage("this system has no data folder; name the file itself with --model")
    })?;
    let is_npz = bytes.starts_with(b"PK");
    let [extension, other] = match is_npz {
        true => ["npz", "safetensors"],
        false => ["safetensors", "npz"],
    };
    let path = |extension: &str| folder.join(format!("{name}.{extension}"));
    let there = [extension, other]
        .map(path)
        .into_iter()
        .find(|path| path.exists());
    if let Some(there) = there.filter(|_| !force) {
        return Err(Failure::usage(format!(
            "`{name}` is there already as `{}`; give another --name, or replace it with --force",
            there.display()
        )));
    }
    store(
        (&folder, &path(extension), &path(other)),
        &bytes,
        &found.sha256,
    )?;
    let (layers, shown) = (found.layers(), path(extension));
    say(
        common,
        format!(
            "{name}: {layers}, in `{}`; paint with --model {name}",
            shown.display()
        ),
    );
    Ok(())
}

/// Writes the weights to `path` and their checksum beside them; `other` is where weights of that name lay in the other
/// format, and goes.
fn store(
    (folder, path, other): (&Path, &PathBuf, &PathBuf),
    bytes: &[u8],
    sha256: &str,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::bad_input(format!(
            "the data folder `{}` cannot be made ({error}); name the file itself with --model",
            folder.display()
        ))
    })?;
    write_atomically(path, bytes)?;
    // It need not have been there.
    let _ = std::fs::remove_file(other);
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut listed = sums(&folder.join(SUMS));
    listed.remove(&name(other));
    listed.insert(name(path), sha256.to_string());
    let lines = listed.iter().map(|(file, sum)| format!("{sum}  {file}\n"));
    write_atomically(&folder.join(SUMS), lines.collect::<String>().as_bytes())?;
    Ok(())
}
