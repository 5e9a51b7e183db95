//! Reverse mode: from a tape to the list of steps that computes its values and the gradient at the picture.

use std::collections::BTreeMap;

use super::lineage::{ancestors, descendants};
use super::node::{Extent, Op, Value, ValueId};
use super::strategy::Strategy;
use super::tape::Tape;
use super::unroll::{Detail, Goal, Order, unroll};
use crate::kernels::sum::PARTIALS;
use crate::kernels::{Merge, Pass};
use crate::kernels::{
    alignment_loss, feature_map, gram, guide_loss, moments, tv_loss, wasserstein_loss,
};
use crate::shape::Shape;

/// One entry of a program.
#[derive(Clone, Debug)]
pub struct Step {
    /// Index of the node on the tape.
    pub node: usize,
    /// Direction.
    pub pass: Pass,
    /// Values that it reads.
    pub reads: Vec<ValueId>,
    /// The value that it writes, or adds to.
    pub write: ValueId,
    /// How it joins what others have written there.
    pub merge: Merge,
    /// Scratch memory, in the order in which its kernels want it: alive during this step alone, but for what a loss
    /// finds on its way to the value and its gradient step reads.
    pub workspaces: Vec<ValueId>,
    /// Of a convolution: the node of the pooling after it, if that is fused into it,
    /// see [`Program::with_pooling_in_convolutions`].
    pub pooled: Option<usize>,
}

/// Steps in order, and all values that they touch: those of the tape, then gradients and workspaces.
#[derive(Clone, Debug)]
pub struct Program {
    /// The tape it was made from, followed by the nodes of tiles and those that are computed again.
    pub tape: Tape,
    /// Every value; ids of the tape keep their meaning.
    pub values: Vec<Value>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// The gradient at the picture, if anything reaches it.
    pub picture_gradient: Option<ValueId>,
}

impl Program {
    /// The value behind an id, of the tape or not.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Only forward, and only the nodes that the `wanted` values depend on: a loss is left out unless it is one of them.
    pub fn forward(tape: Tape, wanted: &[ValueId], binding_limit: u64) -> Self {
        let needed = ancestors(&tape, wanted);
        let order = schedule(&tape, &needed);
        let order = order.into_iter().map(|node| (node, Pass::Forward));
        Self::from_order(tape, order.collect(), binding_limit)
    }

    /// As [`Program::forward`], with no more of the picture at once than `strategy` says.
    pub fn forward_with_strategy(
        tape: Tape,
        wanted: &[ValueId],
        strategy: &Strategy,
        binding_limit: u64,
    ) -> Self {
        Self::forward_in_detail(tape, wanted, strategy, binding_limit, Detail::Full)
    }

    /// As [`Program::forward_with_strategy`], or a sketch of it.
    pub fn forward_in_detail(
        mut tape: Tape,
        wanted: &[ValueId],
        strategy: &Strategy,
        binding_limit: u64,
        detail: Detail,
    ) -> Self {
        if !strategy.is_plain()
            && let Some(order) = unroll(&mut tape, wanted, strategy, (Goal::Values, detail))
        {
            return Self::from_order(tape, order, binding_limit);
        }
        Self::forward(tape, wanted, binding_limit)
    }

    /// Forward to every loss, then back to the picture. Nodes from which no loss can be reached, and
    /// gradients that would not reach the picture, are left out.
    pub fn with_gradient(tape: Tape, binding_limit: u64) -> Self {
        let needed = ancestors(&tape, &tape.loss_values());
        let forward = schedule(&tape, &needed);
        let moved = descendants(&tape);
        let is_moved = |node: &usize| moved[tape.nodes[*node].inputs[0].0];
        let back = forward.iter().rev().copied().filter(is_moved);
        let mut order: Order = forward.iter().map(|&node| (node, Pass::Forward)).collect();
        order.extend(back.map(|node| (node, Pass::Gradient)));
        Self::from_order(tape, order, binding_limit)
    }

    /// As [`Program::with_gradient`], the same gradient in less memory: with no more of the picture at once,
    /// and no more maps kept, than `strategy` says. A tape whose losses compare two computed maps with each
    /// other gets the plain program.
    pub fn with_strategy(tape: Tape, strategy: &Strategy, binding_limit: u64) -> Self {
        Self::in_detail(tape, strategy, binding_limit, Detail::Full)
    }

    /// As [`Program::with_strategy`], or a sketch of it.
    pub fn in_detail(
        mut tape: Tape,
        strategy: &Strategy,
        binding_limit: u64,
        detail: Detail,
    ) -> Self {
        let losses = tape.loss_values();
        if !strategy.is_plain()
            && let Some(order) = unroll(&mut tape, &losses, strategy, (Goal::Gradient, detail))
        {
            return Self::from_order(tape, order, binding_limit);
        }
        Self::with_gradient(tape, binding_limit)
    }

