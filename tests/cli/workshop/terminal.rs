//! A terminal for the command's stderr, on systems that have such a thing.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, ExitStatus, Stdio};

/// Runs `command` with a terminal as its stderr; what came there, and how the command ended.
pub fn in_terminal(command: &mut Command) -> (String, ExitStatus) {
    let (mut ours, mut theirs) = (-1, -1);
    let size = libc::winsize {
        ws_row: 40,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the two numbers are written and the size is read; names and settings may be null.
    let opened = unsafe {
        libc::openpty(
            &mut ours,
            &mut theirs,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            (&raw const size).cast_mut(),
        )
    };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both are open and nobody else's.
    let (ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    command.stdout(Stdio::null()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    // The last handle of ours on their side: with the child's the terminal ends.
    command.stderr(Stdio::null());
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // Linux answers with an error where others tell the end.
    while let Ok(count @ 1..) = (&ours).read(&mut buffer) {
        bytes.extend(&buffer[..count]);
    }
    let status = child.wait().unwrap();
    (String::from_utf8_lossy(&bytes).into_owned(), status)
}
