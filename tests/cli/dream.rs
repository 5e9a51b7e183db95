//! `impasto dream`: what its flags do, what is refused, records, and frames that are made once.

use crate::workshop::Workshop;
use impasto::image::{Attachments, Picture, PictureFile, PictureFormat};

/// A dream of a moment: one octave of two steps on the first layers.
const DREAM: [&str; 9] = [
    "dream",
    "content.png",
    "--layer",
    "relu1_2",
    "--octaves",
    "1",
    "--iterations",
    "2",
    "--step=0.02",
];

fn dream(workshop: &Workshop, output: &str, flags: &[&str]) -> Picture {
    workshop.succeed(&[&DREAM[..], &["-o", output], flags].concat());
    workshop.picture(output)
}

/// The mean difference of two pictures of one size.
fn difference(a: &Picture, b: &Picture) -> f32 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let pairs = a.rgb.iter().zip(&b.rgb);
    pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / a.rgb.len() as f32
}

#[test]
fn strength_goes_from_the_picture_to_the_dream() {
    let workshop = Workshop::with_pictures();
    let picture = workshop.picture("content.png");
    let none = dream(&workshop, "none.png", &["--strength", "0"]);
    assert_eq!(none, picture);
    let whole = difference(&dream(&workshop, "whole.png", &[]), &picture);
    let half = difference(
        &dream(&workshop, "half.png", &["--strength", "0.5"]),
        &picture,
    );
    // Two steps of 0.02 each, less what is clamped and what they take back.
    assert!((0.01..0.041).contains(&whole), "{whole}");
    assert!((0.3 * whole..0.7 * whole).contains(&half), "{half} {whole}");
}

#[test]
fn every_flag_makes_another_picture() {
    let workshop = Workshop::with_pictures();
    let plain = dream(&workshop, "plain.png", &[]);
    for (number, flags) in [
        &["--layer", "relu2_1"][..],
        &["--channel", "3,17"],
        &["--objective", "mean"],
        &["--octaves", "2"],
        &["--iterations", "3"],
        &["--step", "0.03"],
        &["--jitter", "3"],
        &["--smooth", "gaussian"],
        &["--smooth", "laplacian"],
        &["--seed", "1"],
        &["--guide", "style.png"],
        &["--guide", "style.png", "--guide-mode", "caricature"],
        &["--keep-colors"],
    ]
    .iter()
    .enumerate()
    {
        let name = format!("{number}.png");
        // A flag that the dream has already is given once.
        let kept = DREAM[2..8].chunks(2).filter(|kept| kept[0] != flags[0]);
        let mut command = vec!["dream", "content.png", "-o", &name];
        command.extend(kept.flatten());
        if flags[0] != "--step" {
            command.push(DREAM[8]);
        }
        command.extend(*flags);
        workshop.succeed(&command);
        let other = workshop.picture(&name);
        assert!(difference(&other, &plain) > 1e-4, "{flags:?}");
    }
    // Without a second layer the root points where the square does.
    let root = dream(&workshop, "root.png", &["--objective", "l2"]);
    assert!(difference(&root, &plain) < 1e-3);
}

#[test]
fn colours_that_are_kept_are_those_of_the_picture() {
    let workshop = Workshop::with_pictures();
    let picture = workshop.picture("content.png");
    let chroma = |picture: &Picture, at: usize| {
        let value = |channel: usize| picture.rgb[channel * picture.pixels() + at];
        [value(0) - value(1), value(2) - value(1)]
    };
    let far = |dreamt: &Picture| -> f32 {
        let pixels = 0..picture.pixels();
        let distance = |at: usize| {
            let [a, b] = [chroma(dreamt, at), chroma(&picture, at)];
            (a[0] - b[0]).abs() + (a[1] - b[1]).abs()
        };
        pixels.map(distance).sum::<f32>() / picture.pixels() as f32
    };
    let (free, kept) = (
        dream(&workshop, "free.png", &[]),
        dream(&workshop, "kept.png", &["--keep-colors"]),
    );
    assert!(
        far(&kept) < 0.5 * far(&free),
        "{} {}",
        far(&kept),
        far(&free)
    );
    assert!(difference(&kept, &picture) > 0.005);
}

