//! Visualisations in little memory: what was forecast is what is held, and another way makes the same picture.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use impasto::gpu::{Gpu, GpuOptions};
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::{Network, Weights};
use impasto::objective::{Pursuit, PursuitTape, direction};
use impasto::paint::{
    Glance, Misfit, Parametrisation, Transforms, Visualisation, VisualisationReport,
    VisualisationState, VisualisationWatcher, VisualizeRecipe, visualisation_that_fits,
};
use support::{open, wait};

const FOURIER: Parametrisation = Parametrisation::Fourier { decay: 1.0 };
const ALONG: Pursuit = Pursuit::Along { power: 0.0 };

fn vgg19() -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/vgg19.npz");
    let bytes = std::fs::read(path).unwrap();
    Network::new(Weights::from_bytes(&bytes, "vgg19").unwrap())
}

struct Nobody;

impl VisualisationWatcher for Nobody {
    fn losses(&mut self, _: usize, _: &[f32]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_state(&self, _: usize, _: bool) -> bool {
        false
    }

    fn state(&mut self, _: VisualisationState, _: bool) {}
}

/// A visualisation of a layer.
struct Case {
    network: Network,
    layer: &'static str,
    pursuit: Pursuit,
    recipe: VisualizeRecipe,
    size: [usize; 2],
}

impl Case {
    fn new(
        layer: &'static str,
        pursuit: Pursuit,
        parametrisation: Parametrisation,
        size: [usize; 2],
    ) -> Self {
        let recipe = VisualizeRecipe {
            parametrisation,
            decorrelate: true,
            transforms: Transforms::default(),
            learning_rate: 0.05,
            iterations: 4,
            seed: 5,
        };
        Self {
            network: vgg19(),
            layer,
            pursuit,
            recipe,
            size,
        }
    }

    fn objective(&self) -> PursuitTape {
        let layer = self.network.architecture.layer_index(self.layer).unwrap();
        let about = (1.0, self.recipe.transforms.seen(self.size));
        PursuitTape::new(&self.network, Pooling::Max, layer, self.pursuit, about).unwrap()
    }

    /// The way that fits, or what the smallest takes.
    fn forecast(&self, gpu: &Gpu, budget: Option<u64>) -> Result<Glance, u64> {
        let what = (&self.recipe, self.size);
        let (objective, preference) = (self.objective(), Preference::default());
        let found = visualisation_that_fits(&objective, what, &preference, gpu.profile(), budget);
        found.unwrap().map_err(|Misfit(smallest)| smallest.peak)
    }

    /// The picture after a few steps in the way of `glance`, and the most that a device of its own held.
    fn run(&self, glance: &Glance) -> (VisualisationReport, u64) {
        let gpu = open(&GpuOptions::default());
        let objective = self.objective();
        let target = direction(objective.shape, &[(3, 1.0), (7, -0.5)], None);
        let how = (&glance.way.preference, &glance.way.candidate.strategy);
        let recipe = self.recipe.clone();
        let prepared = Visualisation::prepare(&gpu, objective, recipe, self.size, how).unwrap();
        // As the pictures of a contact sheet are: a second run takes no more than the first.
        wait(&gpu, prepared.run(&gpu, &target, 1, None, &mut Nobody)).unwrap();
        let report = wait(&gpu, prepared.run(&gpu, &target, 1, None, &mut Nobody)).unwrap();
        (report, gpu.peak_bytes())
    }
}

fn assert_near(what: &str, forecast: u64, held: u64) {
    let off = 100.0 * (forecast as f64 / held as f64 - 1.0);
    println!("{what}: forecast {forecast}, held {held}, {off:+.2} %");
    assert!(off.abs() < 5.0, "{what}: {forecast} and not {held}");
}

/// Large pictures before few layers, so that what is around the network counts.
#[test]
fn visualisations_take_what_was_forecast() {
    let gpu = open(&GpuOptions::default());
    for case in [
        Case::new("relu1_1", ALONG, FOURIER, [150, 110]),
        Case::new("relu2_1", ALONG, Parametrisation::Pixels, [96, 120]),
        Case::new("relu3_1", Pursuit::Along { power: 1.0 }, FOURIER, [64, 64]),
        Case::new(
            "relu3_1",
            Pursuit::Equal { weight: 1e-3 },
            FOURIER,
            [80, 64],
        ),
    ] {
        let glance = case.forecast(&gpu, None).unwrap();
        let (_, held) = case.run(&glance);
        let what = format!("{} {:?} {:?}", case.layer, case.pursuit, case.size);
        assert_near(&what, glance.peak, held);
    }
}

/// Cuts, tiles, and what fits nothing.
#[test]
fn less_memory_takes_another_way_to_the_same_picture() {
    let gpu = open(&GpuOptions::default());
    for (pursuit, has_tiles) in [(ALONG, true), (Pursuit::Along { power: 1.0 }, false)] {
        let case = Case::new("relu3_2", pursuit, FOURIER, [180, 140]);
        let plain = case.forecast(&gpu, None).unwrap();
        assert!(plain.way.candidate.strategy.is_plain());
        let smallest = case.forecast(&gpu, Some(1 << 20)).unwrap_err();
        // Filters count too, and where a GPU's variants keep them small cuts alone save little beside them.
        let has_large_filters = gpu.adapter().is_software();
        let most = if has_tiles || has_large_filters {
            0.75
        } else {
            0.85
        };
        let share = smallest as f64 / plain.peak as f64;
        assert!(share < most, "{smallest} of {}", plain.peak);
        // As little as is forecast is enough, and a byte less is not.
        let tight = case.forecast(&gpu, Some(smallest)).unwrap();
        assert_eq!(tight.peak, smallest);
        assert!(case.forecast(&gpu, Some(smallest - 1)).is_err());
        let strategy = &tight.way.candidate.strategy;
        assert!(!strategy.is_plain());
        assert_eq!(
            strategy.to_string().contains("tiles"),
            has_tiles,
            "{strategy}"
        );

        let (usual, _) = case.run(&plain);
        let (other, held) = case.run(&tight);
        assert_near(&format!("{strategy}"), tight.peak, held);
        let (a, b) = (&other.picture.rgb, &usual.picture.rgb);
        let square = |value: f32| f64::from(value).powi(2);
        let off: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
        let all: f64 = b.iter().map(|&value| square(value)).sum();
        let off = (off / all).sqrt();
        println!("{strategy}: pictures differ by {off:.1e}");
        assert!(off < 1e-3, "{strategy}: {off:.1e}");
        assert_eq!(usual.losses.len(), other.losses.len());
    }
}
