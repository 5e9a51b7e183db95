//! Heads of a tape whose gradients are normalised.

use super::super::node::{Op, ValueId};
use super::{Tape, TapeError};

impl Tape {
    /// Lets the node that makes `head`, a Gram matrix or moments of a map or a content or dream loss, pull on its map with
    /// a gradient whose absolute values add up to `pull`, whatever its weight and however far away its target is: its
    /// gradient g becomes pull · g / (‖g‖₁ + ε), before it is added to others, see [`crate::reference::normalise`]. The
    /// value of a loss stays what it is, and what goes back to the picture is the gradient of no function.
    ///
    /// # Errors
    /// Another value.
    pub fn normalise(&mut self, head: ValueId, pull: f32) -> Result<(), TapeError> {
        let goes_to_a_map = |op: &Op| match op {
            Op::Gram { .. } | Op::Moments { .. } | Op::ContentLoss { .. } | Op::DreamLoss(_) => {
                true
            }
            Op::PictureInput { .. }
            | Op::Conv3x3 { .. }
            | Op::Relu
            | Op::Pool(_)
            | Op::Crop(_)
            | Op::Paste(_)
            | Op::StyleLoss { .. }
            | Op::WassersteinLoss { .. }
            | Op::GuideLoss(_)
            | Op::AlignmentLoss { .. }
            | Op::TvLoss { .. } => false,
        };
        let producer = self.value(head).producer;
        match producer.map(|node| &mut self.nodes[node]) {
            Some(node) if goes_to_a_map(&node.op) => {
                node.pull = Some(pull);
                Ok(())
            }
            _ => Err(TapeError::NotNormalised {
                node: self.value(head).name.clone(),
            }),
        }
    }
}
