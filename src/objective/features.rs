//! What the network sees in one picture: feature maps and Gram matrices, read back to the host.

use super::ObjectiveError;
use crate::gpu::Gpu;
use crate::graph::{Executable, Program, RunOptions, Strategy, Tape, ValueId};
use crate::image::Picture;
use crate::kernels::conv3x3::Preference;
use crate::kernels::pool2::Pooling;
use crate::net::Network;
use crate::shape::Shape;

/// Layers to look at, by index in the architecture.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Layers whose whole map is wanted.
    pub maps: Vec<usize>,
    /// Layers whose Gram matrix is wanted.
    pub grams: Vec<usize>,
}

/// Features of one picture, in the order of [`Wanted`].
#[derive(Clone, Debug)]
pub struct Features {
    /// Shape and planar (C, H, W) values.
    pub maps: Vec<(Shape, Vec<f32>)>,
    /// C and the (C, C) entries, row-major.
    pub grams: Vec<(usize, Vec<f32>)>,
}

/// Shows `picture` to `network`, whose convolutions run as `preference` says, no more of it at once than
/// `strategy` says, and reads what is `wanted`.
///
/// # Errors
/// A picture too small for a layer, or a failure of the device.
pub async fn features(
    gpu: &Gpu,
    network: &Network,
    pooling: Pooling,
    picture: &Picture,
    wanted: &Wanted,
    preference: &Preference,
    strategy: &Strategy,
) -> Result<Features, ObjectiveError> {
    let mut tape = Tape::new(picture.width, picture.height);
    let layers: Vec<usize> = wanted.maps.iter().chain(&wanted.grams).copied().collect();
    let values = network.extend(&mut tape, pooling, &layers)?;
    let (maps, sources) = values.split_at(wanted.maps.len());
    let mut grams = Vec::with_capacity(sources.len());
    for (&source, &layer) in sources.iter().zip(&wanted.grams) {
        let name = format!("gram:{}", network.architecture.layers()[layer].name);
        grams.push(tape.gram(&name, source)?);
    }
    let keep: Vec<ValueId> = maps.iter().chain(&grams).copied().collect();
    let shapes: Vec<Shape> = values
        .iter()
        .filter_map(|&value| tape.shape(value))
        .collect();
    let program = Program::forward_with_strategy(tape, &keep, strategy, gpu.binding_limit());
    let options = RunOptions {
        keep,
        preference: preference.clone(),
        ..RunOptions::default()
    };
    let executable = Executable::build(gpu, program, &options)?;
    executable.write_picture(gpu, &picture.rgb);
    executable.run(gpu);
    let mut features = Features {
        maps: Vec::new(),
        grams: Vec::new(),
    };
    for (&map, &shape) in maps.iter().zip(&shapes) {
        features
            .maps
            .push((shape, executable.read(gpu, map).await?));
    }
    for (&gram, shape) in grams.iter().zip(&shapes[maps.len()..]) {
        features
            .grams
            .push((shape.channels, executable.read(gpu, gram).await?));
    }
    Ok(features)
}
