//! `impasto dream --mask`: where a dream changes the picture, and where it does not.

use crate::workshop::Workshop;
use impasto::image::Picture;

/// On a layer near the picture, because the depth of the network is nothing but time here; deep enough bits to see what
/// is left unchanged.
const DREAM: [&str; 9] = [
    "dream",
    "content.png",
    "--layer=relu2_1",
    "--step=0.03",
    "--iterations=3",
    "--jitter=5",
    "--depth=16",
    "-o",
    "out.png",
];

const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// A folder with a picture and masks of its left half, of everything, of half of everything, and of nothing.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("content.png", WIDTH, HEIGHT, 0);
    workshop.paint("style.png", 40, 40, 1);
    let left = |x| if x < WIDTH / 2 { 1.0 } else { 0.0 };
    mask(&workshop, "left.png", [WIDTH, HEIGHT], left);
    mask(&workshop, "all.png", [WIDTH, HEIGHT], |_| 1.0);
    mask(&workshop, "half.png", [WIDTH, HEIGHT], |_| 128.0 / 255.0);
    mask(&workshop, "none.png", [WIDTH, HEIGHT], |_| 0.0);
    workshop
}

fn mask(
    workshop: &Workshop,
    name: &str,
    [width, height]: [usize; 2],
    value: impl Fn(usize) -> f32,
) {
    let values = (0..3 * width * height).map(|at| value(at % width));
    let picture = Picture {
        width,
        height,
        rgb: values.collect(),
    };
    picture.save(&workshop.path(name)).unwrap();
}

fn dreamt(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&DREAM[..], &["-q"], flags].concat());
    workshop.picture("out.png")
}

/// Differences of two pictures in these columns.
fn differences(
    [a, b]: [&Picture; 2],
    columns: std::ops::Range<usize>,
) -> impl Iterator<Item = f32> {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let pairs = a.rgb.iter().zip(&b.rgb).enumerate();
    let inside = pairs.filter(move |(at, _)| columns.contains(&(at % a.width)));
    inside.map(|(_, (a, b))| (a - b).abs())
}

fn most(pictures: [&Picture; 2], columns: std::ops::Range<usize>) -> f32 {
    differences(pictures, columns).fold(0.0, f32::max)
}

fn mean(pictures: [&Picture; 2], columns: std::ops::Range<usize>) -> f32 {
    let all: Vec<f32> = differences(pictures, columns).collect();
    all.iter().sum::<f32>() / all.len() as f32
}

/// On one octave and on several, by whatever smooths the gradient: what is enlarged does not spread into the black.
#[test]
fn black_stays_as_the_picture_is_and_white_dreams() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let (white, black) = (0..WIDTH / 2, WIDTH / 2..WIDTH);
    for flags in [
        &["--octaves=1"][..],
        &["--octaves=3"],
        &["--octaves=3", "--smooth=gaussian"],
        &["--octaves=2", "--smooth=laplacian"],
        &["--octaves=2", "--guide=style.png"],
    ] {
        let masked = dreamt(&workshop, &[flags, &["--mask=left.png"]].concat());
        assert_eq!(most([&masked, &content], black.clone()), 0.0, "{flags:?}");
        let moved = mean([&masked, &content], white.clone());
        assert!(moved > 0.02, "{flags:?}: {moved}");
    }
    // The chroma is taken from the picture by arithmetic that rounds.
    let flags = ["--octaves=2", "--keep-colors", "--mask=left.png"];
    let kept = dreamt(&workshop, &flags);
    assert!(most([&kept, &content], black) < 0.5 / 255.0);
    assert!(mean([&kept, &content], white) > 0.01);
}

/// The network sees the whole picture, so that a dream of one step is the unmasked one where the mask is white.
#[test]
fn a_mask_scales_what_a_step_changes() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let once = ["--octaves=1", "--iterations=1"];
    let flags = DREAM
        .iter()
        .filter(|flag| !flag.starts_with("--iterations"));
    let dreamt = |more: &[&str]| {
        let flags: Vec<&str> = flags.clone().copied().chain(once).collect();
        workshop.succeed(&[&flags[..], &["-q"], more].concat());
        workshop.picture("out.png")
    };
    let free = dreamt(&[]);
    let left = dreamt(&["--mask=left.png"]);
    assert_eq!(most([&left, &free], 0..WIDTH / 2), 0.0);
    let half = dreamt(&["--mask=half.png"]);
    let share = 128.0 / 255.0;
    // Where neither is clamped.
    let open = |value: f32| (0.01..0.99).contains(&value);
    let all = half.rgb.iter().zip(&free.rgb).zip(&content.rgb);
    let all: Vec<_> = all
        .filter(|((half, free), _)| open(**half) && open(**free))
        .collect();
    assert!(all.len() > WIDTH * HEIGHT);
    for ((half, free), content) in all {
        let expected = content + share * (free - content);
        assert!((half - expected).abs() < 1e-4, "{half} {expected}");
    }
}

