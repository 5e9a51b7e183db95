//! `--preview`: the picture on the way in a file that is rewritten, or in a terminal that shows pictures.

use crate::workshop::Workshop;

/// On layers near the picture, because the depth of the network is nothing but time here.
fn style<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let style = [
        "style",
        "content.png",
        "--style=style.png",
        "--recipe=gatys",
        "--style-layer=relu1_1",
        "--content-layer=relu1_1",
        "-o",
        "out.png",
    ];
    [&style[..], flags].concat()
}

#[test]
fn the_file_has_the_result_in_the_end_and_no_record() {
    let workshop = Workshop::with_pictures();
    let flags = ["--iterations=3", "--color=content", "--preview=p.png"];
    workshop.succeed(&style(&flags));
    assert_eq!(workshop.picture("p.png"), workshop.picture("out.png"));
    let p = workshop.read("p.png");
    assert!(!p.windows(4).any(|bytes| bytes == b"iTXt"));
    let record = workshop.succeed(&["inspect", "record", "out.png"]);
    assert!(!record.stdout.contains("preview"), "{record:?}");
    // What is looked at on the way changes nothing.
    let with_preview = workshop.read("out.png");
    workshop.succeed(&style(&flags[..2]));
    assert!(workshop.read("out.png") == with_preview);
}

#[test]
fn no_picture_that_is_read_is_replaced() {
    let workshop = Workshop::with_pictures();
    let refuse = |flag: &str, code: i32| workshop.refuse(&style(&[flag]), code, &[]);
    refuse("--preview=content.png", 4);
    refuse("--preview=out.png", 4);
    refuse("--preview=nowhere/p.png", 4);
    refuse("--preview=p.txt", 4);
}

/// The file is there before the run ends, whole whenever it is looked at, and changes.
#[cfg(unix)]
#[test]
fn the_file_is_rewritten_on_the_way() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use impasto::image::Picture;

    let workshop = Workshop::with_pictures();
    let flags = [
        "--iterations=1000000",
        "--optimizer=adam",
        "--preview=p.png",
    ];
    let mut command = workshop.command(&style(&flags));
    let mut run = command.stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let mut seen: Vec<Picture> = Vec::new();
    while seen.len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(120), "it never grew");
        std::thread::sleep(Duration::from_millis(50));
        if workshop.path("p.png").is_file() {
            let picture = workshop.picture("p.png");
            if seen.last() != Some(&picture) {
                seen.push(picture);
            }
        }
    }
    assert!(run.try_wait().unwrap().is_none(), "the run is over");
    // SAFETY: the process is our own child and not waited for yet.
    unsafe { libc::kill(run.id() as libc::pid_t, libc::SIGINT) };
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(workshop.picture("p.png"), workshop.picture("out.png"));
}

