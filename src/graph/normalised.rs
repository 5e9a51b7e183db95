//! Gradient steps that are normalised: what a head makes of its map goes to scratch memory, where its norm is taken, and from
//! there joins the shares of others.

use super::grad::{Program, Step, slices_of};
use super::node::{Extent, ValueId};
use crate::kernels::{Merge, Pass, normalise};

impl Program {
    /// Scratch memory of a share that is normalised before it is added to the gradient of `x`: the share, partial sums, and
    /// their sum.
    pub(super) fn add_share(&mut self, x: ValueId, binding_limit: u64) -> Vec<ValueId> {
        let extent = self.values[x.0].extent;
        let slices = slices_of(&self.tape, x, binding_limit);
        let sums = [normalise::partial_bytes(slices), normalise::NORM_BYTES];
        let sums = sums.map(Extent::Workspace);
        let workspaces = [extent].into_iter().chain(sums);
        workspaces
            .map(|extent| self.add_value("workspace", extent))
            .collect()
    }

    /// What a gradient step does first that is to be normalised, with its pull: it writes its share where no other is. `None`
    /// for all other steps.
    pub(super) fn share(&self, step: &Step) -> Option<(Step, f32)> {
        let pull = self.tape.nodes[step.node].pull?;
        let (Pass::Gradient, Some(&share)) = (step.pass, step.workspaces.first()) else {
            return None;
        };
        let first = Step {
            write: share,
            merge: Merge::default(),
            workspaces: vec![],
            ..step.clone()
        };
        Some((first, pull))
    }
}
