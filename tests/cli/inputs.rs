//! Bad input on the command line: the exit code, the sentence, and nothing left behind.

use std::fs;

use crate::workshop::Workshop;

/// `impasto style` with good inputs, to which each test adds something bad.
const STYLE: [&str; 8] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
    "--iterations=1",
    "--recipe=gatys",
];

fn refuse_style(workshop: &Workshop, extra: &[&str], code: i32, words: &[&str]) {
    workshop.refuse(&[&STYLE[..], extra].concat(), code, words);
}

/// A PNG whose header promises `width`×`height`, with a few bytes of data after it.
fn promising_png(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png.extend(b"\0\0\0\x02IDAT\x78\x01");
    png
}

/// The checksum of PNG (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}

#[test]
fn a_file_that_is_no_picture_is_refused_wherever_a_picture_is_read() {
    let workshop = Workshop::with_pictures();
    for file in ["text.png", "truncated.png", "truncated.jpg"] {
        workshop.fetch(&format!("tests/pictures/{file}"), file);
    }
    workshop.write("empty.png", b"");
    workshop.write("huge.png", &promising_png(60_000, 60_000));
    fs::create_dir(workshop.path("folder.png")).unwrap();
    for (bad, word) in [
        ("missing.png", "does not exist"),
        ("folder.png", "is a directory"),
        ("text.png", "is not a picture"),
        ("truncated.png", "cut off"),
        ("truncated.jpg", "cut off"),
        ("empty.png", "is empty"),
        ("huge.png", "60000×60000"),
    ] {
        let words = [&*format!("`{bad}`"), word];
        let mut as_content = STYLE;
        as_content[1] = bad;
        workshop.refuse(&as_content, 4, &words);
        refuse_style(&workshop, &["--style", bad], 4, &words);
        refuse_style(&workshop, &["--init", bad], 4, &words);
        let features = [
            "inspect", "features", bad, "--layer", "relu1_1", "-o", "f.npy",
        ];
        workshop.refuse(&features, 4, &words);
        let dream = ["inspect", "dream", bad, "--layer", "relu1_1", "-o", "f.npy"];
        workshop.refuse(&dream, 4, &words);
    }
    let gradient = |at: &str, json: &str, words: &[&str]| {
        let style = ["inspect", "gradient", "content.png", "--style", "style.png"];
        let rest = ["--at", at, "-o", "g.npy", "--json", json];
        workshop.refuse(&[&style[..], &rest].concat(), 4, words);
    };
    gradient("text.png", "g.json", &["`text.png`"]);
    gradient(
        "style.png",
        "g.json",
        &["--at", "`style.png`", "36×33", "40×32"],
    );
    gradient(
        "content.png",
        "nowhere/g.json",
        &["`nowhere/g.json`", "does not exist"],
    );
    gradient(
        "content.png",
        "content.png",
        &["`content.png`", "same file"],
    );
    gradient("content.png", "g.npy", &["`g.npy`", "same file"]);
}

#[test]
fn a_layer_that_the_network_lacks_is_refused_with_a_suggestion() {
    let workshop = Workshop::with_pictures();
    let words = ["`rleu4_2`", "did you mean relu4_2"];
    refuse_style(&workshop, &["--style-layer", "rleu4_2"], 2, &words);
    refuse_style(&workshop, &["--content-layer", "rleu4_2:0.5"], 2, &words);
    let features = ["inspect", "features", "content.png", "-o", "f.npy"];
    let ask = |extra: &[&str], words: &[&str]| {
        workshop.refuse(&[&features[..], extra].concat(), 2, words);
    };
    ask(&["--layer", "rleu4_2"], &words);
    ask(&["--layer", ""], &["``", "relu5_4"]);
    let deep = ["--layer", "relu5_4", "--model", "vgg16"];
    ask(&deep, &["VGG-16", "`relu5_4`", "relu5_3"]);
    refuse_style(
        &workshop,
        &["--style-layer", "relu1_1", "--style-layer", "r11:2"],
        2,
        &["`r11`", "twice"],
    );
}

