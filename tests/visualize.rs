//! A whole step of a visualisation against PyTorch in f64, from the spectrum through a transform and VGG-19 and back.
//! The golden files and the script that made them are in `tests/golden/`.

mod support;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use impasto::graph::Strategy;
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::kernels::resample::Affine;
use impasto::net::{Network, Weights};
use impasto::objective::{Pursuit, PursuitTape, Wanted, before_relu, direction, features};
use impasto::paint::{
    Ending, Parametrisation, Transforms, Visualisation, VisualisationState, VisualisationWatcher,
    VisualizeRecipe,
};
use support::{gpu, wait};

const SIZE: [usize; 2] = [33, 29];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn npy(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(golden(name)).unwrap();
    npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap()
}

fn golden_value(name: &str) -> f64 {
    let text = std::fs::read_to_string(golden("visualize.json")).unwrap();
    let values: serde_json::Value = serde_json::from_str(&text).unwrap();
    values[name].as_f64().unwrap()
}

fn vgg19() -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/vgg19.npz");
    let bytes = std::fs::read(path).unwrap();
    Network::new(Weights::from_bytes(&bytes, "vgg19").unwrap())
}

fn recipe(parametrisation: Parametrisation, transforms: Transforms) -> VisualizeRecipe {
    VisualizeRecipe {
        parametrisation,
        decorrelate: true,
        transforms,
        learning_rate: 0.05,
        iterations: 12,
        seed: 5,
    }
}

const FOURIER: Parametrisation = Parametrisation::Fourier { decay: 1.0 };

/// The map of `tests/golden/visualize.py`.
fn turned() -> Affine {
    let (sine, cosine) = 7f64.to_radians().sin_cos();
    let linear = [[cosine, -sine], [sine, cosine]];
    Affine {
        linear: linear.map(|row| row.map(|entry| entry / 0.94)),
        offset: [1.7, -2.3],
    }
}

/// Three planes, entry by entry with a zero behind, as the device has them.
fn interleaved(planes: &[f32]) -> Vec<f32> {
    let plane = planes.len() / 3;
    let entry = |at: usize| [planes[at], planes[plane + at], planes[2 * plane + at], 0.0];
    (0..plane).flat_map(entry).collect()
}

/// The features of `features.png` at relu3_1.
fn features_of_picture(network: &Network, layer: usize) -> Vec<f32> {
    let wanted = Wanted {
        maps: vec![layer],
        ..Wanted::default()
    };
    let picture = Picture::load(&golden("features.png")).unwrap();
    let (exact, plain) = (Preference::exact(), Strategy::default());
    let seen = features(
        gpu(),
        network,
        Pooling::Max,
        &picture,
        &wanted,
        &exact,
        &plain,
    );
    wait(gpu(), seen).unwrap().maps.remove(0).1
}

/// Value and gradient of an objective at relu3_1 against the golden of this name.
fn check(
    name: &str,
    (parametrisation, values, map): (Parametrisation, &[f32], Affine),
    (pursuit, tv_weight): (Pursuit, f32),
    target: impl Fn(&Network, usize, &PursuitTape) -> Vec<f32>,
) {
    let network = vgg19();
    let layer = network.architecture.layer_index("relu3_1").unwrap();
    let about = (tv_weight, SIZE);
    let objective = PursuitTape::new(&network, Pooling::Max, layer, pursuit, about).unwrap();
    let target = target(&network, layer, &objective);
    let recipe = recipe(parametrisation, Transforms::none());
    let (exact, plain) = (Preference::exact(), Strategy::default());
    let how = (&exact, &plain);
    let visualisation = Visualisation::prepare(gpu(), objective, recipe, SIZE, how).unwrap();
    let values = interleaved(values);
    let evaluation = visualisation.gradient_at(gpu(), &target, &values, &map);
    let (losses, gradient) = wait(gpu(), evaluation).unwrap();
    let (value, wanted) = (losses.iter().sum::<f32>(), golden_value(name));
    assert!(
        (f64::from(value) / wanted - 1.0).abs() < 1e-4,
        "{name}: {value} instead of {wanted}"
    );
    let wanted = interleaved(&npy(&format!("visualize_{name}.npy")));
    assert_eq!(gradient.len(), wanted.len());
    let norm = |of: &mut dyn Iterator<Item = f32>| -> f64 {
        of.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
    };
    let difference = norm(&mut gradient.iter().zip(&wanted).map(|(a, b)| a - b));
    let distance = difference / norm(&mut wanted.iter().copied());
    println!("{name}: {distance:.2e}");
    assert!(distance < 1e-3, "{name}: {distance:.2e}");
}

