//! `impasto demo`: the main job on two embedded pictures.

use std::ffi::{OsStr, OsString};
use std::io;

use impasto::image::Picture;

use super::arguments::{Common, DemoArguments};
use super::failure::Failure;
use super::series::Member;
use super::{network, open_gpu, say};

static ASTRONAUT: &[u8] = include_bytes!("../../pictures/astronaut.png");
static CHURCH_AT_AUVERS: &[u8] = include_bytes!("../../pictures/church_at_auvers_van_gogh.png");

/// The embedded content and style with the longer side at `size`.
pub fn pictures(size: usize) -> Result<[Picture; 2], Failure> {
    Ok([
        Picture::decode(ASTRONAUT, "the embedded astronaut.png")?.fit_longer_side(size, true),
        Picture::decode(
            CHURCH_AT_AUVERS,
            "the embedded church_at_auvers_van_gogh.png",
        )?
        .fit_longer_side(size, false),
    ])
}

/// Runs the command: `impasto style` with nothing but defaults.
pub fn run(common: &Common, arguments: &DemoArguments) -> Result<(), Failure> {
    let network = network::load(common)?;
    let gpu = open_gpu(common)?;
    // On two processor cores this takes about two minutes; a GPU does the larger one in less.
    let (usual_size, usual_iterations) = if gpu.adapter().is_software() {
        (224, 100)
    } else {
        (512, 300)
    };
    let folder = tempfile::tempdir().map_err(|error| no_room(&error))?;
    let unpacked = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        let written = std::fs::write(&path, bytes);
        written.map(|()| path).map_err(|error| no_room(&error))
    };
    let content = unpacked("astronaut.png", ASTRONAUT)?;
    let style = unpacked("church_at_auvers_van_gogh.png", CHURCH_AT_AUVERS)?;
    let size = arguments.size.unwrap_or(usual_size).to_string();
    let iterations = arguments.iterations.unwrap_or(usual_iterations).to_string();
    let words: [&OsStr; 12] = [
        "impasto".as_ref(),
        "style".as_ref(),
        content.as_ref(),
        "--style".as_ref(),
        style.as_ref(),
        "--size".as_ref(),
        size.as_ref(),
        "--iterations".as_ref(),
        iterations.as_ref(),
        // It would name files that are gone.
        "--no-record".as_ref(),
        "-o".as_ref(),
        arguments.output.as_ref(),
    ];
    say(
        common,
        "an astronaut (NASA) in the manner of The Church at Auvers (van Gogh, 1890)",
    );
    let demo = Member {
        title: arguments.output.display().to_string(),
        words: words.map(OsString::from).to_vec(),
    };
    demo.paint(common, (&network, &gpu))
}

fn no_room(error: &io::Error) -> Failure {
    Failure::bad_input(format!(
        "the pictures of the demo cannot be unpacked into the temporary folder ({error}); make room there, or set TMPDIR"
    ))
}
