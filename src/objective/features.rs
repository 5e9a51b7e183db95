//! What the network sees in one picture: feature maps and Gram matrices, read back to the host.

use std::sync::Arc;

use super::{Mask, ObjectiveError};
use crate::gpu::{Gpu, GpuError, Ledger, Profile};
use crate::graph::{
    Detail, Executable, Forecast, Program, Purpose, RunOptions, Strategy, Tape, TapeError, ValueId,
};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::{feature_map, moments};
use crate::net::{Network, Treatment};
use crate::shape::Shape;

/// Layers to look at, by index in the architecture.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Layers whose whole map is wanted.
    pub maps: Vec<usize>,
    /// Layers whose Gram matrix is wanted.
    pub grams: Vec<usize>,
    /// Layers whose moments are wanted.
    pub moments: Vec<usize>,
    /// The part of the picture that Gram matrices and moments are taken of; `None` for all of it.
    pub part: Option<Mask>,
}

impl Wanted {
    /// All layers: of maps, of Gram matrices, of moments.
    pub fn layers(&self) -> Vec<usize> {
        [&self.maps[..], &self.grams, &self.moments].concat()
    }

    fn is_nothing(&self) -> bool {
        self.layers().is_empty()
    }
}

/// Features of one picture, in the order of [`Wanted`].
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Shape and planar (C, H, W) values.
    pub maps: Vec<(Shape, Vec<f32>)>,
    /// C and the (C, C) entries, row-major.
    pub grams: Vec<(usize, Vec<f32>)>,
    /// C, then the (C, C) second moments, row-major, and the C means.
    pub moments: Vec<(usize, Vec<f32>)>,
}

/// The tape behind [`features`].
struct Look {
    tape: Tape,
    /// What is to be read back: maps, Gram matrices, moments.
    keep: Vec<ValueId>,
    /// Of the maps, then of the maps that the Gram matrices and the moments are of.
    shapes: Vec<Shape>,
    /// How much the positions of layers count, of each layer whose statistics are of a part.
    weights: Vec<(ValueId, usize)>,
}

impl Look {
    fn new(
        network: &Network,
        treatment: Treatment,
        [width, height]: [usize; 2],
        wanted: &Wanted,
    ) -> Result<Self, TapeError> {
        let mut tape = Tape::new(width, height);
        let values = network.extend(&mut tape, treatment, &wanted.layers())?;
        let (maps, sources) = values.split_at(wanted.maps.len());
        let (of_grams, of_moments) = sources.split_at(wanted.grams.len());
        let name = |layer: usize| &network.architecture.layers()[layer].name;
        let mut keep = maps.to_vec();
        let mut weights = Vec::new();
        let mut weights_of = |tape: &mut Tape, what: &str, source: ValueId, layer: usize| {
            wanted.part.as_ref()?;
            let shape = tape.shape(source)?.with_channels(1);
            let constant = tape.constant_map(&format!("{what} weights {}", name(layer)), shape);
            weights.push((constant, layer));
            Some(constant)
        };
        for (&source, &layer) in of_grams.iter().zip(&wanted.grams) {
            let weights = weights_of(&mut tape, "gram", source, layer);
            keep.push(tape.weighted_gram(&format!("gram:{}", name(layer)), source, weights)?);
        }
        for (&source, &layer) in of_moments.iter().zip(&wanted.moments) {
            let weights = weights_of(&mut tape, "moments", source, layer);
            let name = format!("moments:{}", name(layer));
            keep.push(tape.weighted_moments(&name, source, weights)?);
        }
        let shapes = values
            .iter()
            .filter_map(|&value| tape.shape(value))
            .collect();
        Ok(Self {
            tape,
            keep,
            shapes,
            weights,
        })
    }
}

/// The network up to the `wanted` layers of a picture of this size, and their Gram matrices.
///
/// # Errors
/// A picture too small for a layer.
pub fn features_tape(
    network: &Network,
    treatment: impl Into<Treatment>,
    size: [usize; 2],
    wanted: &Wanted,
) -> Result<Tape, TapeError> {
    Ok(Look::new(network, treatment.into(), size, wanted)?.tape)
}

/// What [`features`] of a picture of this size does to the memory of a device, on `ledger`; everything but
/// scratch memory is given back. Returns what stands in the way on this adapter, however much memory it has.
///
/// # Errors
/// A picture too small for a layer.
pub fn features_on_paper(
    network: &Network,
    treatment: impl Into<Treatment>,
    [width, height]: [usize; 2],
    wanted: &Wanted,
    (preference, strategy, detail): (&Preference, &Strategy, Detail),
    (adapter, ledger): (&Profile, &mut Ledger),
) -> Result<Option<Arc<GpuError>>, TapeError> {
    if wanted.is_nothing() {
        return Ok(None);
    }
    let look = Look::new(network, treatment.into(), [width, height], wanted)?;
    let keep = look.keep;
    let limit = adapter.binding_limit;
    let program = Program::forward_in_detail(look.tape, &keep, strategy, limit, detail);
    let options = RunOptions {
        keep,
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let program = program.with_pooling_in_convolutions(adapter, &options);
    let forecast = Forecast::new(&program, &options, adapter, ledger);
    for constant in &forecast.allocations {
        if constant.purpose == Purpose::Target {
            ledger.write(constant.bytes);
        }
    }
    ledger.write((12 * width * height) as u64);
    ledger.submit();
    let (of_maps, of_others) = look.shapes.split_at(wanted.maps.len());
    let (of_grams, of_moments) = of_others.split_at(wanted.grams.len());
    for &shape in of_maps {
        ledger.read_back(feature_map::bytes(shape));
    }
    for shape in of_grams {
        ledger.read_back((4 * shape.channels * shape.channels) as u64);
    }
    for shape in of_moments {
        ledger.read_back(moments::bytes(shape.channels));
    }
    forecast.drop_on(ledger);
    Ok(forecast.obstacle)
}

/// Shows `picture` to the network and reads back what is `wanted` of it.
///
/// # Errors
/// A picture too small for a layer, or a failure of the device.
pub async fn features(
    gpu: &Gpu,
    network: &Network,
    treatment: impl Into<Treatment>,
    picture: &Picture,
    wanted: &Wanted,
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Features, ObjectiveError> {
    if wanted.is_nothing() {
        return Ok(Features::default());
    }
    let size = [picture.width, picture.height];
    let Look {
        tape,
        keep,
        shapes,
        weights,
    } = Look::new(network, treatment.into(), size, wanted)?;
    let program = Program::forward_with_strategy(tape, &keep, strategy, gpu.binding_limit());
    let options = RunOptions {
        keep: keep.clone(),
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let program = program.with_pooling_in_convolutions(gpu.profile(), &options);
    let executable = Executable::build(gpu, program, &options)?;
    for (constant, layer) in weights {
        if let Some(part) = &wanted.part {
            let weights = part.of_part(network.architecture, layer, size);
            executable.write_map(gpu, constant, &weights);
        }
    }
    executable.write_picture(gpu, &picture.rgb);
    executable.run(gpu);
    let mut features = Features::default();
    let grams = wanted.maps.len()..wanted.maps.len() + wanted.grams.len();
    for (index, (&value, shape)) in keep.iter().zip(shapes).enumerate() {
        let values = executable.read(gpu, value).await?;
        if index < grams.start {
            features.maps.push((shape, values));
        } else if index < grams.end {
            features.grams.push((shape.channels, values));
        } else {
            features.moments.push((shape.channels, values));
        }
    }
    Ok(features)
}
