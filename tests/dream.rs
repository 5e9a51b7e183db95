//! Whole dreams: against a port of the classic loop in PyTorch, and what their settings do.

#[path = "dream/gradients.rs"]
mod gradients;
mod support;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use impasto::gpu::GpuOptions;
use impasto::graph::Executable;
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::Network;
use impasto::objective::dream_executable;
use impasto::objective::{DreamTape, DreamTerms, GuideFeatures, LayerWeight};
use impasto::optim::{Ascent, AscentSettings, Smoothing, jitter};
use impasto::paint::{
    DreamChoices, DreamStanding, DreamStart, DreamWatcher, Dreamt, Ending, Octave, Way, dream,
};
use impasto::reference::samples::samples;
use support::{borrow, gpu, network, wait};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn terms(network: &Network, layer: &str) -> DreamTerms {
    let layer = network.architecture.layer_index(layer).unwrap();
    DreamTerms::of(&[LayerWeight { layer, weight: 1.0 }], Pooling::Max)
}

fn octaves(network: &Network, terms: &DreamTerms, sizes: &[[usize; 2]]) -> Vec<Octave> {
    let octave = |&size: &[usize; 2]| {
        let tape = DreamTape::new(network, terms, size).unwrap().tape;
        let ways = Way::all(&tape, &Preference::exact(), 128 << 20);
        Octave {
            size,
            way: ways[0].clone(),
            guide: None,
        }
    };
    sizes.iter().map(octave).collect()
}

const CLASSIC: AscentSettings = AscentSettings {
    step: 1.5 / 255.0,
    jitter: 32,
    seed: 7,
    smoothing: Smoothing::None,
    clamp: true,
};

/// Notes the answer after every step, and stops after so many.
#[derive(Default)]
struct Notes {
    answers: Vec<f32>,
    stop_after: Option<usize>,
    standings: Vec<DreamStanding>,
}

impl DreamWatcher for Notes {
    fn octave_begins(&mut self, _: usize, _: &Executable) {}

    fn wants_losses(&self, _: usize) -> bool {
        true
    }

