//! `impasto style A B --style S --style T --out-dir DIR`: several results in one go. What one of them lacks costs the
//! others nothing.

use std::ffi::OsString;
use std::path::Path;

use super::files::check_series;
use crate::cli::arguments::{Common, StyleArguments};
use crate::cli::failure::{Code, Failure};
use crate::cli::resume::Session;
use crate::cli::series::{Folder, Member};
use crate::cli::terminal::tell;
use crate::cli::{network, open_gpu, say};

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &StyleArguments,
    session: &Session,
    folder: &Path,
) -> Result<(), Failure> {
    let network = network::load(common)?;
    let folder = Folder::open("out-dir", folder)?;
    let members = members(arguments, session, folder.path())?;
    let number = members.len();
    let mut failed = Failed::default();
    let mut sound = Vec::new();
    for member in members {
        match member.check(common, &network) {
            Ok(()) => sound.push(member),
            // A flag is wrong for all of them.
            Err(failure) if failure.code == Code::Usage => return Err(failure),
            Err(failure) => failed.note(common, &member, failure),
        }
    }
    if sound.is_empty() {
        return failed.conclude(number);
    }
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let mut painted = 0;
    for (index, member) in sound.iter().enumerate() {
        say(
            common,
            format!("{} ({} of {})", member.title, index + 1, sound.len()),
        );
        match member.paint(common, (&network, &gpu)) {
            Ok(()) => painted += 1,
            Err(failure) if matches!(failure.code, Code::Interrupted | Code::DeviceLost) => {
                return Err(failed.cut_short(failure, (painted, number)));
            }
            Err(failure) => failed.note(common, member, failure),
        }
    }
    failed.conclude(number)
}

/// Flags that are given once for each style.
const OF_EACH_STYLE: [&str; 3] = ["style-mask", "style-part", "style-scale"];

/// The runs: every content in all styles together, or with `--each-style` in each of them.
fn members(
    arguments: &StyleArguments,
    session: &Session,
    folder: &Path,
) -> Result<Vec<Member>, Failure> {
    if arguments.each_style && !arguments.masks.is_empty() {
        return Err(Failure::usage(
            "--mask gives each style a region of one picture, and --each-style each style a picture; leave one of them out",
        ));
    }
    // Paths here are as they were typed, in the session they are absolute.
    let contents = arguments.contents().iter().zip(session.values("content"));
    let styles: Vec<(&Path, &OsString)> = arguments
        .styles
        .iter()
        .map(|style| Path::new(&style.name))
        .zip(session.values("style"))
        .collect();
    let together = if arguments.each_style {
        1
    } else {
        styles.len()
    };
    let each = |flag: &'static str, first: usize| {
        let values = session.values(flag);
        let is_one_for_each = arguments.each_style && values.len() == styles.len();
        is_one_for_each.then(|| (flag, vec![values[first].clone()]))
    };
    let format = session.values("format").first();
    let extension = format.map_or("png".into(), |format| format.to_string_lossy());
    let mut members: Vec<(Member, String)> = Vec::new();
    for (content, whole) in contents {
        for (number, styles) in styles.chunks(together.max(1)).enumerate() {
            let names: Vec<String> = styles.iter().map(|(style, _)| stem(style)).collect();
            let name = format!("{}_{}.{extension}", stem(content), names.join("+"));
            let path = folder.join(&name);
            // Some file systems take capitals for small letters.
            let same = |(other, _): &&(Member, String)| {
                other.title.to_lowercase() == path.display().to_string().to_lowercase()
            };
            let shown = format!("`{}` with `{}`", content.display(), names.join("+"));
            if let Some((_, other)) = members.iter().find(same) {
                return Err(Failure::usage(format!(
                    "{other} and {shown} would both be painted to `{name}`; rename a picture, or paint them into two folders"
                )));
            }
            let values = styles.iter().map(|(_, value)| (*value).clone()).collect();
            let mut flags = vec![
                ("content", vec![whole.clone()]),
                ("style", values),
                ("output", vec![path.clone().into()]),
                ("out-dir", vec![]),
                ("format", vec![]),
            ];
            flags.extend(
                OF_EACH_STYLE
                    .into_iter()
                    .filter_map(|flag| each(flag, number)),
            );
            let words = session.style_with(&flags);
            let title = path.display().to_string();
            members.push((Member { title, words }, shown));
        }
    }
    let members: Vec<Member> = members.into_iter().map(|(member, _)| member).collect();
    check_outputs(&members)?;
    Ok(members)
}

