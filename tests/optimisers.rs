//! Adam and L-BFGS on the device, step by step beside the same in f64, on good and on bad gradients.

mod support;

use impasto::doctor::optimisers::{
    self, Case, Trouble, adam as adam_settings, lbfgs as lbfgs_settings,
};
use impasto::gpu::{BufferView, Encoding, Gpu, GpuOptions};
use impasto::optim::{AdamSettings, Optimiser, OptimiserSettings, OptimiserState};
use impasto::reference::lbfgs::Lbfgs;
use impasto::reference::samples::samples;
use support::{gpu, open, wait};

fn case(settings: OptimiserSettings, trouble: Trouble) -> Case {
    // A few steps beyond the trouble. Not many: without a line search, now and then a step goes far astray, and then
    // rounding decides where to.
    let steps = match trouble {
        Trouble::None => 20,
        Trouble::NotFinite { first, count } => first + count + 4,
        Trouble::NoCurvature(step) | Trouble::NoDescent(step) => step + 4,
    };
    Case {
        settings,
        trouble,
        values: 1003,
        steps,
        seed: 21,
    }
}

fn assert_passes(gpu: &Gpu, case: &Case) {
    let check = wait(gpu, optimisers::check(gpu, case)).unwrap();
    assert!(check.passed(), "{check:?}");
    println!("{:.1e} {}", check.deviation, check.name);
}

#[test]
fn adam() {
    for clamp in [false, true] {
        assert_passes(gpu(), &case(adam_settings(clamp), Trouble::None));
        for values in [1, 2, 3, 5, 67] {
            let small = case(adam_settings(clamp), Trouble::None);
            assert_passes(gpu(), &Case { values, ..small });
        }
        for (first, count) in [(0, 1), (0, 3), (7, 1), (7, 4)] {
            let trouble = Trouble::NotFinite { first, count };
            assert_passes(gpu(), &case(adam_settings(clamp), trouble));
        }
    }
}

/// Its count of steps ends where a u32 does; the corrections that depend on it are 1 by then, and stay so.
#[test]
fn adam_goes_on_after_the_last_step_that_it_can_count() {
    let settings = AdamSettings::default();
    let (rate, settings) = (settings.learning_rate, OptimiserSettings::Adam(settings));
    let x = gpu().storage_with("x", &[0.5f32; 4]).unwrap();
    let gradient = gpu().storage_with("gradient", &[1.0f32; 4]).unwrap();
    let mut optimiser = Optimiser::new(gpu(), settings, 4, &x, &gradient).unwrap();
    let vectors = ["adam.first_moment", "adam.second_moment"];
    let state = OptimiserState {
        settings,
        step: u32::MAX as usize,
        vectors: vectors.map(|name| (name.to_string(), vec![1.0; 4])).into(),
    };
    optimiser.restore(gpu(), &state).unwrap();
    let mut encoder = gpu().device().create_command_encoder(&Default::default());
    optimiser.encode(gpu(), &mut Encoding::new(&mut encoder));
    gpu().submit(encoder.finish());
    let moved: Vec<f32> = wait(gpu(), gpu().read(&BufferView::whole(&x))).unwrap();
    // Both moments are those of the gradient, so that a step is as long as the rate.
    for value in moved {
        assert!((0.5 - rate - value).abs() < 1e-6, "{value}");
    }
}

/// Two slices and a third that is not full.
#[test]
fn pictures_larger_than_a_binding() {
    let gpu = open(&GpuOptions {
        binding_limit: Some(2000),
        ..GpuOptions::default()
    });
    assert_passes(&gpu, &case(adam_settings(true), Trouble::None));
    assert_passes(&gpu, &case(lbfgs_settings(6), Trouble::None));
    for trouble in [
        Trouble::NotFinite { first: 3, count: 1 },
        Trouble::NoDescent(4),
    ] {
        assert_passes(&gpu, &case(lbfgs_settings(20), trouble));
    }
}

#[test]
fn lbfgs() {
    for history in [2, 6, 40] {
        assert_passes(gpu(), &case(lbfgs_settings(history), Trouble::None));
    }
    for values in [1, 2, 3, 5, 67] {
        let small = case(lbfgs_settings(10), Trouble::None);
        let steps = 10;
        assert_passes(
            gpu(),
            &Case {
                values,
                steps,
                ..small
            },
        );
    }
}

