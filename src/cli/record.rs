//! Records: what every picture of `style`, `texture`, `dream`, `visualize` and `sweep` says of its making, as JSON inside the file.
//!
//! There is nothing in a record that two runs of one command do not share, such as the time, unless `--record-time` asks
//! for that: the same command makes the same bytes.

use std::collections::BTreeMap;
use std::path::{MAIN_SEPARATOR, Path, absolute};

use impasto::graph::Strategy;
use impasto::image::load_record;
use impasto::net::Network;
use impasto::objective::{LayerWeight, StyleTerms};
use impasto::optim::OptimiserSettings;
use impasto::paint::RunOrigin;
use impasto::quote::brief;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::Failure;
use super::flags::{is_path, is_stream};
pub use draft::Draft;

mod draft;

/// The newest form of records that is read, and the one that is written.
const FORM: u32 = 1;

/// How a picture was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The form of this record.
    pub record: u32,
    /// Versions, adapter, options, fingerprints, as checkpoints have them. `iterations` is the number of steps
    /// that were made, so that these options paint this very picture; of a run over several scales it is what was asked
    /// for, of which a picture on the way cannot be had by itself.
    #[serde(flatten)]
    pub origin: RunOrigin,
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// Seed of noise.
    pub seed: u64,
    /// What the options of a style transfer came to; those of a dream say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
    /// Steps that were made.
    pub steps: usize,
    /// Whether it is a picture on the way, or of a run that was stopped, which its options do not paint: they would share the
    /// steps among scales in another way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// Loss terms by name: of a style transfer or texture those of the picture itself, else, and where the run was stopped, as
    /// the last step found them before it moved; null where they were not finite.
    pub losses: BTreeMap<String, Option<f32>>,
    /// When it was painted, and how long that took, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub painted: Option<Painted>,
    /// The runs on a sheet of several, whose first the rest describes; none of a picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<SheetRun>,
    /// See [`Draft::steps_are_shared`].
    #[serde(skip)]
    steps_are_shared: bool,
    /// See [`Draft::is_dated`].
    #[serde(skip)]
    is_dated: bool,
}

/// The time of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Painted {
    /// When it was written, as RFC 3339 has it, in UTC.
    pub at: String,
    /// How long it took, over all sittings.
    pub seconds: f64,
}

/// A run on a sheet of `impasto sweep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SheetRun {
    /// The flags that are varied, with their values.
    pub options: BTreeMap<String, String>,
    /// As [`Record::steps`].
    pub steps: usize,
    /// As [`Record::losses`].
    pub losses: BTreeMap<String, Option<f32>>,
    /// As [`Record::painted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub painted: Option<Painted>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// One of [`super::flags::PICTURES`].
    pub option: String,
    /// Where it was.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What was chosen where options leave a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// With the history that memory allowed.
    pub optimiser: OptimiserSettings,
    /// Weights of the content layers by name, without the common factor.
    pub content_layers: BTreeMap<String, f32>,
    /// Weights w_l of the style layers by name, without the common factor.
    pub style_layers: BTreeMap<String, f32>,
    /// What is kept and what is computed again.
    pub strategy: String,
}

impl Input {
    /// A file that an option names.
    pub fn new(option: &str, path: &Path, sha256: &str) -> Self {
        let path = match absolute(path) {
            Ok(whole) if !is_stream(path) => whole,
            _ => path.to_path_buf(),
        };
        Self {
            option: option.to_string(),
            path: path.display().to_string(),
            sha256: sha256.to_string(),
        }
    }
}

impl Resolved {
    /// What became of the terms, the optimiser and the strategy of the last scale.
    pub fn new(
        network: &Network,
        terms: &StyleTerms,
        optimiser: OptimiserSettings,
        strategy: &Strategy,
    ) -> Self {
        let layers = network.architecture.layers();
        let named = |terms: &[LayerWeight]| {
            let named = terms.iter();
            let named = named.map(|term| (layers[term.layer].name.to_string(), term.weight));
            named.collect()
        };
        Self {
            optimiser,
            content_layers: named(&terms.content),
            style_layers: named(&terms.style),
            strategy: strategy.to_string(),
        }
    }
}

impl Painted {
    /// A picture that took so many `seconds` and is written now; nothing where the clock is out of its mind.
    fn now(seconds: f64) -> Option<Self> {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok()?;
        Some(Self {
            at: now.format(&Rfc3339).ok()?,
            seconds: (10.0 * seconds).round() / 10.0,
        })
    }
}

