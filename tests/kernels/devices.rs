//! The adapter as it is, with every run-time check, with nothing beyond what WebGPU guarantees, and with texels where it
//! prefers buffers or the other way round.

use impasto::doctor::Check;
use impasto::gpu::{Gpu, GpuError, GpuOptions};

use crate::support::{borrow, gpu, wait};

/// The adapter with every run-time check.
pub fn checked() -> &'static Gpu {
    borrow(&GpuOptions {
        checked: true,
        ..GpuOptions::default()
    })
}

/// The adapter with default limits and without subgroup operations.
pub fn portable() -> &'static Gpu {
    borrow(&GpuOptions {
        portable: true,
        ..GpuOptions::default()
    })
}

/// The adapter whose kernels read texels if those of [`gpu`] do not, and buffers if they do.
pub fn other_loads() -> &'static Gpu {
    borrow(&GpuOptions {
        prefers_texels: Some(!gpu().profile().prefers_texels),
        ..GpuOptions::default()
    })
}

/// Runs `checks` on all four devices; every one must pass.
pub fn everywhere(checks: impl AsyncFn(&Gpu) -> Result<Vec<Check>, GpuError>) {
    for (device, gpu) in [
        ("as it is", gpu()),
        ("checked", checked()),
        ("portable", portable()),
        ("with the other loads", other_loads()),
    ] {
        let checks = wait(gpu, checks(gpu)).unwrap();
        assert!(
            !checks.is_empty(),
            "nothing was checked on the adapter {device}"
        );
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
        assert!(failed.is_empty(), "on the adapter {device}: {failed:#?}");
        let largest = checks
            .iter()
            .map(|check| check.deviation)
            .fold(0.0, f64::max);
        println!(
            "{device}: {} checks, deviations up to {largest:.1e}",
            checks.len()
        );
    }
}
