//! `impasto style --dream`: a picture in a style, whose layers see more of what they see.

use crate::workshop::Workshop;

const STYLE: [&str; 11] = [
    "style",
    "content.png",
    "--style=style.png",
    "--style-layer=relu1_1",
    "--style-layer=relu2_1",
    "--content-layer=relu2_1",
    "-o",
    "out.png",
    "--depth=16",
    "--trace=losses.csv",
    "-q",
];

/// Mean of the squares of a layer's features in the picture that these flags make.
fn seen(workshop: &Workshop, layer: &str, flags: &[&str]) -> f64 {
    workshop.succeed(&[&STYLE[..], &["--iterations=20"], flags].concat());
    let words = ["inspect", "features", "out.png", "--layer", layer];
    workshop.succeed(&[&words[..], &["-o", "map.npy"]].concat());
    let values = workshop.array("map.npy").values;
    let squares: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
    squares / values.len() as f64
}

/// Total, content, style and total variation of the last step.
fn last_terms(workshop: &Workshop) -> Vec<f64> {
    let text = String::from_utf8(workshop.read("losses.csv")).unwrap();
    let row = text.lines().last().unwrap();
    let cells = row.split(',').skip(2);
    cells.map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn a_dreaming_layer_sees_more_the_more_it_dreams() {
    let workshop = Workshop::with_pictures();
    for recipe in ["--recipe=gatys", "--recipe=painterly"] {
        let at = |flags: &[&str]| seen(&workshop, "relu3_1", &[&[recipe], flags].concat());
        let awake = at(&[]);
        let little = at(&["--dream=relu3_1:0.01"]);
        let much = at(&["--dream=relu3_1:0.1"]);
        println!("{recipe}: {awake} {little} {much}");
        assert!(little > 1.02 * awake, "{recipe}: {awake} {little}");
        assert!(much > 1.1 * little, "{recipe}: {little} {much}");
    }
}

#[test]
fn its_term_is_a_part_of_the_total() {
    let workshop = Workshop::with_pictures();
    let one_step = ["--recipe=gatys", "--dream=relu3_1:0.002", "--iterations=1"];
    workshop.succeed(&[&STYLE[..], &one_step].concat());
    let [total, content, style, tv] = last_terms(&workshop)[..] else {
        panic!("a row has six cells");
    };
    // The first step sees the content picture.
    let words = "inspect features content.png --layer relu3_1 -o map.npy";
    workshop.succeed(&words.split(' ').collect::<Vec<_>>());
    let values = workshop.array("map.npy").values;
    let squares: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
    let expected = -2.0 * squares / values.len() as f64;
    let dream = total - content - style - tv;
    assert!((dream / expected - 1.0).abs() < 1e-3, "{dream} {expected}");
}

#[test]
fn a_record_and_a_checkpoint_keep_the_dream() {
    let workshop = Workshop::with_pictures();
    let flags = ["--recipe=gatys", "--dream=relu3_1:0.5"];
    let run = [&STYLE[..], &flags].concat();
    let whole = [&run[..], &["--iterations=20"]].concat();
    workshop.succeed(&whole);
    let expected = workshop.read("out.png");
    workshop.succeed(&["style", "--from", "out.png", "-o", "again.png", "-q"]);
    assert!(workshop.picture("again.png") == workshop.picture("out.png"));
    let half = [&run[..], &["--iterations=9", "--checkpoint=run.checkpoint"]].concat();
    workshop.succeed(&half);
    let resumed = [
        "style",
        "--resume",
        "run.checkpoint",
        "--iterations=20",
        "-q",
    ];
    workshop.succeed(&resumed);
    assert!(workshop.read("out.png") == expected);
}

#[test]
fn what_is_no_layer_is_refused() {
    let workshop = Workshop::with_pictures();
    let refused = |flag: &str, words: &[&str]| {
        workshop.refuse(&[&STYLE[..], &[flag]].concat(), 2, words);
    };
    refused("--dream=relu3_9:0.1", &["relu3_9", "relu3_"]);
    refused("--dream=relu3_1:-1", &["--dream"]);
    workshop.paint("content.png", 12, 12, 0);
    let words = [&STYLE[..], &["--dream=relu5_1"]].concat();
    workshop.refuse(&words, 4, &["content.png", "relu5_1"]);
}
