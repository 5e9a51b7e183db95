//! `impasto man`: manual pages, made of the same text as `--help`.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use impasto::image::write_atomically;

use super::arguments::{Arguments, Common, ManArguments};
use super::failure::Failure;
use super::say;
use super::series::Folder;
use super::terminal::print;

/// What every page ends with.
const EXIT_STATUS: &str = ".SH \"EXIT STATUS\"
0 done, 1 something else is wrong, 2 usage, 3 no usable adapter, 4 bad input, 5 would not fit in memory, 6 device lost,
130 interrupted, with what was painted so far saved.
";

/// Runs the command.
pub fn run(common: &Common, arguments: &ManArguments) -> Result<(), Failure> {
    let mut command = Arguments::command();
    // Gives subcommands their whole names and the flags that all have.
    command.build();
    let Some(folder) = &arguments.out_dir else {
        return print(String::from_utf8_lossy(&page(&command)?).trim_end());
    };
    let folder = Folder::open("out-dir", folder)?;
    let number = write(&command, folder.path())?;
    let shown = folder.path().display();
    say(common, format!("{number} pages in `{shown}`"));
    Ok(())
}

/// Writes the pages of `command` and of all below it; how many.
fn write(command: &Command, folder: &Path) -> Result<usize, Failure> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    write_atomically(&folder.join(format!("{name}.1")), &page(command)?)?;
    let below = command.get_subcommands();
    below
        .map(|command| write(command, folder))
        .sum::<Result<usize, _>>()
        .map(|below| below + 1)
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    render(&man, command, &mut page).map_err(|error| {
        Failure::bad_input(format!(
            "the manual page cannot be made ({error}); see `impasto --help`"
        ))
    })?;
    Ok(in_ascii(&String::from_utf8_lossy(&page)).into_bytes())
}

/// `page` with letters that not every roff reads as it names them: `√` is `\[u221A]`.
fn in_ascii(page: &str) -> String {
    let letter = |letter: char| match letter {
        letter if letter.is_ascii() => letter.to_string(),
        letter => format!("\\[u{:04X}]", u32::from(letter)),
    };
    page.chars().map(letter).collect()
}

/// The sections in their usual order.
fn render(man: &Man, command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    page.extend(EXIT_STATUS.as_bytes());
    Ok(())
}
