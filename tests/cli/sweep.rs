//! `impasto sweep`: flags that are varied, and the sheet of what comes of them.

use std::fs;

use crate::workshop::Workshop;
use impasto::image::Picture;
use serde_json::{Value, json};

/// On layers near the picture, because the depth of the network is nothing but time here.
const RUN: [&str; 8] = [
    "content.png",
    "--style=style.png",
    "--recipe=gatys",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--iterations=2",
    "-o",
    "sheet.png",
];

fn sweep<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["sweep"], &RUN[..], flags].concat()
}

fn record(workshop: &Workshop, picture: &str) -> Value {
    let outcome = workshop.succeed(&["inspect", "record", picture, "--json"]);
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Whether `picture` lies on the sheet with its upper left corner at this place.
fn shows(sheet: &Picture, [x, y]: [usize; 2], picture: &Picture) -> bool {
    if x + picture.width > sheet.width || y + picture.height > sheet.height {
        return false;
    }
    (0..picture.height).all(|row| {
        let on_sheet = &sheet.rgb[(y + row) * sheet.width + x..][..picture.width];
        *on_sheet == picture.rgb[row * picture.width..][..picture.width]
    })
}

#[test]
fn a_sheet_shows_what_single_runs_paint() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--vary=learning-rate=0.5,1",
        "--vary=init=content,noise",
        "--keep=kept",
    ];
    let outcome = workshop.succeed(&sweep(&flags));
    let mut kept: Vec<String> = fs::read_dir(workshop.path("kept"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    let expected = [
        ("01_learning-rate-0.5_init-content.png", "0.5", "content"),
        ("02_learning-rate-1_init-content.png", "1", "content"),
        ("03_learning-rate-0.5_init-noise.png", "0.5", "noise"),
        ("04_learning-rate-1_init-noise.png", "1", "noise"),
    ];
    assert_eq!(kept, expected.map(|(name, ..)| name));
    let sheet = workshop.picture("sheet.png");
    let mut places = Vec::new();
    for (name, rate, init) in expected {
        // Bit for bit what `style` paints, record included.
        let flags = ["--learning-rate", rate, "--init", init];
        let alone = [&["style"], &RUN[..6], &flags, &["-o", "kept/alone.png"]].concat();
        workshop.succeed(&alone);
        let name = format!("kept/{name}");
        assert!(
            workshop.read(&name) == workshop.read("kept/alone.png"),
            "{name}"
        );
        let said = format!("learning-rate {rate}, init {init} after 2 steps in ");
        assert!(outcome.stderr.contains(&said), "no `{said}` in {outcome:?}");
        let picture = workshop.picture(&name);
        let place = (0..sheet.width * sheet.height)
            .map(|at| [at % sheet.width, at / sheet.width])
            .find(|&place| shows(&sheet, place, &picture))
            .unwrap_or_else(|| panic!("{name} is not on the sheet"));
        places.push(place);
    }
    assert!(
        places[0][0] < places[1][0] && places[0][1] == places[1][1],
        "{places:?}"
    );
    assert!(
        places[0][0] == places[2][0] && places[0][1] < places[2][1],
        "{places:?}"
    );
    assert_eq!(places[3], [places[1][0], places[2][1]]);
    // The network, the device and its note come once.
    assert_eq!(
        outcome.stderr.matches("adapter: ").count(),
        1,
        "{outcome:?}"
    );

    let record = record(&workshop, "sheet.png");
    let vary = json!(["learning-rate=0.5,1", "init=content,noise"]);
    assert_eq!(record["options"]["vary"], vary);
    assert_eq!(record["options"]["content"], json!(["./content.png"]));
    assert!(record["options"]["learning-rate"].is_null());
    assert_eq!(record["size"], json!([sheet.width, sheet.height]));
    let runs = record["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4);
    assert_eq!(
        runs[1]["options"],
        json!({"learning-rate": "1", "init": "content"})
    );
    assert_eq!(runs[1]["steps"], 2);
    assert!(runs[1]["losses"]["style:relu1_1"].as_f64().unwrap() > 0.0);
    let words = workshop.succeed(&["inspect", "record", "sheet.png"]).stdout;
    assert!(
        words.contains("--init content --learning-rate 1: 2 steps, content:relu1_1 "),
        "{words}"
    );
    let again = ["style", "--from", "sheet.png", "-o", "again.png"];
    workshop.refuse(&again, 4, &["`sheet.png`", "sheet of 4 runs", "--keep"]);
}

/// Pictures, styles and sizes can be varied like any other flag, and nothing but the sheet is left.
#[test]
fn what_a_flag_lists_is_varied_too() {
    let workshop = Workshop::with_pictures();
    workshop.paint("other.png", 30, 30, 3);
    let flags = [
        "--vary",
        "style=style.png,other.png:2",
        "--vary=--size=20,40",
    ];
    let words = [&["sweep", "content.png"], &RUN[2..], &flags].concat();
    workshop.succeed(&words);
    assert_eq!(
        workshop.names(),
        ["content.png", "other.png", "sheet.png", "style.png"]
    );
    let record = record(&workshop, "sheet.png");
    let sizes: Vec<_> = record["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["options"]["size"].clone())
        .collect();
    assert_eq!(sizes, ["20", "20", "40", "40"]);
    // No other content is wanted beside those that are varied.
    let contents = "--vary=content=content.png,other.png";
    let words = [&["sweep", "--style=style.png"], &RUN[2..], &[contents]].concat();
    assert!(workshop.succeed(&words).stderr.contains("2 of 2 pictures"));
    let missing = [
        "sweep",
        "--style=style.png",
        "-o",
        "s.png",
        "--vary=seed=1,2",
    ];
    workshop.refuse(&missing, 2, &["CONTENT"]);
    workshop.succeed(&sweep(&["--vary=seed=1,2", "--no-record"]));
    workshop.refuse(&["inspect", "record", "sheet.png"], 4, &["no record"]);
}

/// A run that is killed cannot clear up, but says whose it was.
#[cfg(unix)]
#[test]
fn the_folder_of_single_pictures_has_a_name_that_says_whose_it_is() {
    use std::time::{Duration, Instant};

    let workshop = Workshop::with_pictures();
    let words = sweep(&["--vary=iterations=1000000"]);
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| *word != "--iterations=2")
        .collect();
    let mut command = workshop.with_elsewhere(&words);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let names = || fs::read_dir(workshop.path("elsewhere")).unwrap();
    let started = Instant::now();
    while names().next().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for entry in names() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("impasto-sweep-"), "{name}");
    }
}

