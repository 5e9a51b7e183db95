//! Panics: faults of impasto itself, but for one, by which wgpu says that the device is lost.

use std::panic::{PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::process::ExitCode;

use impasto::gpu::LOST_IN_POLL;

use super::failure::Code;

/// Runs `command`. A panic in it is reported by Rust, and the exit code is that of our own faults.
pub fn caught(command: fn() -> ExitCode) -> ExitCode {
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        if !is_a_loss(panic) {
            report(panic);
        }
    }));
    catch_unwind(command).unwrap_or(ExitCode::from(Code::Internal as u8))
}

/// Whether [`impasto::gpu::Gpu::wait`] catches it.
fn is_a_loss(panic: &PanicHookInfo<'_>) -> bool {
    let message = panic.payload_as_str();
    message.is_some_and(|message| message.starts_with(LOST_IN_POLL))
}
