//! Adam and L-BFGS against hand values and PyTorch, and L-BFGS where things go wrong.
//!
//! The PyTorch iterates are printed by this program (torch 2.15), with `make` one of
//! `lambda p: torch.optim.LBFGS(p, lr=…, history_size=…, max_iter=1, tolerance_grad=0, tolerance_change=0)` and
//! `lambda p: torch.optim.Adam(p, lr=0.1)`:
//!
//! ```python
//! import torch
//! torch.set_default_dtype(torch.float64)
//! rosenbrock = lambda x: 100 * (x[1] - x[0]**2)**2 + (1 - x[0])**2
//! bowl = lambda x: (torch.tensor([0.5, 2.0, 4.5]) * x * x - x).sum()
//! waves = lambda x: torch.cos(2 * x[0]) + 0.5 * x[0]**2 + 0.5 * x[1]**2 * (1 + x[0]**2)
//! def run(make, f, start, steps):
//!     x = torch.tensor(start, requires_grad=True)
//!     optimizer = make([x])
//!     def closure():
//!         optimizer.zero_grad(); loss = f(x); loss.backward(); return loss
//!     for _ in range(steps):
//!         optimizer.step(closure); print(x.tolist())
//! ```

use crate::{assert_close, dot};
use impasto::reference::adam::{Adam, Settings};
use impasto::reference::lbfgs::{Lbfgs, Step};

fn rosenbrock_gradient(x: &[f64]) -> Vec<f64> {
    let valley = x[1] - x[0] * x[0];
    vec![-400.0 * valley * x[0] - 2.0 * (1.0 - x[0]), 200.0 * valley]
}

fn bowl_gradient(x: &[f64]) -> Vec<f64> {
    [1.0, 4.0, 9.0]
        .iter()
        .zip(x)
        .map(|(curvature, x)| curvature * x - 1.0)
        .collect()
}

fn waves_gradient(x: &[f64]) -> Vec<f64> {
    vec![
        -2.0 * (2.0 * x[0]).sin() + x[0] + x[1] * x[1] * x[0],
        x[1] * (1.0 + x[0] * x[0]),
    ]
}

const NAN: f64 = f64::NAN;

#[test]
fn lbfgs_first_step_has_length_one_at_most() {
    let mut x = [1.0, 1.0];
    assert_eq!(
        Lbfgs::new(0.5, 10).step(&mut x, &[3.0, -1.0]),
        Step::SteepestDescent
    );
    assert_eq!(x, [1.0 - 0.375, 1.0 + 0.125]);
    let mut x = [1.0, 1.0];
    Lbfgs::new(0.5, 10).step(&mut x, &[0.5, 0.25]);
    assert_eq!(x, [0.75, 0.875]);
}

#[test]
fn lbfgs_takes_newtons_step_on_a_parabola() {
    // f = x², at 3: g = 6, t = 1/6, to 2. There s = −1, y = −2, so H = 1/2, d = −2: to the minimum.
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(1.0, 10));
    lbfgs.step(&mut x, &[6.0]);
    assert_eq!(x, [2.0]);
    assert_eq!(lbfgs.step(&mut x, &[4.0]), Step::QuasiNewton);
    assert_eq!(x, [0.0]);
}

#[test]
fn lbfgs_follows_pytorch_on_rosenbrock() {
    // run(LBFGS lr=1 history_size=2, rosenbrock, [-1.2, 1.0], 12)
    let expected = [
        [-0.4898550724637681, 1.289855072463768],
        [-0.8216710990752794, 1.0682753957715367],
        [-1.3655416389879744, 0.9379760551938527],
        [-0.9259639347778734, 1.0222271067845385],
        [-0.9690258053013879, 1.0064044072524054],
        [-0.9961520675284387, 0.9951711279610176],
        [-0.9929321899039267, 0.9944300225125798],
        [-0.9900391472782064, 0.9915081074222107],
        [-0.9749167991401172, 0.9708298455096771],
        [-0.9332913874936632, 0.9037473054911946],
        [-0.48574864887458585, 0.15179295799407055],
        [-0.8428650412709955, 0.7460242651716954],
    ];
    let (mut x, mut lbfgs) = ([-1.2, 1.0], Lbfgs::new(1.0, 2));
    for expected in expected {
        let gradient = rosenbrock_gradient(&x);
        lbfgs.step(&mut x, &gradient);
        assert_close(&x, &expected, 1e-9);
    }
}

