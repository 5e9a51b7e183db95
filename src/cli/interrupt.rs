//! Ctrl-C: the first one asks for a clean end, the second one leaves at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::failure::Code;
use super::terminal::tell;

/// A flag that the first Ctrl-C raises, or SIGTERM, or SIGHUP when the terminal is closed.
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
        let outlives_terminal = outlives_terminal();
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                leave();
            }
            tell("\nfinishing this step and saving; press Ctrl-C again to leave at once");
        });
        if outlives_terminal {
            ignore_hang_up();
        }
        interrupt
    }

    /// Whether it was pressed.
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whether SIGHUP is ignored from the start, as `nohup` has it: then the run is to go on when the terminal is closed.
#[cfg(unix)]
fn outlives_terminal() -> bool {
    // SAFETY: all of the structure is numbers and an optional function, for which zeros are valid.
    let mut current: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: with no new action the system only writes to `current`, which outlives the call.
    let answer = unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut current) };
    answer == 0 && current.sa_sigaction == libc::SIG_IGN
}

/// There is no such signal.
#[cfg(not(unix))]
fn outlives_terminal() -> bool {
    false
}

#[cfg(unix)]
fn ignore_hang_up() {
    // SAFETY: nothing runs in this process when an ignored signal arrives.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}

#[cfg(not(unix))]
fn ignore_hang_up() {}

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
