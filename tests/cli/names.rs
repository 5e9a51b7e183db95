//! Names of files that are no text in UTF-8.
#![cfg(unix)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::workshop::{Outcome, Workshop};

#[test]
fn a_name_that_is_no_text_is_refused_by_its_flag() {
    let workshop = Workshop::with_pictures();
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    let texture = ["texture", "-o", "out.png"];
    let dream = ["dream", "content.png", "-o", "out.png"];
    let gradient = [
        "inspect",
        "gradient",
        "content.png",
        "--at=content.png",
        "-o",
        "g.npy",
    ];
    let cases: [(&[&str], &str, &str); 7] = [
        (&style, "--style", "--style"),
        (&style, "--init", "--init"),
        (&style, "--plot", "--plot"),
        (&style, "--model", "--model"),
        (&dream, "--plot", "--plot"),
        (&gradient, "--style", "--style"),
        // After `--` there are only names.
        (&texture, "--", "STYLE"),
    ];
    for (arguments, flag, name) in cases {
        let mut command = workshop.command(arguments);
        command.arg(flag).arg(OsStr::from_bytes(b"caf\xe9.svg"));
        let outcome = Outcome::of(command.output().unwrap(), arguments);
        outcome.refused(2, &[name, "UTF-8", "rename the file"]);
    }
}
