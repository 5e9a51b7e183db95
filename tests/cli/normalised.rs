//! `--normalize-gradients`: every term pulls as strongly as its weight says.

use crate::workshop::Workshop;
use impasto::image::Picture;

const STYLE: [&str; 9] = [
    "style",
    "content.png",
    "--style=style.png",
    "--recipe=gatys",
    "--content-layer=relu2_1",
    "--depth=16",
    "-o",
    "out.png",
    "-q",
];

const NORMALISED: &str = "--normalize-gradients";

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

/// Root of the mean squared difference.
fn distance(one: &Picture, other: &Picture) -> f64 {
    let pairs = one.rgb.iter().zip(&other.rgb);
    let sum: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / one.rgb.len() as f64).sqrt()
}

/// The Gram matrix of a layer.
fn gram(workshop: &Workshop, picture: &str, layer: &str) -> Vec<f64> {
    let words = [
        "inspect", "features", picture, "--layer", layer, "--gram", "-o", "g.npy",
    ];
    workshop.succeed(&words);
    let values = workshop.array("g.npy").values;
    values.iter().map(|&value| f64::from(value)).collect()
}

/// How much of the distance from the content to the style is left at a layer of what these flags paint.
fn left(workshop: &Workshop, layer: &str, flags: &[&str]) -> f64 {
    painted(workshop, flags);
    let [found, content, style] =
        ["out.png", "content.png", "style.png"].map(|picture| gram(workshop, picture, layer));
    let from_style = |of: &[f64]| -> f64 {
        let pairs = of.iter().zip(&style);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    from_style(&found) / from_style(&content)
}

/// Without the flag a layer far from its target drowns another that is weighed alike, and more so the more it is weighed by.
#[test]
fn layers_are_heard_by_their_weights_alone() {
    let workshop = Workshop::with_pictures();
    let usual = [
        "--iterations=30",
        "--optimizer=adam",
        "--content-weight=1e-3",
    ];
    let at = |layers: &[&str]| left(&workshop, "relu1_1", &[&usual[..], layers].concat());
    let loud = ["--style-layer=relu1_1", "--style-layer=relu3_1:1000"];
    let plain = at(&loud);
    // Which cannot be heard beside a thousand either, but beside one that is as loud.
    let drowned = at(&[&loud[..], &[NORMALISED]].concat());
    let even = ["--style-layer=relu1_1", "--style-layer=relu3_1"];
    let heard = at(&[&even[..], &[NORMALISED]].concat());
    let louder = ["--style-layer=relu1_1:1000", "--style-layer=relu3_1"];
    let alone = at(&[&louder[..], &[NORMALISED]].concat());
    println!("left of relu1_1: {plain:.3}; {drowned:.3} {heard:.3} {alone:.3}");
    assert!(heard < 0.8 * drowned && alone < 0.8 * heard);
}

/// The optimiser knows no scale, and the norm takes away the distance to the targets: what is left is the proportion.
#[test]
fn a_common_factor_of_all_weights_changes_next_to_nothing() {
    let workshop = Workshop::with_pictures();
    let usual = [
        "--iterations=5",
        "--optimizer=adam",
        "--style-layer=relu1_1",
        "--style-layer=relu3_1",
        NORMALISED,
    ];
    let at = |content: &str, style: &str| {
        let weights = ["--content-weight", content, "--style-weight", style];
        painted(&workshop, &[&usual[..], &weights].concat())
    };
    let (one, both, style) = (at("1", "1"), at("1e4", "1e4"), at("1", "1e-4"));
    let (of_both, of_style) = (distance(&one, &both), distance(&one, &style));
    println!("{of_both:e} {of_style:e}");
    assert!(of_both < 0.02 * of_style);
}

/// A picture at its targets is not moved by rounding errors that are made as strong as any pull, nor by 0/0.
#[test]
fn what_is_at_its_targets_stays() {
    let workshop = Workshop::with_pictures();
    let content = workshop.picture("content.png");
    let layers = ["--style-layer=relu1_1", "--style-layer=relu2_1"];
    for recipe in ["--recipe=gatys", "--recipe=painterly"] {
        let flags = [recipe, "--strength=0", "--iterations=4", NORMALISED];
        workshop.succeed(&[
            "style",
            "content.png",
            "--style=style.png",
            "--content-layer=relu2_1",
            layers[0],
            layers[1],
            "-o",
            "out.png",
            "-q",
            flags[0],
            flags[1],
            flags[2],
            flags[3],
        ]);
        assert!(workshop.picture("out.png").rgb == content.rgb, "{recipe}");
    }
}

#[test]
fn a_run_that_is_made_again_or_gone_on_with_normalises_again() {
    let workshop = Workshop::with_pictures();
    let run = ["--iterations=3", "--style-layer=relu1_1"];
    let plain = painted(&workshop, &run);
    let checkpoint = ["--checkpoint=run.checkpoint", NORMALISED];
    let expected = painted(&workshop, &[&run[..], &checkpoint].concat());
    assert!(distance(&plain, &expected) > 1e-3);
    workshop.fetch_again(&[], &expected);
    workshop.fetch_again(&["--normalize-gradients=true"], &expected);
    workshop.fetch_again(&["--normalize-gradients=false"], &plain);

    let resume = ["style", "--resume=run.checkpoint", "-o", "out.png", "-q"];
    let other = [&resume[..], &["--normalize-gradients=false"]].concat();
    workshop.refuse(&other, 2, &["--normalize-gradients", "does not agree"]);
    workshop.succeed(&resume);
    assert!(workshop.picture("out.png") == expected);
}

impl Workshop {
    /// Makes `out.png` again by the record in it with `flags`, which paint `expected`.
    fn fetch_again(&self, flags: &[&str], expected: &Picture) {
        let again = ["style", "--from=out.png", "-o", "again.png", "-q"];
        self.succeed(&[&again[..], flags].concat());
        assert!(self.picture("again.png") == *expected, "{flags:?}");
    }
}

#[test]
fn a_sheet_shows_pictures_with_it_and_without() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "sweep",
        "content.png",
        "--style=style.png",
        "--recipe=gatys",
        "--content-layer=relu2_1",
        "--style-layer=relu1_1",
        "--iterations=2",
        "--vary=normalize-gradients=false,true",
        "--keep=kept",
        "-o",
        "sheet.png",
    ];
    workshop.succeed(&flags);
    let kept = std::fs::read_dir(workshop.path("kept")).unwrap();
    let kept: Vec<Vec<u8>> = kept
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept.len(), 2);
    assert!(kept[0] != kept[1]);
}

