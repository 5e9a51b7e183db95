//! A disk that is full when something is to be saved, and files that may not grow.
#![cfg(unix)]

use std::fs;
use std::process::Command;

use crate::workshop::small_disk::SmallDisk;
use crate::workshop::{Outcome, Workshop};

const STYLE: [&str; 11] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "--style-layer",
    "relu2_1",
    "--content-layer",
    "relu2_1",
    "--iterations",
    "3",
    "--recipe=gatys",
];

#[test]
fn a_result_that_finds_no_room_is_put_elsewhere() {
    let workshop = Workshop::with_pictures();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    workshop.write("small/out.png", b"what was here before");
    disk.fill();
    let arguments = [&STYLE[..], &["-o", "small/out.png"]].concat();
    let output = workshop.with_elsewhere(&arguments).output();
    let outcome = Outcome::of(output.unwrap(), &arguments);
    outcome.refused(
        4,
        &[
            "`small/out.png` cannot be written",
            "No space left",
            "elsewhere/",
        ],
    );
    assert_eq!(workshop.read("small/out.png"), b"what was here before");
    assert_eq!(disk.names(), ["filler", "out.png"]);
    workshop.succeed(&[&STYLE[..], &["-o", "out.png"]].concat());
    assert!(workshop.rescued() == workshop.picture("out.png"));
}

#[test]
fn files_on_the_way_that_find_no_room_do_not_end_the_run() {
    let workshop = Workshop::with_pictures();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    workshop.succeed(&[&STYLE[..], &["-o", "out.png"]].concat());
    let picture = workshop.read("out.png");
    disk.fill();
    for (flags, file) in [
        (
            &["--checkpoint", "small/run.checkpoint"][..],
            "run.checkpoint",
        ),
        (&["--trace", "small/t.csv"], "t.csv"),
    ] {
        fs::remove_file(workshop.path("out.png")).unwrap();
        let outcome = workshop.run(&[&STYLE[..], &["-o", "out.png"], flags].concat());
        outcome.refused(4, &["`out.png` is painted, but", file, "No space left"]);
        assert!(outcome.stderr.contains("painting goes on"), "{outcome:?}");
        assert!(workshop.read("out.png") == picture);
        // A trace is opened before the run, and stays as long as it could be made.
        let left = disk.names();
        assert!(
            left == ["filler"] || left == ["filler", "t.csv"],
            "{left:?}"
        );
    }
}

/// A checkpoint that once found no room is tried again, and then nothing is missing.
#[test]
fn a_checkpoint_is_tried_again() {
    let workshop = Workshop::with_pictures();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    disk.fill();
    let flags = ["-o", "out.png", "--checkpoint", "small/run.checkpoint"];
    let often = ["--optimizer", "adam", "--checkpoint-every", "1"];
    let mut command =
        workshop.command(&[&STYLE[..8], &flags, &often, &["--trace", "t.csv"]].concat());
    let child = command.args(["--iterations", "200"]);
    let child = child.stderr(std::process::Stdio::piped()).spawn().unwrap();
    // A few steps in, somebody makes room: for the old and the new checkpoint.
    while fs::read_to_string(workshop.path("t.csv")).map_or(0, |text| text.lines().count()) < 4 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::remove_file(disk.0.join("filler")).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap(), &flags);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let said = outcome.stderr.matches("painting goes on").count();
    assert_eq!(said, 1, "{outcome:?}");
    let kept = workshop.checkpoint("small/run.checkpoint");
    assert_eq!(kept.standing.step, 200);
    assert_eq!(disk.names(), ["run.checkpoint"]);
}

/// Runs the command where no file may grow beyond `blocks` of 512 bytes, for which no root is needed.
fn run_limited(workshop: &Workshop, blocks: usize, arguments: &[&str]) -> Outcome {
    let command = workshop.command(arguments);
    let mut shell = Command::new("sh");
    // Without the trap the system ends a process that goes beyond.
    shell
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""),
            "sh",
        ])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(workshop.path("."))
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    Outcome::of(shell.output().unwrap(), arguments)
}

#[test]
fn pictures_and_checkpoints_that_may_not_grow_leave_the_old_ones() {
    let workshop = Workshop::with_pictures();
    workshop.write("out_0002.png", b"what was here before");
    let keep = ["-o", "out.png", "--checkpoint", "run.checkpoint"];
    workshop.succeed(&[&STYLE[..], &keep].concat());
    let [picture, checkpoint] = ["out.png", "run.checkpoint"].map(|name| workshop.read(name));
    let names = workshop.names();

    // Enough for a picture, too little for a checkpoint.
    let outcome = run_limited(&workshop, 16, &[&STYLE[..], &keep].concat());
    outcome.refused(
        4,
        &[
            "`out.png` is painted, but",
            "`run.checkpoint` cannot be written",
        ],
    );
    assert!(workshop.read("run.checkpoint") == checkpoint);
    assert!(workshop.read("out.png") == picture);
    assert_eq!(workshop.names(), names);

    // Too little for anything.
    let way = ["-o", "out.png", "--save-every", "2"];
    let outcome = run_limited(&workshop, 1, &[&STYLE[..], &way].concat());
    outcome.refused(
        4,
        &["`out.png` cannot be written", "temporary folder either"],
    );
    assert!(
        outcome.stderr.contains("`out_0002.png` cannot be written"),
        "{outcome:?}"
    );
    assert!(workshop.read("out.png") == picture);
    assert_eq!(workshop.read("out_0002.png"), b"what was here before");
    assert_eq!(workshop.names(), names);
}
