//! What is to be painted: every choice that the flags leave, and the targets.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::graph::{Strategy, TapeError};
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::Network;
use impasto::objective::{Pursuit, PursuitTape, Wanted, before_relu, direction, features};
use impasto::optim::OptimiserSettings;
use impasto::paint::{Parametrisation, Transforms, VisualizeRecipe, Way};

use crate::cli::arguments::{Common, Objective, ParametrisationName, Place, VisualizeArguments};
use crate::cli::checkpoint::Inputs;
use crate::cli::failure::Failure;
use crate::cli::pictures::{self, Output};
use crate::cli::record::{Draft, Input, Resolved};
use crate::cli::resume::Session;
use crate::cli::style::find_layer;
use crate::cli::wait::wait;

/// Pixels a side, without an image and with one.
const USUAL_SIDE: usize = 128;
const USUAL_SIDE_OF_IMAGE: usize = 224;
/// Lucid takes 512 steps, but VGG's channels are clear after these, and more only make colours harder.
const USUAL_STEPS: u32 = 48;
const USUAL_STEPS_OF_INVERSION: u32 = 128;

/// What is to be painted, before anything is on the device.
pub struct Plan {
    pub recipe: VisualizeRecipe,
    /// W and H of each picture.
    pub size: [usize; 2],
    /// The layer that is looked into: before its ReLU, for channels.
    layer: usize,
    /// The layer as the user calls it.
    pub name: String,
    image: Option<Picture>,
    /// The files that were read.
    inputs: Vec<Input>,
    /// Whether the loss falls below 0 where the network answers.
    pub climbs: bool,
}

/// One picture to be.
pub struct Goal {
    /// `17` for a channel.
    pub label: String,
    /// Planar (C, H, W) of the layer.
    pub target: Vec<f32>,
}

impl Plan {
    pub fn new(
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
        let usual_steps = if arguments.invert.is_some() {
            USUAL_STEPS_OF_INVERSION
        } else {
            USUAL_STEPS
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

    /// Writes what was left to the command into the options that records and checkpoints keep.
    pub fn settle(&self, session: &mut Session) {
        session.settle("iterations", &self.recipe.iterations.to_string());
    }

    /// What is looked at.
    pub fn fingerprints(&self, network: &Network) -> Inputs {
        Inputs::new(network, self.image.iter())
    }

    /// What stands in a record before anything is on the device.
    pub fn draft(
        &self,
        common: &Common,
        arguments: &VisualizeArguments,
        mut session: Session,
        (network, output): (&Network, &Output),
    ) -> Result<Draft, Failure> {
        let draft = Draft::new(
            common,
            arguments.recording,
            &mut session,
            (self.inputs.clone(), arguments.seed),
            (&self.fingerprints(network), output),
        )?;
        Ok(Draft {
            // Those of a sheet are made again for each of its pictures.
            steps_are_shared: arguments.grid.is_some(),
            ..draft
        })
    }

    /// What was chosen where options leave a choice.
    pub fn resolved(&self, strategy: &Strategy) -> Resolved {
        Resolved {
            optimiser: OptimiserSettings::Adam(self.recipe.adam()),
            content_layers: Default::default(),
            style_layers: Default::default(),
            strategy: strategy.to_string(),
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
    pub fn seen(&self) -> [usize; 2] {
        self.recipe.transforms.seen(self.size)
    }

    /// The objective for these goals, which are alike but for their targets; without them its weights are others.
    pub fn objective_at(
        &self,
        size: [usize; 2],
        network: &Network,
        arguments: &VisualizeArguments,
        goals: &[Goal],
    ) -> Result<PursuitTape, TapeError> {
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
        PursuitTape::new(
            network,
            arguments.pooling,
            self.layer,
            pursuit,
            (tv_weight, self.recipe.transforms.seen(size)),
        )
    }

    /// The look at the picture whose features are taken, if there is one, were it of another `size`: what the network
    /// sees, what is wanted of it, and how variants are chosen.
    pub fn look(&self, size: [usize; 2]) -> Option<([usize; 2], Wanted, Preference)> {
        let wanted = Wanted {
            maps: vec![self.layer],
            ..Wanted::default()
        };
        let seen = self.recipe.transforms.seen(size);
        let look = (seen, wanted, Preference::default());
        self.image.as_ref().map(|_| look)
    }

    /// The targets.
    pub fn goals(
        &self,
        gpu: &Gpu,
        network: &Network,
        arguments: &VisualizeArguments,
        look: Option<&Way>,
    ) -> Result<Vec<Goal>, Failure> {
        if let (Some(image), Some(look)) = (&self.image, look) {
            return Ok(vec![Goal {
                label: self.name.clone(),
                target: self.features_of(gpu, (network, arguments.pooling), image, look)?,
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
        (network, pooling): (&Network, Pooling),
        image: &Picture,
        look: &Way,
    ) -> Result<Vec<f32>, Failure> {
        let wanted = Wanted {
            maps: vec![self.layer],
            ..Wanted::default()
        };
        let framed = self.recipe.transforms.framed(image);
        let (preference, strategy) = (&look.preference, &look.candidate.strategy);
        let seen = features(
            gpu, network, pooling, &framed, &wanted, preference, strategy,
        );
        let mut maps = wait(gpu, seen)?.maps;
        // The step needs the room.
        gpu.release();
        Ok(maps.pop().map_or(Vec::new(), |(_, values)| values))
    }
}

/// The picture that features are taken of, if any, and the option that names it.
pub fn image(arguments: &VisualizeArguments) -> Option<(&'static str, &Path)> {
    let images = [
        ("invert", &arguments.invert),
        ("caricature", &arguments.caricature),
    ];
    let mut images = images.into_iter();
    images.find_map(|(option, path)| Some((option, path.as_deref()?)))
}
