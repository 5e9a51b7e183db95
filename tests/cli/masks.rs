//! `impasto style --mask` and `--content-mask`: where styles hold, and where the content stays.

use crate::workshop::Workshop;
use impasto::image::Picture;

/// On layers near the picture, because the depth of the network is nothing but time here.
const STYLE: [&str; 11] = [
    "style",
    "content.png",
    "--style-layer=relu1_1",
    "--content-layer=relu1_1",
    "--optimizer=adam",
    "--iterations=40",
    "-o",
    "out.png",
    "--depth=16",
    "-q",
    "--recipe=gatys",
];

const WIDTH: usize = 64;
const HEIGHT: usize = 40;

/// A folder with a grey content, a red and a blue style, and masks of the left half, the right half and everything.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    tint(&workshop, "content.png", 0, [0.7, 0.7, 0.7]);
    tint(&workshop, "red.png", 1, [1.0, 0.2, 0.2]);
    tint(&workshop, "blue.png", 2, [0.2, 0.2, 1.0]);
    mask(&workshop, "left.png", |x| x < WIDTH / 2);
    mask(&workshop, "right.png", |x| x >= WIDTH / 2);
    mask(&workshop, "all.png", |_| true);
    workshop
}

fn tint(workshop: &Workshop, name: &str, kind: usize, shares: [f32; 3]) {
    let mut picture = crate::workshop::pattern(WIDTH, HEIGHT, kind);
    let pixels = picture.pixels();
    let grey: Vec<f32> = (0..pixels)
        .map(|at| (0..3).map(|c| picture.rgb[c * pixels + at]).sum::<f32>() / 3.0)
        .collect();
    for (plane, share) in picture.rgb.chunks_mut(pixels).zip(shares) {
        let values = plane.iter_mut().zip(&grey);
        values.for_each(|(value, grey)| *value = share * grey);
    }
    picture.save(&workshop.path(name)).unwrap();
}

fn mask(workshop: &Workshop, name: &str, inside: impl Fn(usize) -> bool) {
    let white = |at: usize| if inside(at % WIDTH) { 1.0 } else { 0.0 };
    let picture = Picture {
        width: WIDTH,
        height: HEIGHT,
        rgb: (0..3 * WIDTH * HEIGHT).map(white).collect(),
    };
    picture.save(&workshop.path(name)).unwrap();
}

fn painted(workshop: &Workshop, flags: &[&str]) -> Picture {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.picture("out.png")
}