/// Whatever place it has in the list.
#[test]
fn what_cannot_be_is_refused_before_the_first_run() {
    let workshop = Workshop::with_pictures();
    workshop.write("broken.png", b"no picture");
    for (flags, code, words) in [
        (
            &["--vary=content-weight=1,-5"][..],
            2,
            &["content-weight=-5", "above 0"][..],
        ),
        (
            &["--vary=init=content,none.png", "--keep=kept"],
            4,
            &["init=none.png"],
        ),
        (
            &["--vary=style=style.png,broken.png"],
            4,
            &["style=broken.png"],
        ),
        (
            &["--vary=seed=1,2", "--vary=size=40,12"],
            4,
            &["seed=1 size=12", "too small"],
        ),
        (
            &["--vary=strenght=1,2"],
            2,
            &["strenght=1", "--strenght", "see `impasto sweep --help`"],
        ),
        (&["--vary=model=vgg19,vgg16"], 2, &["--vary model", "share"]),
        (
            &["--vary=save-every=1,2"],
            2,
            &["--vary save-every", "share"],
        ),
        (
            &["--vary=seed=1", "--vary=seed=2"],
            2,
            &["--vary seed", "twice"],
        ),
        (
            &["--vary=seed=1", "--vary=size=40", "--vary=tv-weight=1"],
            2,
            &["tv-weight", "third"],
        ),
        (&["--vary=seed"], 2, &["--vary", "seed", "no values"]),
        (&["--vary=seed=1,"], 2, &["--vary", "empty"]),
        (
            &["--vary=seed=1", "--checkpoint=run"],
            2,
            &["--checkpoint", "--vary"],
        ),
        (
            &["--vary=seed=1", "--save-every=1"],
            2,
            &["--save-every", "--vary"],
        ),
        (
            &["--vary=seed=1", "--each-style"],
            2,
            &["--each-style", "--vary style="],
        ),
        (
            &["style.png", "--vary=seed=1,2"],
            2,
            &["`style.png` is a second content", "--vary content="],
        ),
        (&[], 2, &["--vary"]),
    ] {
        let deep = [
            &[
                "sweep",
                "content.png",
                "--style=style.png",
                "-o",
                "sheet.png",
            ],
            flags,
        ]
        .concat();
        workshop.refuse(&deep, code, words);
    }
    workshop.refuse(
        &[
            "sweep",
            "-",
            "--style=style.png",
            "-o",
            "sheet.png",
            "--vary=seed=1",
        ],
        2,
        &["`-`", "read once"],
    );
}

#[test]
fn the_help_offers_nothing_that_a_sheet_refuses() {
    let help = Workshop::new().succeed(&["sweep", "--help"]).stdout;
    assert!(help.contains("[CONTENT]"), "{help}");
    assert!(!help.contains("--out-dir"), "{help}");
}

/// The second run has no room, and a picture of an earlier sweep stands where it would write.
#[test]
fn a_picture_that_was_there_is_not_shown_as_that_of_a_run_that_failed() {
    let workshop = Workshop::with_pictures();
    let earlier = sweep(&["--vary=memory=2GiB,3GiB", "--keep=kept"]);
    workshop.succeed(&earlier);
    let [first, second] = ["kept/01_memory-2GiB.png", "kept/02_memory-1MiB.png"];
    let old = workshop.read(first);
    workshop.write(second, &old);
    let now = sweep(&["--vary=memory=2GiB,1MiB", "--keep=kept"]);
    std::fs::remove_file(workshop.path("sheet.png")).unwrap();
    let rehearsed = workshop.run(&[&now[..], &["--dry-run"]].concat());
    rehearsed.refused(5, &["memory 1MiB: "]);
    assert!(!workshop.path("sheet.png").exists(), "{rehearsed:?}");
    let outcome = workshop.run(&now);
    outcome.refused(5, &["`sheet.png` has 1 of 2 pictures; memory 1MiB: "]);
    assert!(workshop.read(second) == old);
    let runs = record(&workshop, "sheet.png")["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!(runs[0]["options"]["memory"], "2GiB");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_sheet_of_what_was_painted() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let workshop = Workshop::with_pictures();
    let flags = ["--vary=iterations=2,1000000,3", "--keep=kept"];
    let words: Vec<&str> = sweep(&flags)
        .into_iter()
        .filter(|word| *word != "--iterations=2")
        .collect();
    let child = workshop
        .command(&words)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !workshop.path("kept/01_iterations-2.png").exists() {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    let outcome = crate::workshop::Outcome::of(child.wait_with_output().unwrap(), &words);
    outcome.refused(130, &["`sheet.png` has 2 of 3 pictures", "interrupted"]);
    let runs = record(&workshop, "sheet.png")["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 2);
    assert_eq!(runs[0]["steps"], 2);
    assert!(!workshop.path("kept/03_iterations-3.png").exists());
}
