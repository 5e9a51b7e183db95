//! What a visualisation pursues in a layer: a direction of its features, or the features of a picture.

use crate::graph::{Tape, TapeError, ValueId};
use crate::kernels::pool2::Pooling;
use crate::net::{LayerKind, Network};
use crate::shape::Shape;

/// How the features of a layer are compared with the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pursuit {
    /// They shall point along the target, the more of it the better: minus the dot product over M, times the cosine to
    /// this power, see [`crate::reference::alignment_loss`].
    Along {
        /// 0 for channels and neurons, 1 for caricatures.
        power: f32,
    },
    /// They shall be the target: `weight` · mean((F − P)²) (Mahendran & Vedaldi, arXiv 1412.0035).
    Equal {
        /// w.
        weight: f32,
    },
}

/// An objective for one layer, whose target is still to be filled in.
#[derive(Clone, Debug)]
pub struct PursuitTape {
    /// The network up to the layer, and the loss.
    pub tape: Tape,
    /// The constant map that is the target.
    pub target: ValueId,
    /// C, H and W of the layer.
    pub shape: Shape,
}

impl PursuitTape {
    /// The objective for a picture of `size`, W and H, with a term `tv` besides if its weight is not 0. The loss of the
    /// layer comes first and is called after it.
    ///
    /// # Errors
    /// A picture too small for the layer.
    pub fn new(
        network: &Network,
        pooling: Pooling,
        layer: usize,
        pursuit: Pursuit,
        (tv_weight, [width, height]): (f32, [usize; 2]),
    ) -> Result<Self, TapeError> {
        let mut tape = Tape::new(width, height);
        let values = network.extend(&mut tape, pooling, &[layer])?;
        let features = values[0];
        let name = &network.architecture.layers()[layer].name;
        // Whatever a network puts on a tape is a map.
        let shape = tape.shape(features).unwrap_or(Shape::new(0, 0, 0));
        let target = tape.constant_map(&format!("target of {name}"), shape);
        match pursuit {
            Pursuit::Along { power } => {
                let name = format!("along:{name}");
                tape.alignment_loss(&name, features, target, (-1.0, power))?;
            }
            Pursuit::Equal { weight } => {
                tape.content_loss(&format!("equal:{name}"), features, target, weight)?;
            }
        }
        if tv_weight != 0.0 {
            tape.tv_loss("tv", tv_weight)?;
        }
        Ok(Self {
            tape,
            target,
            shape,
        })
    }
}

/// The convolution before a ReLU, else the layer itself. A channel that is negative everywhere has no gradient behind its
/// ReLU, and nothing would ever wake it.
pub fn before_relu(network: &Network, layer: usize) -> usize {
    match network.architecture.layers()[layer].kind {
        LayerKind::Relu => layer - 1,
        _ => layer,
    }
}

/// The direction along `channels`, each with its weight, in a layer of `shape`: their means over all positions, or their
/// values at one (column and row) if `position` names it. Planar (C, H, W).
pub fn direction(
    shape: Shape,
    channels: &[(usize, f32)],
    position: Option<[usize; 2]>,
) -> Vec<f32> {
    let positions = shape.pixels();
    let mut direction = vec![0.0; shape.len()];
    for &(channel, weight) in channels {
        let plane = &mut direction[channel * positions..(channel + 1) * positions];
        match position {
            None => plane.fill(weight),
            // The loss divides by M.
            Some([column, row]) => plane[row * shape.width + column] = weight * positions as f32,
        }
    }
    direction
}
