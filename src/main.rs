//! The `impasto` command. Everything it does is in `cli`; this file only starts it.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_mesa();
    cli::run()
}

/// Mesa's drivers complain on stderr when there is no runtime directory, which is usual in containers.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this is the first thing that the process does; no other thread can be reading the
        // environment yet.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}