/// Textures have no content to be weighed against, but layers.
#[test]
fn textures_are_normalised_too() {
    let workshop = Workshop::with_pictures();
    let painted = |flags: &[&str]| {
        let texture = ["texture", "style.png", "-o", "out.png", "--iterations=3"];
        let layers = ["--style-layer=relu1_1", "--style-layer=relu2_1", "-q"];
        workshop.succeed(&[&texture[..], &layers, flags].concat());
        workshop.picture("out.png")
    };
    assert!(distance(&painted(&[]), &painted(&[NORMALISED])) > 1e-3);
}

/// Tiles, in which a picture is computed that does not fit, have no norm of a whole map.
#[test]
fn where_memory_is_short_the_flag_is_named() {
    let workshop = Workshop::with_pictures();
    let flags = [
        "--size=700",
        "--optimizer=adam",
        "--variant=direct",
        "--dry-run",
    ];
    let least = |flags: &[&str]| -> f64 {
        let outcome = workshop.run(&[&STYLE[..], flags, &["--memory=30MiB"]].concat());
        let least = outcome.stderr.split("takes at least ").nth(1).unwrap();
        least.split(" MiB").next().unwrap().parse().unwrap()
    };
    let normalised = [&flags[..], &[NORMALISED]].concat();
    let (in_tiles, whole) = (least(&flags), least(&normalised));
    assert!(whole > 1.2 * in_tiles, "{in_tiles} and {whole} MiB");
    let between = format!("--memory={}KiB", (512.0 * (in_tiles + whole)) as u64);
    let words = ["no --normalize-gradients or --size ", "raise --memory"];
    workshop.refuse(&[&STYLE[..], &normalised, &[&between]].concat(), 5, &words);
    workshop.succeed(&[&STYLE[..], &flags, &[&between]].concat());
}