#[test]
fn a_record_makes_the_same_dream_again() {
    let workshop = Workshop::with_pictures();
    let flags = ["--guide", "style.png", "--jitter", "4", "--seed", "5"];
    dream(&workshop, "first.png", &flags);
    workshop.succeed(&["dream", "--from", "first.png", "-o", "again.png"]);
    assert_eq!(workshop.read("again.png"), workshop.read("first.png"));
    let told = workshop.succeed(&["inspect", "record", "first.png"]);
    for line in ["--guide ", "steps      2", "dream:relu1_2", "--jitter 4"] {
        assert!(told.stdout.contains(line), "{line}: {}", told.stdout);
    }
    let style = workshop.read("content.png");
    workshop.write("style.png", &style);
    let again = ["dream", "--from", "first.png", "-o", "third.png"];
    workshop.refuse(&again, 4, &["style.png", "has changed"]);
}

#[test]
fn what_cannot_be_dreamt_is_refused() {
    let workshop = Workshop::with_pictures();
    let with = |flags: &[&'static str]| [&DREAM[..4], &["-o", "out.png"], flags].concat();
    workshop.refuse(
        &with(&["--channel", "64"]),
        2,
        &["--channel 64", "relu1_2", "0 to 63"],
    );
    workshop.refuse(&with(&["--layer", "relu1_2"]), 2, &["relu1_2", "twice"]);
    workshop.refuse(
        &with(&["--octave-scale", "1"]),
        2,
        &["octave-scale", "above 1"],
    );
    workshop.refuse(&with(&["--strength", "1.5"]), 2, &["strength", "above 1"]);
    workshop.refuse(&with(&["--guide-mode", "match"]), 2, &["--guide"]);
    let caricature = ["--guide=style.png", "--guide-mode=caricature"];
    workshop.refuse(
        &[&with(&caricature)[..], &["--guide-size=100"]].concat(),
        2,
        &["--guide-size 100", "caricature", "leave it out"],
    );
    workshop.refuse(&with(&["--frames", "1..2"]), 2, &["--zoom"]);
    for flag in ["--rotate", "--zoom-factor", "--fps"] {
        workshop.refuse(&with(&[flag, "5"]), 2, &[flag, "add --zoom N"]);
    }
    workshop.refuse(
        &with(&["--zoom", "3", "--frames", "2..5"]),
        2,
        &["--frames 2..5", "3"],
    );
    workshop.refuse(
        &with(&["--zoom", "3", "--frames", "2..3"]),
        2,
        &["out-0001.png"],
    );
    let stream = ["dream", "content.png", "-o", "-", "--zoom", "3"];
    workshop.refuse(&stream, 2, &["-o -", "--zoom", "file"]);
    let stream = ["dream", "content.png", "-o", "-", "--checkpoint", "c"];
    workshop.refuse(&stream, 2, &["--checkpoint"]);
    workshop.refuse(&with(&["--format", "jpg"]), 2, &["--format", "out.png"]);
    let deep = ["dream", "style.png", "-o", "out.png", "--layer", "relu9_1"];
    workshop.refuse(&deep, 2, &["relu9_1"]);
    let small = ["dream", "content.png", "-o", "out.png", "--size", "12"];
    workshop.refuse(&small, 4, &["content.png", "relu5_1", "16 pixels"]);
    let film = ["dream", "content.png", "-o", "out.gif"];
    workshop.refuse(&film, 4, &["out.gif"]);
}

/// 147 MiB in one binding, where adapters need not allow more than 128: its smaller octaves are not dreamt first.
#[test]
fn a_picture_that_no_step_can_bind_is_refused_at_once() {
    let workshop = Workshop::with_pictures();
    let devices = workshop.succeed(&["devices", "--json"]).stdout;
    let devices: serde_json::Value = serde_json::from_str(&devices).unwrap();
    let mut adapters = devices["adapters"].as_array().unwrap().iter();
    let used = adapters.find(|adapter| adapter["used"] == true).unwrap();
    let limit = used["limits"]["max_binding_bytes"].as_u64().unwrap();
    if limit >= 12 * 4000 * 3200 {
        println!("skipped: this adapter binds more");
        return;
    }
    let flags = ["-o", "out.png", "--size", "4000"];
    let outcome = workshop.run(&[&DREAM[..], &flags].concat());
    outcome.refused(5, &["4000×3200", "in one binding", "for example --size "]);
    // What it names can be bound, and the next larger cannot.
    let side = outcome.stderr.trim().rsplit(' ').next().unwrap();
    let side: u64 = side.parse().unwrap();
    let bytes = |side: u64| 12 * side * (side * 4 / 5);
    assert!(bytes(side) <= limit && bytes(side + 80) > limit, "{side}");
}

/// Everything kept, the look at the guide takes 70 MiB: two maps of 64 channels, and what is read back.
#[test]
fn a_guide_is_looked_at_within_the_memory_that_there_is() {
    let workshop = Workshop::with_pictures();
    workshop.paint("guide.png", 400, 300, 1);
    let guided = |side: &'static str, memory: &'static str, more: &[&'static str]| {
        let guide = ["--guide", "guide.png", "--guide-size", side];
        let flags = ["-v", "-o", "out.png", "--memory", memory, "--iterations=1"];
        [&DREAM[..6], &guide, &flags, more].concat()
    };
    let told = workshop.succeed(&guided("400", "55MiB", &[]));
    let mut lines = told.stderr.lines();
    let peak = lines.find_map(|line| {
        let peak = line.strip_prefix("memory: ")?;
        peak.strip_suffix(" MiB at the peak")
    });
    let peak: f64 = peak.unwrap().parse().unwrap();
    assert!((40.0..55.0).contains(&peak), "{peak}");
    let told = workshop.succeed(&guided("400", "55MiB", &["--dry-run"]));
    let guide = told
        .stdout
        .lines()
        .find(|line| line.contains("guide: 400×300"));
    assert!(guide.unwrap().contains("tiles of"), "{told:?}");
    // What a step takes beside is in what is said, and the limit is the one that was given.
    let words = ["--size or --guide-size", "30.0 MiB (--memory)"];
    workshop.refuse(&guided("400", "30MiB", &[]), 5, &words);
    // Every position may look at all of it at once, which no memory helps against.
    workshop.paint("guide.png", 900, 600, 1);
    let large = guided("900", "9GiB", &["--dry-run"]);
    let outcome = workshop.run(&large);
    if outcome.code != Some(0) {
        let words = ["64×600×900", "in one binding", "--size or --guide-size"];
        outcome.refused(5, &words);
    }
}

#[test]
fn frames_go_on_from_one_another_and_are_made_once() {
    let workshop = Workshop::with_pictures();
    let zoom = |count: &'static str, flags: &[&'static str]| {
        let command = ["-o", "out.gif", "--zoom", count, "--rotate", "5"];
        [&DREAM[..], &command, flags].concat()
    };
    workshop.succeed(&zoom("3", &[]));
    let frames = ["out-0001.png", "out-0002.png", "out-0003.png"];
    let [first, second, third] = frames.map(|name| workshop.read(name));
    // The first frame is the dream itself.
    let alone = dream(&workshop, "alone.png", &[]);
    assert_eq!(workshop.picture("out-0001.png"), alone);
    assert!(difference(&workshop.picture("out-0002.png"), &alone) > 0.01);
    assert_eq!(workshop.read("out.gif")[..6], *b"GIF89a");
    // What is missing is made again, to the bit, and the rest left as it is.
    let keep = workshop.read("out.gif");
    for name in ["out-0002.png", "out.gif"] {
        std::fs::remove_file(workshop.path(name)).unwrap();
    }
    workshop.succeed(&zoom("3", &[]));
    assert_eq!(workshop.read("out-0002.png"), second);
    assert_eq!(workshop.read("out.gif"), keep);
    std::fs::remove_file(workshop.path("out-0003.png")).unwrap();
    workshop.succeed(&zoom("3", &["--frames", "3..3"]));
    assert_eq!(workshop.read("out-0003.png"), third);
    assert_eq!(workshop.read("out-0001.png"), first);
    // A longer film goes on from it; another dream does not.
    workshop.succeed(&zoom("4", &[]));
    assert_eq!(workshop.read("out-0003.png"), third);
    assert!(workshop.path("out-0004.png").is_file());
    workshop.refuse(
        &zoom("5", &["--seed", "3"]),
        4,
        &["out-0001.png", "--seed", "-o"],
    );
}

