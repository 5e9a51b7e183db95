//! Which nodes of a tape depend on which.

use super::node::ValueId;
use super::tape::Tape;

/// Which nodes the `wanted` values depend on.
pub(super) fn ancestors(tape: &Tape, wanted: &[ValueId]) -> Vec<bool> {
    let mut needed = vec![false; tape.nodes.len()];
    let mut open: Vec<usize> = wanted
        .iter()
        .filter_map(|&id| tape.value(id).producer)
        .collect();
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut needed[node], true) {
            let inputs = &tape.nodes[node].inputs;
            open.extend(inputs.iter().filter_map(|&id| tape.value(id).producer));
        }
    }
    needed
}

/// Which values depend on the picture through first inputs, the ones that carry gradients.
pub(super) fn descendants(tape: &Tape) -> Vec<bool> {
    let mut moved = vec![false; tape.values.len()];
    moved[tape.picture().0] = true;
    for node in &tape.nodes {
        moved[node.output.0] = moved[node.inputs[0].0];
    }
    moved
}
