//! Several runs of `impasto style` in one process, for which network and device are there once.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use impasto::gpu::Gpu;
use impasto::net::Network;

use super::arguments::{Command, Common, StyleArguments};
use super::failure::Failure;
use super::flags::is_stream;
use super::resume::{Parsed, Session, parse};
use super::style::{Opened, inputs};

/// A run by its own command line.
pub struct Member {
    /// What it is called in messages.
    pub title: String,
    /// The words that would paint it alone.
    pub words: Vec<OsString>,
}

impl Member {
    /// Refuses what a run of its own would refuse before its device is opened.
    pub fn check(&self, common: &Common, network: &Network) -> Result<(), Failure> {
        let (arguments, session) = self.parse()?;
        if inputs(&arguments).into_iter().any(is_stream) {
            return Err(Failure::usage(
                "`-` can be read once, and several runs would read it; name a file",
            ));
        }
        // What is to be said is said when it is painted.
        let quiet = Common {
            quiet: true,
            verbose: false,
            ..common.clone()
        };
        Opened::new(&quiet, &arguments, session)?.job(&quiet, &arguments, network)?;
        Ok(())
    }

    /// Paints it.
    pub fn paint(&self, common: &Common, on: (&Network, &Gpu)) -> Result<(), Failure> {
        let (arguments, session) = self.parse()?;
        let opened = Opened::new(common, &arguments, session)?;
        let painted = opened
            .called(Some(&self.title))
            .paint(common, &arguments, on);
        // The next one may be larger.
        on.1.release();
        painted
    }

    /// Its flags.
    pub fn parse(&self) -> Result<(Box<StyleArguments>, Session), Failure> {
        let Parsed { arguments, session } = parse(self.words.iter().cloned())?;
        match arguments.command {
            Command::Style(style) => Ok((style, session)),
            _ => unreachable!("the words begin with `impasto style`"),
        }
    }
}

/// A folder for results.
pub struct Folder {
    path: PathBuf,
    /// Those that were not there before, the innermost first.
    made: Vec<PathBuf>,
}

impl Folder {
    /// The folder that `flag` names, made if it is not there.
    pub fn open(flag: &str, path: &Path) -> Result<Self, Failure> {
        let outwards = path.ancestors().map(Path::to_path_buf);
        let made = outwards.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let made = made.collect();
        fs::create_dir_all(path).map_err(|error| {
            Failure::bad_input(format!(
                "--{flag} `{}` cannot be made ({error}); name a folder that can",
                path.display()
            ))
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            made,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    /// A folder that was made for nothing goes again.
    fn drop(&mut self) {
        for folder in &self.made {
            // One that is not empty stays.
            let _ = fs::remove_dir(folder);
        }
    }
}
