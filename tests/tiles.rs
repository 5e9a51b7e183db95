//! The real network in tiles and with cuts: the same losses and gradient as at once, in less memory.

#[path = "tiles/parts.rs"]
mod parts;
mod support;

use impasto::graph::{Cut, Executable, Margin, Program, RunOptions, Strategy, plan, requirements};
use impasto::image::Picture;
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::guide_loss::Correspondence;
use impasto::kernels::pool2::Pooling;
use impasto::net::Network;
use impasto::objective::{
    DreamTerms, Guidance, GuideFeatures, LayerWeight, Pursuit, PursuitTape, StyleTape,
    StyleTargets, StyleTerms, dream_executable, style_executable,
};
use impasto::paint::{gatys, match_moments};
use impasto::reference::samples::samples;
use impasto::shape::Border;
use support::{gpu, network, wait};

const TOLERANCE: f64 = 1e-5;

/// Waves with noise on them: smooth as photographs, but nowhere flat.
fn picture(seed: u64, [width, height]: [usize; 2]) -> Picture {
    let noise = samples(seed, 3 * width * height);
    let value = |at: usize| {
        let (x, y) = ((at % width) as f64, (at / width % height) as f64);
        let c = (at / (width * height)) as f64;
        let wave = (x / (7.0 + c) + seed as f64).sin() * (y / (11.0 - c)).cos();
        (0.5 + 0.3 * wave + 0.15 * noise[at]) as f32
    };
    Picture {
        width,
        height,
        rgb: (0..noise.len()).map(value).collect(),
    }
}

fn tiles(width: usize, height: usize) -> Strategy {
    Strategy {
        tile: Some([width, height]),
        ..Strategy::default()
    }
}

fn with_cuts(tile: Option<[usize; 2]>, cuts: &[(&str, Option<[usize; 2]>)]) -> Strategy {
    let cut = |&(layer, tile): &(&str, _)| Cut {
        layer: layer.to_string(),
        tile,
    };
    Strategy {
        tile,
        cuts: cuts.iter().map(cut).collect(),
        ..Strategy::default()
    }
}

const POOLS: [(&str, Option<[usize; 2]>); 4] = [
    ("pool1", None),
    ("pool2", None),
    ("pool3", None),
    ("pool4", None),
];

struct Scene {
    network: &'static Network,
    terms: StyleTerms,
    size: [usize; 2],
    preference: Preference,
}

impl Scene {
    fn targets(&self, strategy: &Strategy) -> StyleTargets {
        let styles = [(picture(2, self.size), 1.0)];
        let (content, preference) = (picture(1, self.size), &self.preference);
        let (network, terms) = (self.network, &self.terms);
        let targets = StyleTargets::measure(
            gpu(),
            network,
            terms,
            &content,
            &styles,
            preference,
            strategy,
        );
        wait(gpu(), targets).unwrap()
    }

    fn executable(&self, targets: &StyleTargets, strategy: &Strategy) -> Executable {
        let (network, terms) = (self.network, &self.terms);
        let executable = style_executable(
            gpu(),
            network,
            terms,
            self.size,
            targets,
            &self.preference,
            strategy,
        );
        executable.unwrap()
    }

    /// The same losses and gradient by each strategy; by the last of them also with targets of its own, and
    /// twice to the bit.
    fn assert_same(&self, strategies: &[Strategy]) {
        let plain = Strategy::default();
        let targets = self.targets(&plain);
        let at = picture(3, self.size);
        let expected = run(&self.executable(&targets, &plain), &at);
        let (last, others) = strategies.split_last().unwrap();
        for strategy in others {
            let found = run(&self.executable(&targets, strategy), &at);
            assert_agree(&found, &expected, strategy);
        }
        let executable = self.executable(&self.targets(last), last);
        let found = run(&executable, &at);
        assert_agree(&found, &expected, last);
        assert_eq!(run(&executable, &at), found, "two runs differ");
    }
}

/// Losses and gradient.
fn run(executable: &Executable, picture: &Picture) -> (Vec<f32>, Vec<f32>) {
    executable.write_picture(gpu(), &picture.rgb);
    executable.run(gpu());
    wait(gpu(), async {
        let totals = executable.read_totals(gpu()).await.unwrap();
        let buffer = executable.picture_gradient().unwrap();
        let gradient = executable.read_planar(gpu(), buffer).await.unwrap();
        gpu().check().unwrap();
        (totals, gradient)
    })
}

