//! What every test on a device needs: the device, and a way to wait for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;

use impasto::gpu::{Gpu, GpuOptions};

/// The adapter with all that it offers, opened once for all tests of a file.
// Tests that open devices of their own have no use for it.
#[allow(dead_code)]
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| open(&GpuOptions::default()))
}

/// Opens the adapter. Without one there is nothing to test, and that is a failure.
pub fn open(options: &GpuOptions) -> Gpu {
    pollster::block_on(Gpu::open(options))
        .unwrap_or_else(|error| panic!("these tests run on a device, but {error}"))
}

/// Runs `future` to its end and polls the device meanwhile.
pub fn wait<T>(gpu: &Gpu, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    pollster::block_on(poll_fn(|context| {
        let outcome = future.as_mut().poll(context);
        if outcome.is_pending() {
            // A failure to poll means a lost device, which the future itself reports.
            let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
            context.waker().wake_by_ref();
        }
        outcome
    }))
}
