//! `impasto dream --zoom N`: frame after frame, each a dream of the one before, a little enlarged.
//!
//! google/deepdream's videos. A frame goes on from what the file of the frame before holds, 8 or 16 bits a channel and no
//! more, so that a run that was broken off makes the same frames as one that was not.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use impasto::image::{ImageError, Picture, PictureFile, check_output_file, remove_leftovers};
use impasto::kernels::zoom::Zoom;
use impasto::paint::{DreamStart, Dreamt, Ending, dream, zoomed};

use super::Job;
use super::film::Film;
use super::progress::Progress;
use crate::cli::arguments::DreamArguments;
use crate::cli::dry_run::Report;
use crate::cli::failure::{Code, Failure};
use crate::cli::flags::{DESTINATIONS, PICTURES};
use crate::cli::pictures::Output;
use crate::cli::record::{Input, Record};
use crate::cli::say;
use crate::cli::wait::wait;

/// What `--zoom` and the flags beside it say.
pub struct Wish {
    /// How many frames there are.
    count: usize,
    /// Those that are to be made now, counted from 1.
    frames: RangeInclusive<usize>,
    zoom: Zoom,
    film: Option<Film>,
    output: PathBuf,
}

impl Wish {
    /// Of the flags, if they ask for frames; `inputs` are the pictures that are read.
    pub fn new(arguments: &DreamArguments, inputs: &[&Path]) -> Result<Option<Self>, Failure> {
        let Some(count) = arguments.zoom.map(|count| count as usize) else {
            return Ok(None);
        };
        let frames = arguments.frames.clone().unwrap_or(1..=count);
        if *frames.end() > count {
            return Err(Failure::usage(format!(
                "--frames {}..{} goes beyond the {count} of --zoom; end at {count}",
                frames.start(),
                frames.end()
            )));
        }
        let wish = Self {
            film: Film::of(&arguments.output, arguments.fps)?,
            output: arguments.output.clone(),
            count,
            frames,
            zoom: Zoom {
                factor: arguments.zoom_factor,
                degrees: arguments.rotate,
            },
        };
        for frame in wish.frames.clone() {
            check_output_file(&wish.path(frame), inputs)?;
        }
        if wish.film.is_some() {
            check_output_file(&wish.output, inputs)?;
        }
        let before = wish.frames.start() - 1;
        if before > 0 && !wish.path(before).is_file() {
            return Err(Failure::usage(format!(
                "--frames {}..{} goes on from `{}`, which is not there; begin at an earlier frame",
                wish.frames.start(),
                wish.frames.end(),
                wish.path(before).display()
            )));
        }
        Ok(Some(wish))
    }

    /// Where the frame after this one begins.
    fn next(&self, job: &Job<'_>, before: &Frame) -> Result<Frame, Failure> {
        let zoomed = |picture: &Picture| wait(job.gpu, zoomed(job.gpu, picture, self.zoom));
        let picture = zoomed(&before.picture)?;
        let opacity = match &before.opacity {
            Some(opacity) => {
                let grey = Picture {
                    rgb: opacity.repeat(3),
                    ..picture
                };
                let mut planes = zoomed(&grey)?.rgb;
                planes.truncate(opacity.len());
                Some(planes)
            }
            None => None,
        };
        Ok(Frame { picture, opacity })
    }

    /// The output of a frame that begins so. Chroma that is kept is that of the first frame, enlarged and turned as often
    /// as what the frame shows.
    fn output(&self, job: &Job<'_>, start: &Frame, number: usize) -> Result<Output, Failure> {
        let output = job.output.clone().with_opacity(start.opacity.clone());
        let Some(chroma) = job.output.chroma().filter(|_| number > 1) else {
            return Ok(output);
        };
        let zoom = self.zoom.times(number - 1);
        let chroma = wait(job.gpu, zoomed(job.gpu, chroma, zoom))?;
        Ok(output.in_chroma_of(Some(chroma)))
    }

    /// How many frames there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The files of all of them.
    fn all(&self) -> Vec<PathBuf> {
        (1..=self.count).map(|frame| self.path(frame)).collect()
    }

    /// The file of a frame: `out.gif` → `out-0001.png`.
    pub fn path(&self, frame: usize) -> PathBuf {
        let mut name = self.output.file_stem().unwrap_or_default().to_os_string();
        name.push(format!("-{frame:04}."));
        name.push(match &self.film {
            Some(_) => "png".as_ref(),
            None => self.output.extension().unwrap_or_default(),
        });
        self.output.with_file_name(name)
    }
}

/// What another frame goes on from.
struct Frame {
    picture: Picture,
    /// Its opacity (H,W), if it has any transparency.
    opacity: Option<Vec<f32>>,
}

impl Frame {
    /// The frame that lies at `path`.
    fn load(path: &Path) -> Result<Self, Failure> {
        let file = PictureFile::load(path).map_err(|error| match error {
            ImageError::Damaged { .. } | ImageError::Empty { .. } | ImageError::NotAPicture { .. } => {
                Failure::bad_input(format!(
                    "the frame `{}` is no sound picture; delete it, and the same command makes it again",
                    path.display()
                ))
            }
            error => error.into(),
        })?;
        Ok(Self {
            picture: file.picture,
            opacity: file.attachments.alpha,
        })
    }
}

/// The frames that are there already and those that are not, after a look at whether the former are of this dream.
fn frames(job: &Job<'_>, wish: &Wish) -> Result<(Vec<usize>, Vec<usize>), Failure> {
    let (first, last) = (*wish.frames.start(), *wish.frames.end());
    let used = match &wish.film {
        Some(_) => 1..=wish.count,
        // Also the frame that the first of them goes on from.
        None => (first - 1).max(1)..=last,
    };
    for path in used.map(|frame| wish.path(frame)) {
        if path.is_file() {
            check_size(&path, job)?;
            check_kinship(&path, job)?;
        }
    }
    let frames = wish.frames.clone();
    Ok(frames.partition(|&frame| wish.path(frame).is_file()))
}

