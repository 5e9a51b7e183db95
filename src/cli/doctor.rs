//! `impasto doctor`: is there an adapter, and does every kernel compute on it what it should?

use impasto::doctor::check_all;
use impasto::gpu::GpuError;

use super::arguments::Common;
use super::failure::{Code, Failure};
use super::terminal::print;
use super::wait::wait;
use super::{explain, open_gpu};

/// Runs the command.
pub fn run(common: &Common) -> Result<(), Failure> {
    let gpu = open_gpu(common).map_err(with_remedy)?;
    let adapter = gpu.adapter();
    print(format_args!(
        "adapter    {} ({}, {:?})",
        adapter.name,
        adapter.kind_in_words(),
        adapter.backend
    ))?;
    print(format_args!("driver     {}", adapter.driver))?;
    print(format_args!(
        "limits     buffers up to {} MiB, bindings up to {} MiB",
        gpu.limits().max_buffer_size >> 20,
        gpu.binding_limit() >> 20
    ))?;
    print(format_args!(
        "subgroups  {}",
        if gpu.has_subgroups() { "yes" } else { "no" }
    ))?;
    let checks = wait(
        &gpu,
        check_all(&gpu, |check| {
            let verdict = if check.passed() { "ok  " } else { "FAIL" };
            explain(
                common,
                format!(
                    "{verdict} {} ({:.1e} of {:.1e})",
                    check.name, check.deviation, check.tolerance
                ),
            );
        }),
    )?;
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    for check in &failed {
        print(format_args!(
            "FAIL       {}: off by {:.1e}, allowed {:.1e}",
            check.name, check.deviation, check.tolerance
        ))?;
    }
    if failed.is_empty() {
        print(format_args!(
            "kernels    all {} checks agree with the CPU reference",
            checks.len()
        ))?;
        return Ok(());
    }
    Err(Failure {
        code: Code::Internal,
        message: format!(
            "{} of {} kernel checks failed on `{}`; update its driver or choose another --adapter",
            failed.len(),
            checks.len(),
            adapter.name
        ),
    })
}

/// Says what to install where there is no adapter at all.
fn with_remedy(failure: Failure) -> Failure {
    if failure.message != GpuError::NoAdapter.to_string() {
        return failure;
    }
    let remedy = if cfg!(target_os = "linux") {
        "on Debian or Ubuntu install mesa-vulkan-drivers, on Fedora mesa-vulkan-drivers, on Arch vulkan-swrast or your card's vulkan package"
    } else if cfg!(target_os = "macos") {
        "Metal comes with macOS 10.13 and later, so update the system"
    } else {
        "install the current driver of your graphics card"
    };
    Failure {
        message: format!("no usable GPU adapter was found; {remedy}"),
        ..failure
    }
}