/// Refuses if a file of one run would replace one of another.
fn check_outputs(members: &[Member]) -> Result<(), Failure> {
    let parsed = members.iter().map(Member::parse);
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let runs: Vec<&StyleArguments> = parsed.iter().map(|(run, _)| &**run).collect();
    check_series(&runs)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Results that there will not be, or not as they should be.
#[derive(Default)]
struct Failed {
    first: Option<(String, Failure)>,
    /// Those after the first.
    others: Vec<String>,
}

impl Failed {
    /// Says that `member` fails, and aloud if it is not the first, whose reason the last word gives again.
    fn note(&mut self, common: &Common, member: &Member, failure: Failure) {
        let title = member.title.clone();
        let note = format!("note: `{title}` fails: {}", failure.message);
        match self.first {
            None => say(common, note),
            Some(_) => tell(format_args!("{note}")),
        }
        match self.first {
            None => self.first = Some((title, failure)),
            Some(_) => self.others.push(title),
        }
    }

    /// How `number` runs ended.
    fn conclude(self, number: usize) -> Result<(), Failure> {
        let others = named(&self.others);
        let all = 1 + self.others.len();
        let Some((title, failure)) = self.first else {
            return Ok(());
        };
        let others = match all {
            1 => String::new(),
            2 => format!("; the other is {others}"),
            _ => format!("; the others are {others}"),
        };
        Err(Failure {
            message: format!(
                "{all} of {number} pictures failed, the first of them `{title}`: {}{others}",
                failure.message
            ),
            ..failure
        })
    }

    /// The `failure` after which no run could follow, so many of all being `painted`.
    fn cut_short(self, failure: Failure, (painted, number): (usize, usize)) -> Failure {
        let first = self.first.map(|(title, _)| title);
        let titles: Vec<String> = first.into_iter().chain(self.others).collect();
        let failed = match titles.len() {
            0 => String::new(),
            _ => format!(", while {} failed", named(&titles)),
        };
        Failure {
            message: format!(
                "{}, and {painted} of {number} were painted before{failed}",
                failure.message
            ),
            ..failure
        }
    }
}

/// `` `a.png`, `b.png` ``.
fn named(titles: &[String]) -> String {
    let titles = titles.iter().map(|title| format!("`{title}`"));
    titles.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_not_counted_as_painted_and_has_its_name() {
        let common = Common {
            model: String::new(),
            adapter: None,
            weights: None,
            quiet: true,
            verbose: false,
        };
        let failed = |titles: &[&str]| {
            let mut failed = Failed::default();
            for title in titles {
                let member = Member {
                    title: title.to_string(),
                    words: Vec::new(),
                };
                failed.note(&common, &member, Failure::bad_input("no picture"));
            }
            failed
        };
        let concluded = failed(&["a", "b", "c"]).conclude(5).unwrap_err();
        assert_eq!(
            concluded.message,
            "3 of 5 pictures failed, the first of them `a`: no picture; the others are `b`, `c`"
        );
        let lost = Failure::usage("lost");
        let cut = failed(&["a", "b"]).cut_short(lost, (1, 5));
        assert_eq!(
            cut.message,
            "lost, and 1 of 5 were painted before, while `a`, `b` failed"
        );
        assert!(failed(&[]).conclude(5).is_ok());
    }
}
