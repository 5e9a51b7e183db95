//! `impasto style`: what it paints from which pictures, flags and starts.

use crate::workshop::Workshop;

const STYLE: [&str; 7] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--recipe=gatys",
];

/// Layers near the picture, for tests to which the depth of the network is nothing but time.
const SHALLOW: [&str; 4] = ["--style-layer", "relu2_1", "--content-layer", "relu2_1"];

/// One row of a trace.
struct Row {
    step: usize,
    seconds: f64,
    total: f64,
    content: f64,
    style: f64,
    tv: f64,
}

/// Reads a trace and checks what holds for every one.
fn trace(workshop: &Workshop, name: &str) -> Vec<Row> {
    let text = String::from_utf8(workshop.read(name)).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("step,seconds,total,content,style,tv"));
    let rows: Vec<Row> = lines
        .map(|line| {
            let numbers: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            let &[step, seconds, total, content, style, tv] = &numbers[..] else {
                panic!("{line}");
            };
            assert!(numbers.iter().all(|number| number.is_finite()), "{line}");
            let sum = content + style + tv;
            assert!((total - sum).abs() <= 1e-6 * sum, "{line}");
            Row {
                step: step as usize,
                seconds,
                total,
                content,
                style,
                tv,
            }
        })
        .collect();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.step, index + 1, "{text}");
        assert!(
            index == 0 || row.seconds >= rows[index - 1].seconds,
            "{text}"
        );
    }
    rows
}

/// Paints `content.png` after `style.png` with the flags and returns the losses.
fn losses(workshop: &Workshop, flags: &[&str]) -> Vec<Row> {
    workshop.succeed(&[&STYLE[..], &["--trace", "t.csv"], flags].concat());
    trace(workshop, "t.csv")
}

/// Paints `content.png` after `style.png` with the flags and returns the file.
fn painted(workshop: &Workshop, flags: &[&str]) -> Vec<u8> {
    workshop.succeed(&[&STYLE[..], flags].concat());
    workshop.read("out.png")
}

#[test]
fn lbfgs_lowers_the_loss_markedly() {
    let workshop = Workshop::with_pictures();
    let rows = losses(&workshop, &["--iterations", "12"]);
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0].content, 0.0);
    assert_eq!(rows[0].tv, 0.0);
    let (first, last) = (rows[0].total, rows[11].total);
    assert!(last < 0.4 * first, "from {first:e} to {last:e}");
    assert_eq!(
        workshop.names(),
        ["content.png", "out.png", "style.png", "t.csv"]
    );
    assert!(workshop.picture("out.png").rgb != workshop.picture("content.png").rgb);
}

#[test]
fn adam_lowers_the_loss_markedly() {
    let workshop = Workshop::with_pictures();
    let rows = losses(&workshop, &["--iterations", "12", "--optimizer", "adam"]);
    let (first, last) = (rows[0].total, rows[11].total);
    assert!(last < 0.8 * first, "from {first:e} to {last:e}");
    // A longer step goes elsewhere.
    let flags = [&SHALLOW[..], &["--optimizer", "adam", "--iterations", "3"]].concat();
    let usual = painted(&workshop, &flags);
    assert!(
        painted(
            &workshop,
            &[&flags[..], &["--learning-rate", "0.1"]].concat()
        ) != usual
    );
}

