//! `--dry-run`: what it says is what the run does, what it refuses is what the run refuses, and nothing is written.

use std::fs;

use crate::workshop::{Outcome, Workshop};

/// On layers near the picture, because the depth of the network is nothing but time here.
const NEAR: [&str; 2] = ["--style-layer=relu1_1", "--content-layer=relu1_1"];

fn workshop() -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("content.png", 96, 72, 0);
    workshop.paint("style.png", 64, 64, 1);
    workshop
}

fn style<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    [&style[..], &NEAR, flags].concat()
}

/// Runs the command with `--dry-run`, which must succeed and leave every file and the cache as they were.
fn rehearse(workshop: &Workshop, arguments: &[&str]) -> Outcome {
    let before = workshop.contents();
    let kept = |workshop: &Workshop| fs::read_dir(workshop.cached("")).unwrap().count();
    let kept_before = kept(workshop);
    let outcome = workshop.succeed(&[arguments, &["--dry-run"]].concat());
    assert_eq!(workshop.contents(), before, "{outcome:?}");
    assert_eq!(kept(workshop), kept_before, "{outcome:?}");
    outcome
}

fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| line.starts_with(start))
        .collect()
}

#[test]
fn a_style_transfer_does_what_was_said() {
    let workshop = workshop();
    let flags = [
        "--iterations=8",
        "--finish=4",
        "--smallest=48",
        "--memory=2GiB",
        "--save-every=4",
        "--trace=losses.csv",
        "--checkpoint=run.checkpoint",
    ];
    let told = rehearse(&workshop, &style(&flags));
    let done = workshop.succeed(&style(&flags));
    // What the run says of its memory and of each scale, when it begins it.
    let memory = lines(&told.stdout, "memory: ");
    assert_eq!(memory.len(), 2, "{told:?}");
    assert_eq!(memory, lines(&done.stderr, "memory: "));
    let scales: Vec<String> = told
        .stdout
        .lines()
        .filter(|line| line.starts_with("scale ") || line.starts_with("finish: "))
        .map(|line| line.trim_end_matches(", everything kept").to_string())
        .collect();
    assert_eq!(scales.len(), 4, "{told:?}");
    for scale in &scales {
        assert!(
            done.stderr.lines().any(|line| line == scale),
            "{scale} in {done:?}"
        );
    }
    for file in ["out.png", "out_0004.png", "losses.csv", "run.checkpoint"] {
        assert!(workshop.path(file).is_file(), "{file}");
        let line = format!("writes: `{file}`");
        assert_eq!(lines(&told.stdout, &line).len(), 1, "{line} in {told:?}");
    }
    assert_eq!(lines(&told.stdout, "writes: ").len(), 4, "{told:?}");
    let again = rehearse(&workshop, &style(&flags[..3]));
    let line = "writes: `out.png`, in place of the one that is there";
    assert!(again.stdout.lines().any(|of| of == line), "{again:?}");
}

#[test]
fn convolutions_are_those_of_the_choice() {
    let workshop = workshop();
    let plain = rehearse(&workshop, &style(&["--variant=plain", "--iterations=1"]));
    let told = lines(&plain.stdout, "convolutions at 96×72: ");
    assert_eq!(
        told,
        ["convolutions at 96×72: plain for conv1_1 both ways (asked for)"],
        "{plain:?}"
    );
}

#[test]
fn what_the_run_refuses_is_refused_with_the_same_words() {
    let workshop = workshop();
    workshop.write("torn.png", b"\x89PNG, honestly");
    for (flags, code) in [
        (&["--style-layer=relu9_9"][..], 2),
        (&["--finish=20", "--iterations=10"], 2),
        (&["--mask=torn.png"], 4),
        (&["--trace=nowhere/losses.csv"], 4),
        (&["--model=torn.npz"], 4),
        (&["--memory=1MiB"], 5),
        (&["--adapter=no such"], 3),
    ] {
        let refused = workshop.run(&style(flags));
        refused.refused(code, &[]);
        let arguments = style(&[flags, &["--dry-run"]].concat());
        let told = workshop.run(&arguments);
        assert_eq!(told.code, Some(code), "{told:?}");
        let last = |outcome: &Outcome| outcome.stderr.lines().last().map(String::from);
        assert_eq!(last(&told), last(&refused));
    }
    let dream = ["dream", "content.png", "-o", "out.png", "--dry-run"];
    workshop.refuse(&[&dream[..], &["--memory=1MiB"]].concat(), 5, &["--memory"]);
    workshop.refuse(&[&dream[..], &["--layer=relu9"]].concat(), 2, &["relu9"]);
}

