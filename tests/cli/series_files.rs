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

#[test]
fn pictures_on_the_way_replace_nothing_of_other_runs() {
    let workshop = workshop();
    workshop.paint("a_s_0002.png", 24, 20, 3);
    let batch = ["style", "a.png", "--save-every=2"];
    let expected = ["the output `./a_s_0002.png`", "same file"];
    let content = ["a_s_0002.png", "--style=s.png", "--out-dir=."];
    refuse(&workshop, &[&batch[..], &content].concat(), &expected);
    let style = ["--style=s.png", "--style=a_s_0002.png", "--out-dir=."];
    let each = [&batch[..], &style, &["--each-style"]].concat();
    refuse(&workshop, &each, &expected);

    // The result of content `a` in style `s_0002` has the name of a picture on the way of `a` in `s`.
    std::fs::rename(workshop.path("a_s_0002.png"), workshop.path("s_0002.png")).unwrap();
    let styles = ["--style=s.png", "--style=s_0002.png", "--each-style"];
    let each = [&batch[..], &styles, &["--out-dir=out"]].concat();
    refuse(&workshop, &each, &["a_s_0002.png`", "same file"]);
    // Every third of two steps is none.
    let seldom = [&each[..2], &["--save-every=3"], &each[3..], &FLAGS].concat();
    workshop.succeed(&seldom);
}

#[test]
fn a_preview_replaces_nothing_of_any_run() {
    let workshop = workshop();
    let batch = ["style", "a.png", "b.png", "--style=s.png", "--out-dir=out"];
    std::fs::create_dir(workshop.path("out")).unwrap();
    for preview in ["b.png", "s.png", "out/b_s.png"] {
        let flag = format!("--preview={preview}");
        let shown = format!("/{preview}` is the same file");
        let words = [&batch[..], &[&flag]].concat();
        refuse(&workshop, &words, &["--preview `", &shown]);
    }
    let numbered = ["--preview=out/b_s_0002.png", "--save-every=2"];
    let words = [&batch[..], &numbered].concat();
    refuse(&workshop, &words, &["`out/b_s_0002.png`", "same file"]);
    workshop.succeed(&[&batch[..], &["--preview=p.png"], &FLAGS].concat());
    assert!(workshop.path("p.png").exists());
}
