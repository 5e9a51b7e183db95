//! The pictures of a run: read, sized, and given the colours that are to be painted with.

use std::path::Path;

use impasto::image::{Attachments, Picture, PictureFile, Proof};
use impasto::paint::{Sources, Start};

use super::USUAL_SIZE;
use super::border::{multiple, say_if_rounded};
use super::masks::Masks;
use super::objective::style_scales;
use super::small_styles::say_if_small;
use crate::cli::arguments::{ColourControl, Common, Origin, StyleArguments, Weighted};
use crate::cli::colour;
use crate::cli::failure::Failure;
use crate::cli::pictures::{Output, read};
use crate::cli::proof;
use crate::cli::record::Input;
use crate::cli::result_size::check_result;
use crate::cli::resume::Session;

/// What a run is made from.
pub(super) struct Pictures {
    pub(super) sources: Sources,
    /// The longer side of the result; that of the content until it is settled.
    pub(super) size: usize,
    /// The content as it was read, until the size is settled.
    content: Option<PictureFile>,
    /// The picture that `--init` names.
    init: Option<Picture>,
    /// Where terms hold.
    pub(super) masks: Masks,
    /// What the content and the styles were seen through.
    pub(super) proof: Option<Proof>,
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
        let proof = proof::load(arguments, &mut inputs)?;
        let content = proof::read(common, arguments.content(), proof.as_ref())?;
        inputs.push(Input::new("content", arguments.content(), &content.sha256));
        let mut sources = Sources {
            content: content.picture.clone(),
            styles: Vec::new(),
            style_scales: style_scales(arguments, arguments.styles.len())?,
            style_side: arguments.style_size.map(|side| side as usize),
            // No recipe wraps around unless it is told to.
            multiple: multiple(arguments.border.unwrap_or_default()),
        };
        for Weighted { name, weight } in &arguments.styles {
            let style = proof::read(common, Path::new(name), proof.as_ref())?;
            inputs.push(Input::new("style", Path::new(name), &style.sha256));
            sources.styles.push((style.picture, *weight));
        }
        let of = (&content.picture, &*sources.styles);
        let masks = Masks::load(common, arguments, of, &mut inputs)?;
        let mut init = None;
        if let Some(path) = arguments.init.file() {
            match read(common, path) {
                Ok(file) => {
                    inputs.push(Input::new("init", path, &file.sha256));
                    init = Some(file.picture);
                }
                Err(_) if session.resumed.is_some() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Self {
            size: content.picture.width.max(content.picture.height),
            content: Some(content),
            sources,
            init,
            masks,
            proof,
            inputs,
        })
    }

    /// Settles the size of the result; what it takes over from the content.
    pub(super) fn fit(
        &mut self,
        common: &Common,
        arguments: &StyleArguments,
    ) -> Result<Attachments, Failure> {
        let usual = self.size.min(USUAL_SIZE);
        self.size = arguments.size.map_or(usual, |size| size as usize);
        let ([width, height], _) = self.sources.sizes(self.size);
        let flag = |[width, height]: [usize; 2]| width.max(height).to_string();
        check_result([width, height], &self.size.to_string(), flag)?;
        say_if_rounded(common, &self.sources, [width, height], self.size);
        let names = arguments.styles.iter().map(|style| Path::new(&style.name));
        say_if_small(common, names, &self.sources, self.size);
        let content = self.content.take();
        Ok(content.map_or(Attachments::default(), |content| {
            content.attachments_at(width, height)
        }))
    }

    /// What shows where no style is painted, as large as the result: the content, and how much paint lies on it. Nothing
    /// where there is paint everywhere.
    pub(super) fn ground(&self) -> Option<(Picture, Vec<f32>)> {
        let ([width, height], _) = self.sources.sizes(self.size);
        let paint = self.masks.paint([width, height])?;
        Some((self.sources.content.resized(width, height), paint))
    }

    /// Gives the pictures the colours that `--color` asks for, and results what they are to take afterwards.
    pub(super) fn in_colour(
        &mut self,
        arguments: &StyleArguments,
        output: Output,
    ) -> Result<Output, Failure> {
        if arguments.color == ColourControl::Style {
            return Ok(output);
        }
        let ([width, height], _) = self.sources.sizes(self.size);
        let shown = self.sources.content.resized(width, height);
        let pictures = (&mut self.sources, &*self.masks.in_styles.parts());
        let chroma = colour::prepare(arguments, pictures, (shown, output.opacity()))?;
        Ok(output.in_chroma_of(chroma))
    }

    /// Where the run starts.
    pub(super) fn start(&mut self, arguments: &StyleArguments) -> Start {
        if let Some(picture) = self.init.take() {
            return Start::Picture(colour::start(arguments, picture));
        }
        let seed = arguments.seed;
        match arguments.init {
            Origin::Noise => Start::Noise { seed },
            Origin::Style => Start::Canvas { seed },
            // A run that is resumed has read no file and starts from where it stood.
            Origin::Content | Origin::File(_) => Start::Content,
        }
    }
}
