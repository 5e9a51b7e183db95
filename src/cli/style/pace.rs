//! How long a step takes on this adapter, in sizes at which nothing was timed.
//!
//! What was measured is kept in the cache folder, so that a preset means the same size in every run on a machine, however
//! busy that is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use impasto::gpu::Profile;
use impasto::kernels::conv3x3::Variant;
use impasto::net::Architecture;
use impasto::objective::{LayerWeight, StyleTerms};
use serde::{Deserialize, Serialize};

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::memory::OptimiserWish;
use crate::cli::{cache, explain};

/// Seconds of a step as a line over pixels: kernels that depend on no size, dispatches, and the rest. Of one with
/// everything kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    fixed: f64,
    per_pixel: f64,
}

/// What the time of a step depends on beside its size.
pub(super) struct Kind<'a> {
    pub adapter: &'a Profile,
    pub architecture: Architecture,
    /// Regions included.
    pub terms: &'a StyleTerms,
    pub optimiser: OptimiserWish,
    /// How many style pictures there are.
    pub styles: usize,
    /// The variant of convolutions that is asked for.
    pub variant: Option<Variant>,
    /// Whether steps had to be timed in a way that fits in less memory: what they would take with everything kept is
    /// known less well then.
    pub is_tight: bool,
}

/// What stands between a kind of step and the longer side up to which it was measured.
const UP_TO: &str = ", up to ";

impl Kind<'_> {
    /// In words; the same for all sizes.
    fn in_words(&self) -> String {
        let Self { adapter, terms, .. } = self;
        let layers = |layers: &[LayerWeight]| {
            let layers: Vec<String> = layers.iter().map(|of| of.layer.to_string()).collect();
            layers.join(" ")
        };
        let optimiser = match self.optimiser {
            OptimiserWish::Adam(_) => "adam",
            OptimiserWish::Lbfgs { .. } => "lbfgs",
        };
        // What a style picture is looked at through costs no step anything.
        let masks = terms.regions.styles.len() + usize::from(terms.regions.content.is_some());
        let variant = self.variant.map(|variant| variant.to_string());
        format!(
            "impasto {}, {}, {}, {}, {optimiser}, {:?}, {:?}, content {}, style {}, dream {}, {} styles, {masks} masks, variant {}{}",
            env!("CARGO_PKG_VERSION"),
            adapter.adapter,
            adapter.driver,
            self.architecture,
            terms.statistics,
            terms.border,
            layers(&terms.content),
            layers(&terms.style),
            layers(&terms.dream),
            self.styles,
            variant.as_deref().unwrap_or("any"),
            if self.is_tight {
                ", in little memory"
            } else {
                ""
            },
        )
    }

    /// The key of the pace that was measured in sizes up to `longest`.
    fn key(&self, longest: usize) -> String {
        format!("{}{UP_TO}{}", self.in_words(), longest.min(LAST_SIDE))
    }
}

/// A step that takes less says more of dispatches than of arithmetic.
const SHORT: f64 = 0.02;

/// The longer side of the larger picture that is timed first.
pub(super) const FIRST_SIDE: usize = 256;

/// No larger one is timed.
const LAST_SIDE: usize = 1024;

impl Pace {
    /// The line through steps of (pixels, seconds) in two sizes.
    fn through(small: (f64, f64), large: (f64, f64)) -> Self {
        let slope = (large.1 - small.1) / (large.0 - small.0);
        // Where the smaller one took as long, noise was measured: the larger one alone counts.
        let per_pixel = slope.clamp(0.0, large.1 / large.0);
        let per_pixel = if per_pixel > 0.0 {
            per_pixel
        } else {
            large.1 / large.0
        };
        Self {
            fixed: large.1 - per_pixel * large.0,
            per_pixel,
        }
    }

    /// Whether an adapter may have it: nothing takes less than no time, and nobody waits a day for a step.
    fn is_plausible(&self) -> bool {
        (0.0..=86_400.0).contains(&self.fixed) && 0.0 < self.per_pixel && self.per_pixel <= 86_400.0
    }

    /// Seconds of a step in a size of W, H.
    pub(super) fn seconds(&self, [width, height]: [usize; 2]) -> f64 {
        self.fixed + self.per_pixel * (width * height) as f64
    }

    /// The pace that was kept for `kind`, measured in the largest sizes if there are several.
    pub(super) fn kept(kind: &Kind<'_>) -> Option<Self> {
        let kept = read(&file()?);
        let words = kind.in_words() + UP_TO;
        let longest = |key: &str| key.strip_prefix(&words)?.parse::<usize>().ok();
        let found = kept
            .iter()
            .filter_map(|(key, pace)| Some((longest(key)?, *pace)));
        found
            .max_by_key(|(longest, _)| *longest)
            .map(|(_, pace)| pace)
    }

