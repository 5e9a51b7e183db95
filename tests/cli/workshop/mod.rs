//! Running the command in a folder of its own, and judging what it says and leaves behind.

#[cfg(unix)]
pub mod keeping;
#[cfg(unix)]
pub mod painting;
#[cfg(unix)]
pub mod small_disk;
#[cfg(unix)]
pub mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use impasto::image::Picture;
use impasto::paint::Checkpoint;
use npyz::NpyFile;

/// A fresh folder in which the command runs; everything in it goes when the test ends.
pub struct Workshop {
    folder: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Workshop {
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    /// An empty folder in memory where the system has such a thing: for tests that write so often that a busy
    /// disk would make them wait.
    pub fn in_memory() -> Self {
        match tempfile::tempdir_in("/dev/shm") {
            Ok(folder) => Self {
                folder,
                ..Self::new()
            },
            Err(_) => Self::new(),
        }
    }

    /// A folder with `content.png` 40×32 and `style.png` 36×33, large enough for every layer of recipe gatys.
    pub fn with_pictures() -> Self {
        let workshop = Self::new();
        workshop.paint("content.png", 40, 32, 0);
        workshop.paint("style.png", 36, 33, 1);
        workshop
    }

    /// Where the file `name` is or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a picture with soft and hard edges in it, a different one for each `kind`.
    pub fn paint(&self, name: &str, width: usize, height: usize, kind: usize) {
        pattern(width, height, kind).save(&self.path(name)).unwrap();
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Copies a file of the source tree, for example `tests/pictures/cmyk.jpg`.
    pub fn fetch(&self, from: &str, name: &str) {
        fs::copy(source(from), self.path(name)).unwrap();
    }

    /// Loads a picture that the command wrote.
    pub fn picture(&self, name: &str) -> Picture {
        Picture::load(&self.path(name)).unwrap()
    }

    /// Shape, numpy's type code and values of an array that the command wrote.
    pub fn array(&self, name: &str) -> Array {
        let bytes = self.read(name);
        let file = NpyFile::new(Cursor::new(bytes)).unwrap();
        assert_eq!(file.order(), npyz::Order::C, "{name}");
        Array {
            shape: file.shape().iter().map(|&side| side as usize).collect(),
            element: file.dtype().descr(),
            values: file.into_vec::<f32>().unwrap(),
        }
    }

    /// A run that has come to `step` at least, as its `run.checkpoint` says.
    pub fn begin(&self, arguments: &[&str], step: usize) -> Child {
        self.begin_command(self.command(arguments), step)
    }

    /// The same of a command with more about it than arguments.
    pub fn begin_command(&self, mut command: Command, step: usize) -> Child {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let started = Instant::now();
        let path = self.path("run.checkpoint");
        // A file is replaced whole, so whatever is there can be read.
        while !path.exists() || self.checkpoint("run.checkpoint").standing.step < step {
            let ended = child.try_wait().unwrap().is_some();
            assert!(!ended && started.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    /// Loads a checkpoint that the command wrote.
    pub fn checkpoint(&self, name: &str) -> Checkpoint {
        Checkpoint::from_bytes(&self.read(name), name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Reads a JSON file that the command wrote.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The names in the folder, hidden ones included.
    pub fn names(&self) -> Vec<String> {
        self.contents().into_keys().collect()
    }

    /// Every file with its bytes; a folder counts as empty.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let bytes = if path.is_dir() {
                    vec![]
                } else {
                    fs::read(&path).unwrap()
                };
                (name, bytes)
            })
            .collect()
    }

    /// Where the file `name` of the cache folder is or would be.
    pub fn cached(&self, name: &str) -> PathBuf {
        self.cache.path().join(name)
    }

    /// The command with `arguments`, to be started in the folder, with a cache folder of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("IMPASTO_CACHE", self.cache.path());
        command
    }

    /// As [`Workshop::command`], with the folder `elsewhere` for temporary files.
    pub fn with_elsewhere(&self, arguments: &[&str]) -> Command {
        let elsewhere = self.path("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        let mut command = self.command(arguments);
        command.env("TMPDIR", elsewhere);
        command
    }

    /// The one picture in the folder `elsewhere`.
    pub fn rescued(&self) -> Picture {
        let entries = fs::read_dir(self.path("elsewhere")).unwrap();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let [path] = &paths[..] else {
            panic!("{paths:?}");
        };
        Picture::load(path).unwrap()
    }

    /// Runs the command with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap(), arguments)
    }

    /// Runs the command, which must succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome
    }

    /// Runs the command, which must refuse with `code` in one sentence that has all of `words`, and
    /// leave every file in the folder as it was.
    pub fn refuse(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let before = self.contents();
        let outcome = self.run(arguments);
        outcome.refused(code, words);
        let after = self.contents();
        assert!(
            before.keys().eq(after.keys()),
            "{:?} became {:?} by {outcome:?}",
            before.keys(),
            after.keys()
        );
        for (name, bytes) in &before {
            assert!(after[name] == *bytes, "{name} was changed by {outcome:?}");
        }
    }
}

/// A file of the source tree.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The picture that [`Workshop::paint`] writes.
pub fn pattern(width: usize, height: usize, kind: usize) -> Picture {
    let mut rgb = Vec::new();
    for channel in 0..3 {
        for y in 0..height {
            rgb.extend((0..width).map(|x| {
                let slope = (x * (channel + 1) + 2 * y + 5 * kind) % 29;
                let square = (x / 5 + y / (3 + kind)) % 2;
                0.1 + slope as f32 / 70.0 + 0.4 * square as f32
            }));
        }
    }
    Picture { width, height, rgb }
}

/// An array of numpy.
pub struct Array {
    pub shape: Vec<usize>,
    pub element: String,
    pub values: Vec<f32>,
}

/// What a run said and how it ended.
#[derive(Debug)]
pub struct Outcome {
    #[expect(dead_code, reason = "told by `{:?}` where a test fails")]
    pub arguments: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: Output, arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Checks a refusal: exit code, and one sentence as the last line of stderr with `words` in it.
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        let line = self.stderr.lines().last().unwrap_or_default();
        let sentence = line
            .strip_prefix("impasto: ")
            .unwrap_or_else(|| panic!("the last line is `{line}` in {self:?}"));
        assert!(!sentence.ends_with('.'), "{self:?}");
        let ends = sentence.match_indices(". ").count();
        assert_eq!(ends, 0, "more than one sentence in {self:?}");
        assert!(sentence.contains("; "), "no remedy in {self:?}");
        for word in words {
            assert!(sentence.contains(word), "no `{word}` in {self:?}");
        }
    }
}
