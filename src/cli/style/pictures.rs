//! The pictures of a run: read, sized, and given the colours that are to be painted with.

use std::path::Path;
use std::str::FromStr;

use impasto::image::{Attachments, Picture};
use impasto::paint::Start;

use crate::cli::arguments::{Common, StyleArguments, Weighted};
use crate::cli::failure::Failure;
use crate::cli::pictures::{Output, read};
use crate::cli::record::Input;
use crate::cli::resume::{Options, Session};
use crate::cli::{colour, explain, say};

use super::{Draft, Inputs};

/// The longer side if neither `--size` nor a smaller content says otherwise.
const USUAL_SIZE: usize = 512;

/// What a run is made from.
pub(super) struct Pictures {
    pub(super) content: Picture,
    pub(super) attachments: Attachments,
    pub(super) styles: Vec<(Picture, f32)>,
    /// The picture that `--init` names.
    init: Option<Picture>,
    /// The files of all of them.
    pub(super) inputs: Vec<Input>,
}

impl Pictures {
    /// Reads what the flags name. A run that is resumed no longer needs what it started from.
    pub(super) fn load(
        common: &Common,
        arguments: &StyleArguments,
        session: &Session,
    ) -> Result<Self, Failure> {
        let mut inputs = Vec::new();
        let content = read(common, &arguments.content)?;
        inputs.push(Input::new("content", &arguments.content, &content.sha256));
        let longer = content.picture.width.max(content.picture.height);
        let size = arguments
            .size
            .map_or(longer.min(USUAL_SIZE), |size| size as usize);
        let content = content.fit_longer_side(size, true);
        let mut styles = Vec::new();
        for Weighted { name, weight } in &arguments.styles {
            let style = read(common, Path::new(name))?;
            inputs.push(Input::new("style", Path::new(name), &style.sha256));
            // Enlarging a style would only blur its strokes.
            styles.push((style.picture.fit_longer_side(size, false), *weight));
        }
        let mut init = None;
        if !matches!(arguments.init.as_str(), "content" | "noise") {
            let path = Path::new(&arguments.init);
            match read(common, path) {
                Ok(file) => {
                    inputs.push(Input::new("init", path, &file.sha256));
                    let (width, height) = (content.picture.width, content.picture.height);
                    init = Some(file.picture.resized(width, height));
                }
                Err(_) if session.resumed.is_some() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Self {
            content: content.picture,
            attachments: content.attachments,
            styles,
            init,
            inputs,
        })
    }

    /// What pictures are to say of their making.
    pub(super) fn draft(
        &self,
        common: &Common,
        arguments: &StyleArguments,
        session: &mut Session,
        (fingerprints, output): (&Inputs, &Output),
    ) -> Result<Draft, Failure> {
        let repeated = session.repeated.take();
        if let Some(repeated) = &repeated {
            repeated.check(common, &self.inputs, fingerprints)?;
        }
        let options = match &session.resumed {
            _ if arguments.no_record => None,
            // The record is that of the whole run, wherever it is gone on with.
            Some(run) => Some(run.origin.options.clone()),
            None => match session.options() {
                Ok(options) => Some(options),
                Err(failure) => {
                    say(
                        common,
                        format!("note: no record is kept: {}", failure.message),
                    );
                    None
                }
            },
        };
        if !arguments.no_record && !output.holds_record() {
            explain(
                common,
                format!(
                    "`{}` has no place for a record of how it was made",
                    output.name()
                ),
            );
        }
        let inputs = match &session.resumed {
            Some(run) => named_by(&run.origin.options, self.inputs.clone()),
            None => self.inputs.clone(),
        };
        Ok(Draft {
            inputs,
            fingerprints: fingerprints.clone(),
            options,
            seed: arguments.seed,
            repeated,
        })
    }

    /// Gives the pictures the colours that `--color` asks for, and results what they are to take afterwards.
    pub(super) fn in_colour(&mut self, arguments: &StyleArguments, output: Output) -> Output {
        let opacity = output.opacity();
        let chroma = colour::prepare(arguments, &mut self.content, opacity, &mut self.styles);
        output.in_chroma_of(chroma)
    }

    /// Where the run starts.
    pub(super) fn start(&mut self, arguments: &StyleArguments) -> Start {
        match (arguments.init.as_str(), self.init.take()) {
            (_, Some(picture)) => Start::Picture(colour::start(arguments, picture)),
            ("noise", None) => Start::Noise {
                seed: arguments.seed,
            },
            (_, None) => Start::Content,
        }
    }
}

/// The files by the names that these options have for them: they may have moved since.
fn named_by(options: &Options, mut inputs: Vec<Input>) -> Vec<Input> {
    for option in ["content", "style", "init"] {
        let names = options.get(option).into_iter().flatten();
        let files = inputs.iter_mut().filter(|input| input.option == option);
        for (input, name) in files.zip(names) {
            input.path = match Weighted::from_str(name) {
                Ok(weighted) if option == "style" => weighted.name,
                _ => name.clone(),
            };
        }
    }
    inputs
}
