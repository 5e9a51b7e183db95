//! `impasto visualize`.

use std::path::Path;
use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::graph::Strategy;
use impasto::image::{Picture, contact_sheet};
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::{Pursuit, PursuitTape, Wanted, before_relu, direction, features};
use impasto::paint::{
    Ending, Parametrisation, Transforms, Visualisation, VisualisationReport, VisualizeRecipe,
};

use self::progress::Progress;
use super::arguments::{Common, Objective, ParametrisationName, Place, VisualizeArguments};
use super::failure::{Code, Failure};
use super::pictures::{self, Output};
use super::resume::Session;
use super::style::find_layer;
use super::wait::wait;
use super::{network, open_gpu, say, tuning};

mod progress;

/// Pictures in a row of a contact sheet, at most.
const COLUMNS: usize = 8;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &VisualizeArguments,
    _session: Session,
) -> Result<(), Failure> {
    check(arguments)?;
    let images: Vec<&Path> = image(arguments).into_iter().collect();
    let output = Output::file(&arguments.output, &images)?;
    let network = network::load(common)?;
    let plan = Plan::new(common, arguments, &network)?;
    let gpu = open_gpu(common)?;
    let preference = tuning::preference(common, gpu.profile(), None);
    let goals = plan.goals(&gpu, &network, arguments)?;
    let visualisation = Visualisation::prepare(
        &gpu,
        plan.objective(&network, arguments, &goals)?,
        plan.recipe.clone(),
        plan.size,
        &preference,
    )?;
    let [width, height] = plan.size;
    let (pictures, steps) = (goals.len(), plan.recipe.iterations);
    say(
        common,
        match pictures {
            1 => format!("painting {width}×{height}, {steps} steps"),
            _ => format!("painting {pictures} pictures of {width}×{height}, {steps} steps each"),
        },
    );
    paint(common, &gpu, &visualisation, &plan, &goals, &output)
}

/// Refuses flags that do not go together.
fn check(arguments: &VisualizeArguments) -> Result<(), Failure> {
    let of_image = [
        ("--invert", arguments.invert.is_some()),
        ("--caricature", arguments.caricature.is_some()),
    ];
    let of_image = of_image.into_iter().find(|(_, given)| *given);
    if let (Some((flag, _)), Objective::Neuron) = (of_image, arguments.objective) {
        return Err(Failure::usage(format!(
            "{flag} takes all features of its picture, and --objective neuron one; leave one of them away"
        )));
    }
    if arguments.at.is_some() && arguments.objective != Objective::Neuron {
        return Err(Failure::usage(
            "--at names the place of a neuron, and no neuron is asked for; add --objective neuron",
        ));
    }
    if arguments.parametrisation == ParametrisationName::Pixels && arguments.decay != 1.0 {
        return Err(Failure::usage(
            "--decay weighs frequencies, which --parametrisation pixels has none of; leave one of them away",
        ));
    }
    Ok(())
}

/// The picture that features are taken of, if any.
fn image(arguments: &VisualizeArguments) -> Option<&Path> {
    let images = [&arguments.invert, &arguments.caricature];
    images.into_iter().flatten().next().map(|path| &**path)
}

/// What is to be painted, before anything is on the device.
struct Plan {
    recipe: VisualizeRecipe,
    /// W and H of each picture.
    size: [usize; 2],
    /// The layer that is looked into: before its ReLU, for channels.
    layer: usize,
    /// The layer as the user calls it.
    name: String,
    image: Option<Picture>,
}

/// One picture to be.
struct Goal {
    /// `17` for a channel.
    label: String,
    /// Planar (C, H, W) of the layer.
    target: Vec<f32>,
}

impl Plan {
    fn new(
        common: &Common,
        arguments: &VisualizeArguments,
        network: &Network,
    ) -> Result<Self, Failure> {
        let layer = find_layer(network.architecture, &arguments.layer)?;
        let name = network.architecture.layers()[layer].name.clone();
        let image = image(arguments);
        let side = |usual: usize| arguments.size.map_or(usual, |side| side as usize);
        let image = match image {
            Some(path) => {
                let file = pictures::read(common, path)?;
                Some(file.fit_longer_side(side(224), false).picture)
            }
            None => None,
        };
        let size = match &image {
            Some(image) => [image.width, image.height],
            None => [side(128); 2],
        };
        let transforms = if arguments.no_transforms || arguments.invert.is_some() {
            Transforms::none()
        } else {
            Transforms::default()
        };
        let usual_steps = if image.is_some() { 200 } else { 96 };
        let recipe = VisualizeRecipe {
            parametrisation: match arguments.parametrisation {
                ParametrisationName::Fourier => Parametrisation::Fourier {
                    decay: arguments.decay,
                },
                ParametrisationName::Pixels => Parametrisation::Pixels,
            },
            decorrelate: arguments.decorrelate,
            transforms,
            learning_rate: arguments.learning_rate,
            iterations: arguments.iterations.unwrap_or(usual_steps) as usize,
            seed: arguments.seed,
        };
        let plan = Self {
            layer: if image.is_some() {
                layer
            } else {
                before_relu(network, layer)
            },
            recipe,
            size,
            name,
            image,
        };
        plan.check_channels(arguments, network)?;
        plan.check_size(arguments, network)?;
        Ok(plan)
    }

