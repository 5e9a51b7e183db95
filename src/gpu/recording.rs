//! What a [`super::Recorder`] made: one submit a run, or several for one that would take a GPU long.

use std::ops::Range;
use std::sync::Arc;

use super::encoding::Copy;
use super::pipeline::Pipeline;
use super::{Encoding, Gpu};

/// Operations of one submit, at most, unless a single dispatch has more: a second on a small GPU that does 0.4 TFLOP/s at best
/// and half of it here. Drivers reset the device when a submit takes two, and nothing else is drawn meanwhile.
pub(super) const SUBMIT_FLOP: u64 = 200_000_000_000;

/// What runs, for reports.
#[derive(Clone, Debug)]
pub struct DispatchInfo {
    /// The label that was current while it was recorded: a node of the tape.
    pub label: Arc<str>,
    /// Name of the kernel.
    pub kernel: String,
    /// See [`super::Command::flop`].
    pub flop: u64,
    /// Arithmetic operations that it really does, see [`super::Recorder::set_real_flop`].
    pub real_flop: u64,
    /// See [`super::Command::bytes`].
    pub bytes: u64,
}

/// One dispatch with everything bound, and the copies that it waits for.
pub(super) struct Dispatch {
    pub(super) copies: Vec<Copy>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) bind_group: wgpu::BindGroup,
    pub(super) workgroups: [u32; 3],
}

impl Dispatch {
    /// The dispatch alone.
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Dispatches in a fixed order with everything bound; encode it as often as needed.
pub struct Recording {
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) infos: Vec<DispatchInfo>,
}

impl Recording {
    /// What runs, in order.
    pub fn infos(&self) -> &[DispatchInfo] {
        &self.infos
    }

    /// Appends every dispatch.
    pub fn encode(&self, encoding: &mut Encoding<'_>) {
        self.encode_range(0..self.dispatches.len(), encoding);
    }

    /// Appends the last part to an encoding in which nothing stands yet. What is before it, if all of it is too much
    /// for one submit, runs at once in submits of its own.
    pub fn encode_in_parts(&self, gpu: &Gpu, encoding: &mut Encoding<'_>) {
        let mut parts = parts(&self.infos, SUBMIT_FLOP);
        let last = parts.pop().unwrap_or(0..0);
        for part in parts {
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            self.encode_range(part, &mut Encoding::new(&mut encoder));
            gpu.submit(encoder.finish());
        }
        self.encode_range(last, encoding);
    }

    /// Appends all of `before` and then the last part to an encoding in which nothing stands yet. What lies between, if there is
    /// more than one part, runs at once, after `before`.
    pub fn encode_in_parts_after(
        &self,
        before: &Recording,
        gpu: &Gpu,
        encoding: &mut Encoding<'_>,
    ) {
        if parts(&self.infos, SUBMIT_FLOP).len() > 1 {
            before.submit(gpu);
        } else {
            before.encode(encoding);
        }
        self.encode_in_parts(gpu, encoding);
    }

    fn encode_range(&self, range: Range<usize>, encoding: &mut Encoding<'_>) {
        for index in range {
            self.encode_one(index, encoding);
        }
    }

    /// Appends the dispatch at `index`, and before it the copies that it waits for.
    pub fn encode_one(&self, index: usize, encoding: &mut Encoding<'_>) {
        let dispatch = &self.dispatches[index];
        for copy in &dispatch.copies {
            encoding.copy(copy);
        }
        dispatch.encode(encoding.compute());
    }

    /// Runs these dispatches alone, in a submit of their own; of none, the submit is all that it costs.
    pub fn submit_range(&self, gpu: &Gpu, dispatches: Range<usize>) {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        self.encode_range(dispatches, &mut Encoding::new(&mut encoder));
        gpu.submit(encoder.finish());
    }

    /// Runs everything: one encoder and one submit, or one of each for every part.
    pub fn submit(&self, gpu: &Gpu) {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        self.encode_in_parts(gpu, &mut Encoding::new(&mut encoder));
        gpu.submit(encoder.finish());
    }
}

/// Runs of dispatches that are submitted together: as long as they can be with at most `most` operations.
pub(super) fn parts(infos: &[DispatchInfo], most: u64) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut flop) = (0, 0u64);
    for (index, info) in infos.iter().enumerate() {
        if index > start && flop + info.flop > most {
            parts.push(start..index);
            (start, flop) = (index, 0);
        }
        flop += info.flop;
    }
    if start < infos.len() {
        parts.push(start..infos.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_dispatch_once_and_no_more_than_they_may() {
        let info = |flop| DispatchInfo {
            label: "".into(),
            kernel: String::new(),
            flop,
            real_flop: flop,
            bytes: 0,
        };
        let of = |flop: &[u64]| {
            let infos: Vec<_> = flop.iter().map(|&flop| info(flop)).collect();
            parts(&infos, 10)
        };
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[3, 3, 4]), vec![0..3]);
        assert_eq!(of(&[3, 3, 5, 5, 1]), vec![0..2, 2..4, 4..5]);
        assert_eq!(of(&[1, 50, 1]), vec![0..1, 1..2, 2..3]);
    }
}
