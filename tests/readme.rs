//! Every command and every flag that the README shows is run here, on small pictures.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn readme() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap()
}

/// A folder with every file that the README's commands name.
fn workshop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        std::fs::copy(Path::new(ROOT).join(from), folder.path().join(to)).unwrap();
    };
    for photo in ["photo.jpg", "photo.png", "sketch.png"] {
        copy("tests/golden/content.png", photo);
    }
    for painting in ["painting.jpg", "painting.png", "a.jpg", "b.jpg"] {
        copy("tests/golden/style.png", painting);
    }
    for mask in ["left.png", "right.png", "face.png"] {
        copy("tests/golden/content.png", mask);
    }
    for part in ["half.png", "sky.png"] {
        copy("tests/golden/style.png", part);
    }
    copy("tests/pictures/proof/press.icc", "press.icc");
    // What a file is shows in its first bytes, not in its name.
    copy("weights/vgg16.npz", "my.safetensors");
    folder
}

/// Lines of the README's shell blocks, without comments.
fn shell_lines() -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in readme().lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let command = line.split(" #").next().unwrap_or_default().trim();
            lines.push(command.to_string());
        }
    }
    lines
}

/// Sets `flag` to `value`, wherever it was.
fn set(words: &mut Vec<String>, flag: &str, value: &str) {
    if let Some(at) = words.iter().position(|word| word == flag) {
        words[at + 1] = value.to_string();
    } else {
        words.extend([flag.to_string(), value.to_string()]);
    }
}

/// Takes `mark` and the file after it out of `words`.
fn redirection(words: &mut Vec<String>, mark: &str) -> Option<String> {
    let at = words.iter().position(|word| word == mark)?;
    words.drain(at..at + 2).nth(1)
}

/// Where Mesa's cache is, which a new home would hide: it would compile every kernel again.
fn driver_cache() -> PathBuf {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    cache.or_else(home).unwrap_or_else(std::env::temp_dir)
}

/// Runs `impasto` with the words of `line` after its name, made small.
fn run(folder: &Path, line: &str) {
    let mut words: Vec<String> = line.split_whitespace().skip(1).map(String::from).collect();
    match words[0].as_str() {
        "style" | "sweep" => {
            set(&mut words, "--size", "48");
            set(&mut words, "--iterations", "1");
        }
        "texture" => {
            set(&mut words, "--size", "48x48");
            set(&mut words, "--style-size", "48");
            set(&mut words, "--iterations", "1");
        }
        "visualize" => {
            set(&mut words, "--size", "32");
            set(&mut words, "--iterations", "1");
        }
        "dream" => {
            set(&mut words, "--size", "48");
            set(&mut words, "--iterations", "1");
        }
        "bench" => {
            set(&mut words, "--size", "32");
            set(&mut words, "--runs", "1");
            if words.iter().any(|word| word == "--tune") {
                set(&mut words, "--layer", "conv4_1");
            }
        }
        _ => {}
    }
    let from = redirection(&mut words, "<").map(|name| File::open(folder.join(name)).unwrap());
    let to = redirection(&mut words, ">");
    let output = Command::new(env!("CARGO_BIN_EXE_impasto"))
        .args(&words)
        .current_dir(folder)
        .env("IMPASTO_CACHE", folder.join("cache"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("HOME", folder)
        .env("MESA_SHADER_CACHE_DIR", driver_cache())
        .stdin(from.map_or(Stdio::null(), Stdio::from))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`{line}` as {words:?} failed: {errors}"
    );
    if let Some(file) = to {
        assert!(
            !output.stdout.is_empty(),
            "`{line}` wrote nothing to {file}"
        );
        return;
    }
    if words.iter().any(|word| word == "--dry-run") {
        return;
    }
    let named = words
        .iter()
        .position(|word| word == "-o")
        .map(|at| &words[at + 1]);
    if let Some(file) = named {
        assert!(folder.join(file).is_file(), "`{line}` wrote no {file}");
    }
}

#[test]
fn every_command_runs() {
    let folder = workshop();
    let commands: Vec<String> = shell_lines()
        .into_iter()
        .filter(|line| line.starts_with("impasto "))
        .collect();
    assert!(commands.len() >= 8, "the README shows only {commands:?}");
    for command in commands {
        run(folder.path(), &command);
    }
}

/// What the second cell of a table's row quotes that is a flag.
fn flags_of_row(row: &str) -> Vec<String> {
    let cell = row.split('|').nth(2).unwrap_or_default();
    // Between the first pair of backticks, the second, …
    let quoted = cell.split('`').skip(1).step_by(2);
    let flags = quoted.filter(|part| part.starts_with("--"));
    flags.map(String::from).collect()
}

/// Each as a dry run of the command that stands at the head of its table.
#[test]
fn every_flag_for_users_of_other_programs_is_taken() {
    let folder = workshop();
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/from_other_programs.md"));
    let mut command = "";
    let mut taken = std::collections::BTreeSet::new();
    for line in text.unwrap().lines() {
        if let Some(head) = line.strip_prefix("| there | `impasto ") {
            command = match head.trim_end_matches("` |") {
                "style" => "style photo.jpg --style painting.jpg",
                "dream" => "dream photo.jpg",
                "visualize" => "visualize",
                other => panic!("no such command: {other}"),
            };
        }
        for flag in flags_of_row(line) {
            if taken.insert((command, flag.clone())) {
                let dry = format!("impasto {command} -o out.png --dry-run -q {flag}");
                run(folder.path(), &dry);
            }
        }
    }
    assert!(taken.len() > 60, "{taken:?}");
}

#[test]
fn every_flag_of_the_painting_table_works() {
    let folder = workshop();
    let text = readme();
    let table = text
        .split("| you want | add |")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let flags: Vec<String> = table.lines().flat_map(flags_of_row).collect();
    assert!(flags.len() >= 12, "the table shows only {flags:?}");
    for flag in flags {
        let paint = "impasto style photo.jpg --style painting.jpg -o out.png";
        // So small a picture spends its time in the Wasserstein loss of 512 channels: Gram matrices where no loss is asked for.
        let loss = if flag.contains("--style-loss") {
            ""
        } else {
            " --style-loss gram"
        };
        run(folder.path(), &format!("{paint} {flag}{loss}"));
    }
}

/// The two commands that set everything up are targets of the Makefile.
#[test]
fn both_make_targets_exist() {
    let makefile = std::fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    let targets: Vec<String> = shell_lines()
        .into_iter()
        .filter_map(|line| Some(line.strip_prefix("make ")?.to_string()))
        .collect();
    assert_eq!(targets, ["demo", "test"]);
    for target in targets {
        assert!(
            makefile
                .lines()
                .any(|line| line.starts_with(&format!("{target}:")))
        );
    }
}

/// Links to files of the project lead somewhere.
#[test]
fn every_link_leads_somewhere() {
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/dreaming.md",
        "docs/faults.md",
        "docs/figures.md",
        "docs/from_other_programs.md",
        "docs/gallery.md",
        "docs/tour.md",
        "shaders/README.md",
        "weights/README.md",
        "pictures/README.md",
    ] {
        let path: PathBuf = Path::new(ROOT).join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let link = link.split('#').next().unwrap_or_default();
            if !link.starts_with("http") {
                assert!(
                    path.parent().unwrap().join(link).exists(),
                    "{document} links to {link}"
                );
            }
        }
    }
}
