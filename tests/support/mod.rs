//! What every test on a device needs: the device, and a way to wait for it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, OnceLock};

use impasto::gpu::{Gpu, GpuOptions};
use impasto::net::{Network, Weights};

/// The adapter with all that it offers.
// Tests that open devices of their own have no use for it.
#[allow(dead_code)]
pub fn gpu() -> &'static Gpu {
    borrow(&GpuOptions::default())
}

/// A device with `options` that this thread has to itself while it lives: a device does one thing at a time, and that
/// may be to compile for many seconds, for which no other test is to wait.
#[allow(dead_code)]
pub fn borrow(options: &GpuOptions) -> &'static Gpu {
    thread_local!(static BORROWED: RefCell<Borrowed> = const { RefCell::new(Borrowed(Vec::new())) });
    BORROWED.with_borrow_mut(|Borrowed(devices)| {
        let of_options = |(known, _): &Device| known == options;
        if let Some(mine) = devices.iter().position(of_options) {
            return devices[mine].1;
        }
        let mut free = FREE.lock().unwrap();
        let device = match free.iter().position(of_options) {
            Some(known) => free.swap_remove(known),
            None => (options.clone(), &*Box::leak(Box::new(open(options)))),
        };
        devices.push(device);
        devices[devices.len() - 1].1
    })
}

type Device = (GpuOptions, &'static Gpu);

/// Devices that no thread has.
static FREE: Mutex<Vec<Device>> = Mutex::new(Vec::new());

/// What a thread gives back when it ends.
struct Borrowed(Vec<Device>);

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Ok(mut free) = FREE.lock() {
            free.append(&mut self.0);
        }
    }
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
            gpu.wait();
            context.waker().wake_by_ref();
        }
        outcome
    }))
}
