//! The passes of a step: what each reads and writes, for every slot of the ring.

use std::ops::Range;

use super::{Buffers, Memory};
use crate::gpu::{Kernel, Recorder};
use crate::kernels::lbfgs::{self, PassParams};

/// Numbers of the passes, in the order of their recording; those with a slot are `first + slot`.
pub(super) struct Passes {
    pub(super) measure: usize,
    pub(super) judge: usize,
    pub(super) judge_first: usize,
    pub(super) begin: usize,
    pub(super) descend: usize,
    pub(super) turn: usize,
    pub(super) ascend: usize,
    pub(super) aim: usize,
    pub(super) decide: usize,
    pub(super) advance: usize,
}

/// Rows of partial sums. Every pass writes another row than it reads, because its workgroups run at once.
pub(super) struct Rows {
    /// Row of sᵀq of slot i is `first_loop + i`.
    first_loop: usize,
    /// Row of yᵀr of slot i is `second_loop + i`.
    second_loop: usize,
    pair: usize,
    descent: usize,
    pub(super) all: usize,
}

pub(super) fn rows(history: usize) -> Rows {
    Rows {
        first_loop: 0,
        second_loop: history,
        pair: 2 * history,
        descent: 2 * history + 1,
        all: 2 * history + 2,
    }
}

/// What one pass binds: its kernel, its parameters, its buffers.
type Bound<'b> = (&'static Kernel, PassParams, Vec<&'b wgpu::Buffer>);

/// Appends passes and numbers them, so that they can be found again.
struct PassRecorder<'r, 'g> {
    recorder: &'r mut Recorder<'g>,
    history: usize,
    dispatches: Vec<Range<usize>>,
}

impl PassRecorder<'_, '_> {
    /// Appends one pass and returns its number.
    fn one(&mut self, (kernel, params, buffers): Bound<'_>) -> usize {
        let start = self.dispatches.last().map_or(0, |last| last.end);
        let count = lbfgs::pass(self.recorder, kernel, params, &buffers);
        self.dispatches.push(start..start + count);
        self.dispatches.len() - 1
    }

    /// Appends a pass for every slot of the ring and returns the number of that of slot 0.
    fn per_slot<'b>(&mut self, make: impl Fn(usize) -> Bound<'b>) -> usize {
        let first = self.dispatches.len();
        for slot in 0..self.history {
            let (kernel, params, buffers) = make(slot);
            self.one((kernel, PassParams { slot, ..params }, buffers));
        }
        first
    }
}

/// Records every pass that any step can need and returns where each kind begins, and the dispatches of each.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    buffers: &Buffers<'_>,
    params: PassParams,
) -> (Passes, Vec<Range<usize>>) {
    let history = params.history;
    let Buffers {
        x,
        gradient: g,
        partials,
        direction: d,
        memory,
    } = buffers;
    let Memory {
        state,
        last_x,
        last_gradient: last_g,
        s,
        y,
    } = memory;
    let Rows {
        first_loop,
        second_loop,
        pair,
        descent,
        ..
    } = rows(history);
    let older = |slot: usize| (slot + history - 1) % history;
    let newer = |slot: usize| (slot + 1) % history;
    let between = |from_row, into_row| PassParams {
        from_row,
        into_row,
        ..params
    };
    // Step 0 counts as pair 0, in the last slot of the ring.
    let at_first = PassParams {
        first: true,
        slot: older(0),
        ..between(pair, 0)
    };

    let mut passes = PassRecorder {
        recorder,
        history,
        dispatches: Vec::new(),
    };
    let kinds = Passes {
        measure: passes.per_slot(|i| {
            let bound = vec![partials, *g, last_g, last_x, *x, &s[i], &y[i]];
            (&lbfgs::MEASURE, between(0, pair), bound)
        }),
        judge: passes.per_slot(|_| (&lbfgs::JUDGE, between(pair, 0), vec![state, partials])),
        judge_first: passes.one((&lbfgs::JUDGE, at_first, vec![state, partials])),
        begin: passes.per_slot(|i| {
            let bound = vec![state, partials, *g, last_g, d, &s[i]];
            (&lbfgs::BEGIN, between(0, first_loop + i), bound)
        }),
        descend: passes.per_slot(|i| {
            let bound = vec![state, partials, d, &s[older(i)], &y[i]];
            (
                &lbfgs::DESCEND,
                between(first_loop + i, first_loop + older(i)),
                bound,
            )
        }),
        turn: passes.per_slot(|i| {
            let bound = vec![state, partials, d, &y[i]];
            (&lbfgs::TURN, between(0, second_loop + i), bound)
        }),
        ascend: passes.per_slot(|i| {
            let bound = vec![state, partials, d, &s[i], &y[newer(i)]];
            (
                &lbfgs::ASCEND,
                between(second_loop + i, second_loop + newer(i)),
                bound,
            )
        }),
        aim: passes.one((&lbfgs::AIM, between(0, descent), vec![partials, *g, d])),
        decide: passes.one((&lbfgs::DECIDE, between(descent, 0), vec![state, partials])),
        advance: passes.one((
            &lbfgs::ADVANCE,
            params,
            vec![state, *g, last_g, d, *x, last_x],
        )),
    };
    (kinds, passes.dispatches)
}
