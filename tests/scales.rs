//! Runs over several scales: what they reach, what they average, and that nothing shows where one was cut.

#[path = "scales/proportion.rs"]
mod proportion;
mod support;

use std::ops::ControlFlow;
use std::path::Path;

use impasto::image::Picture;
use impasto::objective::{LayerWeight, StyleTerms};
use impasto::optim::{AdamSettings, LbfgsSettings, OptimiserSettings, OptimiserState};
use impasto::paint::{
    Ending, Painting, Resumption, Rhythm, Scale, ScalePosition, ScaledChoices, ScaledRun, Sources,
    Standing, Start, StepLosses, StyleProblem, Watcher, averaging_over, first_that_fits, gatys,
    scale_sizes, share_steps,
};
use impasto::reference::average::average;
use support::{gpu, network, wait};

fn picture(name: &str, longer: usize) -> Picture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("pictures")
        .join(name);
    let picture = Picture::load(&path).unwrap();
    picture.fit_longer_side(longer, true)
}

fn sources() -> Sources {
    Sources {
        content: picture("chelsea.png", 96),
        styles: vec![(picture("cafe_terrace_van_gogh.png", 96), 1.0)],
        style_scales: vec![1.0],
        style_side: None,
        multiple: 1,
    }
}

/// On layers near the picture, because the depth of the network is nothing but time here.
fn shallow() -> StyleTerms {
    let layer = |name| LayerWeight {
        layer: network("vgg19").architecture.layer_index(name).unwrap(),
        weight: 1e-2,
    };
    StyleTerms {
        content: vec![layer("relu2_1")],
        style: vec![layer("relu1_1"), layer("relu2_1")],
        ..gatys(network("vgg19").architecture)
    }
}

fn adam() -> OptimiserSettings {
    OptimiserSettings::Adam(AdamSettings::default())
}

fn lbfgs() -> OptimiserSettings {
    OptimiserSettings::Lbfgs(LbfgsSettings {
        history: 3,
        learning_rate: 1.0,
        clamp: false,
        longest: 0.0,
    })
}

fn choices(terms: StyleTerms, optimiser: OptimiserSettings, scales: Vec<Scale>) -> ScaledChoices {
    let way = |scale: Scale| {
        let (size, styles) = sources().sizes(scale.size);
        let problem = StyleProblem {
            network: network("vgg19"),
            terms: &terms,
            preference: &Default::default(),
            size,
            styles: &styles,
            averages: false,
            report_every: 1,
        };
        let found = first_that_fits(&problem, gpu().profile(), &[optimiser], None);
        (scale, found.unwrap().unwrap().way)
    };
    ScaledChoices {
        scales: scales.into_iter().map(way).collect(),
        terms,
        optimiser,
        finish: None,
        start: Start::Content,
        average: 0.0,
        detail: 0.0,
        tolerance: 0.0,
    }
}

/// Everything that a run says.
#[derive(Default)]
struct Diary {
    losses: Vec<StepLosses>,
    begun: Vec<(ScalePosition, (usize, usize))>,
    pictures: Vec<Vec<f32>>,
    position: ScalePosition,
    states: Vec<Resumption>,
    wants_states: bool,
    /// To stop after this step.
    stop: Option<usize>,
}