#[test]
fn lbfgs_follows_pytorch_on_a_bowl() {
    // run(LBFGS lr=0.5 history_size=2, bowl, [2.0, -2.0, 3.0], 12)
    let expected = [
        [1.9861111111111112, -1.875, 2.638888888888889],
        [1.8815458323099603, -1.116471854249226, 1.3265748844883483],
        [1.7795135151353991, -0.5704172301646054, 0.6806031641618812],
        [1.6812344119662577, -0.20695228525053982, 0.3731800992559872],
        [1.58653371141701, 0.01760293312902589, 0.2313501570867916],
        [1.4941861029943349, 0.1464195786143008, 0.16520358686617284],
        [1.3998412483889644, 0.21839393416295316, 0.13193259465860696],
        [1.293140446251217, 0.25881828244883315, 0.1158232039692676],
        [1.1677270299004636, 0.2673919938994477, 0.11237631815559686],
        [1.0796098442035424, 0.23994023234923129, 0.10820561997694099],
        [1.026267978236443, 0.25222585640391265, 0.12021098172488408],
        [1.0062232281557297, 0.2538748053514616, 0.11099314670084312],
    ];
    let (mut x, mut lbfgs) = ([2.0, -2.0, 3.0], Lbfgs::new(0.5, 2));
    for (step, expected) in expected.into_iter().enumerate() {
        let gradient = bowl_gradient(&x);
        lbfgs.step(&mut x, &gradient);
        assert_close(&x, &expected, 1e-9);
        assert_eq!(lbfgs.pairs(), step.min(2));
    }
}

#[test]
fn lbfgs_drops_weak_pairs_as_pytorch_does() {
    // run(LBFGS lr=1 history_size=10, waves, [0.8, -1.0], 10); beside it, len(state["old_dirs"]): near the minimum
    // sᵀy falls below 10⁻¹⁰ and the history stays as it is.
    let expected = [
        ([0.9957422224802154, -0.19574222248021522], 0),
        ([1.708412701791112, 0.4027855182012229], 1),
        ([1.1670580215228623, -0.0795740629724655], 2),
        ([1.2188994910771305, -0.027470946740484586], 3),
        ([1.2389686174626586, 0.0015851289480969845], 4),
        ([1.2372612598916557, -4.285528079913336e-05], 5),
        ([1.237288565412162, -4.3234279402150626e-07], 6),
        ([1.237288397579065, -4.097651122399695e-09], 7),
        ([1.2372883937413868, -5.953496294367676e-11], 7),
        ([1.237288393685734, -8.640183516611455e-13], 7),
    ];
    let (mut x, mut lbfgs) = ([0.8, -1.0], Lbfgs::new(1.0, 10));
    for (expected, pairs) in expected {
        let gradient = waves_gradient(&x);
        lbfgs.step(&mut x, &gradient);
        assert_close(&x, &expected, 1e-12);
        assert_eq!(lbfgs.pairs(), pairs);
    }
}

#[test]
fn lbfgs_with_full_history_solves_a_bowl() {
    let (mut x, mut lbfgs) = ([2.0, -2.0, 3.0], Lbfgs::new(1.0, 10));
    for _ in 0..40 {
        let gradient = bowl_gradient(&x);
        lbfgs.step(&mut x, &gradient);
    }
    assert_close(&x, &[1.0, 0.25, 1.0 / 9.0], 1e-9);
}

#[test]
fn lbfgs_without_history_is_steepest_descent() {
    let (mut x, mut lbfgs) = ([4.0, 4.0], Lbfgs::new(1.0, 0));
    for expected in [[3.25, 3.75], [2.5, 3.5]] {
        assert_eq!(lbfgs.step(&mut x, &[3.0, 1.0]), Step::SteepestDescent);
        assert_eq!(x, expected);
    }
    assert_eq!(lbfgs.step(&mut x, &[1.0, 0.5]), Step::SteepestDescent);
    assert_eq!(lbfgs.pairs(), 0);
}

#[test]
fn lbfgs_without_curvature_keeps_to_short_steps() {
    // A slope: y = 0 each time, so no pair is ever usable.
    let (mut x, mut lbfgs) = ([1.0, 1.0], Lbfgs::new(1.0, 10));
    for step in 1..=4 {
        assert_eq!(lbfgs.step(&mut x, &[3.0, -1.0]), Step::SteepestDescent);
        assert_eq!(x, [1.0 - 0.75 * step as f64, 1.0 + 0.25 * step as f64]);
        assert_eq!(lbfgs.pairs(), 0);
    }
}

