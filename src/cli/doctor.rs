//! `impasto doctor`: is there an adapter, and does every kernel compute on it what it should?

use impasto::doctor::check_all;
use impasto::gpu::GpuError;

use super::arguments::Common;
use super::bench::flop_rate;
use super::failure::{Code, Failure};
use super::terminal::print;
use super::wait::wait;
use super::{explain, open_gpu};
use remedy::{Need, System};

mod remedy;

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
        if gpu.has_subgroups() {
            "yes"
        } else {
            "no, or of fewer than eight lanes"
        }
    ))?;
    print(format_args!(
        "speed      {:.0} GFLOP/s of fused multiply-adds",
        flop_rate(&gpu)? / 1e9
    ))?;
    if adapter.is_software() {
        print("software   for a graphics card, if there is one, install its driver:")?;
        print_remedies(System::of_this_machine(), Need::Card)?;
    }
    let checks = wait(
        &gpu,
        check_all(&gpu, |check| {
            let verdict = if check.passed() { "ok  " } else { "FAIL" };
            explain(
                common,
                format!("{verdict} {} {}", check.name, check.finding()),
            );
        }),
    )?;
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    for check in &failed {
        print(format_args!(
            "FAIL       {} {}",
            check.name,
            check.finding()
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

/// Says what to install where there is no adapter at all: first for the system that this is.
fn with_remedy(failure: Failure) -> Failure {
    if failure.message != GpuError::NoAdapter.to_string() {
        return failure;
    }
    let here = System::of_this_machine();
    // A pipe that is closed is no reason to lose the exit code.
    let _ = print("no adapter: what to install, by system");
    let _ = print_remedies(here, Need::Any);
    let remedy = here.map_or("install one as listed above".to_string(), |here| {
        format!("on {}: {}", here.name(), here.remedy(Need::Any))
    });
    Failure {
        message: format!("no usable GPU adapter was found; {remedy}"),
        ..failure
    }
}

/// A line for each system, that of this machine first.
fn print_remedies(here: Option<System>, need: Need) -> Result<(), Failure> {
    for system in System::all_from(here) {
        let mark = if Some(system) == here { '*' } else { ' ' };
        print(format_args!(
            "{mark} {:16} {}",
            system.name(),
            system.remedy(need)
        ))?;
    }
    Ok(())
}