impl Watcher for Diary {
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()> {
        self.losses.extend_from_slice(losses);
        match (losses.last(), self.stop) {
            (Some(last), Some(stop)) if last.step >= stop => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn scale_begins(&mut self, position: ScalePosition, run: &impasto::paint::StyleRun) {
        self.begun.push((position, run.size()));
    }

    fn wants_picture(&self, _: usize) -> bool {
        true
    }

    fn picture(&mut self, _: usize, rgb: &[f32]) {
        self.pictures.push(rgb.to_vec());
    }

    fn stands(&mut self, position: ScalePosition) {
        self.position = position;
    }

    fn wants_state(&self, _: usize, _: bool) -> bool {
        self.wants_states
    }

    fn state(&mut self, standing: &Standing, optimiser: OptimiserState) {
        self.states.push(Resumption {
            position: self.position,
            standing: standing.clone(),
            optimiser,
        });
    }
}

fn paint(
    choices: &ScaledChoices,
    resumption: Option<Resumption>,
    diary: &mut Diary,
) -> (Painting, [usize; 2]) {
    let (choices, gpu) = (choices.clone(), gpu());
    let run = ScaledRun::prepare(gpu, network("vgg19"), choices, sources(), resumption);
    let mut run = wait(gpu, run).unwrap();
    // Losses are read back now and then, as on a GPU.
    let rhythm = Rhythm {
        report_every: 7,
        snapshot_every: 7,
    };
    let painting = wait(gpu, run.paint(gpu, rhythm, diary));
    (painting, run.size())
}

/// Goes on from the states after `cuts` steps; the end must be that of the run in one go.
fn assert_seamless(choices: &ScaledChoices, cuts: &[usize], steps: usize) {
    let mut whole = Diary {
        wants_states: true,
        ..Diary::default()
    };
    let (expected, size) = paint(choices, None, &mut whole);
    assert!(matches!(expected.ending, Ending::Finished));
    assert_eq!(expected.standing.step, steps);
    assert_eq!(expected.standing.rgb.len(), 3 * size[0] * size[1]);
    let last = whole.states.last().unwrap();
    for &cut in cuts {
        let from = whole.states.iter().find(|state| state.standing.step == cut);
        let mut rest = Diary {
            wants_states: true,
            ..Diary::default()
        };
        let (found, _) = paint(choices, from.cloned(), &mut rest);
        assert!(matches!(found.ending, Ending::Finished));
        assert!(found.standing == expected.standing, "cut after {cut}");
        let end = rest.states.last().unwrap();
        assert!(end.standing == last.standing, "cut after {cut}");
        assert!(end.optimiser == last.optimiser, "cut after {cut}");
        assert_eq!(end.position, last.position, "cut after {cut}");
        assert_eq!(rest.losses, whole.losses[cut..], "cut after {cut}");
    }
}

#[test]
fn a_run_of_adam_that_was_cut_anywhere_goes_on_as_if_it_had_not_been() {
    let scales = share_steps(&[24, 34, 48], 52);
    let choices = ScaledChoices {
        average: 0.99,
        ..choices(shallow(), adam(), scales)
    };
    // The scales end after 26, 39 and 52 steps.
    assert_seamless(&choices, &[1, 13, 25, 26, 27, 38, 39, 40, 51, 52], 52);
}

#[test]
fn a_run_of_lbfgs_that_was_cut_anywhere_goes_on_as_if_it_had_not_been() {
    let scales = share_steps(&[24, 34], 36);
    let choices = ScaledChoices {
        average: 0.9,
        ..choices(shallow(), lbfgs(), scales)
    };
    assert_seamless(&choices, &[1, 2, 23, 24, 25, 35, 36], 36);
}

/// Every loss counts as no change, so the second look at it ends a scale: 40 of 50 steps, then all of 18.
#[test]
fn a_scale_whose_loss_no_longer_changes_ends_early_wherever_the_run_was_cut() {
    let scale = |size, steps| Scale { size, steps };
    let choices = ScaledChoices {
        average: 0.9,
        tolerance: 1e6,
        ..choices(shallow(), adam(), vec![scale(24, 50), scale(34, 18)])
    };
    assert_seamless(&choices, &[7, 19, 20, 21, 39, 40, 41, 57, 58], 58);
    // The last scale too, and a finished run stays finished.
    let choices = ScaledChoices {
        scales: choices.scales[..1].to_vec(),
        ..choices
    };
    assert_seamless(&choices, &[20, 40], 40);
    let patient = ScaledChoices {
        tolerance: 1e-9,
        ..choices
    };
    let (painting, _) = paint(&patient, None, &mut Diary::default());
    assert_eq!(painting.standing.step, 50);
}

/// At the last step of a scale too: the next one must not begin.
#[test]
fn a_stop_ends_the_run_at_the_scale_where_it_is() {
    let choices = choices(shallow(), adam(), share_steps(&[24, 34, 48], 8));
    for (stop, scale) in [(2, 0), (4, 0), (5, 1), (8, 2)] {
        let mut diary = Diary {
            stop: Some(stop),
            ..Diary::default()
        };
        let (painting, _) = paint(&choices, None, &mut diary);
        assert_eq!(painting.standing.step, stop);
        assert_eq!(diary.begun.len(), scale + 1, "stopped after {stop}");
        let finished = matches!(painting.ending, Ending::Finished);
        assert_eq!(finished, stop == 8, "stopped after {stop}");
    }
}

/// The pictures of a run without averaging are those that the other one averages.
#[test]
fn the_result_is_the_mean_of_the_pictures_of_each_scale() {
    let scales = share_steps(&[24, 34], 45);
    let one = choices(shallow(), adam(), scales[..1].to_vec());
    let mut each = Diary::default();
    paint(&one, None, &mut each);
    let start = sources().at(24).0.rgb;
    let mut path: Vec<Vec<f64>> = Vec::new();
    for rgb in [&start].into_iter().chain(&each.pictures) {
        path.push(rgb.iter().map(|&value| f64::from(value)).collect());
    }
    let decay = averaging_over(30, 0.99).unwrap().decay;
    let expected = average(&path, f64::from(decay));
    let averaged = ScaledChoices {
        average: 0.99,
        ..choices(shallow(), adam(), scales)
    };
    let mut diary = Diary::default();
    let (painting, size) = paint(&averaged, None, &mut diary);
    let found = &diary.pictures[29];
    for (found, expected) in found.iter().zip(&expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-5);
    }
    // The next scale starts from the mean, and its own begins with what became of that.
    assert_eq!(painting.standing.rgb, diary.pictures[44]);
    assert_eq!(painting.standing.rgb.len(), 3 * size[0] * size[1]);
    let sides: Vec<usize> = diary.begun.iter().map(|(_, size)| size.0).collect();
    assert_eq!(sides, [24, 34]);
    let first = &diary.pictures[30];
    let carried =
        impasto::image::resampled(found, [24, 16], [34, 23], impasto::image::Filter::Bicubic);
    assert_eq!(first.len(), carried.len());
    let moved = first.iter().zip(&carried).map(|(a, b)| (a - b).abs());
    let moved = moved.fold(0.0, f32::max);
    assert!(moved < 0.2, "the picture jumped by {moved}");
}

#[test]
fn without_steps_there_is_the_content() {
    let choices = ScaledChoices {
        average: 0.99,
        ..choices(shallow(), adam(), share_steps(&[24, 34, 48], 0))
    };
    let (painting, size) = paint(&choices, None, &mut Diary::default());
    let (content, _) = sources().at(48);
    assert_eq!(size, [content.width, content.height]);
    assert!(painting.standing.rgb == content.rgb);
}

/// What coarse scales are for: large strokes are found where they are small, with steps that cost less. The steps at
/// the last scale are as many in both runs.
#[test]
fn coarse_to_fine_reaches_a_lower_loss_than_the_last_scale_alone() {
    let terms = gatys(network("vgg19").architecture);
    let last_loss = |scales: Vec<Scale>| -> f32 {
        let mut diary = Diary::default();
        paint(&choices(terms.clone(), adam(), scales), None, &mut diary);
        diary.losses.last().unwrap().terms.iter().sum()
    };
    let several = share_steps(&scale_sizes(96, 68), 60);
    assert_eq!(several.last().unwrap().steps, 20);
    let one = last_loss(vec![Scale {
        size: 96,
        steps: 20,
    }]);
    let several = last_loss(several);
    println!("one scale {one}, two {several}");
    assert!(several < 0.8 * one, "one scale {one}, two {several}");
}
