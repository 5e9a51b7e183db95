//! What a run shows and leaves on disk while it goes on.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use impasto::image::Picture;
use impasto::objective::LossSummary;
use impasto::paint::{StepLosses, Watcher};
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::Common;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::pictures::Output;

/// Pictures to write on the way.
pub struct Saving {
    /// The final output; the step goes before its extension.
    pub output: Output,
    /// Every so many steps.
    pub every: usize,
}

/// Progress bar, trace, pictures on the way, and Ctrl-C.
pub struct Progress {
    bar: ProgressBar,
    names: Vec<String>,
    size: (usize, usize),
    started: Instant,
    trace: Option<(PathBuf, BufWriter<File>)>,
    saving: Option<Saving>,
    interrupt: Interrupt,
    /// What stopped the run from here, if anything.
    pub failure: Option<Failure>,
    /// Losses of the last step.
    pub last: LossSummary,
    /// Steps whose loss was not finite.
    pub lost_steps: usize,
}

impl Progress {
    /// A bar over `iterations` steps of a picture of `size`, whose loss terms are called `names`.
    pub fn new(common: &Common, iterations: usize, names: &[String], size: (usize, usize)) -> Self {
        let bar = if common.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(iterations as u64)
        };
        let template = "{bar:24} {pos}/{len}  {msg}  {per_sec}  {eta} left";
        // The template is a constant and valid; if it were not, the default style would do.
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()),
        );
        Self {
            bar,
            names: names.to_vec(),
            size,
            started: Instant::now(),
            trace: None,
            saving: None,
            interrupt: Interrupt::install(),
            failure: None,
            last: LossSummary::default(),
            lost_steps: 0,
        }
    }

    /// Also writes pictures on the way.
    pub fn save(&mut self, saving: Option<Saving>) {
        self.saving = saving;
    }

    /// Also writes one CSV line per step to `path`.
    pub fn trace(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::create(path).map_err(|error| trace_failure(path, &error))?;
        let mut writer = BufWriter::new(file);
        writeln!(writer, "step,seconds,total,content,style,tv")
            .map_err(|error| trace_failure(path, &error))?;
        self.trace = Some((path.to_path_buf(), writer));
        Ok(())
    }

    /// Whether Ctrl-C was pressed.
    pub fn interrupted(&self) -> bool {
        self.interrupt.raised()
    }

    /// Takes the bar away and returns the seconds since the start.
    pub fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.started.elapsed().as_secs_f64()
    }

    fn write_trace(&mut self, step: usize, summary: LossSummary) {
        let Some((path, writer)) = &mut self.trace else {
            return;
        };
        let seconds = self.started.elapsed().as_secs_f64();
        let LossSummary {
            total,
            content,
            style,
            tv,
        } = summary;
        let line = writeln!(writer, "{step},{seconds:.3},{total},{content},{style},{tv}");
        if let Err(error) = line.and_then(|()| writer.flush()) {
            self.failure = Some(trace_failure(path, &error));
        }
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.interrupted() || self.failure.is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn trace_failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::bad_input(format!(
        "--trace `{}` cannot be written ({error}); check the folder and the free space",
        path.display()
    ))
}

impl Watcher for Progress {
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()> {
        for StepLosses { step, terms } in losses {
            self.last = LossSummary::new(&self.names, terms);
            if !self.last.total.is_finite() {
                self.lost_steps += 1;
            }
            self.write_trace(*step, self.last);
            self.bar.set_position(*step as u64);
        }
        self.bar
            .set_message(format!("loss {:.4e}", self.last.total));
        self.flow()
    }

    fn wants_picture(&self, step: usize) -> bool {
        self.saving
            .as_ref()
            .is_some_and(|saving| step.is_multiple_of(saving.every))
    }

    fn picture(&mut self, step: usize, rgb: &[f32]) -> ControlFlow<()> {
        if let Some(saving) = &self.saving {
            let picture = Picture {
                width: self.size.0,
                height: self.size.1,
                rgb: rgb.to_vec(),
            };
            let path = numbered(saving.output.path(), step);
            if let Err(failure) = saving.output.write_to(&path, &picture) {
                self.failure = Some(failure);
            }
        }
        self.flow()
    }
}

/// `out.png` → `out_0050.png`.
pub fn numbered(output: &Path, step: usize) -> PathBuf {
    let mut name = output.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("_{step:04}."));
    name.push(output.extension().unwrap_or_default());
    output.with_file_name(name)
}

/// The step whose picture [`numbered`] would give the name of `path`, whatever the folder.
pub fn step_of(output: &Path, path: &Path) -> Option<usize> {
    let stem = path.file_stem()?.to_str()?;
    let step = stem.rsplit_once('_')?.1.parse().ok()?;
    (numbered(output, step).file_name() == path.file_name()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_before_the_extension_and_are_found_there() {
        let output = Path::new("a/out.v2.png");
        assert_eq!(numbered(output, 50), Path::new("a/out.v2_0050.png"));
        assert_eq!(numbered(output, 12345), Path::new("a/out.v2_12345.png"));
        for step in [1, 50, 12345] {
            assert_eq!(step_of(output, &numbered(output, step)), Some(step));
        }
        for other in [
            "out.v2.png",
            "out.v2_50.png",
            "out.v2_0050.jpg",
            "x_0050.png",
        ] {
            assert_eq!(step_of(output, Path::new(other)), None, "{other}");
        }
    }
}