#[test]
fn a_weight_that_is_not_a_positive_number_is_refused() {
    let workshop = Workshop::with_pictures();
    for weight in ["0", "-1", "nan", "inf", "-inf", "1e39"] {
        for (flag, name) in [
            ("--style", "style.png"),
            ("--style-layer", "relu1_1"),
            ("--content-layer", "relu4_2"),
        ] {
            let value = format!("{name}:{weight}");
            refuse_style(&workshop, &[flag, &value], 2, &[flag, &value, "weight"]);
        }
        for flag in ["--content-weight", "--style-weight", "--learning-rate"] {
            let joined = format!("{flag}={weight}");
            refuse_style(&workshop, &[&joined], 2, &[flag, &format!("'{weight}'")]);
        }
    }
    for weight in ["-1", "nan", "inf", "much"] {
        let joined = format!("--tv-weight={weight}");
        let value = format!("'{weight}'");
        refuse_style(&workshop, &[&joined], 2, &["--tv-weight", &value]);
    }
    // A number below zero is the value of the flag before it, not a flag of its own.
    refuse_style(
        &workshop,
        &["--content-weight", "-1"],
        2,
        &["--content-weight", "'-1'"],
    );
    refuse_style(&workshop, &["--size", "-5"], 2, &["--size", "'-5'"]);
}

