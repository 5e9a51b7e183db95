//! What every test on a device needs: the device, and a way to wait for it.

use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::sync::OnceLock;

use impasto::gpu::{Gpu, GpuOptions};
use impasto::net::{Network, Weights};

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

/// The bundled network `name`, `vgg19` or `vgg16`, read once for all tests of a file.
// Most tests of kernels and tapes have no use for it.
#[allow(dead_code)]
pub fn network(name: &str) -> &'static Network {
    static NETWORKS: [OnceLock<Network>; 2] = [const { OnceLock::new() }; 2];
    NETWORKS[usize::from(name == "vgg16")].get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("weights/{name}.npz"));
        let bytes = std::fs::read(path).unwrap();
        Network::new(Weights::from_bytes(&bytes, name).unwrap())
    })
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