    fn losses(&mut self, step: usize, terms: &[f32]) -> ControlFlow<()> {
        self.answers.push(terms.iter().sum());
        match self.stop_after {
            Some(last) if step >= last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn wants_state(&self, _: usize, _: bool) -> bool {
        true
    }

    fn state(&mut self, standing: DreamStanding, _: bool) {
        self.standings.push(standing);
    }
}

fn dreamt(choices: &DreamChoices, picture: &Picture, notes: &mut Notes) -> Dreamt {
    let start = DreamStart::Anew { after: 0 };
    let network = network("vgg19");
    wait(gpu(), dream(gpu(), network, choices, picture, start, notes))
}

/// ‖a − b‖ / ‖b‖.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let difference = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (difference / square(&mut b.iter().copied())).sqrt()
}

fn noise(size: [usize; 2]) -> Picture {
    let values = samples(3, 3 * size[0] * size[1]).into_iter();
    Picture {
        width: size[0],
        height: size[1],
        rgb: values.map(|value| (0.5 + 0.2 * value) as f32).collect(),
    }
}

fn small(smoothing: Smoothing) -> (DreamChoices, Picture) {
    let network = network("vgg19");
    let terms = terms(network, "relu2_2");
    let choices = DreamChoices {
        octaves: octaves(network, &terms, &[[27, 21], [38, 29]]),
        terms,
        guide: None,
        mask: None,
        ascent: AscentSettings {
            smoothing,
            jitter: 5,
            ..CLASSIC
        },
        iterations: 6,
    };
    (choices, noise([38, 29]))
}

#[test]
fn jitter_is_that_of_the_port() {
    let text = std::fs::read_to_string(golden("dream_jitter.json")).unwrap();
    let moves: Vec<[i64; 2]> = serde_json::from_str(&text).unwrap();
    assert_eq!(moves.len(), 20);
    for (step, moves) in moves.into_iter().enumerate() {
        assert_eq!(jitter(7, step, 32), moves, "step {step}");
    }
    assert_eq!(jitter(7, 3, 0), [0, 0]);
}

/// What is said without a device is what becomes of it on one.
#[test]
fn a_picture_beyond_a_binding_is_refused_before_it_is_climbed() {
    let limit = 12 * 40 * 30;
    let gpu = borrow(&GpuOptions {
        binding_limit: Some(limit),
        ..GpuOptions::default()
    });
    for (size, fits) in [([40, 30], true), ([41, 30], false), ([300, 200], false)] {
        let told = Ascent::check(size, gpu.profile());
        assert_eq!(told.is_ok(), fits, "{size:?}");
        let bytes = 12 * (size[0] * size[1]) as u64;
        let [rolled, gradient] = ["rolled", "gradient"].map(|name| gpu.storage(name, bytes));
        let along = [&rolled.unwrap(), &gradient.unwrap()];
        for smoothing in [Smoothing::None, Smoothing::Gaussian, Smoothing::Laplacian] {
            let settings = AscentSettings {
                smoothing,
                ..CLASSIC
            };
            let made = Ascent::new(gpu, settings, size, None, along);
            let refusal = made.err().map(|refusal| refusal.to_string());
            let told = told.as_ref().err().map(|refusal| refusal.to_string());
            assert_eq!(refusal, told, "{size:?} {smoothing:?}");
        }
    }
}

#[test]
fn twenty_steps_agree_with_a_port_in_pytorch() {
    let network = network("vgg19");
    let mut terms = terms(network, "relu3_3");
    terms.pooling = Pooling::Average;
    let picture = Picture::load(&golden("gram.png")).unwrap();
    let choices = DreamChoices {
        octaves: octaves(network, &terms, &[[46, 34], [64, 48]]),
        terms,
        guide: None,
        mask: None,
        ascent: CLASSIC,
        iterations: 10,
    };
    let found = dreamt(&choices, &picture, &mut Notes::default());
    assert!(matches!(found.ending, Ending::Finished), "{found:?}");
    assert_eq!(found.step, 20);
    let bytes = std::fs::read(golden("dream.npy")).unwrap();
    let expected: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    let of_pictures = distance(&found.picture.rgb, &expected);
    assert!(of_pictures < 1e-2, "{of_pictures:.2e}");
    // Of what was dreamt, which is a part of the picture.
    let detail = |rgb: &[f32]| -> Vec<f32> {
        let pairs = rgb.iter().zip(&picture.rgb);
        pairs.map(|(x, base)| x - base).collect()
    };
    let of_details = distance(&detail(&found.picture.rgb), &detail(&expected));
    println!("pictures {of_pictures:.2e}, details {of_details:.2e}");
    assert!(of_details < 3e-2, "{of_details:.2e}");
}

#[test]
fn a_dream_climbs_is_the_same_again_and_another_by_another_seed() {
    for smoothing in [Smoothing::None, Smoothing::Gaussian, Smoothing::Laplacian] {
        let (mut choices, picture) = small(smoothing);
        let mut notes = Notes::default();
        let first = dreamt(&choices, &picture, &mut notes);
        assert_eq!(notes.answers.len(), 12);
        let (begin, end) = (notes.answers[6], notes.answers[11]);
        assert!(end > 1.2 * begin, "{smoothing:?}: {:?}", notes.answers);
        let again = dreamt(&choices, &picture, &mut Notes::default());
        assert_eq!(again.picture, first.picture, "{smoothing:?}");
        choices.ascent.seed = 8;
        let other = dreamt(&choices, &picture, &mut Notes::default());
        assert_ne!(other.picture, first.picture, "{smoothing:?}");
        choices.ascent.step = 0.0;
        let none = dreamt(&choices, &picture, &mut Notes::default());
        assert_eq!(none.picture, picture, "{smoothing:?}");
    }
}

#[test]
fn what_was_dreamt_is_kept_when_a_dream_is_stopped() {
    let (choices, picture) = small(Smoothing::None);
    let mut notes = Notes {
        stop_after: Some(8),
        ..Notes::default()
    };
    let stopped = dreamt(&choices, &picture, &mut notes);
    assert!(matches!(stopped.ending, Ending::Stopped));
    assert_eq!(stopped.step, 8);
    assert!(distance(&stopped.picture.rgb, &picture.rgb) > 0.01);
    // In the first octave: what is there is enlarged.
    notes.stop_after = Some(3);
    let stopped = dreamt(&choices, &picture, &mut notes);
    assert_eq!((stopped.step, stopped.picture.width), (3, 38));
    assert!(distance(&stopped.picture.rgb, &picture.rgb) > 0.005);
}

/// From every step of every octave, the ends of octaves included.
#[test]
fn a_dream_that_goes_on_is_bit_for_bit_that_of_one_go() {
    let (choices, picture) = small(Smoothing::Gaussian);
    let mut notes = Notes::default();
    let whole = dreamt(&choices, &picture, &mut notes);
    let steps = choices.octaves.len() * choices.iterations;
    assert_eq!(notes.standings.len(), steps);
    let network = network("vgg19");
    for (index, standing) in notes.standings.iter().enumerate() {
        assert_eq!(standing.standing.step, index + 1);
        assert_eq!(standing.octave, index / choices.iterations);
        let mut rest = Notes::default();
        let start = DreamStart::Resumed(standing.clone());
        let dreaming = dream(gpu(), network, &choices, &picture, start, &mut rest);
        let resumed = wait(gpu(), dreaming);
        assert_eq!(resumed.step, steps);
        assert!(
            resumed.picture.rgb == whole.picture.rgb,
            "after {}",
            index + 1
        );
        assert_eq!(rest.answers, notes.answers[index + 1..]);
    }
}

/// A step of more than 2·10¹¹ operations is submitted in parts, the first of which must see the picture as it is.
#[test]
fn a_step_in_parts_sees_its_own_picture() {
    let network = network("vgg19");
    let terms = terms(network, "relu5_1");
    let size = [848, 848];
    let tape = DreamTape::new(network, &terms, size).unwrap().tape;
    let way = Way::all(&tape, &Preference::default(), 128 << 20).remove(0);
    let (preference, strategy) = (way.preference.clone(), way.candidate.strategy.clone());
    let choices = DreamChoices {
        octaves: vec![Octave {
            size,
            way,
            guide: None,
        }],
        terms,
        guide: None,
        mask: None,
        ascent: AscentSettings {
            jitter: 0,
            ..CLASSIC
        },
        iterations: 1,
    };
    let picture = noise(size);
    let mut notes = Notes::default();
    dreamt(&choices, &picture, &mut notes);
    let wanted = (&choices.terms, &GuideFeatures::default());
    let executable =
        dream_executable(gpu(), network, wanted, size, &preference, &strategy).unwrap();
    executable.write_picture(gpu(), &picture.rgb);
    executable.run(gpu());
    let value = wait(gpu(), executable.read_totals(gpu())).unwrap()[0];
    assert_eq!(notes.answers, [value]);
}
