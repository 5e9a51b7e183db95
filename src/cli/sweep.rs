//! `impasto sweep`: one or two flags of `style` varied, and all results on one sheet.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::SystemTime;

use impasto::gpu::Gpu;
use impasto::image::{ImageError, Picture, check_output};
use impasto::net::Network;

use super::arguments::{Common, StyleArguments, SweepArguments, Variation};
use super::dry_run::Report;
use super::failure::{Code, Failure};
use super::flags::{DESTINATIONS, MACHINERY, is_stream};
use super::keeping::check_rhythm;
use super::pictures::Output;
use super::record::{Record, SheetRun};
use super::resume::Session;
use super::series::{Folder, Member};
use super::{network, open_gpu, say, style};
use sheet::Sheet;

mod sheet;

/// Runs the command.
pub fn run(common: &Common, arguments: &SweepArguments, session: &Session) -> Result<(), Failure> {
    check(&arguments.variations)?;
    check_rhythm(&arguments.style.keeping, "a sheet")?;
    check_one_picture(&arguments.style)?;
    let output = Output::of(&arguments.style, &style::inputs(&arguments.style))?;
    let network = network::load(common)?;
    let folders = Folders::open(arguments.keep.as_deref())?;
    let runs = runs(&arguments.variations, session, folders.path());
    check_files(&output, &runs)?;
    for run in &runs {
        let checked = run.member.check(common, &network);
        checked.map_err(|failure| run.refused(failure))?;
    }
    let gpu = open_gpu(common)?.for_run(arguments.style.dry_run);
    let (pictures, failed) = paint(common, &runs, (&network, &gpu), arguments.style.dry_run);
    if arguments.style.dry_run && failed.is_none() {
        let mut report = Report::of(&format!("{} with {} pictures", output.name(), runs.len()));
        report.output(output.path(), ", the sheet");
        if let Some(folder) = &arguments.keep {
            report.line(format!("writes: every picture into `{}`", folder.display()));
        }
        return report.print();
    }
    let on_it = pictures.iter().flatten().count();
    if on_it > 0 {
        write(&output, arguments, &runs, &pictures)?;
        say(
            common,
            format!("{}: {on_it} of {} pictures", output.name(), runs.len()),
        );
    }
    match failed {
        None => Ok(()),
        Some((run, failure)) => {
            let words = match failure.code {
                // The run calls its picture by its title, and that names no file.
                Code::Interrupted => format!("interrupted at {}", run.member.title),
                _ => format!("{}: {}", run.member.title, failure.message),
            };
            let message = match on_it {
                0 => words,
                _ => format!(
                    "`{}` has {on_it} of {} pictures; {words}",
                    output.name(),
                    runs.len()
                ),
            };
            Err(Failure { message, ..failure })
        }
    }
}

