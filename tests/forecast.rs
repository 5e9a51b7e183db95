//! What a style transfer was forecast to take, held against what the driver held for it.

mod support;

use std::ops::ControlFlow;

use impasto::gpu::{Gpu, GpuOptions};
use impasto::image::Picture;
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::pool2::Pooling;
use impasto::net::{Network, Treatment};
use impasto::objective::{Mask, ObjectiveError, StyleTargets, StyleTerms, style_executable};
use impasto::optim::{AdamSettings, Averaging, LbfgsSettings, OptimiserSettings, OptimiserState};
use impasto::paint::{
    Glance, Rhythm, Scale, ScaledChoices, ScaledRun, Schedule, Sources, Standing, Start,
    StepLosses, StyleChoices, StyleForecast, StyleProblem, StyleRun, Watcher, first_that_fits,
    gatys, match_moments, normalise_gradients, scale_sizes, share_steps, style_gradient_that_fits,
};
use impasto::shape::Border;
use support::{network, open, wait};

fn grey([width, height]: [usize; 2]) -> Picture {
    Picture {
        width,
        height,
        rgb: vec![0.5; 3 * width * height],
    }
}

struct Nobody;

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

fn assert_near(what: &str, forecast: u64, measured: u64, share: f64) {
    let off = forecast as f64 / measured as f64 - 1.0;
    println!(
        "{what}: forecast {forecast}, measured {measured}, {:+.2} %",
        100.0 * off
    );
    assert!(off.abs() < share, "{what}: {forecast} and not {measured}");
}

