//! A dream as flags and preset want it, before anything is on the device.

use std::path::Path;

use impasto::image::Picture;
use impasto::kernels::dream_loss::Measure;
use impasto::kernels::guide_loss::Correspondence;
use impasto::net::Architecture;
use impasto::objective::{DreamTerms, Guidance, LayerWeight, Mask};
use impasto::optim::{AscentSettings, Smoothing};
use impasto::paint::{DreamChoices, Octave, octave_sizes};

use super::preset::Settings;
use crate::cli::arguments::{DreamArguments, GuideMode, pooling_name};
use crate::cli::failure::Failure;
use crate::cli::resume::Session;
use crate::cli::style::{check_side, find_layer};

/// The longer side of a guide if no flag says otherwise: that of the pictures the network was trained on.
const GUIDE_SIZE: usize = 224;

/// A dream as the flags and the preset want it.
pub struct Request<'a> {
    pub arguments: &'a DreamArguments,
    settings: Settings,
    pub terms: DreamTerms,
    /// The picture that steers.
    pub guide: Option<Picture>,
    /// Where it dreams, if not everywhere.
    pub mask: Option<Mask>,
    /// Pixels that the shorter side of an octave must have.
    least: usize,
}

impl<'a> Request<'a> {
    pub fn new(arguments: &'a DreamArguments, architecture: Architecture) -> Result<Self, Failure> {
        let preset = arguments.preset.settings();
        // A frame goes on where the one before has come to.
        let iterations = match arguments.zoom {
            Some(_) => preset.iterations / 2,
            None => preset.iterations,
        };
        let settings = Settings {
            octaves: arguments.octaves.unwrap_or(preset.octaves),
            octave_scale: arguments.octave_scale.unwrap_or(preset.octave_scale),
            iterations: arguments.iterations.unwrap_or(iterations),
            step: arguments.step.unwrap_or(preset.step),
            jitter: arguments.jitter.unwrap_or(preset.jitter),
            smoothing: arguments.smooth.unwrap_or(preset.smoothing),
            pooling: arguments.pooling.unwrap_or(preset.pooling),
            ..preset
        };
        let named = arguments.layers.iter();
        let mut named: Vec<(&str, f32)> = named
            .map(|layer| (layer.name.as_str(), layer.weight))
            .collect();
        if named.is_empty() {
            named = settings.layers.to_vec();
        }
        let mut layers: Vec<LayerWeight> = Vec::new();
        for (name, weight) in named {
            let layer = find_layer(architecture, name)?;
            if layers.iter().any(|other| other.layer == layer) {
                return Err(Failure::usage(format!(
                    "layer `{name}` is named twice; name it once"
                )));
            }
            check_channels(&arguments.channels, architecture, layer)?;
            layers.push(LayerWeight { layer, weight });
        }
        let downscale = |term: &LayerWeight| architecture.downscale(term.layer);
        Ok(Self {
            least: layers.iter().map(downscale).max().unwrap_or(1),
            terms: DreamTerms {
                layers,
                measure: arguments.objective.unwrap_or_default(),
                channels: arguments.channels.clone(),
                guidance: None,
                pooling: settings.pooling,
            },
            guide: None,
            mask: None,
            arguments,
            settings,
        })
    }

    /// Lets `guide` say what is to be seen.
    pub fn steer_by(&mut self, guide: Picture, architecture: Architecture) -> Result<(), Failure> {
        let layers = self.terms.layers.iter().map(|term| term.layer);
        let name = self.arguments.guide.as_deref().unwrap_or(Path::new("-"));
        let mode = self.arguments.guide_mode.unwrap_or(GuideMode::Match);
        let (correspondence, power) = match mode {
            GuideMode::Match => {
                let size = [guide.width, guide.height];
                // It is shrunk to its size and not enlarged.
                let remedy = match guide.width.max(guide.height) < guide_side(self.arguments) {
                    true => "a larger picture, or a layer further down",
                    false => "a larger --guide-size, or a layer further down",
                };
                check_side(architecture, layers, (name, size), remedy)?;
                (Correspondence::Best, 0.0)
            }
            // It will be as large as the dream, which is looked at elsewhere.
            GuideMode::Caricature => (Correspondence::Itself, 1.0),
        };
        self.terms.guidance = Some(Guidance {
            correspondence,
            power: self.arguments.guide_power.unwrap_or(power),
            size: [guide.width, guide.height],
        });
        self.guide = Some(guide);
        Ok(())
    }

    /// Writes what was left to the preset into the options that records keep.
    pub fn settle(&self, session: &mut Session) {
        let settings = &self.settings;
        if self.arguments.layers.is_empty() {
            let layers = settings.layers.iter();
            let layers = layers.map(|(name, weight)| format!("{name}:{weight}"));
            session.settle_all("layer", layers);
        }
        session.unset("preset");
        // Of these no frame depends.
        session.unset("frames");
        session.unset("fps");
        if self.terms.guidance.is_none() {
            let objective = match self.terms.measure {
                Measure::Square => "square",
                Measure::Root => "l2",
                Measure::Mean => "mean",
            };
            session.settle("objective", objective);
        }
        session.settle("octaves", &settings.octaves.to_string());
        session.settle("octave-scale", &settings.octave_scale.to_string());
        session.settle("iterations", &settings.iterations.to_string());
        session.settle("step", &settings.step.to_string());
        session.settle("jitter", &settings.jitter.to_string());
        let smooth = match settings.smoothing {
            Smoothing::None => "none",
            Smoothing::Gaussian => "gaussian",
            Smoothing::Laplacian => "laplacian",
        };
        session.settle("smooth", smooth);
        session.settle("pooling", pooling_name(settings.pooling));
    }

    /// Sizes of the octaves of a picture of `size`, small to large.
    pub fn sizes(&self, size: [usize; 2]) -> Vec<[usize; 2]> {
        let (count, scale) = (self.settings.octaves, self.settings.octave_scale);
        octave_sizes(size, count as usize, f64::from(scale), self.least)
    }

    pub fn choices(&self, octaves: Vec<Octave>) -> DreamChoices {
        DreamChoices {
            terms: self.terms.clone(),
            guide: self.guide.clone(),
            mask: self.mask.clone(),
            ascent: AscentSettings {
                step: self.settings.step * self.arguments.strength,
                jitter: self.settings.jitter as usize,
                seed: self.arguments.seed,
                smoothing: self.settings.smoothing,
                clamp: true,
            },
            octaves,
            iterations: self.settings.iterations as usize,
        }
    }
}

fn check_channels(
    channels: &[usize],
    architecture: Architecture,
    layer: usize,
) -> Result<(), Failure> {
    let described = &architecture.layers()[layer];
    let count = architecture.channels(layer);
    match channels.iter().find(|&&channel| channel >= count) {
        Some(channel) => Err(Failure::usage(format!(
            "--channel {channel} is none of layer `{}`, which has channels 0 to {}; choose another",
            described.name,
            count - 1
        ))),
        None => Ok(()),
    }
}

/// The longer side of the guide, if its file has so many pixels.
pub fn guide_side(arguments: &DreamArguments) -> usize {
    arguments
        .guide_size
        .map_or(GUIDE_SIZE, |size| size as usize)
}
