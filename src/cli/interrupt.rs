//! Ctrl-C: the first one asks for a clean end, the second one leaves at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::failure::Code;
use super::terminal::tell;

/// A flag that the first Ctrl-C (or SIGTERM) raises.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Installs the handler, once for all runs of a process. If the system refuses, Ctrl-C just ends the process as
    /// usual.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Interrupt> = OnceLock::new();
        INSTALLED.get_or_init(Self::with_handler).clone()
    }

    fn with_handler() -> Self {
        let interrupt = Self::default();
        let flag = Arc::clone(&interrupt.0);
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                leave();
            }
            tell("\nfinishing this step and saving; press Ctrl-C again to leave at once");
        });
        interrupt
    }

    /// Whether it was pressed.
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Ends the process with nothing tidied up. The exit handlers of drivers would pull the ground from under
/// the threads that are still at work for them: Mesa's software driver crashed in one of thirty tries.
#[cfg(unix)]
fn leave() -> ! {
    // SAFETY: _exit takes any number, never returns and touches no memory of this process.
    unsafe { libc::_exit(Code::Interrupted as i32) }
}

/// Ends the process.
#[cfg(not(unix))]
fn leave() -> ! {
    std::process::exit(Code::Interrupted as i32)
}
