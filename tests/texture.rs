//! Textures: what is painted has the statistics of the style, and tiles if it was asked to.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use impasto::graph::Strategy;
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::{StyleTargets, StyleTerms, style_executable};
use impasto::optim::{LbfgsSettings, OptimiserSettings, OptimiserState};
use impasto::paint::{
    Schedule, Standing, Start, StepLosses, StyleChoices, StyleRun, Watcher, canvas, gatys, texture,
};
use impasto::shape::Border;
use support::{gpu, network, wait};

const SIDE: usize = 96;

fn picture(name: &str) -> Picture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("pictures")
        .join(name);
    Picture::load(&path).unwrap().fit_longer_side(SIDE, false)
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

/// What `steps` of L-BFGS make of the content.
fn painted(
    network: &Network,
    terms: &StyleTerms,
    content: &Picture,
    styles: &[(Picture, f32)],
    steps: usize,
) -> Picture {
    let choices = StyleChoices {
        terms: terms.clone(),
        averaging: None,
        optimiser: OptimiserSettings::Lbfgs(LbfgsSettings::default()),
        start: Start::Content,
        preference: Preference::default(),
        strategy: Strategy::default(),
    };
    let run = StyleRun::prepare(gpu(), network, &choices, content, styles);
    let mut run = wait(gpu(), run).unwrap();
    let schedule = Schedule {
        iterations: steps,
        report_every: 10,
        snapshot_every: 10,
    };
    let painting = wait(gpu(), run.paint(gpu(), schedule, &mut Nobody));
    assert_eq!(painting.standing.step, steps, "{:?}", painting.ending);
    Picture {
        rgb: painting.standing.rgb,
        ..content.clone()
    }
}

/// The sum of the style terms at `x`.
fn style_loss(
    network: &Network,
    terms: &StyleTerms,
    styles: &[(Picture, f32)],
    x: &Picture,
) -> f64 {
    let (preference, plain) = (Preference::exact(), Strategy::default());
    let targets = StyleTargets::measure(gpu(), network, terms, x, styles, &preference, &plain);
    let targets = wait(gpu(), targets).unwrap();
    let size = [x.width, x.height];
    let executable = style_executable(gpu(), network, terms, size, &targets, &preference, &plain);
    let executable = executable.unwrap();
    executable.write_picture(gpu(), &x.rgb);
    executable.run(gpu());
    let totals = wait(gpu(), executable.read_totals(gpu())).unwrap();
    totals.iter().map(|&total| f64::from(total)).sum()
}

/// The picture shifted by half of both sides, as on a torus: what was the seam is a cross in the middle.
fn rolled(picture: &Picture) -> Picture {
    let (width, height) = (picture.width, picture.height);
    let value = |at: usize| {
        let (x, y, c) = (at % width, at / width % height, at / (width * height));
        let (x, y) = ((x + width / 2) % width, (y + height / 2) % height);
        picture.rgb[(c * height + y) * width + x]
    };
    Picture {
        rgb: (0..picture.rgb.len()).map(value).collect(),
        ..picture.clone()
    }
}

/// How far the mean square of the steps from one side to the opposite one is from that of steps elsewhere, in deviations of the
/// means of other rows and columns: about the number that a glance has for how much a seam stands out.
fn prominence_of_the_seam(picture: &Picture) -> f64 {
    let (width, height) = (picture.width, picture.height);
    let at = |c, y, x| f64::from(picture.rgb[(c * height + y % height) * width + x % width]);
    let all =
        || (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))));
    let (mut columns, mut rows) = (vec![0.0; width], vec![0.0; height]);
    for (c, y, x) in all() {
        columns[x] += (at(c, y, x + 1) - at(c, y, x)).powi(2) / height as f64;
        rows[y] += (at(c, y + 1, x) - at(c, y, x)).powi(2) / width as f64;
    }
    let seam = (columns.pop().unwrap() + rows.pop().unwrap()) / 2.0;
    let others: Vec<f64> = columns
        .iter()
        .zip(&rows)
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    let mean = others.iter().sum::<f64>() / others.len() as f64;
    let squares = others.iter().map(|other| (other - mean).powi(2));
    (seam - mean) / (squares.sum::<f64>() / others.len() as f64).sqrt()
}