/// The mean over a half, without the columns next to the other, of what `value` makes of R, G and B.
fn mean_of_half(picture: &Picture, half: usize, value: impl Fn([f32; 3]) -> f32) -> f32 {
    let pixels = picture.pixels();
    let columns = half * WIDTH / 2 + 4..half * WIDTH / 2 + WIDTH / 2 - 4;
    let at = |x: usize, y: usize| [0, 1, 2].map(|c| picture.rgb[c * pixels + y * WIDTH + x]);
    let all = (0..HEIGHT).flat_map(|y| columns.clone().map(move |x| (x, y)));
    let values: Vec<f32> = all.map(|(x, y)| value(at(x, y))).collect();
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn each_style_holds_where_its_mask_is_white() {
    let workshop = workshop();
    for loss in ["--style-loss=gram", "--style-loss=wasserstein"] {
        let styles = ["--style", "red.png", "--style", "blue.png", loss];
        let masks = ["--mask", "left.png", "--mask", "right.png"];
        let regions = painted(&workshop, &[&styles[..], &masks].concat());
        let redness = [0, 1].map(|half| mean_of_half(&regions, half, |[r, _, b]| r - b));
        assert!(redness[0] > 0.1 && redness[1] < -0.1, "{loss}: {redness:?}");

        let blend = painted(&workshop, &styles);
        let blended = [0, 1].map(|half| mean_of_half(&blend, half, |[r, _, b]| r - b));
        let spread = |[left, right]: [f32; 2]| (left - right).abs();
        assert!(
            spread(blended) < 0.2 * spread(redness),
            "{loss}: {blended:?}, {redness:?}"
        );
    }
}

/// A mask that is white everywhere changes nothing but the kernels, which round otherwise.
#[test]
fn a_white_mask_is_none() {
    let workshop = workshop();
    let style = ["--style", "red.png", "--border", "replicate"];
    let plain = painted(&workshop, &style);
    let masks = ["--mask", "all.png", "--content-mask", "all.png"];
    let masked = painted(&workshop, &[&style[..], &masks].concat());
    let pairs = plain.rgb.iter().zip(&masked.rgb);
    let squares: f32 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
    let deviation = (squares / plain.rgb.len() as f32).sqrt();
    assert!(deviation < 2e-3, "{deviation}");
}

/// Also in pictures on the way, and in colours that the run itself never sees.
#[test]
fn where_all_masks_are_black_the_content_stays_to_the_pixel() {
    let workshop = workshop();
    tint(&workshop, "content.png", 0, [0.9, 0.6, 0.5]);
    let content = workshop.picture("content.png");
    let most = |picture: &Picture, columns: std::ops::Range<usize>| {
        let of_row = |row: usize| columns.clone().map(move |x| row * WIDTH + x);
        let all = (0..3 * HEIGHT).flat_map(of_row);
        let away = |at: usize| (picture.rgb[at] - content.rgb[at]).abs();
        all.map(away).fold(0.0, f32::max)
    };
    let style = ["--style=red.png", "--mask=left.png", "--save-every=20"];
    for color in ["style", "content", "luminance", "match"] {
        let color = format!("--color={color}");
        let result = painted(&workshop, &[&style[..], &[&color]].concat());
        for picture in [&result, &workshop.picture("out_0020.png")] {
            assert!(most(picture, 32..64) < 1e-6, "{color}");
            assert!(most(picture, 0..32) > 0.01, "{color}");
        }
    }
    // However grey, a mask is where paint is; and at a soft edge that begins at once.
    let grey = |value: &dyn Fn(usize) -> f32| Picture {
        width: WIDTH,
        height: HEIGHT,
        rgb: (0..3 * WIDTH * HEIGHT)
            .map(|at| value(at % WIDTH))
            .collect(),
    };
    let save = |mask: Picture| mask.save(&workshop.path("grey.png")).unwrap();
    save(grey(&|_| 0.3));
    let style = ["--style=red.png", "--mask=grey.png"];
    assert!(most(&painted(&workshop, &style), 32..64) > 0.01);
    save(grey(&|x| (1.0 - x as f32 / 40.0).max(0.0)));
    let soft = painted(&workshop, &style);
    assert!(most(&soft, 40..64) < 1e-6);
    assert!(most(&soft, 30..38) > 0.01);
}

/// As programs that draw pictures export a shape: all of it white, and transparent outside.
#[test]
fn what_is_transparent_in_a_mask_does_not_belong() {
    let workshop = workshop();
    let shape = image::RgbaImage::from_fn(WIDTH as u32, HEIGHT as u32, |x, _| {
        let is_inside = x < WIDTH as u32 / 2;
        image::Rgba([255, 255, 255, if is_inside { 255 } else { 0 }])
    });
    shape.save(workshop.path("shape.png")).unwrap();
    let style = ["--style", "red.png", "--mask"];
    let expected = painted(&workshop, &[&style[..], &["left.png"]].concat());
    assert!(painted(&workshop, &[&style[..], &["shape.png"]].concat()) == expected);
    mask(&workshop, "black.png", |_| false);
    let words = ["--style", "red.png", "--mask=black.png", "--dry-run"];
    let loud = STYLE.into_iter().filter(|&word| word != "-q");
    let outcome = workshop.succeed(&loud.chain(words).collect::<Vec<_>>());
    assert!(outcome.stderr.contains("`black.png` is black all over"));
}

#[test]
fn the_content_stays_where_its_mask_is_white() {
    let workshop = workshop();
    let content = workshop.picture("content.png");
    let flags = ["--style", "red.png", "--content-weight", "1e6"];
    let mask = ["--content-mask", "left.png"];
    let half = painted(&workshop, &[&flags[..], &mask].concat());
    let whole = painted(&workshop, &flags);
    let moved = |picture: &Picture, half| {
        let colour = |[r, g, b]: [f32; 3]| r - 0.5 * (g + b);
        mean_of_half(picture, half, colour) - mean_of_half(&content, half, colour)
    };
    let [left, right] = [0, 1].map(|side| moved(&half, side));
    assert!(right > 3.0 * left.abs(), "{left} {right}");
    assert!(
        right > 3.0 * moved(&whole, 1).abs(),
        "{right} {}",
        moved(&whole, 1)
    );
}

/// A mask is known by what it shows, so a run whose masks have moved goes on.
#[test]
fn masks_may_move_before_a_run_goes_on() {
    let workshop = workshop();
    let masks = [
        "--mask=left.png",
        "--mask=right.png",
        "--content-mask=all.png",
    ];
    let styles = ["--style=red.png", "--style=blue.png"];
    let one = ["--iterations=1", "--checkpoint=run.checkpoint"];
    let first: Vec<&str> = STYLE
        .into_iter()
        .filter(|flag| *flag != "--iterations=40")
        .collect();
    workshop.succeed(&[&first[..], &styles, &masks, &one].concat());
    for name in ["left", "right", "all"] {
        let [from, to] = [format!("{name}.png"), format!("moved_{name}.png")];
        std::fs::rename(workshop.path(&from), workshop.path(&to)).unwrap();
    }
    let resume = ["style", "--resume=run.checkpoint", "--iterations=2", "-q"];
    workshop.refuse(&resume, 4, &["left.png", "does not exist"]);
    let moved = |left: &'static str| {
        [
            left,
            "--mask=moved_right.png",
            "--content-mask=moved_all.png",
        ]
    };
    let other = [&resume[..], &moved("--mask=moved_right.png")].concat();
    workshop.refuse(&other, 4, &["moved_right.png", "run.checkpoint"]);
    let fewer = [&resume[..], &["--mask=moved_left.png"]].concat();
    workshop.refuse(&fewer, 2, &["--mask", "does not agree"]);
    workshop.succeed(&[&resume[..], &moved("--mask=moved_left.png")].concat());
}