/// A mask that is white everywhere changes nothing but the rounding of what octaves hand on.
#[test]
fn a_white_mask_is_none_and_a_black_one_leaves_the_picture() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let octaves = ["--octaves=3"];
    let free = dreamt(&workshop, &octaves);
    let white = dreamt(&workshop, &[&octaves[..], &["--mask=all.png"]].concat());
    let off = mean([&white, &free], 0..WIDTH);
    assert!(off < 1e-3, "{off}");
    let black = dreamt(&workshop, &[&octaves[..], &["--mask=none.png"]].concat());
    assert_eq!(black, content);
}

/// A larger mask is resized; the record names the file, and the same dream comes out of it.
#[test]
fn a_mask_of_any_size_is_in_the_record() {
    let workshop = workshop();
    let left = |x| if x < WIDTH { 1.0 } else { 0.0 };
    mask(&workshop, "large.png", [2 * WIDTH, 2 * HEIGHT], left);
    let content = workshop.picture("content.png");
    let masked = dreamt(&workshop, &["--octaves=1", "--mask=large.png"]);
    // Beside the border the filter of the resizing rings.
    assert_eq!(most([&masked, &content], WIDTH / 2 + 3..WIDTH), 0.0);
    assert!(mean([&masked, &content], 0..WIDTH / 2) > 0.02);

    workshop.succeed(&["dream", "--from", "out.png", "-o", "again.png"]);
    assert_eq!(workshop.read("again.png"), workshop.read("out.png"));
    let told = workshop.succeed(&["inspect", "record", "out.png"]);
    let line = told.stdout.lines().find(|line| line.contains("--mask "));
    assert!(
        line.is_some_and(|line| line.ends_with("large.png")),
        "{told:?}"
    );
    let other = workshop.read("left.png");
    workshop.write("large.png", &other);
    let again = ["dream", "--from", "out.png", "-o", "third.png"];
    workshop.refuse(&again, 4, &["large.png", "has changed"]);
}

#[test]
fn the_mask_stays_where_it_is_from_frame_to_frame() {
    let workshop = workshop();
    let zoom = |flags: &[&'static str]| [&DREAM[..], &["--octaves=1", "--zoom=2"], flags].concat();
    // Nothing is enlarged, so that black stays over all frames.
    let still = ["--zoom-factor=1", "--mask=left.png"];
    workshop.succeed(&zoom(&still));
    let content = workshop.picture("content.png");
    let [first, second] = ["out-0001.png", "out-0002.png"].map(|name| workshop.picture(name));
    assert!(most([&second, &content], WIDTH / 2..WIDTH) < 0.5 / 255.0);
    assert!(mean([&second, &first], 0..WIDTH / 2) > 0.01);
    // Frames of another mask are no frames of this dream.
    let other = ["--zoom-factor=1", "--mask=half.png"];
    workshop.refuse(&zoom(&other), 4, &["out-0001.png", "another picture"]);
    workshop.refuse(&zoom(&["--zoom-factor=1"]), 4, &["another picture"]);
}

#[test]
fn a_kept_dream_goes_on_with_its_own_mask_alone() {
    let workshop = workshop();
    let keep = [
        "--octaves=2",
        "--mask=left.png",
        "--checkpoint=run.checkpoint",
    ];
    workshop.succeed(&[&DREAM[..], &keep].concat());
    let done = workshop.read("out.png");
    let resume = ["dream", "--resume=run.checkpoint"];
    workshop.succeed(&resume);
    assert_eq!(workshop.read("out.png"), done);
    let other = workshop.read("half.png");
    workshop.write("left.png", &other);
    workshop.refuse(&resume, 4, &["left.png", "not the picture"]);
}

#[test]
fn masks_that_do_not_fit_are_refused_in_one_sentence() {
    let workshop = workshop();
    workshop.paint("square.png", 30, 30, 0);
    let refuse = |flags: &[&str], code, words: &[&str]| {
        workshop.refuse(&[&DREAM[..], flags].concat(), code, words);
    };
    let words = [
        "--mask `square.png` is 30×30",
        "picture 64×48",
        "proportions",
    ];
    refuse(&["--mask=square.png"], 4, &words);
    refuse(&["--mask=nowhere.png"], 4, &["nowhere.png"]);
    refuse(&["--mask=out.png"], 4, &["out.png"]);
    let twice = ["dream", "-", "--mask=-", "-o", "out.png"];
    workshop.refuse(&twice, 2, &["standard input"]);
    let dry = [&DREAM[..], &["--mask=left.png", "--dry-run"]].concat();
    workshop.succeed(&dry);
    assert!(!workshop.path("out.png").exists());
}