    fn from_order(tape: Tape, order: Order, binding_limit: u64) -> Self {
        let mut program = Self {
            values: tape.values.clone(),
            steps: Vec::with_capacity(order.len()),
            picture_gradient: None,
            tape,
        };
        let values = program.values.len();
        // How many shares of the gradient each value still waits for, and how many it has.
        let mut missing = vec![0usize; values];
        for &(node, pass) in &order {
            if pass == Pass::Gradient {
                missing[program.tape.nodes[node].inputs[0].0] += 1;
            }
        }
        let mut gradients: Vec<Option<ValueId>> = vec![None; values];
        let mut written = vec![false; values];
        let mut outcomes = BTreeMap::new();
        for (node, pass) in order {
            match pass {
                Pass::Forward => {
                    let outcome = program.push_forward(node, &mut written, binding_limit);
                    outcomes.extend(outcome.map(|outcome| (node, outcome)));
                }
                Pass::Gradient => {
                    let outcome = outcomes.get(&node).copied();
                    let shares = (&mut gradients[..], &mut missing[..]);
                    program.push_gradient(node, outcome, shares, binding_limit);
                }
            }
        }
        program.picture_gradient = gradients[program.tape.picture().0];
        program
    }

    /// Returns what its gradient step reads beside values of the tape.
    fn push_forward(
        &mut self,
        node: usize,
        written: &mut [bool],
        binding_limit: u64,
    ) -> Option<ValueId> {
        let tape_node = &self.tape.nodes[node];
        let (reads, write) = (tape_node.inputs.clone(), tape_node.output);
        let leaves = what_the_value_leaves(&self.tape, node);
        let before = std::mem::replace(&mut written[write.0], true);
        // Tiles add their shares to sums; into a whole map each writes what is its own.
        let extent = self.tape.value(write).extent;
        let is_sum = extent.is_statistics() || matches!(extent, Extent::Loss(_));
        let mut workspaces: Vec<ValueId> = forward_workspaces(&self.tape, node, binding_limit)
            .into_iter()
            .map(|bytes| self.add_value("workspace", Extent::Workspace(bytes)))
            .collect();
        let outcome = leaves.map(|extent| self.add_value("outcome", extent));
        workspaces.extend(outcome);
        self.steps.push(Step {
            node,
            pass: Pass::Forward,
            reads,
            write,
            merge: Merge {
                accumulate: before && is_sum,
                mask: false,
            },
            workspaces,
            pooled: None,
        });
        outcome
    }

    fn push_gradient(
        &mut self,
        node: usize,
        outcome: Option<ValueId>,
        (gradients, missing): (&mut [Option<ValueId>], &mut [usize]),
        binding_limit: u64,
    ) {
        let tape_node = &self.tape.nodes[node];
        let (x, y, is_normalised) = (
            tape_node.inputs[0],
            tape_node.output,
            tape_node.pull.is_some(),
        );
        missing[x.0] -= 1;
        let merge = Merge {
            accumulate: gradients[x.0].is_some(),
            mask: missing[x.0] == 0 && self.came_out_of_a_fused_relu(x),
        };
        let mut reads =
            forward_values_for_gradient(&tape_node.op, &tape_node.inputs, y, merge.mask);
        reads.extend(outcome);
        // A loss has no gradient of its own: it starts the chain.
        reads.extend(gradients[y.0]);
        let write = match gradients[x.0] {
            Some(gradient) => gradient,
            None => {
                let gradient = self.add_gradient(x);
                gradients[x.0] = Some(gradient);
                gradient
            }
        };
        let workspaces = match is_normalised {
            true => self.add_share(x, binding_limit),
            false => vec![],
        };
        self.steps.push(Step {
            node,
            pass: Pass::Gradient,
            reads,
            write,
            merge,
            workspaces,
            pooled: None,
        });
    }

    fn came_out_of_a_fused_relu(&self, x: ValueId) -> bool {
        let producer = self.tape.value(x).producer;
        producer
            .is_some_and(|node| matches!(self.tape.nodes[node].op, Op::Conv3x3 { relu: true, .. }))
    }

    fn add_gradient(&mut self, of: ValueId) -> ValueId {
        let value = &self.values[of.0];
        let (name, extent) = (format!("gradient of {}", value.name), value.extent);
        self.add_value(&name, extent)
    }

    pub(super) fn add_value(&mut self, name: &str, extent: Extent) -> ValueId {
        self.values.push(Value {
            name: name.to_string(),
            extent,
            producer: None,
        });
        ValueId(self.values.len() - 1)
    }
}

