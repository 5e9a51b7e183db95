//! Files beside the result, such as traces and previews: what is wrong with one is said by its flag, before the run.

use crate::workshop::Workshop;

const STYLE: &str = "style content.png --style style.png -o out.png --recipe gatys --style-layer relu1_1 \
    --content-layer relu1_1 --iterations 1";

fn words<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    command
        .split_whitespace()
        .chain(more.iter().copied())
        .collect()
}

#[test]
fn a_file_that_is_one_of_others_is_refused_by_its_flag() {
    let workshop = Workshop::with_pictures();
    let dream = "dream content.png -o out.png --layer relu1_1";
    let visualize = "visualize --layer relu1_1 --channel 0 -o out.png";
    let tensor = "inspect tensor content.png --style style.png --name relu1_1";
    let gradient = "inspect gradient content.png --style style.png --at content.png -o g.npy";
    for (command, flag, path) in [
        (STYLE, "--trace", "out.png"),
        (STYLE, "--trace", "content.png"),
        (STYLE, "--preview", "./style.png"),
        (STYLE, "--checkpoint", "out.png"),
        (dream, "--preview", "content.png"),
        (dream, "--checkpoint", "out.png"),
        (visualize, "--preview", "out.png"),
        (visualize, "--checkpoint", "out.png"),
        (tensor, "--picture", "content.png"),
        (gradient, "--json", "g.npy"),
    ] {
        let expected = format!("{flag} `{path}` is the same file as `");
        workshop.refuse(&words(command, &[flag, path]), 4, &[&expected]);
    }
    workshop.paint("content.svg.png", 24, 20, 0);
    std::fs::rename(workshop.path("content.svg.png"), workshop.path("c.svg")).unwrap();
    for command in [STYLE, dream] {
        let arguments = words(command, &["--plot", "c.svg"]);
        let arguments: Vec<&str> = arguments
            .into_iter()
            .map(|word| if word == "content.png" { "c.svg" } else { word })
            .collect();
        let expected = "--plot `c.svg` is the same file as `c.svg`";
        workshop.refuse(&arguments, 4, &[expected]);
    }
}

#[test]
fn a_file_beside_the_result_is_no_stream() {
    let workshop = Workshop::with_pictures();
    for flag in ["--trace", "--checkpoint"] {
        let expected = format!("{flag} `-` would be a file of that name");
        workshop.refuse(&words(STYLE, &[flag, "-"]), 2, &[&expected, "`./-`"]);
    }
}

#[test]
fn a_folder_that_is_not_there_is_said_to_be_that_of_the_flag() {
    let workshop = Workshop::with_pictures();
    for (flag, path) in [("--trace", "no/t.csv"), ("--preview", "no/p.png")] {
        let expected = format!("the folder `no` of {flag} `{path}` does not exist");
        workshop.refuse(&words(STYLE, &[flag, path]), 4, &[&expected]);
    }
}

#[test]
fn an_array_is_no_stream() {
    let workshop = Workshop::with_pictures();
    let features = [
        "inspect",
        "features",
        "content.png",
        "--layer=relu1_1",
        "-o",
    ];
    let look = |words: &[&'static str]| -> Vec<&str> { [words, &["-"]].concat() };
    let gradient = "inspect gradient content.png --style=style.png --at=content.png -o";
    let tensor = "inspect tensor content.png --style=style.png --name=relu1_1 -o";
    for words in [gradient, tensor] {
        let words: Vec<&'static str> = words.split(' ').collect();
        workshop.refuse(&look(&words), 2, &["-o `-`", "./-"]);
    }
    workshop.refuse(&look(&features), 2, &["-o `-`", "./-"]);
}
