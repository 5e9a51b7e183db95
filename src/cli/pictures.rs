//! Where pictures come from and where results go: files, or `-` for standard input and output.

use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use impasto::image::{
    Attachments, Depth, ImageError, Picture, PictureFile, PictureFormat, check_output,
    write_atomically,
};

use super::arguments::{Common, RunArguments};
use super::failure::Failure;
use super::flags::is_stream;
use super::record::Record;
use super::say;

/// What standard input is called in messages.
const STANDARD_INPUT: &str = "standard input";

/// No sheet of pictures is longer or wider, so that every format holds it, every program shows it, and this one reads it.
pub const LONGEST_SIDE_OF_SHEET: usize = 8192;

/// Reads the picture at `path`, and says what in it could not be respected.
pub fn read(common: &Common, path: &Path) -> Result<PictureFile, Failure> {
    let file = if is_stream(path) {
        PictureFile::read(stdin().lock(), STANDARD_INPUT)?
    } else {
        PictureFile::load(path)?
    };
    let name = if is_stream(path) {
        STANDARD_INPUT.into()
    } else {
        path.to_string_lossy()
    };
    for remark in &file.remarks {
        say(common, format!("note: `{name}` {remark}"));
    }
    Ok(file)
}

/// Refuses more than one `-` among `inputs`: standard input is read once.
pub fn check_streams(inputs: &[&Path]) -> Result<(), Failure> {
    if inputs.iter().filter(|path| is_stream(path)).count() > 1 {
        return Err(Failure::usage(
            "`-` is given for two pictures, but standard input holds one; name a file for the other",
        ));
    }
    Ok(())
}

/// A place for a result, its format, and what is stored beside the colours.
#[derive(Clone, Debug)]
pub struct Output {
    path: PathBuf,
    format: PictureFormat,
    /// What it is called where the path would tell nobody anything.
    title: Option<String>,
    attachments: Attachments,
    /// The picture whose chroma results take.
    chroma: Option<Arc<Picture>>,
    /// What shows where there is no paint, and how much of that lies on each pixel (H,W).
    ground: Option<Arc<(Picture, Vec<f32>)>>,
}

impl Output {
    /// The output that the flags name, checked before a run that reads `inputs`.
    pub fn of(arguments: &RunArguments, inputs: &[&Path]) -> Result<Self, Failure> {
        if is_stream(&arguments.output) && arguments.save_every.is_some() {
            return Err(Failure::usage(
                "--save-every numbers files, and standard output is none; name a file with -o",
            ));
        }
        Self::named(&arguments.output, arguments.format, inputs)
    }

    /// A file in the format that its name says, or standard output in this `format`; checked before a run that reads
    /// `inputs`.
    pub fn named(
        path: &Path,
        format: Option<PictureFormat>,
        inputs: &[&Path],
    ) -> Result<Self, Failure> {
        if !is_stream(path) {
            let output = Self::file(path, inputs)?;
            return match format {
                Some(format) if format != output.format => Err(Failure::usage(format!(
                    "--format says otherwise than the name of `{}`; leave it away, it is for `-o -`",
                    path.display()
                ))),
                _ => Ok(output),
            };
        }
        if stdout().is_terminal() {
            return Err(Failure::usage(
                "`-o -` writes a picture, and standard output is a terminal; redirect it, or name a file",
            ));
        }
        Ok(Self {
            path: path.to_path_buf(),
            format: format.unwrap_or(PictureFormat::Png),
            title: None,
            attachments: Attachments::default(),
            chroma: None,
            ground: None,
        })
    }

    /// A file, in the format that its name says, checked before a run that reads `inputs`.
    pub fn file(path: &Path, inputs: &[&Path]) -> Result<Self, ImageError> {
        check_output(path, inputs)?;
        Ok(Self {
            path: path.to_path_buf(),
            format: PictureFormat::of(path)?,
            title: None,
            attachments: Attachments::default(),
            chroma: None,
            ground: None,
        })
    }