#[test]
fn the_time_is_told_where_a_preset_measured_and_no_measurement_is_kept() {
    let workshop = workshop();
    let flags = ["--iterations=2", "--recipe=gatys"];
    let unknown = rehearse(&workshop, &style(&flags));
    assert!(unknown.stdout.contains("time: not known"), "{unknown:?}");
    let with_preset = style(&[&flags[..], &["--preset=draft"]].concat());
    let told = rehearse(&workshop, &with_preset);
    assert!(told.stdout.contains("time: about "), "{told:?}");
    assert!(told.stdout.contains("96×72 in 2 steps"), "{told:?}");
    workshop.succeed(&with_preset);
    assert!(workshop.cached("paces.json").is_file());
    let known = rehearse(&workshop, &style(&flags));
    assert!(known.stdout.contains("time: about "), "{known:?}");
}

#[test]
fn a_run_that_is_gone_on_with_keeps_its_checkpoint() {
    let workshop = workshop();
    let flags = [
        "--iterations=4",
        "--recipe=gatys",
        "--checkpoint=run",
        "--trace=t.csv",
    ];
    workshop.succeed(&style(&flags));
    let resumed = ["style", "--resume=run", "--iterations=9"];
    let told = rehearse(&workshop, &resumed);
    // The rows that are there stay.
    let trace = lines(&told.stdout, "goes on in: ");
    assert!(
        trace.len() == 1 && trace[0].ends_with("t.csv`, the losses of every step"),
        "{told:?}"
    );
    assert_eq!(told.stdout.matches("t.csv").count(), 1, "{told:?}");
    assert!(told.stdout.contains("goes on from step 4\n"), "{told:?}");
    assert!(told.stdout.contains("96×72 in 9 steps"), "{told:?}");
    // What the picture's record makes again is no longer a rehearsal.
    let again = ["style", "--from=out.png", "-o", "again.png"];
    rehearse(&workshop, &again);
    workshop.succeed(&again);
    assert!(workshop.path("again.png").is_file());
}

#[test]
fn other_commands_write_nothing_either() {
    let workshop = workshop();
    let layers = ["--style-layer=relu1_1", "--iterations=2"];
    let texture = ["texture", "style.png", "-o", "out.png"];
    let told = rehearse(&workshop, &[&texture[..], &layers].concat());
    assert!(
        told.stdout.contains("out.png, 64×64 in 2 steps"),
        "{told:?}"
    );

    let dream = ["dream", "content.png", "-o", "out.gif", "--zoom=2"];
    let flags = ["--layer=relu2_1", "--octaves=2", "--iterations=1"];
    let told = rehearse(&workshop, &[&dream[..], &flags].concat());
    for line in [
        "octave 2 of 2: 96×72, 1 steps, everything kept",
        "writes: `out-0001.png` and so on, 2 frames",
        "writes: `out.gif`, the film of all frames",
    ] {
        assert!(told.stdout.lines().any(|of| of == line), "{told:?}");
    }

    let visualize = ["visualize", "--layer=relu1_1", "--grid=0..4", "-o", "v.png"];
    let told = rehearse(&workshop, &visualize);
    assert!(told.stdout.contains("4 pictures of 128×128"), "{told:?}");
    assert_eq!(lines(&told.stdout, "memory: ").len(), 1, "{told:?}");

    let sweep = ["sweep", "content.png", "--style=style.png", "-o", "out.png"];
    let vary = ["--vary=seed=1,2", "--keep=deep/er"];
    let told = rehearse(&workshop, &[&sweep[..], &layers, &vary].concat());
    assert_eq!(lines(&told.stdout, "dry run of seed ").len(), 2, "{told:?}");
    assert!(told.stdout.contains("`out.png`, the sheet"), "{told:?}");

    let many = ["style", "content.png", "style.png", "--style=style.png"];
    let told = rehearse(
        &workshop,
        &[&many[..], &layers, &["--out-dir=deep/er"]].concat(),
    );
    assert_eq!(lines(&told.stdout, "dry run of ").len(), 2, "{told:?}");
}
