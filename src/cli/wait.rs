//! The only place that blocks: drives a future and polls the device meanwhile.

use std::future::{Future, poll_fn};
use std::pin::pin;

use impasto::gpu::Gpu;

/// Runs `future` to its end; whenever it waits for the device, so do we.
pub fn wait<T>(gpu: &Gpu, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    pollster::block_on(poll_fn(|context| {
        let outcome = future.as_mut().poll(context);
        if outcome.is_pending() {
            // What is read from a lost device ends with that at its next turn.
            gpu.wait();
            context.waker().wake_by_ref();
        }
        outcome
    }))
}
