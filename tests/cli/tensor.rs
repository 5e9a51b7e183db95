//! `impasto inspect tensor`: what a step computes on its way, held against what other commands say.

use crate::workshop::{Array, Workshop};

const STEP: [&str; 7] = [
    "inspect",
    "tensor",
    "content.png",
    "--style",
    "style.png",
    "--at",
    "at.png",
];

fn workshop() -> Workshop {
    let workshop = Workshop::with_pictures();
    workshop.paint("at.png", 40, 32, 2);
    workshop
}

fn tensor(workshop: &Workshop, name: &str) -> Array {
    workshop.succeed(&[&STEP[..], &["--name", name, "-o", "tensor.npy"]].concat());
    workshop.array("tensor.npy")
}

fn gram(workshop: &Workshop, picture: &str) -> Vec<f32> {
    let words = [
        "inspect", "features", picture, "--layer", "relu2_1", "--gram",
    ];
    workshop.succeed(&[&words[..], &["-o", "gram.npy"]].concat());
    workshop.array("gram.npy").values
}

#[test]
fn maps_are_those_of_the_picture_of_the_step() {
    let workshop = workshop();
    let words = ["inspect", "features", "at.png", "--layer", "relu3_1"];
    workshop.succeed(&[&words[..], &["-o", "features.npy"]].concat());
    let (map, features) = (tensor(&workshop, "relu3_1"), workshop.array("features.npy"));
    assert_eq!(map.shape, [256, 8, 10]);
    assert_eq!(map.shape, features.shape);
    assert!(map.values == features.values);
    let picture = tensor(&workshop, "picture");
    assert_eq!(picture.shape, [3, 32, 40]);
    assert_eq!(picture.values, workshop.picture("at.png").rgb);
}

#[test]
fn gradients_are_those_of_the_losses() {
    let workshop = workshop();
    let words = "inspect gradient content.png --style style.png --at at.png -o gradient.npy";
    workshop.succeed(&words.split(' ').collect::<Vec<_>>());
    let gradient = tensor(&workshop, "gradient of picture");
    assert!(gradient.values == workshop.array("gradient.npy").values);

    // That of w · mean((G − A)²) at G is along G − A.
    let of_gram = tensor(&workshop, "gradient of gram:relu2_1");
    assert_eq!(of_gram.shape, [128, 128]);
    let difference: Vec<f64> = gram(&workshop, "at.png")
        .iter()
        .zip(gram(&workshop, "style.png"))
        .map(|(&at, style)| f64::from(at) - f64::from(style))
        .collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let of_gram: Vec<f64> = of_gram.values.iter().map(|&v| f64::from(v)).collect();
    let lengths = product(&of_gram, &of_gram) * product(&difference, &difference);
    let cosine = product(&of_gram, &difference) / lengths.sqrt();
    assert!(cosine > 1.0 - 1e-6, "{cosine}");
}

#[test]
fn the_list_names_what_can_be_looked_at() {
    let workshop = workshop();
    let outcome = workshop.succeed(&[&STEP[..], &["--list"]].concat());
    let sides = |name: &str| {
        let line = outcome.stdout.lines().find(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with("  "))
        });
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{}", outcome.stdout));
        line.rsplit(' ').next().unwrap().to_string()
    };
    assert_eq!(sides("picture"), "3x32x40");
    assert_eq!(sides("gradient of conv1_2"), "64x32x40");
    assert_eq!(sides("gram:relu5_1"), "512x512");
    assert_eq!(sides("style target relu5_1"), "512x512");
    assert!(!outcome.stdout.contains("workspace"));
}

#[test]
fn a_tensor_can_be_seen() {
    let workshop = workshop();
    for (name, width, height) in [
        // Channels in rows, with gaps and labels between them, small ones magnified.
        ("relu5_1", 22 * 48, 22 * 48),
        ("gradient of conv2_1", 11 * 60, 11 * 48),
        ("gram:relu3_1", 512, 512),
    ] {
        let words = ["--name", name, "--picture", "seen.png"];
        workshop.succeed(&[&STEP[..], &words].concat());
        let seen = workshop.picture("seen.png");
        let is_about = |side: usize, least: usize| (least..least * 2).contains(&side);
        assert!(is_about(seen.width, width), "{name}: {}", seen.width);
        assert!(is_about(seen.height, height), "{name}: {}", seen.height);
        // Signs have hues of their own, and what was nothing is black.
        let pixels = seen.pixels();
        let hued = |warm: bool| {
            let differs = |at: &usize| {
                let by = seen.rgb[*at] - seen.rgb[2 * pixels + at];
                (if warm { by } else { -by }) > 0.2
            };
            (0..pixels).filter(differs).count()
        };
        assert!(hued(true) > 100, "{name}");
        assert_eq!(hued(false) > 100, name.starts_with("gradient"), "{name}");
    }
    let words = ["--name", "gradient of picture", "--picture", "seen.png"];
    workshop.succeed(&[&STEP[..], &words].concat());
    assert_eq!(workshop.picture("seen.png").width, 40);
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let workshop = workshop();
    let words = ["--name", "gradient of conv31", "-o", "t.npy"];
    let words = [&STEP[..], &words].concat();
    workshop.refuse(
        &words,
        2,
        &["gradient of conv31", "gradient of conv3_1", "--list"],
    );
    workshop.refuse(&STEP, 2, &["--name"]);
    let words = ["--name", "relu3_1", "--picture", "at.png"];
    workshop.refuse(&[&STEP[..], &words].concat(), 4, &["at.png"]);
}