/// More vec4s than all threads together: each takes several.
#[test]
fn lbfgs_on_a_long_vector() {
    let long = case(lbfgs_settings(4), Trouble::None);
    let (values, steps) = (66_001, 6);
    assert_passes(
        gpu(),
        &Case {
            values,
            steps,
            ..long
        },
    );
}

#[test]
fn lbfgs_goes_back_from_a_gradient_that_is_not_finite() {
    for (first, count) in [(1, 1), (7, 1), (7, 2), (20, 1)] {
        let trouble = Trouble::NotFinite { first, count };
        assert_passes(gpu(), &case(lbfgs_settings(40), trouble));
    }
}

#[test]
fn lbfgs_drops_a_pair_without_curvature() {
    for step in [1, 2, 3, 9] {
        assert_passes(gpu(), &case(lbfgs_settings(40), Trouble::NoCurvature(step)));
    }
}

#[test]
fn lbfgs_starts_over_where_nothing_leads_downhill() {
    for step in [1, 3, 9] {
        assert_passes(gpu(), &case(lbfgs_settings(40), Trouble::NoDescent(step)));
    }
}

/// There is no point to go back to yet: x stays to the bit, then the run begins as if nothing had been.
#[test]
fn a_bad_first_gradient_leaves_the_picture_alone() {
    for settings in [adam_settings(false), lbfgs_settings(10)] {
        let start = vec![0.25; 9];
        let gradient = |step: usize, x: &[f64]| {
            if step < 2 {
                vec![f64::NAN; x.len()]
            } else {
                vec![1.0; x.len()]
            }
        };
        let run = optimisers::trajectory(gpu(), settings, &start, 3, gradient);
        let points = wait(gpu(), run).unwrap();
        assert_eq!(points[1], start);
        assert_eq!(points[2], start);
        for &x in &points[3] {
            assert!(x < 0.25, "{settings:?} did not move: {x}");
        }
    }
}

/// In a ring of two slots, gradients that never change push every pair out. Then the step is that without history, along
/// −g and no longer than the learning rate in all, whatever curvature was known before.
#[test]
fn lbfgs_forgets_the_scale_with_the_last_pair() {
    let start: Vec<f32> = samples(3, 64).iter().map(|&x| x as f32).collect();
    // A soft bowl, so that the scale H₀ of its pairs is far from 1, then a slope.
    let gradient = |step: usize, x: &[f64]| -> Vec<f64> {
        match step {
            0..3 => x.iter().map(|x| 0.02 * x).collect(),
            _ => vec![0.03125; x.len()],
        }
    };
    let run = optimisers::trajectory(gpu(), lbfgs_settings(2), &start, 7, gradient);
    let points = wait(gpu(), run).unwrap();
    // ‖g‖₁ is 64/32 = 2, so the first-step length is 1/2.
    for (before, after) in points[6].iter().zip(&points[7]) {
        let expected = f64::from(*before) - 0.5 * 0.03125;
        assert!(
            (f64::from(*after) - expected).abs() < 1e-6 * expected.abs().max(1.0),
            "{before} became {after} and not {expected}"
        );
    }
}

