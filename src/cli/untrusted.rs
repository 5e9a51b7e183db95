//! Command lines and records that a stranger may have written: they are read here as in every run, and not obeyed.
//! `fuzz/` looks for some that do harm; the tests below keep what was found.

use std::cell::RefCell;
use std::ffi::OsString;
use std::sync::LazyLock;

use clap::CommandFactory;
use tempfile::NamedTempFile;

use super::arguments::Arguments;
use super::failure::{Failure, Refusal};
use super::resume;

/// Flags that name a file to be read with the command line itself.
const READING: [&str; 2] = ["--resume", "--from"];

/// Words of a command line without the command's own name, with a zero byte between two.
pub fn options(bytes: &[u8]) {
    let words = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = words.split('\0').collect();
    // What is there to be read would be another one on every machine.
    if words
        .iter()
        .any(|word| READING.iter().any(|flag| word.starts_with(flag)))
    {
        return;
    }
    read(words.into_iter().map(OsString::from));
}

/// The text of a record, in a picture that is to be painted anew; its length picks the command.
pub fn record(bytes: &[u8]) {
    static PICTURE: LazyLock<NamedTempFile> =
        LazyLock::new(|| NamedTempFile::with_suffix(".png").expect("a temporary file"));
    let body = [b"iTXtimpasto\0\0\0\0\0", bytes].concat();
    let length = (body.len() as u32 - 4).to_be_bytes();
    // Nobody looks at a checksum or for more chunks before the picture is decoded.
    let file = [&b"\x89PNG\r\n\x1a\n"[..], &length, &body, b"sum!"].concat();
    std::fs::write(PICTURE.path(), file).expect("the temporary file");
    let command = ["style", "texture", "dream", "visualize"][bytes.len() % 4];
    let words = [command, "-o", "anew.png", "--from"].map(OsString::from);
    let picture = PICTURE.path().as_os_str().to_os_string();
    read(words.into_iter().chain([picture]));
}

/// Reads the words that follow the command's own name; what is wrong with them is said in few words.
fn read(words: impl Iterator<Item = OsString>) {
    thread_local! {
        // Its definition costs a hundred times what most command lines do.
        static COMMAND: RefCell<clap::Command> = RefCell::new(Arguments::command());
    }
    let words = std::iter::once(OsString::from("impasto")).chain(words);
    let failure = match COMMAND.with_borrow_mut(|command| resume::parse_with(command, words)) {
        Ok(_) => return,
        Err(Refusal::Clap(answer)) if super::is_help(&answer) => return,
        Err(refusal) => Failure::from(refusal),
    };
    assert!(!failure.message.is_empty());
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn each(target: &str, read: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/untrusted/seeds")
            .join(target);
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // Names the file where the next line panics.
            println!("{}", path.display());
            read(&std::fs::read(path).unwrap());
            count += 1;
        }
        assert!(count >= 10, "{count} seeds in {}", folder.display());
    }

    #[test]
    fn command_lines() {
        each("options", super::options);
    }

    #[test]
    fn records() {
        each("record", super::record);
    }
}
