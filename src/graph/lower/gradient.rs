//! Steps back, from the losses to the picture.

use std::sync::Arc;

use super::Builder;
use crate::gpu::{GpuError, Recorder};
use crate::graph::filters::Use;
use crate::graph::grad::Step;
use crate::graph::node::Op;
use crate::kernels::conv3x3::{self, Epilogue, Filter};
use crate::kernels::{
    alignment_loss, content_loss, crop, dream_loss, gram, guide_loss, moments, normalise,
    picture_input, pool2, relu, style_loss, tv_loss, wasserstein_loss,
};
use crate::shape::Border;

impl Builder<'_> {
    /// Records a gradient step: at once, or what it adds by itself, normalised.
    pub(in crate::graph) fn gradient(
        &mut self,
        recorder: &mut Recorder<'_>,
        step: &Step,
    ) -> Result<(), GpuError> {
        let Some((first, pull)) = self.program.share(step) else {
            return self.share(recorder, step);
        };
        self.share(recorder, &first)?;
        // By the rule of `grad`.
        let [share, partials, norm] = step.workspaces[..] else {
            return Ok(());
        };
        let workspace = normalise::Workspace {
            partials: self.buffer(partials),
            norm: self.buffer(norm),
        };
        let (share, gf) = (self.map(share), self.map(step.write));
        let f = step.merge.mask.then(|| self.map(step.reads[0]));
        let source = (&share, f.as_ref());
        normalise::record(recorder, pull, source, workspace, &gf, step.merge)
    }

    /// Records what a step writes into the gradient of its map, or adds to it.
    fn share(&mut self, recorder: &mut Recorder<'_>, step: &Step) -> Result<(), GpuError> {
        let node = &self.program.tape.nodes()[step.node];
        let (reads, merge) = (&step.reads, step.merge);
        // By the rule of `grad`: forward values first, the gradient of the output last.
        let gy = reads[reads.len() - 1];
        match &node.op {
            Op::PictureInput { transform, window } => {
                let gx = self.planar(self.buffer(step.write));
                picture_input::gradient(recorder, *transform, &self.map(gy), *window, gx, merge)
            }
            Op::Conv3x3 { filter, border, .. } => {
                self.convolution_gradient(recorder, step, filter, *border)
            }
            Op::Relu => {
                let (y, gx) = (self.map(reads[0]), self.map(step.write));
                relu::gradient(recorder, &y, &self.map(gy), &gx, merge)
            }
            Op::Pool(pooling) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = (reads.len() > 1).then(|| self.map(reads[0]));
                pool2::gradient(recorder, *pooling, x.as_ref(), &gy, &gx, merge)
            }
            Op::Crop(window) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = merge.mask.then(|| self.map(reads[0]));
                crop::gradient(recorder, *window, x.as_ref(), &gy, &gx, merge)
            }
            Op::Paste(placement) => {
                let (gy, gx) = (self.map(gy), self.map(step.write));
                let x = merge.mask.then(|| self.map(reads[0]));
                crop::paste_gradient(recorder, *placement, x.as_ref(), &gy, &gx, merge)
            }
            Op::Gram { positions } => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let (gg, weights) = (self.buffer(gy), self.weights(step, 1));
                let source = (&f, weights.as_ref());
                gram::gradient(recorder, self.gpu, gg, source, &gf, *positions, merge)
            }
            Op::Moments { positions } => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let (gm, weights) = (self.buffer(gy), self.weights(step, 1));
                let source = (&f, weights.as_ref());
                moments::gradient(recorder, self.gpu, gm, source, &gf, *positions, merge)
            }
            Op::ContentLoss { weight } => {
                let (f, target) = (self.map(reads[0]), self.map(reads[1]));
                let (weights, gf) = (self.weights(step, 2), self.map(step.write));
                let source = (&f, weights.as_ref());
                content_loss::gradient(recorder, *weight, source, &target, &gf, merge)
            }
            Op::DreamLoss(goal) => {
                let (f, gf) = (self.map(reads[0]), self.map(step.write));
                let total = self.total_at(node.output, false);
                dream_loss::gradient(recorder, *goal, (&f, &total), &gf, merge)
            }
            Op::GuideLoss(goal) => {
                let (x, guide) = (self.map(reads[0]), self.map(reads[1]));
                let (outcome, gx) = (self.buffer(reads[2]), self.map(step.write));
                guide_loss::gradient(recorder, *goal, (&x, &guide, outcome), &gx, merge)
            }
            Op::StyleLoss { weight } => {
                let channels = self.channels(reads[0]);
                let matrices = [reads[0], reads[1], step.write].map(|value| self.buffer(value));
                style_loss::gradient(recorder, *weight, channels, matrices, merge);
                Ok(())
            }
            Op::WassersteinLoss { .. } => {
                let buffers = [reads[0], step.write].map(|value| self.buffer(value));
                wasserstein_loss::gradient(recorder, self.channels(step.write), buffers, merge);
                Ok(())
            }
            Op::AlignmentLoss { .. } => {
                let (f, direction) = (self.map(reads[0]), self.map(reads[1]));
                // A loss has no gradient of its own, so what comes last is what its value left.
                let (outcome, gf) = (self.buffer(gy), self.map(step.write));
                alignment_loss::gradient(recorder, [&f, &direction], outcome, &gf, merge)
            }
            Op::TvLoss { weight } => {
                let (height, width) = self.program.tape.picture_size();
                let gx = self.buffer(step.write);
                tv_loss::gradient(recorder, *weight, [width, height], &self.picture, gx, merge)
            }
        }
    }

    /// Convolves with the turned filter, through the switches of a maximum where one is fused with it. What a replicated
    /// border saw outside goes back to the edge.
    fn convolution_gradient(
        &mut self,
        recorder: &mut Recorder<'_>,
        step: &Step,
        filter: &Arc<Filter>,
        border: Border,
    ) -> Result<(), GpuError> {
        let (reads, merge) = (&step.reads, step.merge);
        let (gy, gx) = (self.map(reads[reads.len() - 1]), self.map(step.write));
        let turned = self.filter(step, filter, gx.shape)?;
        let x = merge.mask.then(|| self.map(reads[0]));
        let epilogue = Epilogue::of_gradient(merge, x.as_ref());
        if step.pooled.is_some() {
            let switches = self.switches(step, reads[reads.len() - 2]);
            let maps = [&gy, &gx];
            return conv3x3::record_unpooled(recorder, &turned, maps, &switches, epilogue);
        }
        let around = border.of_gradient();
        conv3x3::record(recorder, &turned, around, &gy, &gx, epilogue)?;
        if border == Border::Replicate {
            let wanted = Use::of(self.program, step, gx.shape);
            let plain = self.filters.get_for_fold(filter, &wanted)?;
            conv3x3::replicate::fold(recorder, &plain, &gy, &gx, epilogue.mask)?;
        }
        Ok(())
    }
}