/// Paints one run after the other: the pictures of those that were begun, and the first that failed.
fn paint<'a>(
    common: &Common,
    runs: &'a [Run],
    on: (&Network, &Gpu),
    is_dry: bool,
) -> (Vec<Option<Picture>>, Option<(&'a Run, Failure)>) {
    let (mut pictures, mut failed) = (Vec::new(), None);
    for (index, run) in runs.iter().enumerate() {
        let title = &run.member.title;
        let number = runs.len();
        say(common, format!("{title} ({} of {number})", index + 1));
        let before = last_written(&run.path);
        let painted = run.member.paint(common, on);
        let ends = ends(&painted);
        // A run that was stopped has a picture too. One that was there before is not of this run.
        let is_new = last_written(&run.path) != before;
        let is_shown = !is_dry && (painted.is_ok() || (ends && is_new));
        let picture = is_shown.then(|| Picture::load(&run.path).ok());
        pictures.push(picture.flatten());
        if let Err(failure) = painted {
            failed.get_or_insert((run, failure));
        }
        if ends {
            break;
        }
    }
    (pictures, failed)
}

/// Whether no run can follow one that ended so.
fn ends(painted: &Result<(), Failure>) -> bool {
    matches!(painted, Err(failure) if matches!(failure.code, Code::Interrupted | Code::DeviceLost))
}

/// When a file was written, if it is there.
fn last_written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Whether all runs of a sheet share this flag, or none of them has it.
fn is_shared(flag: &str) -> bool {
    let others = ["vary", "resume", "from"];
    [&DESTINATIONS[..], &MACHINERY, &others]
        .iter()
        .any(|flags| flags.contains(&flag))
}

/// Refuses what cannot be varied.
fn check(variations: &[Variation]) -> Result<(), Failure> {
    if let [.., third] = variations
        && variations.len() > 2
    {
        return Err(Failure::usage(format!(
            "--vary {} is the third, and a sheet has two axes; leave it out",
            third.flag
        )));
    }
    for (index, Variation { flag, .. }) in variations.iter().enumerate() {
        if is_shared(flag) {
            return Err(Failure::usage(format!(
                "--vary {flag} cannot be, since all runs of a sheet share it; leave it out"
            )));
        }
        if variations[..index].iter().any(|other| other.flag == *flag) {
            return Err(Failure::usage(format!(
                "--vary {flag} is given twice; give all its values in one list"
            )));
        }
    }
    Ok(())
}

/// Refuses what would make several pictures of each run.
fn check_one_picture(arguments: &StyleArguments) -> Result<(), Failure> {
    if arguments.each_style {
        return Err(Failure::usage(
            "--each-style makes several results and a place of the sheet shows one; name the styles with --vary style=S,T",
        ));
    }
    if let [_, second, ..] = arguments.contents() {
        return Err(Failure::usage(format!(
            "`{}` is a second content and a place of the sheet shows one; name them with --vary content=A,B",
            second.display()
        )));
    }
    Ok(())
}

/// Refuses if the sheet or a single picture would replace what any of `runs` reads, or the sheet a single picture.
fn check_files(output: &Output, runs: &[Run]) -> Result<(), Failure> {
    let parsed = runs.iter().map(|run| {
        let parsed = run.member.parse();
        parsed.map_err(|failure| run.refused(failure))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let inputs = parsed
        .iter()
        .flat_map(|(arguments, _)| style::inputs(arguments));
    let inputs: BTreeSet<&Path> = inputs.collect();
    let inputs: Vec<&Path> = inputs.into_iter().collect();
    for run in runs {
        check_output(&run.path, &inputs).map_err(|error| match error {
            ImageError::OutputIsInput { path, input } => Failure::bad_input(format!(
                "--keep would put `{path}` in the place of `{input}`, which is read; name another folder"
            )),
            error => run.refused(error.into()),
        })?;
    }
    if is_stream(output.path()) {
        return Ok(());
    }
    let kept = runs.iter().map(|run| &*run.path);
    let others: Vec<&Path> = inputs.into_iter().chain(kept).collect();
    Ok(check_output(output.path(), &others)?)
}

/// One picture of the sheet.
struct Run {
    member: Member,
    /// Where it is written.
    path: PathBuf,
    /// Flags with their values, as they are varied.
    options: Vec<(String, String)>,
}

impl Run {
    /// The refusal of this run, with the values that it is of.
    fn refused(&self, failure: Failure) -> Failure {
        let options = self.options.iter();
        let options: Vec<String> = options
            .map(|(flag, value)| format!("{flag}={value}"))
            .collect();
        Failure {
            message: format!("--vary {}: {}", options.join(" "), failure.message),
            ..failure
        }
    }
}

/// All runs, the first flag's values changing fastest.
fn runs(variations: &[Variation], session: &Session, folder: &Path) -> Vec<Run> {
    let mut combinations: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for Variation { flag, values } in variations {
        let with = |value: &String| {
            let pair = (flag.clone(), value.clone());
            let before = combinations.iter();
            let extended = before.map(|before| [&before[..], std::slice::from_ref(&pair)].concat());
            extended.collect::<Vec<_>>()
        };
        combinations = values.iter().flat_map(with).collect();
    }
    let run = |(index, options): (usize, Vec<(String, String)>)| {
        let path = folder.join(file_name(index + 1, &options));
        let mut flags: Vec<(&str, Vec<OsString>)> = vec![
            ("output", vec![path.clone().into()]),
            ("format", vec![]),
            ("vary", vec![]),
            ("keep", vec![]),
        ];
        flags.extend(
            options
                .iter()
                .map(|(flag, value)| (&**flag, vec![value.into()])),
        );
        let title = options
            .iter()
            .map(|(flag, value)| format!("{flag} {value}"));
        let title = title.collect::<Vec<_>>().join(", ");
        let words = session.style_with(&flags);
        let member = Member { title, words };
        Run {
            member,
            path,
            options,
        }
    };
    combinations.into_iter().enumerate().map(run).collect()
}

/// `03_content-weight-10_seed-2.png`.
fn file_name(number: usize, options: &[(String, String)]) -> String {
    let plain = |letter: char| {
        let kept = letter.is_alphanumeric() || matches!(letter, '.' | '-' | '+');
        if kept { letter } else { '-' }
    };
    let name = |(flag, value): &(String, String)| -> String {
        // Of paths the last part tells them apart best, and its end; file systems have a limit.
        let last = value.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(value);
        let tail: Vec<char> = last.chars().map(plain).collect();
        let tail: String = tail[tail.len().saturating_sub(40)..].iter().collect();
        format!("_{flag}-{tail}")
    };
    let options: String = options.iter().map(name).collect();
    format!("{number:02}{options}.png")
}

/// Where single pictures are: in the folder of `--keep`, or in one that goes when the sheet is there.
enum Folders {
    Kept(Folder),
    Passing(tempfile::TempDir),
}

impl Folders {
    fn open(keep: Option<&Path>) -> Result<Self, Failure> {
        match keep {
            Some(path) => Ok(Self::Kept(Folder::open("keep", path)?)),
            None => {
                let mut builder = tempfile::Builder::new();
                // A run that is killed leaves it behind.
                let folder = builder.prefix("impasto-sweep-").tempdir();
                folder.map(Self::Passing).map_err(|error| {
                    Failure::bad_input(format!(
                        "no temporary folder can be made for the pictures ({error}); name one with --keep"
                    ))
                })
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder.path(),
            Self::Passing(folder) => folder.path(),
        }
    }
}

/// Writes the sheet of the `pictures` that there are, with the record of the runs.
fn write(
    output: &Output,
    arguments: &SweepArguments,
    runs: &[Run],
    pictures: &[Option<Picture>],
) -> Result<(), Failure> {
    let picture = Sheet::new(&arguments.variations, pictures).draw();
    let size = [picture.width, picture.height];
    let records = runs
        .iter()
        .zip(pictures)
        .filter(|(_, picture)| picture.is_some());
    // There are none with --no-record.
    let records = records.filter_map(|(run, _)| Some((run, Record::read(&run.path).ok()?)));
    let records: Vec<(&Run, Record)> = records.collect();
    let record = records.first().map(|(_, first)| {
        let of_run = |(run, record): &(&Run, Record)| SheetRun {
            options: run.options.iter().cloned().collect::<BTreeMap<_, _>>(),
            steps: record.steps,
            losses: record.losses.clone(),
            painted: record.painted.clone(),
        };
        let vary = arguments.variations.iter();
        let vary = vary.map(|of| format!("{}={}", of.flag, of.values.join(",")));
        first
            .clone()
            .on_sheet(size, vary.collect(), records.iter().map(of_run).collect())
    });
    output.write_somewhere(&picture, record.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pictures_are_names_of_files() {
        let option = |flag: &str, value: &str| (flag.to_string(), value.to_string());
        assert_eq!(
            file_name(3, &[option("style", "a/b c.png:2"), option("seed", "1")]),
            "03_style-b-c.png-2_seed-1.png"
        );
        let long = file_name(10, &[option("style", &"ä.".repeat(300))]);
        assert_eq!(
            long.chars().count(),
            2 + "_style-".len() + 40 + ".png".len()
        );
    }
}
