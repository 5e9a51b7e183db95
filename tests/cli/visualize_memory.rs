//! `impasto visualize --memory`: what is said, what is computed another way, what is refused.

use crate::workshop::{Outcome, Workshop};

const CHANNEL: [&str; 8] = [
    "visualize",
    "--layer=relu3_1",
    "--channel=9",
    "--size=120",
    "--iterations=3",
    "--seed=4",
    "-o",
    "out.png",
];

fn with<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&CHANNEL[..], flags].concat()
}

/// The line that announces the memory, on whichever stream.
fn announced(outcome: &Outcome) -> String {
    let mut lines = outcome.stderr.lines().chain(outcome.stdout.lines());
    let line = lines.find(|line| line.starts_with("memory: ") && line.contains(" of "));
    line.unwrap_or_else(|| panic!("{outcome:?}")).to_string()
}

/// What a refusal says to be the least.
fn least_kibibytes(outcome: &Outcome) -> u64 {
    let least = outcome.stderr.split("takes at least ").nth(1).unwrap();
    let least: f64 = least.split(" MiB").next().unwrap().parse().unwrap();
    (least * 1024.0) as u64
}

#[test]
fn less_memory_takes_another_way_to_the_same_picture() {
    let workshop = Workshop::new();
    let line = announced(&workshop.succeed(&with(&[])));
    assert!(line.ends_with(", everything kept"), "{line}");
    let usual = workshop.picture("out.png");

    let refused = workshop.run(&with(&["--memory=1MiB"]));
    refused.refused(5, &["120×120", "1.0 MiB (--memory)", "raise --memory"]);
    let enough = format!("--memory={}KiB", least_kibibytes(&refused) + 200);
    let told = workshop.succeed(&with(&[&enough, "--dry-run"]));
    let done = workshop.succeed(&with(&[&enough]));
    let line = announced(&done);
    assert_eq!(announced(&told), line);
    assert!(
        line.contains("(--memory), ") && line.contains("tiles of "),
        "{line}"
    );
    let record = workshop.succeed(&["inspect", "record", "out.png"]);
    assert!(record.stdout.contains("strategy   tiles of "), "{record:?}");
    let tight = workshop.picture("out.png");
    let pairs = tight.rgb.iter().zip(&usual.rgb);
    let most = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most < 2.5 / 255.0, "{most}");
}

/// The size that a refusal names fits, also where the features of a picture are taken first.
#[test]
fn what_does_not_fit_is_refused_with_a_size_that_does() {
    let workshop = Workshop::new();
    workshop.paint("content.png", 150, 120, 0);
    let caricature = [
        "visualize",
        "--layer=relu3_1",
        "--caricature=content.png",
        "--iterations=1",
        "-o",
        "out.png",
    ];
    for command in [&CHANNEL[..], &caricature] {
        let refused = workshop.run(&[command, &["--memory=1MiB"]].concat());
        let less = format!("--memory={}KiB", least_kibibytes(&refused) - 2000);
        let tight = [command, &[&*less]].concat();
        let words = ["use --size ", ", or raise --memory", "(--memory)"];
        let refused = workshop.run(&tight);
        refused.refused(5, &words);
        assert!(!workshop.path("out.png").exists());
        let side = refused.stderr.rsplit("--size ").next().unwrap();
        let size = format!("--size={}", side.split(',').next().unwrap());
        let smaller = tight.iter().filter(|flag| !flag.starts_with("--size"));
        let smaller: Vec<&str> = smaller.copied().chain([&*size]).collect();
        workshop.succeed(&smaller);
        std::fs::remove_file(workshop.path("out.png")).unwrap();
        let dry = [&tight[..], &["--dry-run"]].concat();
        workshop.refuse(&dry, 5, &words);
    }
}

#[test]
fn sizes_of_memory_are_checked() {
    let workshop = Workshop::new();
    for size in ["2X", "0", "-5G", ""] {
        workshop.refuse(&with(&[&format!("--memory={size}")]), 2, &["--memory"]);
    }
}
