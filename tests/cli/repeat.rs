//! `--from` with other flags: what the record says gives way to what is given now, as if the first run had had these flags.

use crate::workshop::Workshop;

/// On layers near the picture, because the depth of the network is nothing but time here; with a finish of one step.
const STYLE: [&str; 8] = [
    "style",
    "content.png",
    "--style=style.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--size=128",
    "--iterations=8",
    "-q",
];

/// Paints by `first`, makes the picture again with each of `flags`, and expects the very bytes of `first` with these flags.
fn assert_as_with(workshop: &Workshop, first: &[&str], flags: &[&[&str]]) {
    workshop.succeed(&[first, &["-o", "first.png"]].concat());
    let command = first[0];
    for flags in flags {
        let again = [command, "--from", "first.png", "-o", "again.png", "-q"];
        workshop.succeed(&[&again[..], flags].concat());
        // Of a flag that is given twice the last counts, but for those that may be repeated.
        let names: Vec<&str> = flags
            .iter()
            .filter_map(|flag| flag.split('=').next())
            .collect();
        let is_replaced = |word: &&str| names.contains(&word.split('=').next().unwrap_or(word));
        let direct: Vec<&str> = first
            .iter()
            .copied()
            .filter(|word| !is_replaced(word))
            .collect();
        workshop.succeed(&[&direct[..], flags, &["-o", "direct.png"]].concat());
        assert!(
            workshop.read("again.png") == workshop.read("direct.png"),
            "{command} {flags:?}: {} and not {}",
            said(workshop, "again.png"),
            said(workshop, "direct.png"),
        );
    }
}

fn said(workshop: &Workshop, picture: &str) -> String {
    workshop
        .succeed(&["inspect", "record", picture, "--json"])
        .stdout
}

#[test]
fn what_was_left_to_the_recipe_is_left_to_it_again() {
    let workshop = Workshop::with_pictures();
    let flags: [&[&str]; 6] = [
        &["--iterations=3"],
        &["--size=140"],
        &["--optimizer=lbfgs"],
        &["--style-loss=gram"],
        &["--recipe=gatys"],
        &["--smallest=64", "--content-weight=0.5"],
    ];
    assert_as_with(&workshop, &STYLE, &flags);
}

/// And of a picture that was made again itself.
#[test]
fn what_was_said_stays() {
    let workshop = Workshop::with_pictures();
    let said = ["--finish=2", "--pooling=avg", "--detail=0.5"];
    let flags: [&[&str]; 3] = [
        &["--iterations=5"],
        &["--recipe=gatys"],
        &["--content-weight=0.5"],
    ];
    assert_as_with(&workshop, &[&STYLE[..], &said].concat(), &flags);
    workshop.succeed(&["style", "--from", "first.png", "-o", "second.png", "-q"]);
    assert_eq!(workshop.read("second.png"), workshop.read("first.png"));
}

#[test]
fn numbers_of_one_optimiser_are_none_of_another() {
    let workshop = Workshop::with_pictures();
    let lbfgs = ["--recipe=gatys", "--history=4", "--learning-rate=0.5"];
    let first = [&STYLE[..], &lbfgs].concat();
    workshop.succeed(&[&first[..], &["-o", "first.png"]].concat());
    let adam = ["--optimizer=adam", "-q"];
    workshop.succeed(
        &[
            &["style", "--from", "first.png", "-o", "again.png"][..],
            &adam,
        ]
        .concat(),
    );
    workshop.succeed(
        &[
            &STYLE[..],
            &["--recipe=gatys"],
            &adam[..1],
            &["-o", "direct.png"],
        ]
        .concat(),
    );
    assert_eq!(workshop.read("again.png"), workshop.read("direct.png"));
}

#[test]
fn a_dream_takes_another_preset_or_a_guide() {
    let workshop = Workshop::with_pictures();
    let dream = [
        "dream",
        "content.png",
        "--octaves=1",
        "--iterations=1",
        "--layer=relu1_2",
        "-q",
    ];
    let flags: [&[&str]; 2] = [&["--preset=strokes"], &["--guide=style.png"]];
    assert_as_with(&workshop, &dream, &flags);
}

#[test]
fn a_picture_is_made_again_by_the_command_that_made_it() {
    let workshop = Workshop::with_pictures();
    let texture = [
        "texture",
        "style.png",
        "--style-layer=relu1_1",
        "--iterations=1",
        "-q",
    ];
    workshop.succeed(&[&texture[..], &["-o", "texture.png"]].concat());
    let style = ["style", "--from", "texture.png", "-o", "again.png"];
    workshop.refuse(
        &style,
        2,
        &["`texture.png`", "no picture of `impasto style`"],
    );
    let visualize = [
        "visualize",
        "--layer=relu1_1",
        "--channel=3",
        "--size=32",
        "--iterations=1",
        "-q",
    ];
    workshop.succeed(&[&visualize[..], &["-o", "channel.png"]].concat());
    // A single channel and a sheet of several are two things; what is given now counts.
    let sheet = [
        "visualize",
        "--from",
        "channel.png",
        "--grid=0..2",
        "-o",
        "sheet.png",
        "-q",
    ];
    workshop.succeed(&sheet);
    let words = said(&workshop, "sheet.png");
    assert!(
        words.contains("0..2") && !words.contains("\"channel\":["),
        "{words}"
    );
}