/// On the device a pair is written over the oldest of a full ring before it is judged. If it is dropped, what is left is the
/// history of one that holds a pair less, until the ring comes round.
#[test]
fn a_pair_that_lbfgs_drops_from_a_full_ring_takes_the_oldest_with_it() {
    const HISTORY: usize = 4;
    const DROP: usize = 7;
    let start: Vec<f32> = samples(6, 67).iter().map(|&x| x as f32).collect();
    let mut gradients: Vec<Vec<f64>> = Vec::new();
    let gradient = |step: usize, x: &[f64]| -> Vec<f64> {
        let bowl = x.iter().enumerate();
        let found = match step {
            DROP => gradients[step - 1].clone(),
            _ => bowl
                .map(|(at, x)| (0.1 + (at % 9) as f64 / 6.0) * (x - 0.3).sin())
                .collect(),
        };
        gradients.push(found.clone());
        found
    };
    let steps = DROP + HISTORY;
    let run = optimisers::trajectory(gpu(), lbfgs_settings(HISTORY), &start, steps, gradient);
    let points = wait(gpu(), run).unwrap();
    // At the points that the device went through: only the history decides about a step.
    let far_off = |pairs: usize| {
        let mut reference = Lbfgs::new(1.0, pairs);
        let mut away = Vec::new();
        for (step, gradient) in gradients.iter().enumerate() {
            let widened = |point: &[f32]| -> Vec<f64> { point.iter().map(|&x| x.into()).collect() };
            let (before, after) = (widened(&points[step]), widened(&points[step + 1]));
            let mut x = before.clone();
            reference.step(&mut x, gradient);
            let norm = |a: &[f64], b: &[f64]| {
                let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
                squares.sum::<f64>().sqrt()
            };
            away.push(norm(&x, &after) / norm(&before, &after));
        }
        away
    };
    let (full, less) = (far_off(HISTORY), far_off(HISTORY - 1));
    println!("{full:?}\n{less:?}");
    assert!(full[..DROP].iter().all(|&away| away < 1e-3), "{full:?}");
    assert!(full[DROP] > 1e-2, "{full:?}");
    assert!(less[DROP..].iter().all(|&away| away < 1e-3), "{less:?}");
}

/// Huge but finite gradients overflow every product: whatever happens, the picture stays finite.
#[test]
fn lbfgs_survives_products_that_overflow() {
    let start = vec![0.5; 100];
    let gradient = |step: usize, x: &[f64]| -> Vec<f64> {
        let huge = if step == 4 { 1e30 } else { 1.0 };
        x.iter().map(|x| huge * (x - 0.2)).collect()
    };
    let run = optimisers::trajectory(gpu(), lbfgs_settings(10), &start, 12, gradient);
    let points = wait(gpu(), run).unwrap();
    assert!(points.concat().iter().all(|x| x.is_finite()));
    let last = &points[12];
    assert!(last.iter().all(|x| (x - 0.2).abs() < 0.3), "{last:?}");
}

/// With its least value outside the bounds a clamped run ends on them, where the free one leaves.
#[test]
fn a_clamped_lbfgs_stays_within_the_bounds_and_finds_the_least_value_there() {
    let start: Vec<f32> = samples(4, 67)
        .iter()
        .map(|&x| x as f32 * 0.5 + 0.5)
        .collect();
    let aims: Vec<f64> = (0..67).map(|at| at as f64 / 33.0 - 0.5).collect();
    let gradient = |_: usize, x: &[f64]| -> Vec<f64> {
        let coupled = x.iter().zip(&aims).enumerate();
        coupled
            .map(|(at, (x, aim))| (1.0 + (at % 7) as f64) * (x - aim))
            .collect()
    };
    let end = |settings| {
        let run = optimisers::trajectory(gpu(), settings, &start, 60, gradient);
        wait(gpu(), run).unwrap().pop().unwrap()
    };
    let clamped = end(optimisers::clamped_lbfgs(8));
    for (&found, aim) in clamped.iter().zip(&aims) {
        let found = f64::from(found);
        assert!(
            (found - aim.clamp(0.0, 1.0)).abs() < 1e-3,
            "{found} for {aim}"
        );
    }
    assert!(
        end(lbfgs_settings(8))
            .iter()
            .any(|x| !(0.0..=1.0).contains(x))
    );
}

#[test]
fn two_runs_agree_to_the_bit() {
    for settings in [adam_settings(true), lbfgs_settings(5)] {
        let start: Vec<f32> = samples(4, 501).iter().map(|&x| x as f32).collect();
        let run = || {
            let gradient = |_, x: &[f64]| x.iter().map(|x| x.sin() + x).collect();
            let points = optimisers::trajectory(gpu(), settings, &start, 12, gradient);
            wait(gpu(), points).unwrap()
        };
        let bits = |points: Vec<Vec<f32>>| -> Vec<u32> {
            points.concat().iter().map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(run()), bits(run()));
    }
}

#[test]
fn the_same_with_every_check_and_with_default_limits() {
    for (checked, portable) in [(true, false), (false, true)] {
        let gpu = open(&GpuOptions {
            checked,
            portable,
            ..GpuOptions::default()
        });
        for case in optimisers::selection() {
            assert_passes(&gpu, &case);
        }
    }
}
