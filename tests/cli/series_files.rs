//! Runs of one call, none of which may replace what another one reads or paints.

use crate::workshop::Workshop;

/// On layers near the picture, because the depth of the network is nothing but time here.
const FLAGS: [&str; 4] = [
    "--recipe=gatys",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--iterations=2",
];

/// Contents `a.png` and `b.png`, style `s.png`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    for (kind, name) in ["a.png", "b.png", "s.png"].into_iter().enumerate() {
        workshop.paint(name, 24, 20, kind);
    }
    workshop
}

/// Refuses the words, in one sentence that has all of `expected`.
fn refuse(workshop: &Workshop, words: &[&str], expected: &[&str]) {
    let arguments = [words, &FLAGS].concat();
    workshop.refuse(&arguments, 4, expected);
}

#[test]
fn a_sheet_replaces_nothing_that_any_of_its_runs_reads() {
    let workshop = workshop();
    let sweep = ["sweep", "a.png", "--style=s.png", "-o"];
    for vary in [
        "--vary=style=s.png,b.png",
        "--vary=init=content,b.png",
        "--vary=content=a.png,b.png",
        "--vary=mask=s.png,b.png",
        "--vary=content-mask=s.png,b.png",
    ] {
        let words = [&sweep[..], &["b.png", vary]].concat();
        refuse(&workshop, &words, &["the output `b.png`", "same file"]);
        refuse(&workshop, &[&words[..], &["--dry-run"]].concat(), &[]);
    }
    let roundabout = [&sweep[..], &["./b.png", "--vary=style=s.png,b.png"]].concat();
    refuse(&workshop, &roundabout, &["`./b.png`", "`b.png`"]);
}

#[test]
fn single_pictures_of_a_sheet_replace_no_input_and_are_not_replaced_by_it() {
    let workshop = workshop();
    std::fs::create_dir(workshop.path("kept")).unwrap();
    let kept = "kept/01_style-s.png.png";
    workshop.paint(kept, 24, 20, 3);
    let before = workshop.read(kept);
    let vary = format!("--vary=style=s.png,{kept}");
    let words = ["sweep", "a.png", "-o", "sheet.png", "--keep=kept", &vary];
    let expected = ["--keep", "`kept/01_style-s.png.png`", "another folder"];
    refuse(&workshop, &words, &expected);
    assert!(workshop.read(kept) == before);

    let sheet = ["sweep", "a.png", "--style=s.png", "--keep=kept"];
    let own = ["--vary=seed=1,2", "-o", "kept/02_seed-2.png"];
    let words = [&sheet[..], &own].concat();
    refuse(&workshop, &words, &["`kept/02_seed-2.png`", "same file"]);
    assert_eq!(std::fs::read_dir(workshop.path("kept")).unwrap().count(), 1);
    let beside = ["--vary=seed=1,2", "-o", "kept/sheet.png"];
    workshop.succeed(&[&sheet[..], &beside, &FLAGS].concat());
    assert_eq!(std::fs::read_dir(workshop.path("kept")).unwrap().count(), 4);
}
