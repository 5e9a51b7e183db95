//! `--plot`: the loss terms of a run as a picture, whole or not at all, whatever ends the run.

use crate::workshop::Workshop;

const NEAR: [&str; 2] = ["--style-layer=relu1_1", "--content-layer=relu1_1"];

fn workshop() -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("content.png", 96, 72, 0);
    workshop.paint("style.png", 64, 64, 1);
    workshop
}

fn svg(workshop: &Workshop, name: &str) -> String {
    let svg = String::from_utf8(workshop.read(name)).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    svg
}

#[test]
fn every_term_of_a_style_transfer_is_drawn_over_its_scales() {
    let workshop = workshop();
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    let flags = [
        "--iterations=12",
        "--finish=6",
        "--smallest=68",
        "--style-layer=relu1_2",
        "--tv-weight=1",
        "--plot=losses.svg",
        "--trace=losses.csv",
    ];
    let arguments = [&style[..], &NEAR, &flags].concat();
    workshop.succeed(&arguments);
    let plot = svg(&workshop, "losses.svg");
    assert!(plot.contains("out.png, 96×72, recipe painterly"), "{plot}");
    // Beside each name stands its last value, the same as in the trace.
    let trace = String::from_utf8(workshop.read("losses.csv")).unwrap();
    let last: Vec<f64> = trace
        .lines()
        .last()
        .unwrap()
        .split(',')
        .map(|value| value.parse().unwrap())
        .collect();
    let total = format!("total {:.2e}", last[2]);
    let content = format!("content relu1_1 {:.2e}", last[3]);
    let tv = format!("tv {:.2e}", last[5]);
    for text in [&total, &content, &tv, "style relu1_1 ", "style relu1_2 "] {
        assert!(plot.contains(text), "no `{text}` in {plot}");
    }
    for part in ["68×51", "96×72", "finish"] {
        assert!(plot.contains(&format!("\n{part}\n")), "no {part} in {plot}");
    }
    // A record names no file that goes with the run.
    let record = workshop.succeed(&["inspect", "record", "out.png", "--json"]);
    assert!(!record.stdout.contains("losses.svg"), "{record:?}");
}

#[test]
fn textures_and_dreams_are_drawn_too() {
    let workshop = workshop();
    let texture = ["texture", "style.png", "-o", "t.png", "--plot=t.svg"];
    let flags = ["--style-layer=relu1_1", "--iterations=3"];
    workshop.succeed(&[&texture[..], &flags].concat());
    let plot = svg(&workshop, "t.svg");
    assert!(plot.contains("t.png, 64×64, a texture") && plot.contains("style relu1_1 "));
    let dream = ["dream", "content.png", "-o", "d.png", "--plot=d.svg"];
    let flags = ["--layer=relu2_1", "--octaves=2", "--iterations=3"];
    workshop.succeed(&[&dream[..], &flags].concat());
    let plot = svg(&workshop, "d.svg");
    assert!(
        plot.contains("relu2_1 ") && plot.contains("\n96×72\n"),
        "{plot}"
    );
}

#[test]
fn a_plot_replaces_nothing_that_is_read_and_is_no_other_format() {
    let workshop = workshop();
    workshop.fetch("tests/golden/content.png", "photo.svg");
    let style = ["style", "photo.svg", "--style=style.png", "-o", "out.png"];
    workshop.refuse(
        &[&style[..], &["--plot=photo.svg"]].concat(),
        4,
        &["photo.svg"],
    );
    workshop.refuse(&[&style[..], &["--plot=losses.png"]].concat(), 2, &["svg"]);
    workshop.refuse(
        &[&style[..], &["--plot=no/l.svg"]].concat(),
        4,
        &["no/l.svg"],
    );
}

/// Ctrl-C ends the run, and what was painted so far is drawn.
#[cfg(unix)]
#[test]
fn an_interrupted_run_is_drawn() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let workshop = workshop();
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    let flags = [
        "--iterations=100000",
        "--recipe=gatys",
        "--plot=losses.svg",
        "--trace=losses.csv",
    ];
    let arguments = [&style[..], &NEAR, &flags].concat();
    let mut command = workshop.command(&arguments);
    let mut run = command.stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let rows = || std::fs::read_to_string(workshop.path("losses.csv")).unwrap_or_default();
    while rows().lines().count() < 4 {
        assert!(began.elapsed() < Duration::from_secs(120), "it never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: the process is our own child and not waited for yet.
    unsafe { libc::kill(run.id() as libc::pid_t, libc::SIGINT) };
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let plot = svg(&workshop, "losses.svg");
    assert!(plot.contains("<polyline"), "{plot}");
}
