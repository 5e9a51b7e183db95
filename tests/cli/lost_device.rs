//! A device that a driver loses while the host waits for it, as after the reset of a GPU. `destroy`, by which
//! `tests/device_failures.rs` takes a device away, lets every wait succeed; so here a layer stands between Vulkan's loader
//! and the driver.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workshop::{Outcome, Workshop, source};

const LOST: &str = "-4";
const OUT_OF_DEVICE_MEMORY: &str = "-2";

const MANIFEST: &str = r#"{ "file_format_version": "1.2.0", "layer": {
    "name": "VK_LAYER_IMPASTO_loss", "type": "GLOBAL", "library_path": "./libloss.so",
    "api_version": "1.3.0", "implementation_version": "1", "description": "Loses the device" } }"#;

const STYLE: [&str; 16] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--recipe=gatys",
    "--style-layer=relu2_1",
    "--content-layer=relu2_1",
    "--iterations",
    "1000000",
    "--checkpoint",
    "run.checkpoint",
    "--checkpoint-every",
    "1",
    "-q",
];

/// Pictures, and the layer.
fn workshop() -> Workshop {
    let workshop = Workshop::with_pictures();
    workshop.write("loss.json", MANIFEST.as_bytes());
    let compiler = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let built = Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(workshop.path("libloss.so"))
        .arg(source("tests/cli/lost_device/layer.rs"))
        .status()
        .unwrap();
    assert!(built.success());
    workshop
}

/// The command with the layer.
fn command(workshop: &Workshop, arguments: &[&str]) -> Command {
    let mut command = workshop.command(arguments);
    command
        .env("VK_LAYER_PATH", workshop.path(""))
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_IMPASTO_loss")
        .env("IMPASTO_TEST_LOSS", workshop.path("loss"));
    command
}

/// A run whose device is lost after a few steps.
fn lost_on_the_way(workshop: &Workshop, result: &str) -> Outcome {
    let child = workshop.begin_command(command(workshop, &STYLE), 3);
    workshop.write("loss", result.as_bytes());
    Outcome::of(child.wait_with_output().unwrap(), &STYLE)
}

#[test]
fn the_last_picture_and_the_checkpoint_outlive_a_reset() {
    let workshop = workshop();
    let outcome = lost_on_the_way(&workshop, LOST);
    let saved = ["device was lost", "is saved as `out.png`", "--resume"];
    outcome.refused(6, &saved);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert_eq!(workshop.picture("out.png").width, 40);
    assert!(workshop.checkpoint("run.checkpoint").standing.step >= 3);
}

#[test]
fn memory_that_the_driver_lacks_on_the_way_is_called_so() {
    let workshop = workshop();
    let outcome = lost_on_the_way(&workshop, OUT_OF_DEVICE_MEMORY);
    outcome.refused(5, &["ran out of memory", "is saved as `out.png`"]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert_eq!(workshop.picture("out.png").width, 40);
}

#[test]
fn a_device_that_is_lost_before_the_first_step_is_named() {
    let workshop = workshop();
    workshop.write("loss", LOST.as_bytes());
    let before = workshop.names();
    for words in [
        &STYLE[..],
        &["dream", "content.png", "-o", "out.png"],
        &["bench", "conv", "--layer", "conv1_1", "--size", "32"],
        &[
            "inspect",
            "features",
            "content.png",
            "--layer",
            "relu1_1",
            "-o",
            "map.npy",
        ],
        &["doctor"],
    ] {
        let outcome = Outcome::of(command(&workshop, words).output().unwrap(), words);
        outcome.refused(6, &["device was lost"]);
        assert_eq!(workshop.names(), before, "{outcome:?}");
    }
}

#[test]
fn a_batch_ends_with_its_device() {
    let workshop = workshop();
    workshop.write("loss", LOST.as_bytes());
    workshop.paint("other.png", 40, 32, 2);
    let words = "style content.png other.png --style style.png --out-dir painted --recipe gatys";
    let words: Vec<&str> = words.split_whitespace().collect();
    let outcome = Outcome::of(command(&workshop, &words).output().unwrap(), &words);
    outcome.refused(6, &["device was lost", "0 of 2"]);
}

#[test]
fn what_was_tuned_before_is_kept() {
    let workshop = workshop();
    let words = ["bench", "--tune", "--size", "16", "--runs", "1"];
    let mut tuning = command(&workshop, &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let table = workshop.cached("tuning.json");
    let started = Instant::now();
    while !table.exists() {
        let ended = tuning.try_wait().unwrap().is_some();
        assert!(!ended && started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    workshop.write("loss", LOST.as_bytes());
    let outcome = Outcome::of(tuning.wait_with_output().unwrap(), &words);
    outcome.refused(6, &["device was lost"]);
    let kept = std::fs::read_to_string(table).unwrap();
    assert!(kept.contains("\"measurements\""), "{kept}");
}