fn assert_agree(
    (losses, gradient): &(Vec<f32>, Vec<f32>),
    (expected_losses, expected): &(Vec<f32>, Vec<f32>),
    strategy: &Strategy,
) {
    for (found, expected) in losses.iter().zip(expected_losses) {
        let error = ((found - expected) / expected).abs();
        assert!(
            error < 1e-5,
            "{strategy}: {losses:?}, not {expected_losses:?}"
        );
    }
    let error = relative_error(gradient, expected);
    println!("{strategy}: relative L2 {error:.1e}");
    assert!(error < TOLERANCE, "{strategy}: relative L2 {error:.1e}");
}

/// ‖a − b‖ / ‖b‖
fn relative_error(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f64| x * x;
    let pairs = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let difference: f64 = pairs().map(|(a, b)| square(a - b)).sum();
    let norm: f64 = pairs().map(|(_, b)| square(b)).sum();
    (difference / norm).sqrt()
}

/// Means and covariances add up over tiles as Gram matrices do, to which the small tapes of `tests/tape` hold them to
/// 1e-5. Distances of the real network's Gaussians depend on roots of eigenvalues near the rounding of f32, so any other
/// order of sums moves them: another variant of the convolutions says by how much, and tiles may move them no more.
#[test]
fn distances_of_gaussians_are_those_of_the_whole_within_what_rounding_moves() {
    let mut scene = scene([101, 75], Preference::exact());
    match_moments(&mut scene.terms, scene.network.architecture);
    let (plain, at) = (Strategy::default(), picture(3, scene.size));
    let targets = scene.targets(&plain);
    let expected = run(&scene.executable(&targets, &plain), &at);
    let deviation = |(losses, gradient): &(Vec<f32>, Vec<f32>)| {
        let pairs = losses.iter().zip(&expected.0);
        let of_losses = pairs.map(|(found, expected)| f64::from((found / expected - 1.0).abs()));
        let of_gradient = relative_error(gradient, &expected.1);
        [of_losses.fold(0.0, f64::max), of_gradient]
    };
    scene.preference.wish = Some(Variant::Plain);
    let rounded = deviation(&run(&scene.executable(&targets, &plain), &at));
    scene.preference.wish = None;
    for strategy in [
        tiles(64, 64),
        with_cuts(None, &POOLS),
        with_cuts(Some([48, 32]), &[("pool2", None)]),
    ] {
        let found = deviation(&run(&scene.executable(&targets, &strategy), &at));
        println!("{strategy}: {found:?}, by rounding {rounded:?}");
        for (found, rounded) in found.iter().zip(rounded) {
            assert!(
                *found <= 2.0 * rounded + TOLERANCE,
                "{strategy}: {found:.1e}"
            );
        }
    }
}

fn scene(size: [usize; 2], preference: Preference) -> Scene {
    let network = network("vgg19");
    let mut terms = gatys(network.architecture);
    terms.tv_weight = 1e4;
    Scene {
        network,
        terms,
        size,
        preference,
    }
}

/// Odd sides: every pooling but the first drops a row or a column somewhere.
#[test]
fn style_gradients_of_an_odd_picture_are_those_of_the_whole() {
    scene([131, 97], Preference::exact()).assert_same(&[
        tiles(64, 64),
        tiles(1000, 48),
        with_cuts(None, &POOLS),
        with_cuts(Some([48, 32]), &[("pool2", None)]),
    ]);
}

/// By the variants of painting, Winograd among them, with margins that suit it.
#[test]
fn style_gradients_by_fast_variants_are_those_of_the_whole() {
    let strategies = [
        with_cuts(None, &POOLS),
        with_cuts(Some([136, 32]), &POOLS),
        with_cuts(Some([64, 64]), &[("pool2", None), ("pool3", Some([8, 8]))]),
    ];
    let wide = |strategy: Strategy| Strategy {
        margin: Margin::Winograd,
        ..strategy
    };
    scene([136, 104], Preference::default()).assert_same(&strategies.map(wide));
}

/// A tile at the border of the picture continues it, and one inside knows its neighbours.
#[test]
fn style_gradients_with_a_replicated_border_are_those_of_the_whole() {
    let mut scene = scene([131, 97], Preference::exact());
    scene.terms.border = Border::Replicate;
    scene.assert_same(&[
        tiles(1000, 48),
        with_cuts(None, &POOLS),
        with_cuts(Some([48, 32]), &[("pool2", None)]),
    ]);
}