fn check(
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

fn check_terms(
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

const ADAM: OptimiserSettings = OptimiserSettings::Adam(AdamSettings {
    learning_rate: 0.02,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    clamp: true,
});

fn lbfgs(history: usize) -> OptimiserSettings {
    OptimiserSettings::Lbfgs(LbfgsSettings {
        history,
        learning_rate: 1.0,
        clamp: false,
        longest: 0.0,
    })
}

/// Whether kernels read texels or buffers.
#[test]
fn small_runs_take_what_was_forecast() {
    let usual = GpuOptions::default();
    let other = GpuOptions {
        prefers_texels: Some(!open(&usual).profile().prefers_texels),
        ..GpuOptions::default()
    };
    let sizes = [[64, 48], [50, 70]];
    for options in [&usual, &other] {
        let on = (options, None, None);
        check("vgg19", Pooling::Max, lbfgs(20), sizes, on);
        check("vgg16", Pooling::Average, ADAM, sizes, on);
    }
}

#[test]
fn means_of_pictures_take_what_was_forecast() {
    let usual = GpuOptions::default();
    let averaging = Some(Averaging { decay: 0.9 });
    let sizes = [[333, 251], [50, 70]];
    for optimiser in [ADAM, lbfgs(5)] {
        let on = (&usual, None, averaging);
        check("vgg19", Pooling::Max, optimiser, sizes, on);
    }
}

/// Each scale gives its memory back before the next takes its own.
#[test]
fn scales_take_what_was_forecast_for_the_largest() {
    let network = network("vgg19");
    let gpu = open(&GpuOptions::default());
    let terms = gatys(network.architecture);
    let sources = Sources {
        content: grey([300, 230]),
        styles: vec![(grey([120, 100]), 1.0)],
        style_scales: vec![1.0],
        style_side: None,
        multiple: 1,
    };
    let mut forecasts = Vec::new();
    for scale in share_steps(&scale_sizes(300, 200), 4) {
        let (size, styles) = sources.sizes(scale.size);
        let problem = StyleProblem {
            network,
            terms: &terms,
            preference: &Preference::default(),
            size,
            styles: &styles,
            averages: true,
            report_every: 1,
        };
        let found = first_that_fits(&problem, gpu.profile(), &[ADAM], None);
        forecasts.push((scale, found.unwrap().unwrap()));
    }
    assert_eq!(forecasts.len(), 2);
    let peak = forecasts.iter().map(|(_, forecast)| forecast.peak).max();
    let ways = forecasts
        .into_iter()
        .map(|(scale, forecast)| (Scale { steps: 2, ..scale }, forecast.way));
    let choices = ScaledChoices {
        terms,
        optimiser: ADAM,
        finish: None,
        start: Start::Content,
        scales: ways.collect(),
        average: 0.99,
        detail: 1.0,
        tolerance: 0.0,
    };
    let run = ScaledRun::prepare(&gpu, network, choices, sources, None);
    let mut run = wait(&gpu, run).unwrap();
    let rhythm = Rhythm {
        report_every: 1,
        snapshot_every: 1,
    };
    let painting = wait(&gpu, run.paint(&gpu, rhythm, &mut Nobody));
    assert_eq!(painting.standing.step, 4, "{:?}", painting.ending);
    let measured = gpu.peak_bytes();
    assert_near("scales at their peak", peak.unwrap(), measured, 0.05);
}

/// The weights and the dispatches of the fold of a replicated border, and style pictures that are looked at otherwise.
#[test]
fn runs_with_other_borders_take_what_was_forecast() {
    let usual = GpuOptions::default();
    for border in [Border::Replicate, Border::Wrap] {
        let treatment = Treatment {
            pooling: Pooling::Max,
            border,
        };
        let sizes = [[64, 48], [50, 70]];
        check("vgg19", treatment, ADAM, sizes, (&usual, None, None));
    }
}

/// Each share has a map of its own before it is added; maps come whole and in slices.
#[test]
fn runs_with_normalised_gradients_take_what_was_forecast() {
    let slices = GpuOptions {
        binding_limit: Some(2 << 20),
        ..GpuOptions::default()
    };
    let architecture = network("vgg19").architecture;
    for (moments, options) in [(false, &GpuOptions::default()), (true, &slices)] {
        let mut terms = gatys(architecture);
        if moments {
            match_moments(&mut terms, architecture);
        }
        normalise_gradients(&mut terms, architecture);
        let sizes = [[200, 150], [50, 70]];
        check_terms("vgg19", &terms, ADAM, sizes, (options, None, None));
    }
}

/// How much the positions of each layer count, for a style picture that is looked at in a part.
#[test]
fn targets_of_a_part_take_what_was_forecast() {
    let network = network("vgg19");
    let (size, style) = ([32, 32], [180, 140]);
    for whole in [true, false] {
        let gpu = open(&GpuOptions::default());
        let mut terms = gatys(network.architecture);
        if !whole {
            let values = (0..180 * 140).map(|at| if at % 180 < 90 { 1.0 } else { 0.0 });
            terms.regions.in_styles = vec![Mask {
                width: 180,
                height: 140,
                values: values.collect(),
            }];
        }
        let preference = Preference::default();
        let problem = StyleProblem {
            network,
            terms: &terms,
            preference: &preference,
            size,
            styles: &[style],
            averages: false,
            report_every: 1,
        };
        let found = first_that_fits(&problem, gpu.profile(), &[ADAM], None);
        let forecast = found.unwrap().expect("without a budget everything fits");
        let strategy = &forecast.way.candidate.strategy;
        let styles = [(grey(style), 1.0)];
        let (gpu, content) = (&gpu, grey(size));
        let targets = StyleTargets::measure(
            gpu,
            network,
            &terms,
            &content,
            &styles,
            &preference,
            strategy,
        );
        wait(gpu, targets).unwrap();
        let what = format!("targets of all: {whole}");
        assert_near(&what, forecast.peak_of_targets, gpu.peak_bytes(), 0.01);
    }
}

#[test]
fn larger_runs_take_what_was_forecast() {
    let usual = GpuOptions::default();
    let direct = Some(Variant::DirectPortable);
    check(
        "vgg19",
        Pooling::Max,
        ADAM,
        [[333, 251], [400, 300]],
        (&usual, None, None),
    );
    check(
        "vgg19",
        Pooling::Average,
        lbfgs(7),
        [[200, 150], [100, 90]],
        (&usual, direct, None),
    );
}

/// An adapter that has neither subgroups nor large bindings: other variants, maps in slices.
#[test]
fn runs_on_a_portable_adapter_take_what_was_forecast() {
    let portable = GpuOptions {
        portable: true,
        binding_limit: Some(2 << 20),
        ..GpuOptions::default()
    };
    check(
        "vgg16",
        Pooling::Max,
        lbfgs(5),
        [[200, 150], [64, 64]],
        (&portable, None, None),
    );
}

/// A gradient by tiles that are taken to pieces again further up, from texels and from buffers.
#[test]
fn a_gradient_by_tiles_takes_what_was_forecast() {
    for prefers_texels in [Some(true), Some(false)] {
        check_gradient_by_tiles(&GpuOptions {
            prefers_texels,
            ..GpuOptions::default()
        });
    }
}

fn check_gradient_by_tiles(options: &GpuOptions) {
    let network = network("vgg19");
    let terms = gatys(network.architecture);
    let gpu = open(options);
    let exact = Preference::exact();
    let (size, style) = ([320, 240], [150, 100]);
    let problem = StyleProblem {
        network,
        terms: &terms,
        preference: &exact,
        size,
        styles: &[style],
        averages: false,
        report_every: 1,
    };
    // From how little memory on tiles are taken to pieces depends on what the adapter reads.
    let mut glances = (100..=160).rev().step_by(4).map(|mebibytes| {
        let found = style_gradient_that_fits(&problem, gpu.profile(), Some(mebibytes << 20));
        found.unwrap().expect("tiles fit")
    });
    let tiles_in_pieces = |glance: &Glance| {
        let strategy = glance.way.candidate.strategy.to_string();
        strategy.matches("tiles of").count() > 1
    };
    let glance = glances.find(tiles_in_pieces);
    let glance = glance.expect("a small budget takes tiles to pieces");
    let strategy = &glance.way.candidate.strategy;
    let styles = [(grey(style), 1.0)];
    let content = grey(size);
    let gradient = wait(&gpu, async {
        let targets =
            StyleTargets::measure(&gpu, network, &terms, &content, &styles, &exact, strategy)
                .await?;
        let executable = style_executable(&gpu, network, &terms, size, &targets, &exact, strategy)?;
        executable.write_picture(&gpu, &content.rgb);
        executable.run(&gpu);
        executable.read_totals(&gpu).await?;
        let gradient = executable.picture_gradient().expect("there are losses");
        Ok::<_, ObjectiveError>(executable.read_planar(&gpu, gradient).await?)
    });
    assert_eq!(gradient.unwrap().len(), content.rgb.len());
    assert_near("a gradient by tiles", glance.peak, gpu.peak_bytes(), 0.05);
}
