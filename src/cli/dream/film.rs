//! Frames as one file: GIF and WebP by what is in the program, MP4 by ffmpeg where that is installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use impasto::image::{AnimationFormat, PictureFile, write_atomically};

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::say;

/// A file for all frames.
pub struct Film {
    kind: Kind,
    path: PathBuf,
    /// Frames a second.
    rate: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Animation(AnimationFormat),
    Mp4,
}

impl Film {
    /// What `output` is to be; none if its extension is that of single pictures.
    pub fn of(output: &Path, rate: u32) -> Result<Option<Self>, Failure> {
        let is_mp4 = output
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("mp4"));
        let kind = match AnimationFormat::of(output) {
            Some(format) => Kind::Animation(format),
            None if is_mp4 => Kind::Mp4,
            None => return Ok(None),
        };
        if kind == Kind::Mp4 && !has_ffmpeg() {
            return Err(Failure::usage(format!(
                "`{}` needs ffmpeg, which is not found; install it, or write .gif, .webp or frames as .png",
                output.display()
            )));
        }
        Ok(Some(Self {
            kind,
            path: output.to_path_buf(),
            rate,
        }))
    }

    /// Makes the film of these `frames`, if all are there. They lie beside it and are called after it and their number:
    /// `out-0001.png` for `out.mp4`.
    pub fn make(&self, common: &Common, frames: &[PathBuf]) -> Result<(), Failure> {
        let shown = self.path.display();
        if let Some(missing) = frames.iter().find(|path| !path.is_file()) {
            say(
                common,
                format!("`{shown}` waits for `{}` and others", missing.display()),
            );
            return Ok(());
        }
        match self.kind {
            Kind::Animation(format) => {
                let mut pictures = Vec::new();
                for path in frames {
                    let file = PictureFile::load(path)?;
                    pictures.push((file.picture, file.attachments.alpha));
                }
                let is_transparent = pictures.iter().any(|(_, alpha)| alpha.is_some());
                if is_transparent && !format.holds_alpha() {
                    say(
                        common,
                        format!(
                            "note: `{shown}` cannot hold transparency, so its frames are laid over white"
                        ),
                    );
                }
                let milliseconds = (1000.0 / f64::from(self.rate)).round() as u32;
                let bytes = format.encode(&pictures, milliseconds, &shown.to_string())?;
                write_atomically(&self.path, &bytes)?;
            }
            Kind::Mp4 => self.call_ffmpeg(frames.len())?,
        }
        say(
            common,
            format!("`{shown}` shows all {} frames", frames.len()),
        );
        Ok(())
    }

    fn call_ffmpeg(&self, frames: usize) -> Result<(), Failure> {
        let failed = |fault: String| {
            Failure::bad_input(format!(
                "ffmpeg did not write `{}` ({fault}); the frames are there, try it by hand or with .gif",
                self.path.display()
            ))
        };
        // A film that is there already stays until the new one is whole.
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let film = folder.path().join("film.mp4");
        let mut ffmpeg = Command::new("ffmpeg");
        if let Some(beside) = self.path.parent().filter(|parent| *parent != Path::new("")) {
            ffmpeg.current_dir(beside);
        }
        let outcome = ffmpeg
            .args(["-y", "-v", "error", "-framerate", &self.rate.to_string()])
            .args(["-f", "image2", "-start_number", "1", "-i"])
            .arg(self.pattern())
            // Players want even sides and colour at half resolution.
            .args(["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2"])
            .args(["-pix_fmt", "yuv420p"])
            .args(["-frames:v", &frames.to_string()])
            .arg(&film)
            .stdin(Stdio::null())
            .output();
        let output = outcome.map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(said.trim().replace('\n', " ")));
        }
        let bytes = std::fs::read(&film).map_err(|error| failed(error.to_string()))?;
        Ok(write_atomically(&self.path, &bytes)?)
    }

    /// The files of all frames in their folder, as ffmpeg has patterns.
    fn pattern(&self) -> OsString {
        let stem = self.path.file_stem().unwrap_or_default();
        // A name with a colon could be a protocol of ffmpeg's; one that begins with a folder is none.
        let mut pattern = OsString::from("./");
        match stem.to_str() {
            Some(stem) => pattern.push(stem.replace('%', "%%")),
            None => pattern.push(stem),
        }
        pattern.push("-%04d.png");
        pattern
    }
}

fn has_ffmpeg() -> bool {
    let mut ffmpeg = Command::new("ffmpeg");
    let ffmpeg = ffmpeg.arg("-version").stdin(Stdio::null());
    ffmpeg.output().is_ok_and(|output| output.status.success())
}
