//! How many dispatches a step records, and what stands in the way of them. Where that depends on more than the slices of one
//! map, the kernel's own file says it.

use std::sync::Arc;

use super::Writer;
use crate::gpu::GpuError;
use crate::graph::grad::Step;
use crate::graph::node::Op;
use crate::kernels::Pass;
use crate::kernels::conv3x3::Variant;
use crate::kernels::dream_loss::Measure;
use crate::kernels::feature_map::slices;
use crate::kernels::{
    crop, gram, guide_loss, moments, normalise, picture_input, tv_loss, wasserstein_loss,
};
use crate::shape::{Border, Shape};

impl Writer<'_> {
    /// The weights and the scratch memory of a step; returns how many dispatches it records.
    pub(super) fn step(&mut self, step: &Step) -> usize {
        match self.program.share(step) {
            None => self.share(step),
            Some((first, _)) => {
                let share = self.share(&first);
                let (map, limit) = (self.map(step.write), self.adapter.binding_limit);
                share + self.or_obstacle(normalise::dispatches(map, limit))
            }
        }
    }

    /// The same of a step whose share of a gradient nobody normalises.
    fn share(&mut self, step: &Step) -> usize {
        let op = &self.program.tape.nodes()[step.node].op;
        self.statistics(op, step);
        let (height, width) = self.program.tape.picture_size();
        let (size, limit) = ([width, height], self.adapter.binding_limit);
        let recorded = match (op, step.pass) {
            (Op::PictureInput { window, .. }, pass) => {
                picture_input::dispatches(pass, size, (*window, step.merge), limit)
            }
            (Op::Conv3x3 { .. }, _) => Ok(self.convolutions(op, step)),
            (Op::Crop(_) | Op::Paste(_), _) => {
                crop::dispatches(self.source_and_result(step), limit)
            }
            (Op::Gram { .. }, Pass::Forward) => {
                gram::dispatches(self.adapter, self.map(step.reads[0]))
            }
            (Op::Moments { .. }, Pass::Forward) => {
                moments::dispatches(self.adapter, self.map(step.reads[0]))
            }
            (Op::GuideLoss(goal), pass) => {
                let maps = [step.reads[0], step.reads[1]].map(|value| self.map(value));
                guide_loss::dispatches(pass, goal.correspondence, maps, limit)
            }
            (Op::StyleLoss { .. }, Pass::Forward) => Ok(2),
            (Op::WassersteinLoss { .. }, Pass::Forward) => {
                Ok(wasserstein_loss::dispatches(self.leaves_a_gradient(step)))
            }
            (Op::StyleLoss { .. } | Op::WassersteinLoss { .. }, Pass::Gradient) => Ok(1),
            (Op::TvLoss { .. }, pass) => {
                let bands = tv_loss::bands(size, limit);
                bands.map(|bands| bands + usize::from(pass == Pass::Forward))
            }
            _ => self.in_slices(op, step),
        };
        self.or_obstacle(recorded)
    }

    /// By the slices of one map alone.
    fn in_slices(&self, op: &Op, step: &Step) -> Result<usize, GpuError> {
        let is_loss = matches!(
            op,
            Op::ContentLoss { .. } | Op::DreamLoss(_) | Op::AlignmentLoss { .. }
        );
        let map = match (step.pass, op) {
            // Slices are those of the input, where the output is smaller or no map.
            (Pass::Forward, _) if is_loss || matches!(op, Op::Pool(_)) => step.reads[0],
            _ => step.write,
        };
        let pieces = slices(self.map(map), self.adapter.binding_limit)?.len();
        Ok(match (op, step.pass) {
            // Slices add up in slices.
            (Op::Gram { .. } | Op::Moments { .. }, Pass::Gradient) => pieces * pieces,
            // And the sum of all, of which the root may be taken.
            (Op::DreamLoss(goal), Pass::Forward) if goal.measure == Measure::Root => pieces + 2,
            (_, Pass::Forward) if is_loss => pieces + 1,
            _ => pieces,
        })
    }

    fn convolutions(&mut self, op: &Op, step: &Step) -> usize {
        let Op::Conv3x3 { filter, border, .. } = op else {
            return 0;
        };
        let shape = self.program.convolved(step);
        // Whatever the variant, a plane must fit a binding.
        let pieces = slices(shape, self.adapter.binding_limit);
        self.or_obstacle(pieces.map(|pieces| pieces.len()));
        let dispatches = self.convolution(filter, step, shape);
        match (border, step.pass) {
            (Border::Replicate, Pass::Gradient) => {
                dispatches + self.convolution_by(Variant::Plain, filter, step, shape)
            }
            _ => dispatches,
        }
    }

    /// Whether a step reads what the value of a distance can leave.
    fn leaves_a_gradient(&self, step: &Step) -> bool {
        let mut steps = self.program.steps.iter();
        let outcome = step.workspaces.last();
        outcome.is_some_and(|outcome| steps.any(|step| step.reads.contains(outcome)))
    }

    /// The shapes of the map that a step takes on its way, or of the gradient that it takes back, and of what it makes of it.
    pub(super) fn source_and_result(&self, step: &Step) -> [Shape; 2] {
        let from = match step.pass {
            Pass::Forward => step.reads[0],
            // By the rule of `grad`: the gradient of the output comes last.
            Pass::Gradient => step.reads[step.reads.len() - 1],
        };
        [from, step.write].map(|value| self.map(value))
    }

    /// A number of dispatches, or the reason why they cannot be recorded.
    fn or_obstacle(&mut self, dispatches: Result<usize, GpuError>) -> usize {
        dispatches.unwrap_or_else(|refusal| {
            self.forecast.obstacle.get_or_insert(Arc::new(refusal));
            1
        })
    }
}
