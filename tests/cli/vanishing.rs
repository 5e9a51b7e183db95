//! Folders and files that go, come or change while a run paints, and folders that let nobody write.
#![cfg(unix)]

use std::fs;

use crate::workshop::Workshop;
use crate::workshop::painting::Painting;
use crate::workshop::small_disk::SmallDisk;
use impasto::image::{Picture, PictureFile};

/// Long enough that something can happen on the way.
const STYLE: &str = "style content.png --style style.png --recipe gatys --optimizer adam --style-layer relu2_1 \
    --content-layer relu2_1 --iterations 120 --trace t.csv";

fn style<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = STYLE.split_whitespace();
    words.chain(more.iter().copied()).collect()
}

/// A workshop in which the run was made once without a disturbance, as `expected.png`.
fn workshop() -> Workshop {
    let workshop = Workshop::with_pictures();
    workshop.succeed(&style(&["-o", "expected.png"]));
    fs::remove_file(workshop.path("t.csv")).unwrap();
    workshop
}

/// Paints to `output`, lets something happen after the third step, and expects that the picture is put elsewhere.
fn disturb(workshop: &Workshop, output: &str, more: &[&str], happens: impl FnOnce()) {
    let arguments = [&style(&["-o", output])[..], more].concat();
    let run = Painting::start(workshop, &mut workshop.with_elsewhere(&arguments));
    run.meanwhile(happens);
    let refused = format!("`{output}` cannot be written");
    run.end()
        .refused(4, &[&refused, "the picture is in `", "elsewhere/"]);
    assert!(workshop.rescued() == workshop.picture("expected.png"));
}

#[test]
fn a_folder_that_is_renamed_takes_no_picture_with_it() {
    let workshop = workshop();
    fs::create_dir(workshop.path("folder")).unwrap();
    let keep = [
        "--save-every",
        "50",
        "--checkpoint",
        "folder/run.checkpoint",
    ];
    disturb(&workshop, "folder/out.png", &keep, || {
        fs::rename(workshop.path("folder"), workshop.path("moved")).unwrap();
    });
    assert!(!workshop.path("folder").exists());
    assert_eq!(fs::read_dir(workshop.path("moved")).unwrap().count(), 0);
}

#[test]
fn a_folder_that_takes_the_place_of_the_output_stays() {
    for occupied in [false, true] {
        let workshop = workshop();
        disturb(&workshop, "out.png", &[], || {
            fs::create_dir(workshop.path("out.png")).unwrap();
            if occupied {
                workshop.write("out.png/letter", b"dear");
            }
        });
        let left = fs::read_dir(workshop.path("out.png")).unwrap().count();
        assert_eq!(left, usize::from(occupied));
    }
}

/// Also one that leaves no room for what makes another name of it.
#[test]
fn a_result_with_the_longest_name_is_put_elsewhere() {
    let workshop = workshop();
    fs::create_dir(workshop.path("folder")).unwrap();
    let output = format!("folder/{}.png", "x".repeat(251));
    disturb(&workshop, &output, &[], || {
        fs::rename(workshop.path("folder"), workshop.path("moved")).unwrap();
    });
}

/// The temporary folder is not there, and the working folder goes, with the result's.
#[test]
fn without_a_temporary_folder_a_result_is_put_into_the_working_one_or_home() {
    for goes in [false, true] {
        let workshop = workshop();
        for name in ["here", "here/folder", "home"] {
            fs::create_dir(workshop.path(name)).unwrap();
        }
        let [content, style, trace] =
            ["content.png", "style.png", "t.csv"].map(|name| workshop.path(name));
        let whole = |word: &&str| match *word {
            "content.png" => content.clone(),
            "style.png" => style.clone(),
            "t.csv" => trace.clone(),
            word => word.into(),
        };
        let mut command = workshop.command(&[]);
        command
            .args(self::style(&["-o", "folder/out.png"]).iter().map(whole))
            .current_dir(workshop.path("here"))
            .env("TMPDIR", workshop.path("nowhere"))
            .env("HOME", workshop.path("home"));
        let run = Painting::start(&workshop, &mut command);
        run.meanwhile(|| {
            fs::remove_dir(workshop.path("here/folder")).unwrap();
            if goes {
                fs::remove_dir(workshop.path("here")).unwrap();
            }
        });
        let folder = if goes { "home" } else { "here" };
        let expected = format!("/{folder}/impasto-");
        run.end()
            .refused(4, &["the picture is in `", &expected, ".png` instead"]);
        let mut entries = fs::read_dir(workshop.path(folder)).unwrap();
        let path = entries.next().unwrap().unwrap().path();
        assert!(Picture::load(&path).unwrap() == workshop.picture("expected.png"));
        assert!(entries.next().is_none());
    }
}

/// As file systems do that found themselves damaged.
#[test]
fn a_disk_that_becomes_read_only_costs_no_picture() {
    let workshop = workshop();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    workshop.write("small/out.png", b"what was here before");
    disturb(&workshop, "small/out.png", &[], || disk.protect());
    assert_eq!(workshop.read("small/out.png"), b"what was here before");
    assert_eq!(disk.names(), ["out.png"]);
}

#[test]
fn a_read_only_folder_is_refused_before_anything_is_painted() {
    let workshop = Workshop::with_pictures();
    let Some(disk) = SmallDisk::mount(&workshop) else {
        return;
    };
    disk.protect();
    let refuse = |more: &[&str], words: &[&str]| workshop.refuse(&style(more), 4, words);
    let words = ["`small/out.png`", "Read-only"];
    refuse(&["-o", "small/out.png"], &words);
    let kept = ["-o", "out.png", "--checkpoint", "small/run.checkpoint"];
    refuse(&kept, &["`small/run.checkpoint`", "Read-only"]);
    workshop.refuse(&["demo", "-o", "small/out.png"], 4, &words);
    let texture = [
        "texture",
        "style.png",
        "--size",
        "32",
        "-o",
        "small/out.png",
    ];
    workshop.refuse(&texture, 4, &words);
    assert!(disk.names().is_empty());
}

/// Linux has a folder in which not even root makes a file.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_refused_before_anything_is_painted() {
    let workshop = Workshop::with_pictures();
    for output in ["/proc/out.png", "content.png/out.png"] {
        let words = [&*format!("`{output}`")];
        workshop.refuse(&style(&["-o", output]), 4, &words);
    }
}

#[test]
fn pictures_that_change_under_a_run_change_nothing_in_it() {
    let workshop = workshop();
    let names = ["content.png", "style.png"];
    let sums = names.map(|name| PictureFile::load(&workshop.path(name)).unwrap().sha256);
    let arguments = style(&["-o", "out.png"]);
    let run = Painting::start(&workshop, &mut workshop.command(&arguments));
    run.meanwhile(|| {
        workshop.write("content.png", b"torn");
        fs::remove_file(workshop.path("style.png")).unwrap();
    });
    let outcome = run.end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(workshop.picture("out.png") == workshop.picture("expected.png"));
    assert_eq!(workshop.read("content.png"), b"torn");
    // The record says what was read, not what lies there now.
    let record = workshop.succeed(&["inspect", "record", "out.png", "--json"]);
    for sum in sums {
        assert!(record.stdout.contains(&sum), "{sum} {record:?}");
    }
}
