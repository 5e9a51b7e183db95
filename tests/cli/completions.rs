//! `completions` and `man`: a shell takes the scripts, and the pages name every flag.

use std::process::Command;

use crate::workshop::Workshop;

/// Words of `text` that are long flags.
fn flags(text: &str) -> Vec<String> {
    let part = |word: &str| {
        let end = word.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
        word[..end.unwrap_or(word.len())].to_string()
    };
    // Where an option is explained, its names stand first on a line.
    let lines = text.lines().map(str::trim_start);
    let heads = lines.filter(|line| line.starts_with('-'));
    let words = heads.flat_map(|line| line.split_whitespace().take(2));
    words
        .filter(|word| word.starts_with("--"))
        .map(part)
        .collect()
}

/// Every command that has flags of its own, by its words.
const COMMANDS: [&[&str]; 23] = [
    &[],
    &["style"],
    &["sweep"],
    &["texture"],
    &["visualize"],
    &["dream"],
    &["demo"],
    &["bench"],
    &["devices"],
    &["doctor"],
    &["weights", "list"],
    &["weights", "verify"],
    &["weights", "import"],
    &["completions"],
    &["man"],
    &["inspect"],
    &["inspect", "features"],
    &["inspect", "gradient"],
    &["inspect", "dream"],
    &["inspect", "plan"],
    &["inspect", "kernels"],
    &["inspect", "record"],
    &["inspect", "tensor"],
];

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

#[test]
fn bash_takes_its_script_and_completes() {
    if !has("bash") {
        return;
    }
    let workshop = Workshop::new();
    let script = workshop.succeed(&["completions", "bash"]).stdout;
    workshop.write("impasto.bash", script.as_bytes());
    let complete = |words: &str| {
        let asked = format!(
            "set -eu; source ./impasto.bash; complete -p impasto; set +eu\n\
             COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()\n\
             _impasto impasto \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        let output = bash.args(["--norc", "-c", &asked]);
        let output = output.current_dir(workshop.path("")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(String::from).collect::<Vec<_>>()
    };
    assert!(complete("impasto sty").contains(&"style".to_string()));
    let flags = complete("impasto style --dry");
    assert!(flags.contains(&"--dry-run".to_string()), "{flags:?}");
    let recipes = complete("impasto style --recipe ga");
    assert!(recipes.contains(&"gatys".to_string()), "{recipes:?}");
}

#[test]
fn every_shell_has_a_script() {
    let workshop = Workshop::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = workshop.succeed(&["completions", shell]).stdout;
        for word in ["visualize", "dry-run", "painterly"] {
            assert!(script.contains(word), "no {word} for {shell}");
        }
    }
    workshop.refuse(&["completions", "bsh"], 2, &["bsh", "bash"]);
}

#[test]
fn the_pages_name_every_flag_of_every_command() {
    let workshop = Workshop::new();
    workshop.succeed(&["man", "--out-dir", "pages/of/it"]);
    let mut pages = 0;
    for command in COMMANDS {
        let name = [&["impasto"][..], command].concat().join("-");
        let path = workshop.path(&format!("pages/of/it/{name}.1"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no page {name}"));
        // roff writes hyphens that are no hyphenation with a backslash.
        let mut page = source.replace("\\-", "-");
        if has("groff") {
            let mut groff = Command::new("groff");
            let rendered = groff.args(["-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u"]);
            let rendered = rendered.arg(&path).output().unwrap();
            assert!(rendered.status.success(), "{rendered:?}");
            assert!(rendered.stderr.is_empty(), "{name}: {rendered:?}");
            page = String::from_utf8(rendered.stdout)
                .unwrap()
                .replace('‐', "-");
        }
        let help = workshop.succeed(&[command, &["--help"]].concat()).stdout;
        let flags = flags(&help);
        assert!(flags.len() >= 2, "{name} has only {flags:?}");
        for flag in flags {
            assert!(page.contains(&flag), "no {flag} on the page of {name}");
        }
        let words: Vec<&str> = page.split_whitespace().collect();
        let ends = words.join(" ");
        assert!(ends.contains("5 would not fit"), "no exit codes in {name}");
        pages += 1;
    }
    // Those of the groups beside them; nothing of clap's own.
    let there = std::fs::read_dir(workshop.path("pages/of/it")).unwrap();
    let names: Vec<_> = there.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names.len(), pages + 1, "{names:?}");
    let main = workshop.succeed(&["man"]).stdout;
    assert!(main.contains(".TH impasto 1"), "{main}");
}