    /// The pace that was kept for `kind`, or that of `time`, which tells the pixels and seconds of a step with a longer
    /// side of so many pixels, up to `longest`, or nothing where that is too small for a layer. What is measured is kept
    /// unless `is_dry`.
    pub(super) fn of(
        common: &Common,
        (kind, longest, is_dry): (&Kind<'_>, usize, bool),
        time: impl FnMut(usize) -> Result<Option<(f64, f64)>, Failure>,
    ) -> Result<Self, Failure> {
        let file = file();
        let key = kind.key(longest);
        let mut kept = file.as_ref().map(read).unwrap_or_default();
        if let Some(pace) = kept.get(&key) {
            return Ok(*pace);
        }
        let pace = measure(longest, time)?;
        if is_dry {
            return Ok(pace);
        }
        kept.insert(key, pace);
        // Maps have text keys and numbers are finite.
        let text = serde_json::to_string_pretty(&kept).unwrap_or_default();
        let stored = file.map(|file| cache::store(&file, text.as_bytes()));
        if let Some(Err(reason)) = stored {
            explain(
                common,
                format!("note: the pace of this adapter is not kept: {reason}"),
            );
        }
        Ok(pace)
    }
}

fn file() -> Option<PathBuf> {
    Some(cache::folder()?.join("paces.json"))
}

/// What was kept; nothing if the file is missing or damaged.
fn read(file: &PathBuf) -> BTreeMap<String, Pace> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let mut kept: BTreeMap<String, Pace> = serde_json::from_slice(&bytes).unwrap_or_default();
    kept.retain(|_, pace| pace.is_plausible());
    kept
}

fn measure(
    longest: usize,
    mut time: impl FnMut(usize) -> Result<Option<(f64, f64)>, Failure>,
) -> Result<Pace, Failure> {
    let mut side = FIRST_SIDE.min(longest);
    let mut small = time(side / 2)?;
    loop {
        let next = 2 * side;
        match (small, time(side)?) {
            (_, Some(large)) if large.1 < SHORT && next <= longest.min(LAST_SIDE) => {
                (small, side) = (Some(large), next);
            }
            (Some(small), Some(large)) => return Ok(Pace::through(small, large)),
            // Without pixels nothing can be timed.
            (_, large) => return Ok(Pace::through((0.0, 0.0), large.unwrap_or((1.0, 0.0)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_tell_fixed_costs_from_those_of_pixels() {
        let pace = Pace::through((100.0, 3.0), (400.0, 6.0));
        assert_eq!((pace.fixed, pace.per_pixel), (2.0, 0.01));
        assert_eq!(pace.seconds([100, 10]), 12.0);
        // Noise: nothing takes less than nothing.
        for small in [0.5, 6.0, 7.0] {
            let pace = Pace::through((100.0, small), (400.0, 6.0));
            assert_eq!((pace.fixed, pace.seconds([20, 20])), (0.0, 6.0), "{small}");
        }
    }

    #[test]
    fn absurd_paces_are_not_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_path_buf();
        let kept = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).into_keys().collect::<Vec<_>>()
        };
        let row = |name: &str, fixed, per_pixel| {
            format!("\"{name}\": {{\"fixed\": {fixed}, \"per_pixel\": {per_pixel}}}")
        };
        let rows = [
            row("backwards", "-1.0", "1e-6"),
            row("falling", "1.0", "-1e-6"),
            row("idle", "0.0", "0.0"),
            row("endless", "1e300", "1e300"),
            row("sound", "0.1", "1e-6"),
        ];
        assert_eq!(kept(&format!("{{{}}}", rows.join(","))), ["sound"]);
        for damaged in ["", "{", "[]", "{\"a\": 1}"] {
            assert!(kept(damaged).is_empty(), "{damaged}");
        }
    }

    #[test]
    fn a_fast_adapter_is_timed_in_larger_sizes() {
        for (per_pixel, longest, expected) in [
            (1e-3, 2048, vec![128, 256]),
            (1e-3, 64, vec![32, 64]),
            (1e-3, 40, vec![20, 40]),
            (1e-7, 2048, vec![128, 256, 512]),
            (1e-12, 2048, vec![128, 256, 512, 1024]),
            (1e-12, 600, vec![128, 256, 512]),
        ] {
            let mut sides = Vec::new();
            let pace = measure(longest, |side| {
                sides.push(side);
                let pixels = (side * side) as f64;
                Ok((side >= 32).then_some((pixels, per_pixel * pixels)))
            });
            assert_eq!(sides, expected);
            let seconds = pace.unwrap().seconds([1000, 1000]);
            assert!((seconds / per_pixel / 1e6 - 1.0).abs() < 1e-6, "{seconds}");
        }
    }
}
