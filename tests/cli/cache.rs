//! The cache folder: compiled kernels outlive the command, and nothing in there can do harm.

use std::path::{Path, PathBuf};

use crate::workshop::{Outcome, Workshop};

/// Runs something that compiles kernels, with the cache folder at `cache`.
fn run(workshop: &Workshop, cache: &Path) -> Outcome {
    let arguments = [
        "inspect",
        "features",
        "content.png",
        "--layer",
        "relu1_1",
        "-o",
        "map.npy",
        "-v",
    ];
    let mut command = workshop.command(&arguments);
    let output = command.env("IMPASTO_CACHE", cache).output().unwrap();
    let outcome = Outcome::of(output, &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A workshop, a cache folder in it and the file that a first run left there; `None` on an adapter whose
/// driver keeps its own cache, as those of Metal and DX12 do.
fn warm() -> Option<(Workshop, PathBuf, PathBuf)> {
    let workshop = Workshop::with_pictures();
    let cache = workshop.path("cache/deep");
    run(&workshop, &cache);
    let mut kept = files(&cache);
    match kept.pop() {
        Some(file) => {
            assert!(kept.is_empty(), "one file, and no temporary one: {kept:?}");
            Some((workshop, cache, file))
        }
        None => {
            let listed: serde_json::Value =
                serde_json::from_str(&workshop.succeed(&["devices", "--json"]).stdout).unwrap();
            assert_ne!(listed["adapters"][0]["backend"], "Vulkan", "{listed}");
            None
        }
    }
}

#[test]
fn a_second_run_reads_what_the_first_one_kept() {
    let Some((workshop, cache, file)) = warm() else {
        return;
    };
    let kept = std::fs::read(&file).unwrap();
    assert!(kept.len() > 64, "{} bytes", kept.len());
    let map = workshop.read("map.npy");
    run(&workshop, &cache);
    assert_eq!(files(&cache), [file]);
    assert!(workshop.read("map.npy") == map);
}

#[test]
fn a_damaged_file_is_passed_over_and_written_anew() {
    let Some((workshop, cache, file)) = warm() else {
        return;
    };
    let kept = std::fs::read(&file).unwrap();
    let map = workshop.read("map.npy");
    let mut flipped = kept.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let truncated = kept[..kept.len() - 1].to_vec();
    for damaged in [flipped, truncated, b"nonsense".to_vec(), vec![]] {
        std::fs::write(&file, &damaged).unwrap();
        run(&workshop, &cache);
        assert!(workshop.read("map.npy") == map);
        assert!(std::fs::read(&file).unwrap() != damaged);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_mentioned_only_to_those_who_ask() {
    if warm().is_none() {
        return;
    }
    let workshop = Workshop::with_pictures();
    workshop.write("occupied", b"a file where the folder should be");
    let cache = workshop.path("occupied");
    let outcome = run(&workshop, &cache);
    assert!(outcome.stderr.contains("occupied"), "{outcome:?}");
    let arguments = [
        "inspect",
        "features",
        "content.png",
        "--layer",
        "relu1_1",
        "-o",
        "map.npy",
    ];
    let mut command = workshop.command(&arguments);
    let output = command.env("IMPASTO_CACHE", &cache).output().unwrap();
    let silent = Outcome::of(output, &arguments);
    assert_eq!(silent.code, Some(0), "{silent:?}");
    assert!(!silent.stderr.contains("occupied"), "{silent:?}");
}

/// What no run of a program of this user can have: not even a home.
#[test]
fn without_a_home_nothing_is_missing() {
    let workshop = Workshop::with_pictures();
    let style = "style content.png --style style.png --recipe gatys --iterations 1 -o out.png";
    let arguments: Vec<&str> = style.split(' ').collect();
    workshop.succeed(&arguments);
    let expected = workshop.picture("out.png");
    let mut command = workshop.command(&arguments);
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "IMPASTO_CACHE"] {
        command.env_remove(variable);
    }
    // Where the system knows the user's home all the same, nothing is to be left there.
    command.env("XDG_CACHE_HOME", workshop.path("kept"));
    let outcome = Outcome::of(command.output().unwrap(), &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(workshop.picture("out.png") == expected);
}

#[cfg(unix)]
#[test]
fn a_full_cache_folder_costs_nothing() {
    use crate::workshop::small_disk::SmallDisk;

    let workshop = Workshop::with_pictures();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    disk.fill();
    let outcome = run(&workshop, &disk.0);
    let map = workshop.read("map.npy");
    run(&workshop, &workshop.path("roomy"));
    assert!(workshop.read("map.npy") == map);
    assert_eq!(disk.names(), ["filler"]);
    // Where the driver keeps its own cache there is nothing to be said.
    if workshop.path("roomy").exists() {
        assert!(outcome.stderr.contains("No space left"), "{outcome:?}");
    }
    drop(disk);
}
