//! The scratch memory that steps ask for, in the order in which they do.

use super::{Allocation, Purpose, Writer};
use crate::gpu::Asked;
use crate::graph::grad::Step;
use crate::graph::node::{Extent, Op, ValueId};
use crate::kernels::{Pass, gram, matrix_product, moments};
use crate::shape::Shape;

impl Writer<'_> {
    /// The shape of a feature map.
    pub(super) fn map(&self, value: ValueId) -> Shape {
        match self.program.values[value.0].extent {
            Extent::Map(shape) => shape,
            _ => Shape::new(3, 1, 1),
        }
    }

    /// Asks for scratch memory. What a larger one replaces is kept by the steps that bind it.
    pub(super) fn scratch(&mut self, asked: Asked) {
        for (name, bytes) in asked {
            let outgrown = self.ledger.scratch(name, bytes);
            if self.bound.contains(name) && outgrown > 0 {
                let allocation = Allocation::new("outgrown scratch", Purpose::Scratch, outgrown);
                self.forecast.allocations.push(allocation);
            } else {
                self.ledger.free(outgrown);
            }
            self.bound.insert(name);
        }
    }

    /// What the statistics of a feature map, and the distance of such, read as texels.
    pub(super) fn statistics(&mut self, op: &Op, step: &Step) {
        let adapter = self.adapter;
        let masked = step.merge.mask;
        let f = self.map(step.reads[0]);
        match (op, step.pass) {
            (Op::Gram { .. } | Op::Moments { .. }, Pass::Forward) => {
                self.scratch(gram::scratch(adapter, f));
            }
            (Op::Gram { .. }, Pass::Gradient) => {
                let matrix = gram::matrix_bytes(f);
                self.scratch(gram::gradient_scratch(adapter, f, matrix, masked));
            }
            (Op::Moments { .. }, Pass::Gradient) => {
                let matrix = moments::bytes(f.channels);
                self.scratch(gram::gradient_scratch(adapter, f, matrix, masked));
            }
            (Op::WassersteinLoss { .. }, Pass::Forward) => {
                if let Extent::Moments(channels) = self.program.values[step.reads[0].0].extent {
                    self.scratch(matrix_product::scratch(adapter, channels));
                }
            }
            _ => {}
        }
    }
}
