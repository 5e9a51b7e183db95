//! Every number in the grey boxes of `docs/tour.md`, computed again.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use impasto::graph::{Executable, Extent, Op, Program, RunOptions, Strategy, ValueId};
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::net::{Network, Weights};
use impasto::objective::{LossSummary, StyleTape, StyleTargets};
use impasto::paint::gatys;
use support::{gpu, wait};

/// Row and column of the pixel that the page follows.
const PIXEL: [usize; 2] = [24, 15];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"))
}

/// `NAME = VALUE` of the page's text blocks.
fn claims() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(folder().join("tour.md")).unwrap();
    let mut inside = false;
    let mut claims = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```text";
        } else if inside {
            let (name, value) = line.split_once(" = ").unwrap();
            claims.push((name.to_string(), value.to_string()));
        }
    }
    claims
}

/// The step of the page, with everything kept that it computes.
struct Step {
    executable: Executable,
    tensors: BTreeMap<String, (ValueId, Vec<usize>)>,
    photo: Picture,
}

impl Step {
    fn new() -> Self {
        let load = |name: &str| Picture::load(&folder().join("tour").join(name)).unwrap();
        let (photo, painting) = (load("photo.png"), load("painting.png"));
        let weights = std::fs::read(folder().join("../weights/vgg19.npz")).unwrap();
        let network = Network::new(Weights::from_bytes(&weights, "vgg19").unwrap());
        let terms = gatys(network.architecture);
        let size = [photo.width, photo.height];
        let tape = StyleTape::new(&network, &terms, size).unwrap();
        let program = Program::with_gradient(tape.tape.clone(), gpu().binding_limit());
        let tensors = tensors(&program);
        let options = RunOptions {
            keep: tensors.values().map(|(id, _)| *id).collect(),
            preference: Preference::exact(),
            ..RunOptions::default()
        };
        let (plain, exact) = (Strategy::default(), &options.preference);
        let styles = [(painting, 1.0)];
        let targets =
            StyleTargets::measure(gpu(), &network, &terms, &photo, &styles, exact, &plain);
        let targets = wait(gpu(), targets).unwrap();
        let executable = tape.executable(gpu(), &targets, &plain, &options).unwrap();
        Self {
            executable,
            tensors,
            photo,
        }
    }

    /// The loss terms with the pixel so much redder.
    fn losses(&self, redder: f32) -> LossSummary {
        let mut rgb = self.photo.rgb.clone();
        rgb[PIXEL[0] * self.photo.width + PIXEL[1]] += redder;
        self.executable.write_picture(gpu(), &rgb);
        self.executable.run(gpu());
        let totals = wait(gpu(), self.executable.read_totals(gpu())).unwrap();
        LossSummary::new(self.executable.program().tape.losses(), &totals)
    }

    /// What `NAME[index, …]` stands for, after a run.
    fn entry(&self, name: &str) -> f64 {
        let (name, indices) = name.strip_suffix(']').unwrap().split_once('[').unwrap();
        let (id, sides) = &self.tensors[name];
        let indices: Vec<usize> = indices.split(", ").map(|i| i.parse().unwrap()).collect();
        assert_eq!(indices.len(), sides.len(), "{name}");
        let place = indices.iter().zip(sides).fold(0, |place, (&index, &side)| {
            assert!(index < side, "{name}");
            place * side + index
        });
        f64::from(wait(gpu(), self.executable.read(gpu(), *id)).unwrap()[place])
    }
}

/// By the names of `impasto inspect tensor`, with their sides.
fn tensors(program: &Program) -> BTreeMap<String, (ValueId, Vec<usize>)> {
    let steps = program.steps.iter();
    let touched = steps.flat_map(|step| step.reads.iter().chain([&step.write]));
    let named = touched.filter_map(|&id| {
        let value = program.value(id);
        let sides = match value.extent {
            Extent::Picture { height, width } => vec![3, height, width],
            Extent::Map(shape) => vec![shape.channels, shape.height, shape.width],
            Extent::Gram(channels) => vec![channels, channels],
            _ => return None,
        };
        let producer = value.producer.map(|node| &program.tape.nodes()[node].op);
        let name = match producer {
            Some(Op::Conv3x3 { relu: true, .. }) => value.name.replace("conv", "relu"),
            _ => value.name.clone(),
        };
        Some((name, (id, sides)))
    });
    named.collect()
}

#[test]
fn every_number_of_the_tour_is_what_the_program_computes() {
    let step = Step::new();
    let claims = claims();
    assert!(claims.len() > 30, "{claims:?}");
    let (more, less) = (step.losses(1.0 / 255.0), step.losses(-1.0 / 255.0));
    let here = step.losses(0.0);
    for (name, claimed) in claims {
        // A change is a difference of large numbers, each rounded.
        let (computed, tolerance) = match name.as_str() {
            "change by 1/255 more red" => (more.total - here.total, 0.01),
            "change by 1/255 less red" => (less.total - here.total, 0.01),
            "loss of content" => (here.content, 1e-4),
            _ => match name.strip_prefix("loss of style:") {
                Some(layer) => {
                    let names = step.executable.program().tape.losses();
                    let term = names
                        .iter()
                        .position(|name| name[..] == *format!("style:{layer}"));
                    let totals = wait(gpu(), step.executable.read_totals(gpu())).unwrap();
                    (f64::from(totals[term.unwrap()]), 1e-4)
                }
                None => (step.entry(&name), 1e-4),
            },
        };
        // Half a unit of the last digit that is not a closing zero of a whole number.
        let digits = claimed
            .split_once('.')
            .map_or(0, |(_, digits)| digits.len());
        let zeros = claimed.len() - claimed.trim_end_matches('0').len();
        let unit = if digits > 0 {
            0.1f64.powi(digits as i32)
        } else {
            10f64.powi(zeros as i32)
        };
        let claimed: f64 = claimed.parse().unwrap();
        let error = (computed - claimed).abs();
        let allowed = if claimed == 0.0 {
            0.0
        } else {
            0.5 * unit + tolerance * claimed.abs()
        };
        assert!(error <= allowed, "{name} is {computed}, not {claimed}");
    }
}