#[test]
fn masks_that_do_not_fit_are_refused_in_one_sentence() {
    let workshop = workshop();
    workshop.paint("square.png", 30, 30, 0);
    let styles = ["--style", "red.png", "--style", "blue.png"];
    let refuse = |flags: &[&str], code, words: &[&str]| {
        workshop.refuse(&[&STYLE[..], &styles, flags].concat(), code, words);
    };
    refuse(&["--mask", "left.png"], 2, &["--mask is given 1 times"]);
    refuse(
        &["--content-mask", "square.png"],
        4,
        &["square.png", "30×30"],
    );
    refuse(&["--content-mask", "nowhere.png"], 4, &["nowhere.png"]);
    workshop.refuse(
        &[
            "style",
            "content.png",
            "--style",
            "red.png",
            "--content-mask",
            "left.png",
            "-o",
            "left.png",
        ],
        4,
        &["left.png"],
    );
}

/// A region that no position of a deep layer sees alone has no statistics there: better said than found out.
#[test]
fn a_layer_that_a_mask_is_too_small_for_is_told() {
    let workshop = workshop();
    mask(&workshop, "spot.png", |x| x < 6);
    let note = |mask: &str| {
        let layers =
            ["relu1_1", "relu3_1", "relu4_1"].map(|layer| format!("--style-layer={layer}"));
        let words = [
            "style",
            "content.png",
            "--recipe=gatys",
            "--dry-run",
            "-o=out.png",
        ];
        let mask = format!("--mask={mask}");
        let words = words.into_iter().chain(["--style=red.png", &mask]);
        let words = words.chain(layers.iter().map(String::as_str));
        let told = workshop.succeed(&words.collect::<Vec<_>>()).stderr;
        let lost = told
            .lines()
            .find(|line| line.contains("too little is left"));
        lost.map(str::to_string)
    };
    assert_eq!(note("all.png"), None);
    assert_eq!(note("left.png"), None);
    let lost = note("spot.png").unwrap();
    assert!(
        lost.contains("`spot.png` too little is left at relu4_1 in 64×40"),
        "{lost}"
    );
}
