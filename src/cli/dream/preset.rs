//! `--preset`: kinds of dreams, chosen by looking at what they do to photographs.

use impasto::kernels::pool2::Pooling;
use impasto::optim::Smoothing;

use crate::cli::arguments::DreamPreset;

/// What flags are unless they are given.
pub struct Settings {
    /// Layers with their weights.
    pub layers: &'static [(&'static str, f32)],
    pub octaves: u32,
    pub octave_scale: f32,
    /// Per octave.
    pub iterations: u32,
    pub step: f32,
    pub jitter: u32,
    pub smoothing: Smoothing,
    pub pooling: Pooling,
}

/// google/deepdream's numbers, whose step is 1.5 of 255, on a layer of VGG that sees heads and eyes as its layer does.
const CLASSIC: Settings = Settings {
    layers: &[("relu5_1", 1.0)],
    octaves: 4,
    octave_scale: 1.4,
    iterations: 10,
    step: 1.5 / 255.0,
    jitter: 32,
    smoothing: Smoothing::None,
    pooling: Pooling::Max,
};

impl DreamPreset {
    /// Its settings.
    pub fn settings(self) -> Settings {
        match self {
            Self::Classic => CLASSIC,
            Self::Eyes => Settings {
                layers: &[("relu4_3", 1.0)],
                ..CLASSIC
            },
            Self::Strokes => Settings {
                layers: &[("relu3_3", 1.0)],
                ..CLASSIC
            },
            Self::Soft => Settings {
                smoothing: Smoothing::Gaussian,
                ..CLASSIC
            },
        }
    }
}