impl Record {
    /// The run goes on at a scale of this `size`, with other `kernels`.
    pub fn enter(&mut self, [width, height]: [usize; 2], kernels: &str) {
        self.origin.size = [width, height];
        self.origin.kernels = kernels.to_string();
    }

    /// The record of the picture after `steps` and so many `seconds`, where `losses` were found.
    pub fn after(
        &self,
        (steps, seconds): (usize, f64),
        losses: impl Iterator<Item = (String, f32)>,
    ) -> Self {
        let mut record = self.clone();
        if self.is_dated {
            record.painted = Painted::now(seconds);
        }
        if !self.steps_are_shared {
            let iterations = vec![steps.to_string()];
            let options = &mut record.origin.options;
            options.insert("iterations".to_string(), iterations);
        }
        record.steps = steps;
        record.losses = losses
            .map(|(name, loss)| (name, Some(loss).filter(|loss| loss.is_finite())))
            .collect();
        record
    }

    /// The record of a picture that is not the end of its run.
    pub fn on_the_way(self) -> Self {
        Self {
            unfinished: self.steps_are_shared,
            ..self
        }
    }

    /// The record of a sheet of `size` (W, H) with these `runs`, of whose first this is the record; `vary` is what the
    /// flag says.
    pub fn on_sheet(
        mut self,
        [width, height]: [usize; 2],
        vary: Vec<String>,
        runs: Vec<SheetRun>,
    ) -> Self {
        let varied = |flag: &str| runs.iter().any(|run| run.options.contains_key(flag));
        self.origin.options.retain(|flag, _| !varied(flag));
        self.origin.options.insert("vary".to_string(), vary);
        self.origin.size = [width, height];
        self.steps = runs.iter().map(|run| run.steps).sum();
        self.losses.clear();
        self.painted = None;
        self.runs = runs;
        self
    }

    /// The record as a file beside `folder`'s other files has it: what lies in or below the folder by its
    /// place there, so that all may move together, and everything else by its whole path.
    pub fn text(&self, folder: Option<&Path>) -> String {
        let mut record = self.clone();
        if let Some(folder) = folder {
            record.move_paths(|path| {
                let inside = path.strip_prefix(folder).ok()?;
                Some(format!(".{MAIN_SEPARATOR}{}", inside.display()))
            });
        }
        // Maps have text keys and numbers are finite, so nothing can go wrong.
        serde_json::to_string(&record).unwrap_or_default()
    }

    /// Reads the record of the picture at `path`; paths in it become absolute.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let mut record = Self::parse(&text(path)?, path)?;
        let unreadable = |error: std::io::Error| {
            Failure::bad_input(format!(
                "the folder of `{shown}` cannot be found out ({error}); check the path"
            ))
        };
        let picture = absolute(path).map_err(unreadable)?;
        let folder = picture.parent().unwrap_or(Path::new(""));
        record.move_paths(|path| {
            let inside = path.is_relative() && path.as_os_str() != "-";
            let path = inside.then(|| absolute(folder.join(path)).ok()).flatten()?;
            Some(path.display().to_string())
        });
        Ok(record)
    }

    /// What `text` says, which stands in the picture at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Form {
            record: u32,
        }
        let shown = path.display();
        match serde_json::from_str(text) {
            Ok(Form { record: newer }) if newer > FORM => {
                return Err(Failure::bad_input(format!(
                    "the record of `{shown}` has form {newer} and this program reads {FORM}; use the impasto that wrote it"
                )));
            }
            _ => {}
        }
        serde_json::from_str(text).map_err(|error| {
            Failure::bad_input(format!(
                "the record of `{shown}` is damaged ({}); take another copy of the picture",
                brief(&error.to_string())
            ))
        })
    }

    /// Changes every path for which `moved` knows another.
    fn move_paths(&mut self, moved: impl Fn(&Path) -> Option<String>) {
        for (flag, values) in &mut self.origin.options {
            for value in values {
                if is_path(flag, value.as_ref())
                    && let Some(path) = moved(Path::new(value))
                {
                    *value = path;
                }
            }
        }
        for input in &mut self.inputs {
            if let Some(path) = moved(Path::new(&input.path)) {
                input.path = path;
            }
        }
    }
}

/// The record of the picture at `path` as it stands there.
pub fn text(path: &Path) -> Result<String, Failure> {
    load_record(path)?.ok_or_else(|| {
        Failure::bad_input(format!(
            "`{}` has no record of how it was made; give a picture that impasto painted, without --no-record",
            path.display()
        ))
    })
}