    fn check_channels(
        &self,
        arguments: &VisualizeArguments,
        network: &Network,
    ) -> Result<(), Failure> {
        let there = network.architecture.channels(self.layer);
        let named = arguments.channels.iter().map(|of| of.channel);
        let listed = arguments
            .grid
            .iter()
            .flat_map(|list| list.0.iter().copied());
        let flag = if arguments.grid.is_some() {
            "--grid"
        } else {
            "--channel"
        };
        match named.chain(listed).find(|&channel| channel >= there) {
            Some(channel) => Err(Failure::usage(format!(
                "{flag} {channel} is none of {}, which has {there} channels; take 0 to {}",
                self.name,
                there - 1
            ))),
            None => Ok(()),
        }
    }

    fn check_size(&self, arguments: &VisualizeArguments, network: &Network) -> Result<(), Failure> {
        let [width, height] = self.size;
        let least = network.architecture.downscale(self.layer);
        let seen = self.seen();
        if seen[0].min(seen[1]) < least {
            return Err(Failure::usage(format!(
                "{width}×{height} is too small for {}, which needs {least} pixels a side; raise --size, or look into a layer further down",
                self.name
            )));
        }
        match arguments.at {
            Some(Place { x, y }) if x >= width || y >= height => Err(Failure::usage(format!(
                "--at {x},{y} lies outside of a picture of {width}×{height}; its last pixel is {},{}",
                width - 1,
                height - 1
            ))),
            _ => Ok(()),
        }
    }

    /// W and H of what the network sees.
    fn seen(&self) -> [usize; 2] {
        self.recipe.transforms.seen(self.size)
    }

    /// The objective for these goals, which are alike but for their targets.
    fn objective(
        &self,
        network: &Network,
        arguments: &VisualizeArguments,
        goals: &[Goal],
    ) -> Result<PursuitTape, Failure> {
        let pursuit = if arguments.invert.is_some() {
            let target = goals.first().map_or(&[][..], |goal| &goal.target);
            let square: f64 = target.iter().map(|&value| f64::from(value).powi(2)).sum();
            Pursuit::Equal {
                // The loss is the share of the features that is missing.
                weight: (target.len() as f64 / square.max(f64::MIN_POSITIVE)) as f32,
            }
        } else if arguments.caricature.is_some() {
            Pursuit::Along {
                power: arguments.cosine_power,
            }
        } else {
            Pursuit::Along { power: 0.0 }
        };
        let usual = if arguments.invert.is_some() { 1.0 } else { 0.0 };
        let tv_weight = arguments.tv_weight.unwrap_or(usual);
        let tape = PursuitTape::new(
            network,
            arguments.pooling,
            self.layer,
            pursuit,
            (tv_weight, self.seen()),
        )?;
        Ok(tape)
    }

    /// The targets.
    fn goals(
        &self,
        gpu: &Gpu,
        network: &Network,
        arguments: &VisualizeArguments,
    ) -> Result<Vec<Goal>, Failure> {
        if let Some(image) = &self.image {
            return Ok(vec![Goal {
                label: self.name.clone(),
                target: self.features_of(gpu, network, arguments, image)?,
            }]);
        }
        let shape = PursuitTape::new(
            network,
            arguments.pooling,
            self.layer,
            Pursuit::Along { power: 0.0 },
            (0.0, self.seen()),
        )?
        .shape;
        let position = (arguments.objective == Objective::Neuron).then(|| {
            let middle = self.size.map(|side| side / 2);
            let pixel = arguments.at.map_or(middle, |place| [place.x, place.y]);
            let limits = [shape.width, shape.height];
            [0, 1].map(|axis| {
                let frame = (self.seen()[axis] as f64 - self.size[axis] as f64) / 2.0;
                let downscale = network.architecture.downscale(self.layer);
                let at = (pixel[axis] as f64 + frame) / downscale as f64;
                (at.max(0.0) as usize).min(limits[axis] - 1)
            })
        });
        Ok(match &arguments.grid {
            Some(list) => list
                .0
                .iter()
                .map(|&channel| Goal {
                    label: channel.to_string(),
                    target: direction(shape, &[(channel, 1.0)], position),
                })
                .collect(),
            None => {
                let channels = arguments.channels.iter();
                let channels: Vec<_> = channels.map(|of| (of.channel, of.weight)).collect();
                vec![Goal {
                    label: self.name.clone(),
                    target: direction(shape, &channels, position),
                }]
            }
        })
    }

