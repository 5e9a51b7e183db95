//! Which layers a benchmark takes: those that `--layer` names, or every convolution and the style layers of recipe gatys.

use std::collections::BTreeSet;

use impasto::net::{Architecture, LayerKind};
use impasto::paint::gatys;

use super::Failure;
use crate::cli::style::find_layer;

/// Indices of the convolutions that are meant, from the picture upwards. A convolution also goes by the ReLU after it.
pub fn convolutions(architecture: Architecture, names: &[String]) -> Result<Vec<usize>, Failure> {
    if names.is_empty() {
        return Ok(architecture
            .convolutions()
            .map(|(index, ..)| index)
            .collect());
    }
    let convolution = |name: &String| {
        let index = find_layer(architecture, name)?;
        match architecture.layers()[index].kind {
            LayerKind::Convolution { .. } => Ok(index),
            LayerKind::Relu => Ok(index - 1),
            LayerKind::Pool => Err(Failure::usage(format!(
                "--layer {name} is no convolution; name one, such as {}",
                architecture.layers()[index - 2].name
            ))),
        }
    };
    in_order(names.iter().map(convolution))
}

/// Indices of the layers whose maps are meant, from the picture upwards; something of a picture of `size` is left at each.
pub fn maps(
    architecture: Architecture,
    names: &[String],
    size: u32,
) -> Result<Vec<usize>, Failure> {
    if names.is_empty() {
        let terms = gatys(architecture).style;
        return Ok(terms.iter().map(|term| term.layer).collect());
    }
    let map = |name: &String| {
        let index = find_layer(architecture, name)?;
        let least = architecture.downscale(index);
        if (size as usize) < least {
            return Err(Failure::usage(format!(
                "nothing is left at --layer {name} of {size} pixels; --size must be at least {least}"
            )));
        }
        Ok(index)
    };
    in_order(names.iter().map(map))
}

/// Each of them once.
fn in_order(layers: impl Iterator<Item = Result<usize, Failure>>) -> Result<Vec<usize>, Failure> {
    let layers: BTreeSet<usize> = layers.collect::<Result<_, _>>()?;
    Ok(layers.into_iter().collect())
}