/// Mean square of what a checkerboard of single pixels has most of.
fn checkers(picture: &Picture) -> f64 {
    let (width, height) = (picture.width, picture.height);
    let at = |c, y, x| f64::from(picture.rgb[(c * height + y) * width + x]);
    let mut sum = 0.0;
    for c in 0..3 {
        for y in 0..height - 1 {
            for x in 0..width - 1 {
                let falling = at(c, y, x) + at(c, y + 1, x + 1);
                sum += (falling - at(c, y, x + 1) - at(c, y + 1, x)).powi(2);
            }
        }
    }
    sum / (3 * (width - 1) * (height - 1)) as f64
}

/// Gram losses fall far below those of the noise that the run starts from. On the torus the loss knows no seam; and
/// the eye finds none either, where there is one in a texture that need not tile. Nor is there a checkerboard, which the
/// network hardly sees: from white noise 50 steps leave 21 times as much of one as the style has.
#[test]
fn a_texture_has_the_statistics_of_its_style_and_tiles_if_it_shall() {
    let network = network("vgg19");
    let styles = [(picture("cafe_terrace_van_gogh.png"), 1.0)];
    let start = canvas(&styles, &[], [SIDE, SIDE], 3);
    let mut seams = Vec::new();
    for border in [Border::Wrap, Border::Replicate] {
        let terms = texture(network.architecture, border);
        let found = painted(network, &terms, &start, &styles, 50);
        let [before, after, shifted] = [&start, &found, &rolled(&found)]
            .map(|picture| style_loss(network, &terms, &styles, picture));
        let seam = prominence_of_the_seam(&found);
        println!("{border:?}: {before:.3e} to {after:.3e}, shifted {shifted:.3e}, seam {seam:.3}");
        assert!(after < 0.05 * before, "{border:?}: {before} to {after}");
        let [of_style, of_found] = [&styles[0].0, &found].map(checkers);
        println!("checkers {of_style:.2e} and {of_found:.2e}");
        assert!(of_found < 4.0 * of_style, "{of_found} beside {of_style}");
        seams.push(((shifted / after - 1.0).abs(), seam));
    }
    let [(moved, seam), (moved_with_seam, visible)] = seams[..] else {
        panic!("two textures were painted");
    };
    assert!(moved < 0.01, "the loss of a torus moved by {moved}");
    assert!(seam.abs() < 2.0, "the seam is at {seam} deviations");
    assert!(
        moved_with_seam > 0.05 && visible > 3.0,
        "{moved_with_seam} {visible}"
    );
}

/// Mean square of the steps between neighbours in the outermost `frame` pixels, against that inside.
fn energy_at_the_border(picture: &Picture, frame: usize) -> f64 {
    let (width, height) = (picture.width, picture.height);
    let at = |c, y, x| f64::from(picture.rgb[(c * height + y) * width + x]);
    let [mut border, mut inside] = [(0.0, 0.0); 2];
    for c in 0..3 {
        for y in 0..height - 1 {
            for x in 0..width - 1 {
                let here = at(c, y, x);
                let energy = (at(c, y, x + 1) - here).powi(2) + (at(c, y + 1, x) - here).powi(2);
                let from_the_edge = x.min(y).min(width - 1 - x).min(height - 1 - y);
                let sum = if from_the_edge < frame {
                    &mut border
                } else {
                    &mut inside
                };
                *sum = (sum.0 + energy, sum.1 + 1.0);
            }
        }
    }
    (border.0 / border.1) / (inside.0 / inside.1)
}

/// With zeros around it a picture is painted differently at its border; a picture that goes on has less of that.
#[test]
fn a_replicated_border_is_painted_more_like_the_inside() {
    let network = network("vgg19");
    let content = picture("astronaut.png");
    let styles = [(picture("cafe_terrace_van_gogh.png"), 1.0)];
    let of_content = energy_at_the_border(&content, 8);
    let [zero, replicated] = [Border::Zero, Border::Replicate].map(|border| {
        let terms = StyleTerms {
            border,
            ..gatys(network.architecture)
        };
        let found = painted(network, &terms, &content, &styles, 40);
        energy_at_the_border(&found, 8)
    });
    println!("content {of_content:.3}, zero {zero:.3}, replicated {replicated:.3}");
    assert!((replicated - 1.0).abs() < (zero - 1.0).abs());
}