#[test]
fn lbfgs_keeps_older_pairs_when_curvature_is_negative() {
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(1.0, 10));
    lbfgs.step(&mut x, &[6.0]);
    lbfgs.step(&mut x, &[4.0]);
    // From 2 to 0 the gradient grew from 4 to 5: s = −2, y = 1. The first pair's H = 1/2 is still in use.
    assert_eq!(lbfgs.step(&mut x, &[5.0]), Step::QuasiNewton);
    assert_eq!(lbfgs.pairs(), 1);
    assert_eq!(x, [-2.5]);
}

#[test]
fn lbfgs_rests_where_the_gradient_is_zero() {
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(1.0, 10));
    assert_eq!(lbfgs.step(&mut x, &[0.0]), Step::SteepestDescent);
    assert_eq!(x, [3.0]);
    lbfgs.step(&mut x, &[6.0]);
    lbfgs.step(&mut x, &[4.0]);
    assert_eq!(x, [0.0]);
    assert_eq!(lbfgs.step(&mut x, &[0.0]), Step::DroppedDirection);
    assert_eq!(x, [0.0]);
}

#[test]
fn lbfgs_clears_the_history_when_the_direction_overflows() {
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(0.5, 10));
    lbfgs.step(&mut x, &[6.0]);
    assert_eq!(x, [2.5]);
    lbfgs.step(&mut x, &[5.0]);
    assert_eq!((x, lbfgs.pairs()), ([1.25], 1));
    // yᵀy and gᵀd overflow, ‖g‖₁ does not: the pair is dropped, then the direction.
    assert_eq!(lbfgs.step(&mut x, &[-1e200]), Step::DroppedDirection);
    assert_eq!((x, lbfgs.pairs()), ([1.75], 0));
}

#[test]
fn lbfgs_drops_a_pair_whose_curvature_overflows() {
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(1.0, 10));
    lbfgs.step(&mut x, &[6.0]);
    // s = 1e200 and y = 1e150: sᵀy overflows, yᵀy does not.
    x[0] = 1e200;
    assert_eq!(lbfgs.step(&mut x, &[1e150]), Step::SteepestDescent);
    assert_eq!((x, lbfgs.pairs()), ([1e200], 0));
}

#[test]
fn lbfgs_retreats_from_gradients_that_are_not_finite() {
    let (mut x, mut lbfgs) = ([3.0, 5.0], Lbfgs::new(1.0, 10));
    lbfgs.step(&mut x, &[6.0, 0.0]);
    assert_eq!(x, [2.0, 5.0]);
    lbfgs.step(&mut x, &[4.0, 0.0]);
    assert_eq!((x, lbfgs.pairs()), ([0.0, 5.0], 1));
    // Back to (2, 5), whose gradient is (4, 0) and first-step length 1/4; a tenth of it, then a hundredth.
    assert_eq!(lbfgs.step(&mut x, &[NAN, 0.0]), Step::DroppedPoint);
    assert_close(&x, &[1.9, 5.0], 1e-15);
    assert_eq!(lbfgs.pairs(), 0);
    assert_eq!(
        lbfgs.step(&mut x, &[0.0, f64::NEG_INFINITY]),
        Step::DroppedPoint
    );
    assert_close(&x, &[1.99, 5.0], 1e-15);
    // A finite gradient makes a pair with (2, 5), and Newton's step follows.
    assert_eq!(lbfgs.step(&mut x, &[3.98, 0.0]), Step::QuasiNewton);
    assert_close(&x, &[0.0, 5.0], 1e-12);
    assert_eq!(lbfgs.pairs(), 1);
    // The count of failures began anew: a tenth again, from (1.99, 5).
    assert_eq!(lbfgs.step(&mut x, &[NAN, NAN]), Step::DroppedPoint);
    assert_close(&x, &[1.89, 5.0], 1e-12);
}

#[test]
fn lbfgs_heals_a_picture_that_is_not_finite() {
    let (mut x, mut lbfgs) = ([3.0], Lbfgs::new(1.0, 10));
    lbfgs.step(&mut x, &[6.0]);
    x[0] = f64::INFINITY;
    assert_eq!(lbfgs.step(&mut x, &[NAN]), Step::DroppedPoint);
    assert_close(&x, &[2.9], 1e-15);
}

