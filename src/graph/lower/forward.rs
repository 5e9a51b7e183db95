//! Steps forward: layers, statistics and the values of losses.

use super::Builder;
use crate::gpu::{GpuError, Recorder};
use crate::graph::grad::Step;
use crate::graph::node::Op;
use crate::kernels::conv3x3::{self, Epilogue};
use crate::kernels::guide_loss::GuideBuffers;
use crate::kernels::{
    alignment_loss, content_loss, crop, dream_loss, gram, guide_loss, moments, picture_input,
    pool2, relu, style_loss, tv_loss, wasserstein_loss,
};

impl Builder<'_> {
    /// Records a forward step.
    pub(in crate::graph) fn forward(
        &mut self,
        recorder: &mut Recorder<'_>,
        step: &Step,
    ) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let x = step.reads[0];
        match &node.op {
            Op::PictureInput { transform, window } => {
                let x = self.planar(&self.picture);
                picture_input::forward(recorder, *transform, x, *window, &self.map(step.write))
            }
            Op::Conv3x3 {
                filter,
                relu,
                border,
            } => {
                let (x, y) = (self.map(x), self.map(step.write));
                let filter = self.filter(step, filter, self.program.unpooled(step))?;
                if let (Some(_), Some(&switches)) = (step.pooled, step.workspaces.first()) {
                    let switches = self.switches(step, switches);
                    return conv3x3::record_pooled(recorder, &filter, *border, [&x, &y], &switches);
                }
                let epilogue = Epilogue {
                    relu: *relu,
                    ..Epilogue::default()
                };
                conv3x3::record(recorder, &filter, *border, &x, &y, epilogue)
            }
            Op::Relu => relu::forward(recorder, &self.map(x), &self.map(step.write)),
            Op::Pool(pooling) => {
                pool2::forward(recorder, *pooling, &self.map(x), &self.map(step.write))
            }
            Op::Crop(window) => {
                crop::forward(recorder, *window, &self.map(x), &self.map(step.write))
            }
            Op::Paste(placement) => {
                crop::paste(recorder, *placement, &self.map(x), &self.map(step.write))
            }
            Op::Gram { positions } => gram::forward(
                recorder,
                gram::Tiling::choose(self.gpu),
                (&self.map(x), self.weights(step, 1).as_ref()),
                self.scratch(step),
                self.buffer(step.write),
                gram::Share {
                    positions: *positions,
                    accumulate: step.merge.accumulate,
                },
            ),
            Op::Moments { positions } => moments::forward(
                recorder,
                gram::Tiling::choose(self.gpu),
                (&self.map(x), self.weights(step, 1).as_ref()),
                self.scratch(step),
                self.buffer(step.write),
                gram::Share {
                    positions: *positions,
                    accumulate: step.merge.accumulate,
                },
            ),
            op @ (Op::ContentLoss { .. }
            | Op::DreamLoss(_)
            | Op::GuideLoss(_)
            | Op::StyleLoss { .. }
            | Op::WassersteinLoss { .. }
            | Op::AlignmentLoss { .. }
            | Op::TvLoss { .. }) => self.loss(recorder, op, step),
        }
    }

    fn loss(&self, recorder: &mut Recorder<'_>, op: &Op, step: &Step) -> Result<(), GpuError> {
        let x = step.reads[0];
        let (partials, total) = (self.scratch(step), self.total(step));
        match op {
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(x), self.map(step.reads[1]));
                let weights = self.weights(step, 2);
                let source = (&f, weights.as_ref());
                content_loss::value(recorder, *weight, source, &target, partials, &total)
            }
            Op::DreamLoss(goal) => {
                dream_loss::value(recorder, *goal, &self.map(x), partials, &total)
            }
            Op::GuideLoss(goal) => {
                let maps = (&self.map(x), &self.map(step.reads[1]));
                let buffers: Vec<&wgpu::Buffer> = step
                    .workspaces
                    .iter()
                    .map(|&value| self.buffer(value))
                    .collect();
                // By the rule of `grad`: the outcome comes last.
                if let [partials, candidates, outcome] = buffers[..] {
                    let buffers = GuideBuffers {
                        partials,
                        candidates,
                        outcome,
                    };
                    guide_loss::value(recorder, *goal, maps, buffers, &total)?;
                }
                Ok(())
            }
            Op::StyleLoss { weight } => {
                let matrices = [self.buffer(x), self.buffer(step.reads[1])];
                style_loss::value(
                    recorder,
                    *weight,
                    self.channels(x),
                    matrices,
                    partials,
                    &total,
                );
                Ok(())
            }
            Op::WassersteinLoss { weight } => {
                let buffers = step.workspaces.iter().map(|&value| self.buffer(value));
                let buffers: Vec<&wgpu::Buffer> = buffers.collect();
                let distance = wasserstein_loss::Distance {
                    weight: *weight,
                    channels: self.channels(x),
                    moments: self.buffer(x),
                    target: self.buffer(step.reads[1]),
                };
                // By the rule of `grad`: the outcome comes last. Without a gradient step nobody reads it.
                if let Some(workspace) = wasserstein_loss::Workspace::new(&buffers) {
                    let with_gradient = self.is_read(step.workspaces.last());
                    wasserstein_loss::value(
                        recorder,
                        self.gpu,
                        distance,
                        &workspace,
                        &total,
                        with_gradient,
                    )?;
                }
                Ok(())
            }
            Op::AlignmentLoss { weight, power } => {
                let (f, direction) = (self.map(x), self.map(step.reads[1]));
                // By the rule of `grad`: the outcome comes last.
                let outcome = step.workspaces[step.workspaces.len() - 1];
                let of = alignment_loss::Alignment {
                    weight: *weight,
                    power: *power,
                    f: &f,
                    direction: &direction,
                };
                alignment_loss::value(recorder, of, partials, &total, self.buffer(outcome))
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let (size, picture) = ([width, height], &self.picture);
                tv_loss::value(recorder, *weight, size, picture, partials, &total)
            }
            _ => Ok(()),
        }
    }
}