#[test]
fn flags_and_values_that_do_not_exist_are_refused() {
    let workshop = Workshop::with_pictures();
    for (flag, value) in [
        ("--size", "0"),
        ("--size", "16385"),
        ("--size", "large"),
        ("--iterations", "many"),
        ("--recipe", "nosuch"),
        ("--pooling", "min"),
        ("--optimizer", "sgd"),
        ("--save-every", "0"),
        ("--history", "1"),
        ("--seed", "-1"),
    ] {
        let joined = format!("{flag}={value}");
        let mut arguments = STYLE[..6].to_vec();
        arguments.push(&joined);
        workshop.refuse(&arguments, 2, &[flag, &format!("'{value}'")]);
    }
    refuse_style(&workshop, &["--colour", "3"], 2, &["'--colour'"]);
    refuse_style(
        &workshop,
        &["--iteration", "3"],
        2,
        &["'--iteration'", "'--iterations'"],
    );
    refuse_style(&workshop, &["more.png"], 2, &["`more.png`"]);
    refuse_style(
        &workshop,
        &["--model", "resnet"],
        2,
        &["--model", "`resnet`", "vgg19"],
    );
    workshop.refuse(&["style", "content.png", "-o", "out.png"], 2, &["--style"]);
    workshop.refuse(&STYLE[..4], 2, &["--output"]);
    workshop.refuse(&["paint"], 2, &["'paint'"]);
    workshop.refuse(&["bench", "everything"], 2, &["'everything'", "step"]);
    workshop.refuse(&["bench", "--size", "8"], 2, &["--size", "'8'"]);
    workshop.refuse(&["demo", "--size", "8"], 2, &["--size", "'8'"]);
    let features = ["inspect", "features", "content.png", "-o", "f.npy"];
    workshop.refuse(&features, 2, &["--layer"]);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_painted() {
    let workshop = Workshop::with_pictures();
    fs::create_dir(workshop.path("folder.png")).unwrap();
    let to = |output: &str, words: &[&str]| {
        let mut arguments = STYLE;
        arguments[5] = output;
        workshop.refuse(&arguments, 4, &[words, &[&*format!("`{output}`")]].concat());
    };
    to("nowhere/out.png", &["`nowhere`", "does not exist"]);
    to("folder.png", &["a directory"]);
    to("out.xyz", &[".png"]);
    to("out", &[".png"]);
    let long = format!("{}.png", "x".repeat(252));
    to(&long, &["a shorter name"]);
    let on_the_way = ["-o", &long[2..], "--iterations=2", "--save-every=2"];
    workshop.refuse(&[&STYLE[..4], &on_the_way].concat(), 4, &["a shorter name"]);
    let dream = ["dream", "content.png", "-o", &long, "--layer=relu1_1"];
    workshop.refuse(&dream, 4, &["a shorter name"]);
    to("content.png", &["same file", "read or written"]);
    to("./style.png", &["same file", "`style.png`"]);
    refuse_style(
        &workshop,
        &["--init", "content.png", "--trace", "nowhere/t.csv"],
        4,
        &["`nowhere"],
    );
    refuse_style(
        &workshop,
        &["--trace", "style.png"],
        4,
        &["`style.png`", "same file"],
    );
    refuse_style(
        &workshop,
        &["--trace", "folder.png"],
        4,
        &["`folder.png`", "a directory"],
    );
    // The two outputs are one file even before it is there.
    refuse_style(
        &workshop,
        &["--trace", "./out.png"],
        4,
        &["`./out.png`", "same file"],
    );
    let bench = ["bench", "step", "--size", "32", "--json", "nowhere/b.json"];
    workshop.refuse(&bench, 4, &["`nowhere/b.json`"]);
    workshop.refuse(&["demo", "-o", "out.gif"], 4, &["`out.gif`"]);
    let features = [
        "inspect",
        "features",
        "content.png",
        "--layer",
        "relu1_1",
        "-o",
    ];
    workshop.refuse(
        &[&features[..], &["content.png"]].concat(),
        4,
        &["same file"],
    );
}

#[cfg(unix)]
#[test]
fn links_do_not_hide_that_an_output_is_an_input() {
    let workshop = Workshop::with_pictures();
    std::os::unix::fs::symlink("style.png", workshop.path("soft.png")).unwrap();
    fs::hard_link(workshop.path("content.png"), workshop.path("hard.png")).unwrap();
    for (output, input) in [("soft.png", "`style.png`"), ("hard.png", "`content.png`")] {
        let mut arguments = STYLE;
        arguments[5] = output;
        workshop.refuse(&arguments, 4, &[output, input, "same file"]);
    }
}

#[test]
fn a_picture_on_the_way_never_replaces_an_input() {
    let workshop = Workshop::with_pictures();
    fs::rename(workshop.path("style.png"), workshop.path("out_0002.png")).unwrap();
    let style = "style content.png --style out_0002.png -o out.png --save-every 1";
    let arguments: Vec<&str> = style.split(' ').collect();
    let words = ["`out_0002.png`", "same file"];
    workshop.refuse(
        &[&arguments[..], &["--iterations", "2"]].concat(),
        4,
        &words,
    );
    // With one step there is no second picture, so nothing is in its way.
    let before = workshop.read("out_0002.png");
    workshop.succeed(&[&arguments[..], &["--iterations", "1"]].concat());
    assert!(workshop.read("out_0002.png") == before);
    assert_eq!(
        workshop.names(),
        ["content.png", "out.png", "out_0001.png", "out_0002.png"]
    );
}

/// Neither is a bug to report: the user can mend both, and is told how.
#[test]
fn what_no_adapter_and_no_number_can_hold_is_refused() {
    let workshop = Workshop::with_pictures();
    let style = [
        "style",
        "content.png",
        "--style",
        "style.png",
        "-o",
        "out.png",
    ];
    // Some machine may have the memory for it, so this one gets less.
    let flags = ["--size", "5000", "--iterations", "0", "--memory", "1GiB"];
    let large = [&style[..], &flags].concat();
    workshop.run(&large).refused(5, &["--size"]);
    assert!(!workshop.names().contains(&"out.png".to_string()));
    let overflow = [
        "--style-weight",
        "1e38",
        "--style-layer",
        "relu1_1:1e38",
        "--iterations",
        "2",
    ];
    let overflow = [&style[..], &overflow].concat();
    workshop.run(&overflow).refused(2, &["lower the weights"]);
}