#[test]
fn no_iterations_give_the_start_back() {
    let workshop = Workshop::with_pictures();
    let rows = losses(&workshop, &["--iterations", "0"]);
    assert!(rows.is_empty());
    let distance = |one: &str, other: &str| {
        let (one, other) = (workshop.picture(one), workshop.picture(other));
        assert_eq!((one.width, one.height), (other.width, other.height));
        let pairs = one.rgb.iter().zip(&other.rgb);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(distance("out.png", "content.png") <= 1.0 / 255.0);
    workshop.paint("start.png", 40, 32, 2);
    painted(
        &workshop,
        &[&SHALLOW[..], &["--iterations=0", "--init=start.png"]].concat(),
    );
    assert!(distance("out.png", "start.png") <= 1.0 / 255.0);
    // A start of another size is fitted to the content.
    workshop.paint("start.png", 64, 20, 2);
    painted(
        &workshop,
        &[&SHALLOW[..], &["--iterations=0", "--init=start.png"]].concat(),
    );
    assert!(distance("out.png", "content.png") > 0.1);
}

#[test]
fn a_seed_decides_the_noise_and_the_bytes() {
    let workshop = Workshop::with_pictures();
    let noise = ["--init", "noise", "--iterations", "2", "--seed"];
    let with = |seed: &str| painted(&workshop, &[&SHALLOW[..], &noise, &[seed]].concat());
    let first = with("7");
    assert!(with("7") == first);
    assert!(with("8") != first);
    let content = painted(&workshop, &["--iterations", "2"]);
    assert!(content != first);
    // The whole recipe too paints the same bytes twice.
    assert!(painted(&workshop, &["--iterations", "2"]) == content);
}

#[test]
fn size_is_the_longer_side() {
    let workshop = Workshop::new();
    workshop.paint("style.png", 33, 32, 1);
    let at = |flags: &[&str]| {
        workshop.succeed(&[&STYLE[..], &SHALLOW, &["--iterations", "0"], flags].concat());
        let picture = workshop.picture("out.png");
        (picture.width, picture.height)
    };
    workshop.paint("content.png", 64, 48, 0);
    assert_eq!(at(&[]), (64, 48));
    assert_eq!(at(&["--size", "32"]), (32, 24));
    assert_eq!(at(&["--size", "81"]), (81, 61));
    workshop.paint("content.png", 37, 53, 0);
    assert_eq!(at(&[]), (37, 53));
    assert_eq!(at(&["--size", "40"]), (28, 40));
    // Without --size a large picture is shrunk to 512.
    workshop.paint("content.png", 640, 40, 0);
    assert_eq!(at(&[]), (512, 32));
    assert_eq!(at(&["--size", "600"]), (600, 38));
    // An orientation that a camera noted counts.
    workshop.fetch("tests/pictures/rotated.jpg", "content.png");
    assert_eq!(at(&[]), (48, 64));
}

#[test]
fn every_kind_of_picture_is_content_and_style() {
    let workshop = Workshop::with_pictures();
    workshop.paint("wide.png", 200, 16, 2);
    for name in [
        "gray16.png",
        "transparent.png",
        "cmyk.jpg",
        "ycck.jpg",
        "rotated.jpg",
    ] {
        workshop.fetch(&format!("tests/pictures/{name}"), name);
    }
    for (name, size) in [
        ("gray16.png", (64, 48)),
        ("transparent.png", (64, 48)),
        ("cmyk.jpg", (64, 16)),
        ("ycck.jpg", (64, 16)),
        ("rotated.jpg", (48, 64)),
        ("wide.png", (200, 16)),
    ] {
        let content = ["style", name, "--style", "style.png", "-o", "out.png"];
        let once = ["--iterations", "1", "--trace", "t.csv"];
        workshop.succeed(&[&content[..], &SHALLOW, &once].concat());
        let picture = workshop.picture("out.png");
        assert_eq!((picture.width, picture.height), size, "{name}");
        assert!(trace(&workshop, "t.csv")[0].style > 0.0, "{name}");
        let mut style = STYLE;
        style[3] = name;
        workshop.succeed(&[&style[..], &SHALLOW, &once].concat());
        assert_eq!(workshop.picture("out.png").width, 40, "{name}");
        assert!(trace(&workshop, "t.csv")[0].style > 0.0, "{name}");
    }
    // A map of one row is enough for the deepest layer of the recipe.
    let mut wide = STYLE;
    wide[1] = "wide.png";
    workshop.succeed(&[&wide[..], &["--iterations", "1"]].concat());
    assert_eq!(workshop.picture("out.png").height, 16);
}

#[test]
fn names_may_have_spaces_colons_and_any_letters() {
    let workshop = Workshop::new();
    workshop.paint("Löwe 1.png", 33, 32, 0);
    workshop.paint("夜:café.png", 34, 32, 1);
    std::fs::create_dir(workshop.path("my folder")).unwrap();
    let output = "my folder/größe: 2.png";
    let style = [
        "style",
        "Löwe 1.png",
        "--style",
        "夜:café.png",
        "--style",
        "夜:café.png:2.5",
    ];
    let flags = [
        "-o",
        output,
        "--iterations",
        "2",
        "--save-every",
        "1",
        "--trace",
        "my folder/ü.csv",
    ];
    workshop.succeed(&[&style[..], &SHALLOW, &flags].concat());
    assert_eq!(workshop.picture(output).width, 33);
    assert_eq!(workshop.picture("my folder/größe: 2_0001.png").width, 33);
    assert_eq!(trace(&workshop, "my folder/ü.csv").len(), 2);
}

#[test]
fn the_extension_of_the_output_decides_its_format() {
    let workshop = Workshop::with_pictures();
    for (name, start) in [
        ("out.jpg", &b"\xff\xd8\xff"[..]),
        ("out.webp", b"RIFF"),
        ("out.tiff", b"II*\0"),
        ("out.bmp", b"BM"),
        ("OUT.PNG", b"\x89PNG"),
    ] {
        let mut arguments = STYLE;
        arguments[5] = name;
        workshop.succeed(&[&arguments[..], &SHALLOW, &["--iterations", "0"]].concat());
        assert!(workshop.read(name).starts_with(start), "{name}");
        assert_eq!(workshop.picture(name).width, 40, "{name}");
    }
}

#[test]
fn several_styles_share_by_their_weights() {
    let workshop = Workshop::with_pictures();
    workshop.paint("other.png", 35, 34, 2);
    let loss = |styles: &[&str]| {
        let mut arguments = vec!["style", "content.png"];
        arguments.extend(styles.iter().flat_map(|style| ["--style", *style]));
        arguments.extend(["-o", "out.png", "--trace", "t.csv", "--iterations", "1"]);
        arguments.extend(SHALLOW);
        workshop.succeed(&arguments);
        trace(&workshop, "t.csv")[0].style
    };
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-4;
    let (one, other) = (loss(&["style.png"]), loss(&["other.png"]));
    assert!(!near(one, other));
    // Only the shares count, and a style alone has all of it.
    assert!(near(loss(&["style.png:9"]), one));
    let even = loss(&["style.png", "other.png"]);
    assert!(near(loss(&["style.png:4", "other.png:4"]), even));
    assert!(!near(even, one) && !near(even, other));
    assert!(near(loss(&["style.png:1e6", "other.png:1e-6"]), one));
    assert!(near(loss(&["style.png", "style.png:3"]), one));
}

#[test]
fn weights_multiply_their_terms() {
    let workshop = Workshop::with_pictures();
    let row = |flags: &[&str]| {
        let once = ["--init", "noise", "--iterations", "1"];
        losses(&workshop, &[&once[..], flags].concat()).remove(0)
    };
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-5;
    let usual = row(&[]);
    assert!(usual.content > 0.0 && usual.style > 0.0);
    let heavy = row(&["--content-weight", "5", "--style-weight", "0.25"]);
    assert!(near(heavy.content, 5.0 * usual.content));
    assert!(near(heavy.style, 0.25 * usual.style));
    let shallow = |content: &str, styles: &[&str], flags: &[&str]| {
        let styles = styles.iter().flat_map(|style| ["--style-layer", *style]);
        let layers: Vec<&str> = ["--content-layer", content]
            .into_iter()
            .chain(styles)
            .collect();
        row(&[&layers[..], flags].concat())
    };
    let single = shallow("relu2_2", &["relu2_1"], &[]);
    let layered = shallow("r22:5", &["relu2_1:2"], &[]);
    assert!(near(layered.content, 5.0 * single.content));
    assert!(near(layered.style, 2.0 * single.style));
    let other = shallow("relu2_2", &["relu1_2"], &[]);
    let both = shallow("relu2_2", &["relu1_2", "relu2_1"], &[]);
    assert!(near(both.style, single.style + other.style));
    // A convolution before its ReLU, a pooling, and one layer for both terms will also do.
    let unusual = shallow("conv2_2", &["pool2", "conv2_2"], &[]);
    assert!(unusual.content > 0.0 && unusual.style > 0.0);
    let average = shallow("relu2_2", &["relu2_1"], &["--pooling", "avg"]);
    assert!(!near(average.style, single.style) && average.style > 0.0);
    let l2 = shallow("relu2_2", &["relu2_1"], &["--pooling", "l2"]);
    assert!(!near(l2.style, single.style) && !near(l2.style, average.style) && l2.style > 0.0);
    assert_eq!(usual.tv, 0.0);
    let smooth = shallow("relu2_2", &["relu2_1"], &["--tv-weight", "10"]);
    assert!(near(smooth.style, single.style));
    let smoother = shallow("relu2_2", &["relu2_1"], &["--tv-weight", "30"]);
    assert!(near(smoother.tv, 3.0 * smooth.tv));
    // Neighbours whose correlation is 12/13, that of the kernel (1, 2, 1) applied six times, differ by 2/13 of their
    // variance in the mean square, in both directions.
    let differing = 2.0 / 13.0 * 0.144 * 0.144;
    assert!(
        (smooth.tv / (10.0 * 2.0 * differing) - 1.0).abs() < 0.1,
        "{}",
        smooth.tv
    );
}

#[test]
fn pictures_on_the_way_are_numbered_and_the_last_is_the_result() {
    let workshop = Workshop::with_pictures();
    let flags = ["--iterations", "4", "--save-every", "2"];
    let rows = losses(&workshop, &[&SHALLOW[..], &flags].concat());
    assert_eq!(rows.len(), 4);
    assert_eq!(
        workshop.names(),
        [
            "content.png",
            "out.png",
            "out_0002.png",
            "out_0004.png",
            "style.png",
            "t.csv"
        ]
    );
    let result = workshop.read("out.png");
    assert!(workshop.read("out_0004.png") == result);
    let halfway = workshop.read("out_0002.png");
    assert!(halfway != result);
    // Looking on the way changes nothing.
    let short = |steps: &str| {
        painted(
            &workshop,
            &[&SHALLOW[..], &["--iterations", steps]].concat(),
        )
    };
    assert!(short("4") == result);
    assert!(short("2") == halfway);
}

#[test]
fn an_old_output_is_replaced() {
    let workshop = Workshop::with_pictures();
    workshop.write("out.png", b"what was here before");
    workshop.write("t.csv", &b"old row\n".repeat(200));
    let rows = losses(&workshop, &[&SHALLOW[..], &["--iterations", "1"]].concat());
    assert_eq!(rows.len(), 1);
    assert_eq!(workshop.picture("out.png").width, 40);
    assert_eq!(workshop.names().len(), 4);
}

#[test]
fn a_second_network_paints_otherwise() {
    let workshop = Workshop::with_pictures();
    let first = losses(&workshop, &["--iterations", "1"]);
    let second = losses(&workshop, &["--iterations", "1", "--model", "vgg16"]);
    assert!((second[0].style / first[0].style - 1.0).abs() > 0.01);
}