/// A dream of nothing shows what is kept, and where.
#[test]
fn what_is_kept_of_the_picture_goes_along_with_a_zoom() {
    let workshop = Workshop::with_pictures();
    let zoom = |picture: &'static str, output: &'static str, flags: &[&'static str]| {
        let flags = [&["--strength=0", "--zoom=3", "--zoom-factor=1.5"], flags].concat();
        [&["dream", picture], &DREAM[2..8], &["-o", output], &flags].concat()
    };
    let turned = |output, flag| zoom("content.png", output, &["--rotate=20", flag]);
    workshop.succeed(&turned("free.png", "--keep-colors=false"));
    workshop.succeed(&turned("kept.png", "--keep-colors"));
    let frames = |name: &str| [1, 2, 3].map(|at| workshop.picture(&format!("{name}-000{at}.png")));
    let ([first, second, third], kept) = (frames("free"), frames("kept"));
    assert!(difference(&kept[0], &first) < 0.003);
    for (kept, free) in [(&kept[1], &second), (&kept[2], &third)] {
        let (far, moved) = (difference(kept, free), difference(kept, &first));
        println!("{far} {moved}");
        assert!(far < 0.02 && moved > 0.1, "{far} {moved}");
    }

    // An opaque square in the middle becomes larger.
    let picture = workshop.picture("content.png");
    let inside = |at: usize| (16..24).contains(&(at % 40)) && (12..20).contains(&(at / 40));
    let alpha = (0..picture.pixels()).map(|at| if inside(at) { 1.0 } else { 0.2 });
    let attachments = Attachments {
        alpha: Some(alpha.collect()),
        ..Attachments::default()
    };
    let bytes = picture.encode(PictureFormat::Png, &attachments, "clear.png");
    workshop.write("clear.png", &bytes.unwrap());
    workshop.succeed(&zoom("clear.png", "out.png", &[]));
    for (frame, square) in [(1, 64.0), (2, 144.0), (3, 324.0)] {
        let path = workshop.path(&format!("out-000{frame}.png"));
        let alpha = PictureFile::load(&path).unwrap().attachments.alpha;
        let opaque = alpha.unwrap().iter().filter(|&&alpha| alpha > 0.6).count();
        assert!(
            (opaque as f32 / square - 1.0).abs() < 0.15,
            "{frame}: {opaque}"
        );
    }
}