    /// The features of the layer of `image`, in the frame that its picture to be has.
    fn features_of(
        &self,
        gpu: &Gpu,
        network: &Network,
        arguments: &VisualizeArguments,
        image: &Picture,
    ) -> Result<Vec<f32>, Failure> {
        let wanted = Wanted {
            maps: vec![self.layer],
            ..Wanted::default()
        };
        let framed = self.recipe.transforms.framed(image);
        let (preference, strategy) = (Preference::default(), Strategy::default());
        let seen = features(
            gpu,
            network,
            arguments.pooling,
            &framed,
            &wanted,
            &preference,
            &strategy,
        );
        let mut maps = wait(gpu, seen)?.maps;
        Ok(maps.pop().map_or(Vec::new(), |(_, values)| values))
    }
}

/// Paints every goal and writes the picture, or the sheet of them, also when the run ends before its time.
fn paint(
    common: &Common,
    gpu: &Gpu,
    visualisation: &Visualisation,
    plan: &Plan,
    goals: &[Goal],
    output: &Output,
) -> Result<(), Failure> {
    let steps = plan.recipe.iterations;
    let started = Instant::now();
    // A software adapter takes so long for a step that looking at each costs nothing.
    let often = if gpu.adapter().is_software() { 1 } else { 10 };
    let mut progress = Progress::new(common, goals.len() * steps);
    let mut cells = Vec::new();
    let mut ending = Ending::Finished;
    for (index, goal) in goals.iter().enumerate() {
        let mut look = |step: usize, losses: &[f32]| progress.look(index * steps + step, losses);
        let run = visualisation.run(gpu, &goal.target, often, &mut look);
        let report = wait(gpu, run)?;
        warn_if_nothing_answered(common, visualisation, goal, &report);
        cells.push((goal.label.clone(), report.picture));
        if !matches!(report.ending, Ending::Finished) {
            ending = report.ending;
            break;
        }
    }
    let last = progress.finish();
    let painted = cells.len();
    let picture = match &mut cells[..] {
        [(_, picture)] if goals.len() == 1 => picture.clone(),
        _ => contact_sheet(&plan.name, &cells, COLUMNS.min(square_side(goals.len()))),
    };
    output.write(&picture, None)?;
    let seconds = started.elapsed().as_secs_f64();
    let name = output.name();
    match ending {
        Ending::Finished => {
            say(common, format!("{name} in {seconds:.1} s{last}"));
            Ok(())
        }
        Ending::Stopped => Err(Failure {
            code: Code::Interrupted,
            message: match goals.len() {
                1 => format!("interrupted; `{name}` is saved as it stood"),
                all => format!("interrupted; `{name}` is saved with {painted} of {all} pictures"),
            },
        }),
        Ending::Failed(error) => {
            let failure = Failure::from(error);
            Err(Failure {
                message: format!("{}; `{name}` is saved as it stood", failure.message),
                ..failure
            })
        }
    }
}

/// A sheet of so many cells has about as many columns as rows.
fn square_side(cells: usize) -> usize {
    cells.isqrt() + usize::from(cells.isqrt().pow(2) < cells)
}

/// Says so if a picture shows nothing because the network did not answer to it.
fn warn_if_nothing_answered(
    common: &Common,
    visualisation: &Visualisation,
    goal: &Goal,
    report: &VisualisationReport,
) {
    let name = visualisation.objective().tape.losses().first();
    let loss = report.losses.first();
    if let (Some(name), Some(&loss)) = (name, loss)
        && name.starts_with("along:")
        && loss >= 0.0
        && report.steps > 0
    {
        say(
            common,
            format!(
                "note: {} did not answer after {} steps, so its picture shows little; take more --iterations or another --seed",
                goal.label, report.steps
            ),
        );
    }
}