#[test]
fn lbfgs_stays_when_no_gradient_was_ever_finite() {
    let (mut x, mut lbfgs) = ([3.0, 4.0], Lbfgs::new(1.0, 10));
    assert_eq!(lbfgs.step(&mut x, &[NAN, 1.0]), Step::Nowhere);
    assert_eq!(lbfgs.step(&mut x, &[f64::INFINITY, 1.0]), Step::Nowhere);
    assert_eq!(x, [3.0, 4.0]);
    assert_eq!(lbfgs.step(&mut x, &[1.0, 0.0]), Step::SteepestDescent);
    assert_eq!(x, [2.0, 4.0]);
}

#[test]
fn lbfgs_reaches_a_minimum_beside_an_abyss() {
    // f = √x + 1/√x, with its minimum at 1 and no gradient at or below 0, where full steps from afar lead.
    let gradient = |x: f64| 0.5 * (x.powf(-0.5) - x.powf(-1.5));
    let (mut x, mut lbfgs, mut dropped) = ([9.0], Lbfgs::new(1.0, 10), 0);
    for _ in 0..200 {
        let g = gradient(x[0]);
        dropped += usize::from(lbfgs.step(&mut x, &[g]) == Step::DroppedPoint);
    }
    assert!(dropped > 0, "the abyss was never met");
    assert_close(&x, &[1.0], 1e-4);
}

#[test]
fn adam_first_step_is_the_learning_rate_whatever_the_gradient() {
    let mut x = [1.0, 1.0, 1.0];
    Adam::new(
        3,
        Settings {
            epsilon: 0.0,
            ..Settings::with_learning_rate(0.25)
        },
    )
    .step(&mut x, &[1e-3, -7.0, 1e9]);
    assert_close(&x, &[0.75, 1.25, 0.75], 1e-12);
}

#[test]
fn adam_follows_pytorch() {
    // run(Adam lr=0.1, rosenbrock, [-1.2, 1.0], 5)
    let expected = [
        [-1.1000000000046382, 1.0999999999886363],
        [-1.017259582788236, 1.1830597533458147],
        [-0.9709867583811591, 1.2242180561995206],
        [-0.9608829586707753, 1.2236970659053639],
        [-0.9751825797273527, 1.1972757977820128],
    ];
    let (mut x, mut adam) = ([-1.2, 1.0], Adam::new(2, Settings::with_learning_rate(0.1)));
    for expected in expected {
        let gradient = rosenbrock_gradient(&x);
        adam.step(&mut x, &gradient);
        assert_close(&x, &expected, 1e-12);
    }
}

#[test]
fn adam_clamps_to_the_unit_interval_on_request() {
    let settings = Settings {
        clamp: true,
        ..Settings::with_learning_rate(0.5)
    };
    let mut x = [0.25, 0.75, 0.5];
    Adam::new(3, settings).step(&mut x, &[1.0, -1.0, 0.0]);
    assert_eq!(x, [0.0, 1.0, 0.5]);
}

#[test]
fn adam_descends() {
    let (mut x, mut adam) = (
        vec![2.0, -2.0, 3.0],
        Adam::new(3, Settings::with_learning_rate(0.05)),
    );
    for _ in 0..2000 {
        let gradient = bowl_gradient(&x);
        adam.step(&mut x, &gradient);
    }
    let error: Vec<f64> = x
        .iter()
        .zip([1.0, 0.25, 1.0 / 9.0])
        .map(|(x, minimum)| x - minimum)
        .collect();
    assert!(dot(&error, &error) < 1e-6, "{x:?}");
}

#[test]
fn averages_weigh_late_pictures_more() {
    use impasto::reference::average::average;
    let pictures = [vec![1.0, 8.0], vec![2.0, 0.0], vec![4.0, f64::NAN]];
    // (1/4 + 2/2 + 4) / (1/4 + 1/2 + 1), and of the other 8/3 twice.
    let mean = average(&pictures, 0.5);
    assert!((mean[0] - 3.0).abs() < 1e-12, "{mean:?}");
    assert!((mean[1] - 8.0 / 3.0).abs() < 1e-12, "{mean:?}");
    assert_eq!(average(&pictures[..1], 0.9), [1.0, 8.0]);
    assert_eq!(average(&pictures[..2], 0.0), [2.0, 0.0]);
    assert!(average(&[], 0.5).is_empty());
}