    /// Refuses a size that no file of this format can have, W and H.
    pub fn check_size(&self, [width, height]: [usize; 2]) -> Result<(), Failure> {
        let most = self.format.longest_side();
        if width.max(height) <= most {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "`{}` is to be {width}×{height}, and a side of such a file has at most {most} pixels; try .png, or a smaller --size",
            self.name()
        )))
    }

    /// The output with what it takes over from the content, in `depth` if that is given; says in a line
    /// what the format cannot hold.
    pub fn with(
        mut self,
        common: &Common,
        mut attachments: Attachments,
        depth: Option<Depth>,
    ) -> Result<Self, Failure> {
        let name = self.name();
        if depth == Some(Depth::Sixteen) && !self.format.holds_sixteen_bits() {
            return Err(Failure::usage(format!(
                "--depth 16 asks for more than `{name}` can hold; write .png or .tiff"
            )));
        }
        attachments.depth = depth.unwrap_or(attachments.depth);
        let mut lost = Vec::new();
        if attachments.alpha.is_some() && !self.format.holds_alpha() {
            lost.push("transparency, so the picture is laid over white");
        }
        if attachments.depth == Depth::Sixteen && !self.format.holds_sixteen_bits() {
            lost.push("16 bits per channel, so it gets 8");
        }
        if attachments.exif.is_some() && !self.format.holds_exif() {
            lost.push("EXIF data, so they are left out");
        }
        if !lost.is_empty() {
            say(
                common,
                format!("note: `{name}` cannot hold {}", lost.join("; nor ")),
            );
        }
        self.attachments = attachments;
        Ok(self)
    }

    /// The output whose pictures take their chroma from `picture`, if there is one.
    pub fn in_chroma_of(self, picture: Option<Picture>) -> Self {
        Self {
            chroma: picture.map(Arc::new),
            ..self
        }
    }

    /// The output whose pictures are paint on the first of these, with so much of it on each pixel (H,W).
    pub fn on_ground(self, ground: Option<(Picture, Vec<f32>)>) -> Self {
        Self {
            ground: ground.map(Arc::new),
            ..self
        }
    }

    /// The picture whose chroma results take, if they do.
    pub fn chroma(&self) -> Option<&Picture> {
        self.chroma.as_deref()
    }

    /// The output whose pictures have this opacity (H,W), or no transparency.
    pub fn with_opacity(mut self, opacity: Option<Vec<f32>>) -> Self {
        self.attachments.alpha = opacity;
        self
    }

    /// Opacity (H,W) of results, if they have any transparency.
    pub fn opacity(&self) -> Option<&[f32]> {
        self.attachments.alpha.as_deref()
    }

    /// Whether the format has a place for records.
    pub fn holds_record(&self) -> bool {
        self.format.holds_record()
    }

    /// The file, or `-`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the output is called in messages.
    pub fn name(&self) -> String {
        match &self.title {
            Some(title) => title.clone(),
            None if is_stream(&self.path) => "standard output".to_string(),
            None => self.path.display().to_string(),
        }
    }

    /// Whether its name in messages is its path.
    pub fn is_called_by_its_path(&self) -> bool {
        let path = self.path.display().to_string();
        self.title.as_ref().is_none_or(|title| *title == path)
    }

    /// The output by another name in messages, if there is one.
    pub fn called(self, title: Option<&str>) -> Self {
        Self {
            title: title.map(str::to_string),
            ..self
        }
    }

    /// Writes the result with its record.
    pub fn write(&self, picture: &Picture, record: Option<&Record>) -> Result<(), Failure> {
        self.write_to(&self.path, picture, record)
    }

    /// What is written of `picture`: in the chroma that results take, and where there is no paint the ground.
    pub fn coloured<'a>(&self, picture: &'a Picture) -> Cow<'a, Picture> {
        let coloured = match self.chroma.as_deref() {
            Some(chroma) => Cow::Owned(picture.with_chroma_of(chroma)),
            None => Cow::Borrowed(picture),
        };
        match self.ground.as_deref() {
            Some((ground, paint)) => Cow::Owned(coloured.laid_on(ground, paint)),
            None => coloured,
        }
    }

    /// As [`Output::write`]; what finds no place there is put where there is room for it, which is a failure all the
    /// same, and its message says where.
    pub fn write_somewhere(
        &self,
        picture: &Picture,
        record: Option<&Record>,
    ) -> Result<(), Failure> {
        let Err(failure) = self.write(picture, record) else {
            return Ok(());
        };
        // What no file of this format can hold finds no other place either, and that is already said.
        let bytes = self.encoded(picture, record, None)?;
        let whereabouts = match self.write_elsewhere(&bytes) {
            Ok(path) => format!("the picture is in `{}` instead", path.display()),
            Err(error) => format!(
                "it cannot be written to the temporary folder either ({error}), nor to the working folder or the home folder"
            ),
        };
        Err(Failure {
            message: format!("{}; {whereabouts}", failure.message),
            ..failure
        })
    }

    /// The file of a picture that will lie in `folder`, if that is known.
    fn encoded(
        &self,
        picture: &Picture,
        record: Option<&Record>,
        folder: Option<&Path>,
    ) -> Result<Vec<u8>, ImageError> {
        let coloured = self.coloured(picture);
        let attachments = Attachments {
            record: record.map(|record| record.text(folder)),
            ..self.attachments.clone()
        };
        coloured.encode(self.format, &attachments, &self.name())
    }

    /// Writes the `bytes` of a result under a name that nobody could foresee, to the first folder that takes them: the
    /// temporary one, the working one, or the home of the user. If none does, the fault of the first is reported.
    fn write_elsewhere(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        // Not the whole name: it may already be as long as the system allows.
        let suffix = format!(".{}", self.format.extension());
        let write_in = |folder: &Path| {
            let mut builder = tempfile::Builder::new();
            let mut file = builder
                .prefix("impasto-")
                .suffix(&suffix)
                .tempfile_in(folder)?;
            file.write_all(bytes)?;
            io::Result::Ok(file.keep()?.1)
        };
        write_in(&env::temp_dir()).or_else(|fault| {
            let others = [env::current_dir().ok(), env::home_dir()];
            let mut written = others.iter().flatten().map(|folder| write_in(folder));
            written.find_map(Result::ok).ok_or(fault)
        })
    }

    /// Writes a picture on the way, as the result would be but to another file.
    pub fn write_to(
        &self,
        path: &Path,
        picture: &Picture,
        record: Option<&Record>,
    ) -> Result<(), Failure> {
        let whole = absolute(path).ok().filter(|_| !is_stream(path));
        let folder = whole.as_deref().and_then(Path::parent);
        let bytes = self.encoded(picture, record, folder)?;
        if !is_stream(path) {
            return Ok(write_atomically(path, &bytes)?);
        }
        let mut stream = stdout().lock();
        // A reader that has gone has not seen enough: half a picture is none.
        let written = stream.write_all(&bytes).and_then(|()| stream.flush());
        written.map_err(|error| {
            Failure::bad_input(format!(
                "standard output cannot be written ({error}); check where it goes"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_format_cannot_hold_is_said_to_be_that() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::file(&folder.path().join("out.webp"), &[]).unwrap();
        let wide = Picture {
            width: 20_000,
            height: 1,
            rgb: vec![0.5; 3 * 20_000],
        };
        let message = output.write_somewhere(&wide, None).unwrap_err().message;
        assert!(message.contains("out.webp` cannot be made ("), "{message}");
        assert!(message.contains("; try .png"), "{message}");
        assert!(!message.contains("temporary folder"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