/// Its frames are those of the same dream in whatever words it is asked for.
#[test]
fn frames_whose_format_is_named_are_gone_on_with() {
    let workshop = Workshop::with_pictures();
    let zoom = [&DREAM[..], &["-o", "f.png", "--format=png", "--zoom"]].concat();
    workshop.succeed(&[&zoom[..], &["1"]].concat());
    let outcome = workshop.succeed(&[&zoom[..], &["2"]].concat());
    let said = "frames that are there already: 1";
    assert!(outcome.stderr.contains(said), "{outcome:?}");
    // The record of a frame makes it again, by what it says of the zoom too.
    let again = [
        "dream",
        "--from=f-0001.png",
        "-o",
        "again.png",
        "--rotate=3",
    ];
    workshop.succeed(&[&again[..], &["--zoom=1"]].concat());
    assert!(workshop.picture("again-0001.png") == workshop.picture("f-0001.png"));
}

/// By ffmpeg, which also takes it apart again.
#[test]
fn a_film_shows_the_frames() {
    use std::process::Command;
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("skipped: ffmpeg is not installed");
        return;
    }
    let workshop = Workshop::new();
    workshop.paint("content.png", 65, 47, 0);
    // ffmpeg would take these for numbers of frames.
    std::fs::create_dir(workshop.path("100%d")).unwrap();
    let film = "100%d/50%d.mp4";
    workshop.succeed(&[&DREAM[..], &["-o", film, "--zoom", "3"]].concat());
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(workshop.path(film))
        .arg(workshop.path("seen-%d.png"))
        .status();
    assert!(status.unwrap().success());
    assert!(!workshop.path("seen-4.png").exists());
    for frame in 1..=3 {
        let seen = workshop.picture(&format!("seen-{frame}.png"));
        // Sides that are odd lose a pixel.
        assert_eq!((seen.width, seen.height), (64, 46));
        let whole = workshop.picture(&format!("100%d/50%d-000{frame}.png"));
        let mut sum = 0.0;
        for (c, y) in (0..3).flat_map(|c| (0..46).map(move |y| (c, y))) {
            let of = |picture: &Picture| (c * picture.height + y) * picture.width;
            let [seen_row, row] = [&seen, &whole].map(|picture| &picture.rgb[of(picture)..][..64]);
            let pairs = seen_row.iter().zip(row);
            sum += pairs.map(|(a, b)| (a - b).abs()).sum::<f32>();
        }
        let mean = sum / (3 * 46 * 64) as f32;
        assert!(mean < 0.1, "frame {frame}: {mean}");
    }
}
