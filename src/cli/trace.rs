//! The losses of every step as CSV.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use impasto::image::write_atomically;
use impasto::objective::LossSummary;

use super::failure::Failure;

const HEADER: &str = "step,seconds,total,content,style,tv\n";

/// An open trace.
pub struct Trace {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl Trace {
    /// A new trace at `path`, instead of what may be there.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let failure = |error: io::Error| failure(path, &error);
        let mut trace = Self {
            path: path.to_path_buf(),
            writer: BufWriter::new(File::create(path).map_err(failure)?),
        };
        trace.writer.write_all(HEADER.as_bytes()).map_err(failure)?;
        Ok(trace)
    }

    /// The trace at `path`, to be continued after `step`. Later rows, of steps that a checkpoint did not
    /// live to see, go.
    pub fn continue_after(path: &Path, step: usize) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => text,
            _ => return Self::create(path),
        };
        let Some(rows) = text.strip_prefix(HEADER) else {
            return Err(Failure::bad_input(format!(
                "--trace `{}` is there already and is no trace; choose another name",
                path.display()
            )));
        };
        let is_earlier = |row: &&str| {
            let number = row.split(',').next().and_then(|number| number.parse().ok());
            row.ends_with('\n') && number.is_some_and(|number: usize| number <= step)
        };
        let kept: String = rows.split_inclusive('\n').take_while(is_earlier).collect();
        if kept.len() < rows.len() {
            write_atomically(path, format!("{HEADER}{kept}").as_bytes())?;
        }
        let file = File::options().append(true).open(path);
        Ok(Self {
            path: path.to_path_buf(),
            writer: BufWriter::new(file.map_err(|error| failure(path, &error))?),
        })
    }

    /// Appends the losses of `step`.
    pub fn write(
        &mut self,
        step: usize,
        seconds: f64,
        summary: LossSummary,
    ) -> Result<(), Failure> {
        let LossSummary {
            total,
            content,
            style,
            tv,
            // The columns are fixed; what is missing of the total is the dream's.
            dream: _,
        } = summary;
        let writer = &mut self.writer;
        writeln!(writer, "{step},{seconds:.3},{total},{content},{style},{tv}")
            .and_then(|()| writer.flush())
            .map_err(|error| failure(&self.path, &error))
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::bad_input(format!(
        "--trace `{}` cannot be written ({error}); check the folder and the free space",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_step_and_torn_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let summary = LossSummary {
            total: 1.0,
            ..LossSummary::default()
        };
        let row = |step: usize| format!("{step},0.500,1,0,0,0\n");
        for (old, step, kept) in [
            (format!("{HEADER}{}{}", row(1), row(2)), 2, row(1) + &row(2)),
            (format!("{HEADER}{}{}", row(1), row(2)), 1, row(1)),
            (format!("{HEADER}{}2,0.5", row(1)), 2, row(1)),
            (HEADER.to_string(), 0, String::new()),
            (String::new(), 3, String::new()),
        ] {
            fs::write(&path, old).unwrap();
            let mut trace = Trace::continue_after(&path, step).unwrap();
            trace.write(step + 1, 0.5, summary).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{HEADER}{kept}{}", row(step + 1)));
        }
        fs::write(&path, "a letter\n").unwrap();
        assert!(Trace::continue_after(&path, 1).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"a letter\n");
    }
}
