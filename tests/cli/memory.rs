//! `--memory`: what is said, what is shortened, what is refused.

use crate::workshop::Workshop;

/// Large enough that the history of L-BFGS makes the peak, and not the weights on their way to the device.
const PAINT: [&str; 13] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--iterations",
    "0",
    "--size",
    "240",
    "--variant",
    "direct",
    "--recipe=gatys",
];

fn with<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&PAINT, flags].concat()
}

/// The MiB behind `memory: ` on the line that announces the run.
fn announced(said: &str) -> (f64, &str) {
    let lines = said.lines();
    let mut lines = lines.filter(|line| line.starts_with("memory: ") && line.contains("kept"));
    let line = lines.next().unwrap();
    let mebibytes = line.split_whitespace().nth(1).unwrap();
    assert!(
        line.contains(&format!("{mebibytes} MiB at the peak of ")),
        "{line}"
    );
    (mebibytes.parse().unwrap(), line)
}

#[test]
fn the_memory_is_announced_and_fits() {
    let workshop = Workshop::with_pictures();
    let outcome = workshop.succeed(&with(&["--dry-run"]));
    let (usual, line) = announced(&outcome.stdout);
    assert!(line.ends_with("L-BFGS remembers 100 steps"), "{line}");

    let a_little_less = format!("{}KiB", (usual * 1024.0) as u64 - 3000);
    let outcome = workshop.succeed(&with(&["--memory", &a_little_less]));
    let (shortened, line) = announced(&outcome.stderr);
    assert!(shortened < usual, "{line}");
    assert!(line.contains("(--memory)"), "{line}");
    assert!(line.ends_with(" steps instead of 100, to fit"), "{line}");

    let outcome = workshop.succeed(&with(&["--optimizer", "adam", "--dry-run"]));
    assert!(!announced(&outcome.stdout).1.contains("L-BFGS"));
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let workshop = Workshop::with_pictures();
    let tiny = ["--memory", "30MiB", "--history", "20"];
    let outcome = workshop.run(&with(&tiny));
    let least = outcome.stderr.split("takes at least ").nth(1).unwrap();
    let least: f64 = least.split(" MiB").next().unwrap().parse().unwrap();
    // Room for all but a few of the pairs.
    let less = format!("{}KiB", (least * 1024.0) as u64 - 6000);
    let flags = ["--memory", &less, "--history", "20"];
    let words = [
        "240×192",
        "--history 20",
        "(--memory)",
        "--history 1",
        "--optimizer adam",
        "--size ",
    ];
    let outcome = workshop.run(&with(&flags));
    outcome.refused(5, &words);
    // What it names fits.
    for remedy in ["--history ", "--size "] {
        let value = outcome.stderr.rsplit(remedy).next().unwrap();
        let value = value.split([' ', ',']).next().unwrap();
        let mut repaired = with(&flags);
        repaired.extend([remedy.trim_end(), value]);
        // The last of two flags counts only for those that may be repeated, so the first goes.
        let first = repaired.iter().position(|flag| *flag == remedy.trim_end());
        repaired.drain(first.unwrap()..first.unwrap() + 2);
        workshop.succeed(&repaired);
    }

    workshop.refuse(
        &with(&["--memory", "30MiB"]),
        5,
        &["30.0 MiB (--memory)", "at least", "raise"],
    );
    let longer = ["--memory", &less, "--history", "128"];
    workshop.refuse(&with(&longer), 5, &["--size "]);
}

/// Of a picture that is no square where one number would mean a square, and where the last part alone does not fit.
#[test]
fn what_would_fit_is_said_as_the_flag_wants_it() {
    let workshop = Workshop::with_pictures();
    let texture = [
        "texture",
        "style.png",
        "-o",
        "out.png",
        "--tileable",
        "--dry-run",
    ];
    let sized = |size: &str| {
        [&texture[..], &["--memory", "500MiB", "--size", size]]
            .concat()
            .join(" ")
    };
    let outcome = workshop.run(&sized("2048x512").split(' ').collect::<Vec<_>>());
    outcome.refused(5, &["2048×512", "--size "]);
    let size = outcome.stderr.rsplit("--size ").next().unwrap();
    let size = size.split([' ', ',']).next().unwrap();
    let [width, height] = size.split_once('x').unwrap().into();
    let [width, height]: [usize; 2] = [width, height].map(|side: &str| side.parse().unwrap());
    assert!(width < 2048 && width.abs_diff(4 * height) <= 64, "{size}");
    workshop.succeed(&sized(size).split(' ').collect::<Vec<_>>());

    let finish = [
        "--finish=10",
        "--history=128",
        "--memory=200MiB",
        "--iterations=10",
    ];
    let style = [
        "style",
        "content.png",
        "--style=style.png",
        "--size=300",
        "-o",
        "out.png",
        "--dry-run",
    ];
    let arguments = [&style[..], &finish].concat();
    let outcome = workshop.run(&arguments);
    outcome.refused(5, &["--history 128", "or --finish 0"]);
    workshop.succeed(&[&style[..], &["--finish=0"], &finish[2..]].concat());
}

#[test]
fn sizes_of_memory_are_checked() {
    let workshop = Workshop::with_pictures();
    for size in ["2X", "0", "-5G", "much", ""] {
        let flag = format!("--memory={size}");
        workshop.refuse(&with(&[&flag]), 2, &["--memory"]);
    }
}