#[test]
fn a_caricature_agrees_with_pytorch() {
    let spectrum = npy("visualize_spectrum.npy");
    let pursuit = Pursuit::Along { power: 1.0 };
    let at = (FOURIER, &spectrum[..], turned());
    check("caricature", at, (pursuit, 0.0), |network, layer, _| {
        features_of_picture(network, layer)
    });
}

#[test]
fn an_inversion_agrees_with_pytorch() {
    let spectrum = npy("visualize_spectrum.npy");
    let pursuit = Pursuit::Equal { weight: 1e-3 };
    let at = (FOURIER, &spectrum[..], turned());
    check("inversion", at, (pursuit, 5.0), |network, layer, _| {
        features_of_picture(network, layer)
    });
}

#[test]
fn a_direction_agrees_with_pytorch() {
    let spectrum = npy("visualize_spectrum.npy");
    let pursuit = Pursuit::Along { power: 0.0 };
    let channels = [(7, 1.0), (100, -0.5)];
    check(
        "channel",
        (FOURIER, &spectrum, turned()),
        (pursuit, 0.0),
        |_, _, objective| direction(objective.shape, &channels, None),
    );
    let plain = &spectrum[..3 * SIZE[0] * SIZE[1]];
    check(
        "pixels",
        (Parametrisation::Pixels, plain, Affine::IDENTITY),
        (pursuit, 0.0),
        |_, _, objective| direction(objective.shape, &channels, None),
    );
}

/// Notes the loss and the state after every step, and stops after so many.
#[derive(Default)]
struct Notes {
    losses: Vec<f32>,
    stop_after: Option<usize>,
    states: Vec<VisualisationState>,
}

impl VisualisationWatcher for Notes {
    fn losses(&mut self, step: usize, losses: &[f32]) -> ControlFlow<()> {
        self.losses.push(losses[0]);
        match self.stop_after {
            Some(last) if step >= last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn wants_state(&self, _: usize, _: bool) -> bool {
        true
    }

    fn state(&mut self, state: VisualisationState, _: bool) {
        self.states.push(state);
    }
}

/// What a channel answers to its picture, the same bytes from the same seed, and a run that is stopped and goes on.
#[test]
fn runs_climb_and_hang_on_their_seed() {
    let network = vgg19();
    let relu = network.architecture.layer_index("relu2_1").unwrap();
    let layer = before_relu(&network, relu);
    assert_eq!(layer, relu - 1);
    let run = |seed: u64, stop_after: Option<usize>, from: Option<&VisualisationState>| {
        let recipe = VisualizeRecipe {
            seed,
            ..recipe(FOURIER, Transforms::default())
        };
        let about = (0.0, recipe.transforms.seen(SIZE));
        let pursuit = Pursuit::Along { power: 0.0 };
        let objective = PursuitTape::new(&network, Pooling::Max, layer, pursuit, about).unwrap();
        let target = direction(objective.shape, &[(3, 1.0)], None);
        let (preference, plain) = (Preference::default(), Strategy::default());
        let how = (&preference, &plain);
        let visualisation = Visualisation::prepare(gpu(), objective, recipe, SIZE, how).unwrap();
        let mut notes = Notes {
            stop_after,
            ..Notes::default()
        };
        let run = visualisation.run(gpu(), &target, 1, from, &mut notes);
        let report = wait(gpu(), run).unwrap();
        (notes, report)
    };
    let (Notes { losses, states, .. }, report) = run(5, None, None);
    assert!(matches!(report.ending, Ending::Finished) && report.steps == 12);
    assert!(losses[11] < losses[0] - 10.0, "{losses:?}");
    assert!(
        report
            .picture
            .rgb
            .iter()
            .all(|value| (0.0..=1.0).contains(value))
    );
    assert_eq!(run(5, None, None).1.picture, report.picture);
    assert_ne!(run(6, None, None).1.picture, report.picture);
    let (notes, stopped) = run(5, Some(4), None);
    assert!(matches!(stopped.ending, Ending::Stopped) && stopped.steps == 4);
    assert!(notes.states.last() == Some(&states[3]));
    assert!(stopped.picture == states[3].picture);
    for step in [1, 4, 11, 12] {
        let (rest, resumed) = run(5, None, Some(&states[step - 1]));
        assert!(resumed.picture == report.picture && resumed.steps == 12);
        assert_eq!(rest.losses, losses[step..], "from step {step}");
    }
}
