//! One step of a style transfer, as it was forecast and as the driver held it.

use std::ops::ControlFlow;

use impasto::gpu::{Gpu, GpuOptions};
use impasto::image::Picture;
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::net::{Network, Treatment};
use impasto::objective::StyleTerms;
use impasto::optim::{AdamSettings, Averaging, LbfgsSettings, OptimiserSettings, OptimiserState};
use impasto::paint::{
    Schedule, Standing, Start, StepLosses, StyleChoices, StyleForecast, StyleProblem, StyleRun,
    Watcher, first_that_fits, gatys,
};

use crate::support::{network, open, wait};

pub fn grey([width, height]: [usize; 2]) -> Picture {
    Picture {
        width,
        height,
        rgb: vec![0.5; 3 * width * height],
    }
}

pub struct Nobody;

impl Watcher for Nobody {
    fn losses(&mut self, _: &[StepLosses]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn wants_picture(&self, _: usize) -> bool {
        false
    }
    fn picture(&mut self, _: usize, _: &[f32]) {}
    fn wants_state(&self, _: usize, _: bool) -> bool {
        false
    }
    fn state(&mut self, _: &Standing, _: OptimiserState) {}
}

/// A device, the variant that is wished for, and how pictures are averaged.
type On<'a> = (&'a GpuOptions, Option<Variant>, Option<Averaging>);

/// The forecast, what was held while painting, and the most that was held at all.
fn forecast_and_measure(
    network: &Network,
    terms: &StyleTerms,
    optimiser: OptimiserSettings,
    [size, style]: [[usize; 2]; 2],
    (options, wish, averaging): On<'_>,
) -> (StyleForecast, u64, u64) {
    let gpu: Gpu = open(options);
    let preference = Preference {
        wish,
        ..Preference::default()
    };
    let problem = StyleProblem {
        network,
        terms,
        preference: &preference,
        size,
        styles: &[style],
        averages: averaging.is_some(),
        report_every: 1,
    };
    let forecast = first_that_fits(&problem, gpu.profile(), &[optimiser], None);
    let forecast = forecast.unwrap().expect("without a budget everything fits");
    let choices = StyleChoices {
        terms: terms.clone(),
        optimiser,
        averaging,
        start: Start::Content,
        preference: preference.clone(),
        strategy: forecast.way.candidate.strategy.clone(),
    };
    let styles = [(grey(style), 1.0)];
    let content = grey(size);
    let run = StyleRun::prepare(&gpu, network, &choices, &content, &styles);
    let mut run = wait(&gpu, run).unwrap();
    let schedule = Schedule {
        iterations: 1,
        report_every: 1,
        snapshot_every: 1,
    };
    let painting = wait(&gpu, run.paint(&gpu, schedule, &mut Nobody));
    assert_eq!(painting.standing.step, 1, "{:?}", painting.ending);
    gpu.wait();
    (forecast, gpu.allocated_bytes(), gpu.peak_bytes())
}

pub fn assert_near(what: &str, forecast: u64, measured: u64, share: f64) {
    let off = forecast as f64 / measured as f64 - 1.0;
    println!(
        "{what}: forecast {forecast}, measured {measured}, {:+.2} %",
        100.0 * off
    );
    assert!(off.abs() < share, "{what}: {forecast} and not {measured}");
}

pub fn check(
    name: &str,
    treatment: impl Into<Treatment>,
    optimiser: OptimiserSettings,
    sizes: [[usize; 2]; 2],
    on: On<'_>,
) {
    let mut terms = gatys(network(name).architecture);
    Treatment {
        pooling: terms.pooling,
        border: terms.border,
    } = treatment.into();
    check_terms(name, &terms, optimiser, sizes, on);
}

pub fn check_terms(
    name: &str,
    terms: &StyleTerms,
    optimiser: OptimiserSettings,
    sizes: [[usize; 2]; 2],
    on: On<'_>,
) {
    let (forecast, resident, peak) =
        forecast_and_measure(network(name), terms, optimiser, sizes, on);
    let what = format!(
        "{name} {sizes:?} {:?} {:?}, normalised: {}",
        terms.treatment(),
        terms.statistics,
        terms.normalised
    );
    // The log of the losses goes with the run, and drivers round.
    assert_near(
        &format!("{what} at rest"),
        forecast.resident(),
        resident,
        0.001,
    );
    assert_near(&format!("{what} at its peak"), forecast.peak, peak, 0.05);
}

pub const ADAM: OptimiserSettings = OptimiserSettings::Adam(AdamSettings {
    learning_rate: 0.02,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    clamp: true,
});

pub fn lbfgs(history: usize) -> OptimiserSettings {
    OptimiserSettings::Lbfgs(LbfgsSettings {
        history,
        learning_rate: 1.0,
        clamp: false,
        longest: 0.0,
    })
}
