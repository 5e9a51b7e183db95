//! What a style transfer was forecast to take, held against what the driver held for it.

#[path = "forecast/measured.rs"]
mod measured;
mod support;

use impasto::gpu::GpuOptions;
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::pool2::Pooling;
use impasto::net::Treatment;
use impasto::objective::{Mask, ObjectiveError, StyleTargets, style_executable};
use impasto::optim::Averaging;
use impasto::paint::{
    Glance, Rhythm, Scale, ScaledChoices, ScaledRun, Sources, Start, StyleProblem, first_that_fits,
    gatys, match_moments, normalise_gradients, scale_sizes, share_steps, style_gradient_that_fits,
};
use impasto::shape::Border;
use measured::{ADAM, Nobody, assert_near, check, check_terms, grey, lbfgs};
use support::{network, open, wait};

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