/// The `needed` nodes in an order that keeps gradients short-lived: statistics and losses right
/// after the map they look at. Going back, a map's gradient then starts with the share of the next
/// layer, and the losses add theirs just before it is used up.
fn schedule(tape: &Tape, needed: &[bool]) -> Vec<usize> {
    let is_head = |node: usize| {
        let extent = tape.value(tape.nodes[node].output).extent;
        extent.is_statistics() || matches!(extent, Extent::Loss(_))
    };
    let mut placed = vec![false; tape.nodes.len()];
    let mut order = Vec::new();
    for node in (0..tape.nodes.len()).filter(|&node| needed[node]) {
        if placed[node] {
            continue;
        }
        placed[node] = true;
        order.push(node);
        for head in node + 1..tape.nodes.len() {
            let ready =
                |input: &ValueId| tape.value(*input).producer.is_none_or(|node| placed[node]);
            let inputs = &tape.nodes[head].inputs;
            if needed[head] && !placed[head] && is_head(head) && inputs.iter().all(ready) {
                placed[head] = true;
                order.push(head);
            }
        }
    }
    order
}

/// What the gradient of an op reads beside the gradient of its output, in the order its kernel wants.
fn forward_values_for_gradient(
    op: &Op,
    inputs: &[ValueId],
    y: ValueId,
    mask: bool,
) -> Vec<ValueId> {
    match op {
        Op::PictureInput { .. } => vec![],
        // A convolution goes back by its weights, and a crop and a paste only move gy, as the average does; they need the map
        // itself for a mask alone.
        Op::Conv3x3 { .. } | Op::Crop(_) | Op::Paste(_) if !mask => vec![],
        Op::Pool(pooling) if !mask && !pooling.gradient_reads_x() => vec![],
        Op::Conv3x3 { .. }
        | Op::Crop(_)
        | Op::Paste(_)
        | Op::Pool(_)
        | Op::DreamLoss(_)
        | Op::TvLoss { .. } => vec![inputs[0]],
        Op::Relu => vec![y],
        Op::Gram { .. }
        | Op::Moments { .. }
        | Op::ContentLoss { .. }
        | Op::StyleLoss { .. }
        | Op::AlignmentLoss { .. }
        | Op::GuideLoss(_) => inputs.to_vec(),
        // Its value has left the gradient.
        Op::WassersteinLoss { .. } => vec![],
    }
}

/// What a loss finds on its way to the value and its gradient reads.
fn what_the_value_leaves(tape: &Tape, node: usize) -> Option<Extent> {
    let node = &tape.nodes[node];
    match node.op {
        // The gradient itself.
        Op::WassersteinLoss { .. } => Some(tape.value(node.inputs[0]).extent),
        Op::AlignmentLoss { .. } => Some(Extent::Workspace(alignment_loss::OUTCOME_BYTES)),
        Op::GuideLoss(_) => {
            let shape = tape.shape(node.inputs[0])?;
            Some(Extent::Workspace(guide_loss::outcome_bytes(shape)))
        }
        _ => None,
    }
}

/// In how many slices the kernels take the map `x`.
pub(super) fn slices_of(tape: &Tape, x: ValueId, binding_limit: u64) -> usize {
    let map = tape.shape(x).unwrap_or(Shape::new(0, 0, 0));
    // A map that no binding can hold is refused when the program is recorded.
    feature_map::slices(map, binding_limit).map_or(1, |slices| slices.len())
}

/// Bytes of the scratch buffers that a forward step needs.
fn forward_workspaces(tape: &Tape, node: usize, binding_limit: u64) -> Vec<u64> {
    let x = tape.nodes[node].inputs[0];
    let map = || tape.shape(x).unwrap_or(Shape::new(0, 0, 0));
    let slices = || slices_of(tape, x, binding_limit);
    let partials = (PARTIALS * size_of::<f32>()) as u64;
    match tape.nodes[node].op {
        Op::ContentLoss { .. } | Op::DreamLoss(_) => vec![partials * slices() as u64],
        Op::AlignmentLoss { .. } => vec![alignment_loss::partial_bytes(slices())],
        Op::StyleLoss { .. } => vec![partials],
        Op::GuideLoss(goal) => {
            let guide = tape.shape(tape.nodes[node].inputs[1]).unwrap_or(map());
            let candidates = guide_loss::candidate_bytes(goal.correspondence, [map(), guide]);
            vec![partials, candidates]
        }
        Op::WassersteinLoss { .. } => match tape.value(x).extent {
            Extent::Moments(channels) => wasserstein_loss::workspace_bytes(channels).to_vec(),
            _ => vec![],
        },
        Op::TvLoss { .. } => {
            let (height, width) = tape.picture_size();
            let bands = tv_loss::bands([width, height], binding_limit).unwrap_or(1);
            vec![partials * bands as u64]
        }
        Op::Gram { .. } => vec![gram::workspace_bytes(map())],
        Op::Moments { .. } => vec![moments::workspace_bytes(map())],
        Op::PictureInput { .. }
        | Op::Conv3x3 { .. }
        | Op::Relu
        | Op::Pool(_)
        | Op::Crop(_)
        | Op::Paste(_) => vec![],
    }
}
