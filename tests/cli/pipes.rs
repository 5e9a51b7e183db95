//! Pipes whose other end is gone, and signals.
#![cfg(unix)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::workshop::painting::Painting;
use crate::workshop::{Outcome, Workshop};

const STYLE: &str = "style content.png --style style.png --recipe gatys --optimizer adam --style-layer relu2_1 \
    --content-layer relu2_1 --trace t.csv";

fn style<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = STYLE.split_whitespace();
    words.chain(more.iter().copied()).collect()
}

#[test]
fn a_picture_that_nobody_takes_is_put_elsewhere() {
    let workshop = Workshop::with_pictures();
    let steps = ["--iterations", "2"];
    workshop.succeed(&[&style(&["-o", "out.png"])[..], &steps].concat());
    let arguments = [&style(&["-o", "-"])[..], &steps].concat();
    let mut child = workshop
        .with_elsewhere(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let outcome = Outcome::of(child.wait_with_output().unwrap(), &arguments);
    outcome.refused(4, &["standard output", "the picture is in `", "elsewhere/"]);
    assert!(workshop.rescued() == workshop.picture("out.png"));
}

/// What comes through a pipe is what a file would have, and nothing else.
#[test]
fn dreams_and_visualisations_go_through_pipes() {
    let workshop = Workshop::with_pictures();
    let dream = "dream content.png --layer relu1_2 --octaves 1 --iterations 1 --no-record";
    let sheet = "visualize --layer relu1_2 --grid 0..2 --size 24 --iterations 1 --no-record";
    for command in [dream, sheet] {
        for format in ["png", "jpg"] {
            let words: Vec<&str> = command.split(' ').collect();
            let file = format!("out.{format}");
            workshop.succeed(&[&words[..], &["-o", &file]].concat());
            let arguments = [&words[..], &["-o", "-", "--format", format]].concat();
            let output = workshop.command(&arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(output.stdout == workshop.read(&file), "{arguments:?}");
        }
    }
}

/// `impasto … | head -1`: whoever has read enough is told nothing, and nothing panics.
#[test]
fn long_answers_may_be_left_half_read() {
    let workshop = Workshop::with_pictures();
    for command in [
        "inspect plan --size 512x512",
        "inspect plan --size 512x512 --json",
        "inspect kernels -q",
        "devices --json",
        "style --help",
        "--help",
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let mut child = workshop
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        drop(reader);
        assert!(!line.is_empty(), "{command}");
        let outcome = Outcome::of(child.wait_with_output().unwrap(), &arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stderr, "", "{outcome:?}");
    }
}

/// The device file of Linux that is always full.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_is_full_is_named() {
    let workshop = Workshop::with_pictures();
    let picture = style(&["--iterations", "1", "-o", "-"]);
    let commands = [
        &["devices"][..],
        &["inspect", "plan", "--size", "64x64"],
        &picture,
    ];
    for arguments in commands {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = workshop.with_elsewhere(arguments).stdout(full).output();
        let outcome = Outcome::of(output.unwrap(), arguments);
        outcome.refused(4, &["standard output cannot be written", "No space left"]);
        let is_painted = outcome.stderr.contains(".png` instead");
        assert_eq!(is_painted, arguments == picture, "{outcome:?}");
    }
    assert_eq!(workshop.rescued().width, 40);
}

/// Another program's broken pipe, or a mistaken `kill`.
#[test]
fn a_signal_of_a_broken_pipe_ends_no_run() {
    let workshop = Workshop::with_pictures();
    let arguments = style(&["--iterations", "120", "-o", "out.png"]);
    workshop.succeed(&arguments);
    let expected = workshop.read("out.png");
    std::fs::remove_file(workshop.path("out.png")).unwrap();
    std::fs::remove_file(workshop.path("t.csv")).unwrap();
    let run = Painting::start(&workshop, &mut workshop.command(&arguments));
    run.send("-PIPE");
    let outcome = run.end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(workshop.read("out.png") == expected);
}

/// `nohup` asks a program to pass over the signal of a closed terminal.
#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let workshop = Workshop::with_pictures();
    let arguments = style(&["--iterations", "120", "-o", "out.png"]);
    let command = workshop.command(&arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(workshop.path("."))
        .env("IMPASTO_CACHE", workshop.cached("."));
    let run = Painting::start(&workshop, &mut shell);
    run.send("-HUP");
    run.send("-HUP");
    let outcome = run.end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let trace = String::from_utf8(workshop.read("t.csv")).unwrap();
    assert_eq!(trace.lines().count(), 121);
}
