//! `impasto visualize`.

use std::path::Path;
use std::time::Instant;

use impasto::gpu::Gpu;
use impasto::graph::Strategy;
use impasto::image::{Picture, contact_sheet};
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::{Pursuit, PursuitTape, Wanted, before_relu, direction, features};
use impasto::optim::OptimiserSettings;
use impasto::paint::{
    Ending, Parametrisation, Transforms, Visualisation, VisualizeRecipe, fingerprint,
};

use self::progress::Progress;
use super::arguments::{Common, Objective, ParametrisationName, Place, VisualizeArguments};
use super::checkpoint::Inputs;
use super::failure::{Code, Failure};
use super::pictures::{self, Output};
use super::record::{Draft, Input, Record, Resolved};
use super::resume::{Options, Session};
use super::style::find_layer;
use super::wait::wait;
use super::{network, open_gpu, say, tuning};

mod progress;

/// Pictures in a row of a contact sheet, at most.
const COLUMNS: usize = 8;
/// Pixels a side, without an image and with one.
const USUAL_SIDE: usize = 128;
const USUAL_SIDE_OF_IMAGE: usize = 224;
/// Steps, likewise: lucid takes 512, but after these VGG's channels are as clear.
const USUAL_STEPS: u32 = 64;
const USUAL_STEPS_TO_IMAGE: u32 = 128;

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &VisualizeArguments,
    session: Session,
) -> Result<(), Failure> {
    check(arguments)?;
    // The picture that is made again must not be lost either.
    let inputs = image(arguments).into_iter().map(|(_, path)| path);
    let inputs: Vec<&Path> = inputs.chain(arguments.from.as_deref()).collect();
    let output = Output::file(&arguments.output, &inputs)?;
    let network = network::load(common)?;
    let plan = Plan::new(common, arguments, &network)?;
    let draft = plan.draft(common, arguments, session, &network)?;
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
    let origin = draft.fingerprints.clone().origin(
        gpu.adapter(),
        fingerprint::of_kernels(visualisation.executable().recording()),
        plan.size,
        Options::new(),
    );
    let record = draft.finish(common, origin, plan.resolved());
    let [width, height] = plan.size;
    let (pictures, steps) = (goals.len(), plan.recipe.iterations);
    say(
        common,
        match pictures {
            1 => format!("painting {width}×{height}, {steps} steps"),
            _ => format!("painting {pictures} pictures of {width}×{height}, {steps} steps each"),
        },
    );
    let job = Job {
        visualisation,
        plan,
        goals,
        output,
        record,
    };
    job.paint(common, &gpu)
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

/// The picture that features are taken of, if any, and the option that names it.
fn image(arguments: &VisualizeArguments) -> Option<(&'static str, &Path)> {
    let images = [
        ("invert", &arguments.invert),
        ("caricature", &arguments.caricature),
    ];
    let mut images = images.into_iter();
    images.find_map(|(option, path)| Some((option, path.as_deref()?)))
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
    /// The files that were read.
    inputs: Vec<Input>,
    /// Whether the loss falls below 0 where the network answers.
    climbs: bool,
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
        let side = |usual: usize| arguments.size.map_or(usual, |side| side as usize);
        let mut inputs = Vec::new();
        let image = match image(arguments) {
            Some((option, path)) => {
                let file = pictures::read(common, path)?;
                inputs.push(Input::new(option, path, &file.sha256));
                Some(
                    file.fit_longer_side(side(USUAL_SIDE_OF_IMAGE), false)
                        .picture,
                )
            }
            None => None,
        };
        let size = match &image {
            Some(image) => [image.width, image.height],
            None => [side(USUAL_SIDE); 2],
        };
        let transforms = if arguments.no_transforms || arguments.invert.is_some() {
            Transforms::none()
        } else {
            Transforms::default()
        };
        let usual_steps = match image {
            Some(_) => USUAL_STEPS_TO_IMAGE,
            None => USUAL_STEPS,
        };
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
            inputs,
            climbs: arguments.invert.is_none(),
        };
        plan.check_channels(arguments, network)?;
        plan.check_size(arguments, network)?;
        Ok(plan)
    }

    /// What stands in a record before anything is on the device.
    fn draft(
        &self,
        common: &Common,
        arguments: &VisualizeArguments,
        mut session: Session,
        network: &Network,
    ) -> Result<Draft, Failure> {
        let fingerprints = Inputs::new(network, self.image.iter());
        let repeated = session.repeated.take();
        if let Some(repeated) = &repeated {
            repeated.check(common, &self.inputs, &fingerprints)?;
        }
        let steps = self.recipe.iterations.to_string();
        session.set("iterations", &steps);
        Ok(Draft {
            inputs: self.inputs.clone(),
            fingerprints,
            options: match arguments.no_record {
                true => None,
                false => Some(session.options()?),
            },
            seed: arguments.seed,
            repeated,
            // Those of a sheet are made again for each of its pictures.
            steps_are_shared: arguments.grid.is_some(),
        })
    }

    /// What was chosen where options leave a choice.
    fn resolved(&self) -> Resolved {
        Resolved {
            optimiser: OptimiserSettings::Adam(self.recipe.adam()),
            content_layers: Default::default(),
            style_layers: Default::default(),
            strategy: Strategy::default().to_string(),
        }
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

/// Everything that a run takes.
struct Job {
    visualisation: Visualisation,
    plan: Plan,
    goals: Vec<Goal>,
    output: Output,
    record: Option<Record>,
}

/// What a run made of its goals.
struct Outcome {
    /// Labels and pictures of those that were begun.
    cells: Vec<(String, Picture)>,
    /// Steps over all of them.
    steps: usize,
    /// The last loss of each, by its label.
    losses: Vec<(String, f32)>,
    ending: Ending,
}

impl Job {
    /// Paints every goal and writes the picture, or the sheet of them, also when the run ends before its time.
    fn paint(self, common: &Common, gpu: &Gpu) -> Result<(), Failure> {
        let started = Instant::now();
        let outcome = self.run(common, gpu)?;
        let [seconds, all] = [started.elapsed().as_secs_f64(), self.goals.len() as f64];
        let picture = match &outcome.cells[..] {
            [(_, picture)] if self.goals.len() == 1 => picture.clone(),
            cells => {
                let columns = COLUMNS.min(all.sqrt().ceil() as usize);
                contact_sheet(&self.plan.name, cells, columns)
            }
        };
        let losses = outcome.losses.iter().cloned();
        let record = self.record.as_ref();
        let record = record.map(|record| record.after(outcome.steps, losses));
        self.output.write(&picture, record.as_ref())?;
        let name = self.output.name();
        let answer = match &outcome.losses[..] {
            [(_, loss)] => format!(", loss {loss:.4e}"),
            _ => String::new(),
        };
        match outcome.ending {
            Ending::Finished => {
                say(common, format!("{name} in {seconds:.1} s{answer}"));
                Ok(())
            }
            Ending::Stopped => Err(Failure {
                code: Code::Interrupted,
                message: match self.goals.len() {
                    1 => format!(
                        "interrupted after step {}; `{name}` is saved",
                        outcome.steps
                    ),
                    all => {
                        let begun = outcome.cells.len();
                        format!("interrupted; `{name}` is saved with {begun} of {all} pictures")
                    }
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

    /// Paints one goal after the other.
    fn run(&self, common: &Common, gpu: &Gpu) -> Result<Outcome, Failure> {
        let steps = self.plan.recipe.iterations;
        // A software adapter takes so long for a step that looking at each costs nothing.
        let often = if gpu.adapter().is_software() { 1 } else { 10 };
        let mut progress = Progress::new(common, self.goals.len() * steps);
        let mut outcome = Outcome {
            cells: Vec::new(),
            steps: 0,
            losses: Vec::new(),
            ending: Ending::Finished,
        };
        for goal in &self.goals {
            let before = outcome.steps;
            let mut look = |step: usize, losses: &[f32]| progress.look(before + step, losses);
            let run = self.visualisation.run(gpu, &goal.target, often, &mut look);
            let report = wait(gpu, run)?;
            outcome.steps += report.steps;
            if let Some(&loss) = report.losses.first() {
                self.warn_if_nothing_answered(common, goal, (report.steps, loss));
                outcome.losses.push((goal.label.clone(), loss));
            }
            outcome.cells.push((goal.label.clone(), report.picture));
            if !matches!(report.ending, Ending::Finished) {
                outcome.ending = report.ending;
                break;
            }
        }
        progress.finish();
        Ok(outcome)
    }

    /// Says so if a picture shows nothing because the network did not answer to it.
    fn warn_if_nothing_answered(&self, common: &Common, goal: &Goal, (steps, loss): (usize, f32)) {
        if self.plan.climbs && loss >= 0.0 {
            let (label, layer) = (&goal.label, &self.plan.name);
            say(
                common,
                format!(
                    "note: {label} of {layer} did not answer within {steps} steps, so its picture shows little; take more --iterations, another --seed, or the convolution before the layer"
                ),
            );
        }
    }
}