/// Tells what [`run`] would do.
pub fn tell(job: &Job<'_>, wish: &Wish, report: &mut Report) -> Result<(), Failure> {
    let (there, missing) = frames(job, wish)?;
    if !there.is_empty() {
        let number = there.len();
        report.line(format!("frames that are there already: {number}"));
    }
    if let Some(&first) = missing.first() {
        let what = format!(" and so on, {} frames", missing.len());
        report.output(&wish.path(first), &what);
    }
    if wish.film.is_some() {
        report.output(&wish.output, ", the film of all frames");
    }
    Ok(())
}

/// Makes the frames that are not there yet, and the film of all if one is wanted.
pub fn run(job: &mut Job<'_>, wish: &Wish) -> Result<(), Failure> {
    let (there, missing) = frames(job, wish)?;
    if !there.is_empty() {
        let text = format!("frames that are there already: {}", there.len());
        say(job.common, text);
    }
    let mut progress = job.progress(missing.len());
    let mut shown: Option<(usize, Frame)> = None;
    for &frame in &missing {
        let start = match shown.take() {
            _ if frame == 1 => Frame {
                picture: job.picture.clone(),
                opacity: job.output.opacity().map(<[f32]>::to_vec),
            },
            Some((number, before)) if number + 1 == frame => wish.next(job, &before)?,
            _ => wish.next(job, &Frame::load(&wish.path(frame - 1))?)?,
        };
        progress.begin_frame(frame, wish.count);
        paint_frame(job, wish, (&start, frame), &mut progress)?;
        // What the file holds, whether it is read again or not.
        shown = Some((frame, Frame::load(&wish.path(frame))?));
    }
    let (seconds, last) = (progress.finish(), wish.path(*wish.frames.end()));
    let text = format!(
        "{} frames in {seconds:.1} s, up to `{}`",
        missing.len(),
        last.display()
    );
    say(job.common, text);
    match &wish.film {
        Some(film) => film.make(job.common, &wish.all()),
        None => Ok(()),
    }
}

/// Dreams one frame from where it begins and writes it.
fn paint_frame(
    job: &mut Job<'_>,
    wish: &Wish,
    (start, frame): (&Frame, usize),
    progress: &mut Progress,
) -> Result<(), Failure> {
    let start_after = DreamStart::Anew {
        after: (frame - 1) * job.steps(),
    };
    let dreaming = dream(
        job.gpu,
        job.network,
        job.choices,
        &start.picture,
        start_after,
        progress,
    );
    let Dreamt {
        picture,
        ending,
        step,
    } = wait(job.gpu, dreaming);
    match ending {
        Ending::Finished => {}
        // Half a dream is no frame: the next would go on from it.
        Ending::Stopped => {
            return Err(Failure {
                code: Code::Interrupted,
                message: format!(
                    "interrupted in frame {frame}; the same command makes it and those that follow"
                ),
            });
        }
        Ending::Failed(error) => return Err(error.into()),
    }
    let path = wish.path(frame);
    remove_leftovers(&path);
    let record = job.record(step, progress);
    let output = wish.output(job, start, frame)?;
    output.write_to(&path, &picture, record.as_ref())
}

/// Refuses a frame that is not as large as those of this dream.
fn check_size(path: &Path, job: &Job<'_>) -> Result<(), Failure> {
    let [found, wanted] =
        [&Frame::load(path)?.picture, job.picture].map(|of| (of.width, of.height));
    if found == wanted {
        return Ok(());
    }
    let (width, height) = found;
    Err(Failure::bad_input(format!(
        "`{}` is {width}×{height} and the frames of this dream are {}×{}; delete it or move it away, or choose another -o",
        path.display(),
        wanted.0,
        wanted.1
    )))
}

/// Refuses a frame that its own record says is of another dream, and one that has none where frames have.
fn check_kinship(path: &Path, job: &Job<'_>) -> Result<(), Failure> {
    let Some(draft) = job.draft.options.as_ref() else {
        return Ok(());
    };
    // What was read is identified by its contents.
    let is_free = |name: &str| {
        ["zoom", "frames", "fps", "memory"].contains(&name)
            || DESTINATIONS.contains(&name)
            || PICTURES.contains(&name)
    };
    let record = match Record::read(path) {
        Ok(record) => record,
        Err(_) if !job.output.holds_record() => return Ok(()),
        Err(_) => {
            return Err(Failure::bad_input(format!(
                "`{}` has no record that says it is a frame of this dream; delete it or move it away, or take it as it is with --no-record",
                path.display()
            )));
        }
    };
    let options = &record.origin.options;
    let names = options.keys().chain(draft.keys());
    let differing = |name: &&String| !is_free(name) && options.get(*name) != draft.get(*name);
    let other = names.into_iter().find(differing).cloned();
    let other = other.map(|name| format!("another --{name}"));
    let hashes = |inputs: &[Input]| -> Vec<(String, String)> {
        let of = |input: &Input| (input.option.clone(), input.sha256.clone());
        inputs.iter().map(of).collect()
    };
    let moved = hashes(&record.inputs) != hashes(&job.draft.inputs);
    match other.or(moved.then(|| "another picture".to_string())) {
        Some(other) => Err(Failure::bad_input(format!(
            "`{}` is a frame of a dream with {other}; delete the frames, or choose another -o",
            path.display()
        ))),
        None => Ok(()),
    }
}