#[test]
fn dreams_in_tiles_are_those_of_the_whole() {
    let (network, size) = (network("vgg19"), [101, 75]);
    let terms = ["relu2_2", "relu4_1"].map(|name| LayerWeight {
        layer: network.architecture.layer_index(name).unwrap(),
        weight: 1.0,
    });
    let exact = Preference::exact();
    let guided = |correspondence, power| Guidance {
        correspondence,
        power,
        size: [67, 50],
    };
    for guidance in [
        None,
        Some(guided(Correspondence::Best, 0.0)),
        Some(guided(Correspondence::Itself, 1.5)),
    ] {
        let terms = DreamTerms {
            guidance,
            ..DreamTerms::of(&terms, Pooling::Max)
        };
        let seen = terms.guide_size(size).map(|guide| {
            let (guide, plain) = (picture(5, guide), Strategy::default());
            let how = (&exact, &plain);
            let seen = GuideFeatures::measure(gpu(), network, &terms, &guide, how);
            wait(gpu(), seen).unwrap()
        });
        let seen = seen.unwrap_or_default();
        let run_by = |strategy: &Strategy| {
            let wanted = (&terms, &seen);
            let executable = dream_executable(gpu(), network, wanted, size, &exact, strategy);
            run(&executable.unwrap(), &picture(4, size))
        };
        let expected = run_by(&Strategy::default());
        println!("{guidance:?}");
        for strategy in [tiles(32, 32), with_cuts(None, &POOLS[..2]), tiles(40, 1000)] {
            assert_agree(&run_by(&strategy), &expected, &strategy);
        }
    }
}

/// What a channel or a direction of channels answers, for which `impasto visualize` climbs.
#[test]
fn directions_in_tiles_are_those_of_the_whole() {
    let (network, size) = (network("vgg19"), [101, 75]);
    let layer = network.architecture.layer_index("relu3_1").unwrap();
    let pursuit = Pursuit::Along { power: 0.0 };
    let of = |strategy: &Strategy| {
        let tv = (0.0, size);
        let PursuitTape {
            tape,
            target,
            shape,
        } = PursuitTape::new(network, Pooling::Max, layer, pursuit, tv).unwrap();
        let program = Program::with_strategy(tape, strategy, gpu().binding_limit());
        let options = RunOptions {
            preference: Preference::exact(),
            ..RunOptions::default()
        };
        let executable = Executable::build(gpu(), program, &options).unwrap();
        let direction: Vec<f32> = samples(8, shape.len()).iter().map(|&v| v as f32).collect();
        executable.write_map(gpu(), target, &direction);
        run(&executable, &picture(4, size))
    };
    let expected = of(&Strategy::default());
    for strategy in [tiles(32, 32), with_cuts(None, &POOLS[..2])] {
        assert_agree(&of(&strategy), &expected, &strategy);
    }
}

/// Bytes of the planned buffers at this size.
fn planned(network: &Network, size: [usize; 2], strategy: &Strategy) -> u64 {
    let terms = gatys(network.architecture);
    let tape = StyleTape::new(network, &terms, size).unwrap().tape;
    let program = Program::with_strategy(tape, strategy, 128 << 20);
    plan(requirements(&program, &[]), true).bytes()
}

/// Bytes per pixel that no plan can save: picture, gradient, two moments of Adam, the content target.
const PERSISTENT: u64 = 4 * 12 + 32;

#[test]
fn memory_on_paper_is_what_was_promised() {
    let network = network("vgg19");
    let pixels = 1024 * 1024;
    let per_pixel = |strategy: &Strategy| {
        planned(network, [1024, 1024], strategy) as f64 / pixels as f64 + PERSISTENT as f64
    };
    let plain = per_pixel(&Strategy::default());
    assert!(plain < 1600.0, "plain: {plain} bytes per pixel");
    // The first two layers have a fifth of the arithmetic and half of the memory: they go in bands.
    let recomputed = per_pixel(&with_cuts(Some([1024, 256]), &POOLS));
    println!("plain {plain:.0}, recomputed {recomputed:.0} bytes per pixel");
    assert!(recomputed < 900.0, "recomputed: {recomputed}");
}

#[test]
fn a_poster_fits_two_gibibytes_on_paper() {
    let network = network("vgg19");
    let size = [4096, 4096];
    let strategy = with_cuts(Some([384, 384]), &POOLS[3..]);
    let started = std::time::Instant::now();
    let planned = planned(network, size, &strategy);
    println!("{} MiB, planned in {:?}", planned >> 20, started.elapsed());
    // Picture, gradient and content target; then weights in both directions, transformed for Winograd, and its
    // scratch memory.
    let persistent = 4096 * 4096 * (2 * 12 + 32);
    let weights = 480 << 20;
    assert!(planned + persistent + weights < 2 << 30, "{planned}");
}