#[cfg(unix)]
#[test]
fn a_terminal_that_shows_pictures_gets_them() {
    use crate::workshop::terminal::in_terminal;
    use base64::Engine;
    use impasto::image::Picture;

    let workshop = Workshop::with_pictures();
    let run = |flags: &[&str], environment: &[(&str, &str)]| {
        let mut command = workshop.command(&style(&[&["--iterations=3"], flags].concat()));
        for name in [
            "TMUX",
            "STY",
            "NO_COLOR",
            "TERM_PROGRAM",
            "LC_TERMINAL",
            "KITTY_WINDOW_ID",
        ] {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        let (said, status) = in_terminal(&mut command);
        assert!(status.success(), "{said}");
        said
    };
    let said = run(&["--preview"], &[("TERM", "xterm-kitty")]);
    // The last picture, in as many pieces as it takes.
    let last = said.rsplit("\x1b_Ga=T,").next().unwrap();
    let pieces = last
        .split("\x1b\\")
        .filter_map(|piece| Some(piece.rsplit_once("m=")?.1));
    let data: String = pieces
        .filter_map(|piece| Some(piece.split_once(';')?.1))
        .collect();
    let png = base64::engine::general_purpose::STANDARD
        .decode(&data)
        .unwrap();
    let shown = Picture::decode(&png, "the preview").unwrap();
    assert_eq!(shown, workshop.picture("out.png"));

    let said = run(
        &["--preview"],
        &[("TERM_PROGRAM", "iTerm.app"), ("TERM", "xterm")],
    );
    assert!(said.contains("\x1b]1337;File=inline=1;"), "{said:?}");
    let said = run(&["--preview"], &[("TERM", "foot")]);
    assert!(said.contains("\x1bP"), "{said:?}");
    let said = run(&["--preview"], &[("TERM", "xterm")]);
    assert!(said.contains("note: this terminal"), "{said:?}");
    let said = run(&["--preview", "-q"], &[("TERM", "xterm-kitty")]);
    assert_eq!(said, "");
}

#[test]
fn no_pictures_go_where_no_terminal_is() {
    let workshop = Workshop::with_pictures();
    let mut command = workshop.command(&style(&["--iterations=1", "--preview"]));
    let output = command.env("TERM", "xterm-kitty").output().unwrap();
    assert!(output.status.success());
    assert!(!output.stderr.contains(&0x1b), "{output:?}");
}

#[test]
fn a_dream_is_shown_too() {
    let workshop = Workshop::with_pictures();
    let dream = |flags: &[&str]| {
        let command = [
            "dream",
            "content.png",
            "--layer=relu1_2",
            "--octaves=2",
            "-o",
            "out.png",
        ];
        let flags: Vec<&str> = [&command[..], &["--iterations=3"], flags].concat();
        workshop.succeed(&flags);
        workshop.read("out.png")
    };
    let plain = dream(&[]);
    assert!(dream(&["--preview=p.png"]) == plain);
    assert_eq!(workshop.picture("p.png"), workshop.picture("out.png"));
    let kept = dream(&["--preview=p.png", "--keep-colors"]);
    assert!(kept != plain);
    assert_eq!(workshop.picture("p.png"), workshop.picture("out.png"));
    let read = [
        "dream",
        "content.png",
        "-o",
        "out.png",
        "--preview=content.png",
    ];
    workshop.refuse(&read, 4, &["content.png"]);
}

#[test]
fn a_visualisation_is_shown_too() {
    let workshop = Workshop::with_pictures();
    let visualize = |flags: &[&str]| {
        let command = [
            "visualize",
            "--layer=relu1_2",
            "--size=24",
            "--iterations=3",
            "-o",
            "out.png",
        ];
        workshop.succeed(&[&command[..], flags].concat());
        workshop.read("out.png")
    };
    for what in ["--channel=3", "--grid=0..3"] {
        let plain = visualize(&[what]);
        assert!(visualize(&[what, "--preview=p.png"]) == plain);
        assert_eq!(workshop.picture("p.png"), workshop.picture("out.png"));
    }
    let read = ["visualize", "--layer=relu1_2", "--invert=content.png"];
    let read = [&read[..], &["-o", "out.png", "--preview=content.png"]].concat();
    workshop.refuse(&read, 4, &["content.png"]);
}

/// The sheet is there before it is whole, with the pictures that were begun.
#[cfg(unix)]
#[test]
fn a_sheet_grows() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let workshop = Workshop::with_pictures();
    let sheet = "visualize --layer relu1_2 --grid 0..2 --size 24 --iterations 1000000 -o out.png --preview p.png -q";
    let words: Vec<&str> = sheet.split(' ').collect();
    let mut command = workshop.command(&words);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !workshop.path("p.png").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no preview");
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    let first = workshop.picture("p.png");
    child.kill().unwrap();
    child.wait().unwrap();
    workshop.succeed(&[
        "visualize",
        "--layer=relu1_2",
        "--grid=0..2",
        "--size=24",
        "--iterations=1",
        "-o",
        "whole.png",
    ]);
    let whole = workshop.picture("whole.png");
    // A sheet has a row for two, and there is one.
    assert_eq!(first.height, whole.height);
    assert!(first.width <= whole.width);
}
