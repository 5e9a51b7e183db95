//! `impasto demo`: the main job on two embedded pictures.

use impasto::image::Picture;
use impasto::paint::{Scale, Sources, Start, gatys};

use super::arguments::{Common, DemoArguments};
use super::failure::Failure;
use super::memory::OptimiserWish;
use super::pictures::Output;
use super::style::{StyleJob, paint};
use super::{network, open_gpu, say, tuning};

static ASTRONAUT: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/pictures/astronaut.png"
));
static CAFE_TERRACE: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/pictures/cafe_terrace_van_gogh.png"
));

/// The embedded content and style with the longer side at `size`.
pub fn pictures(size: usize) -> Result<[Picture; 2], Failure> {
    Ok([
        Picture::decode(ASTRONAUT, "the embedded astronaut.png")?.fit_longer_side(size, true),
        Picture::decode(CAFE_TERRACE, "the embedded cafe_terrace_van_gogh.png")?
            .fit_longer_side(size, false),
    ])
}

/// Runs the command.
pub fn run(common: &Common, arguments: &DemoArguments) -> Result<(), Failure> {
    let output = Output::file(&arguments.output, &[])?;
    let network = network::load(common)?;
    let gpu = open_gpu(common)?;
    // On two processor cores this takes about two minutes; a GPU does the larger one in less.
    let (usual_size, usual_iterations) = if gpu.adapter().is_software() {
        (224, 60)
    } else {
        (512, 300)
    };
    let size = arguments.size.map_or(usual_size, |size| size as usize);
    let [content, style] = pictures(size)?;
    say(
        common,
        "an astronaut (NASA) in the manner of Café Terrace at Night (van Gogh, 1888)",
    );
    let job = StyleJob {
        terms: gatys(network.architecture),
        optimiser: OptimiserWish::Lbfgs {
            history: None,
            learning_rate: 1.0,
            bounds: (false, 0.0),
        },
        finish: None,
        memory: None,
        start: Start::Content,
        preference: tuning::preference(common, gpu.profile(), None),
        sources: Sources {
            content,
            styles: vec![(style, 1.0)],
            style_scales: vec![1.0],
            multiple: 1,
        },
        scales: vec![Scale {
            size,
            steps: arguments.iterations.unwrap_or(usual_iterations) as usize,
        }],
        average: 0.0,
        tolerance: 0.0,
        output,
        save_every: None,
        trace: None,
        plot: None,
        keeping: None,
        record: None,
        resumed: None,
        is_dry: false,
        reckoned: None,
    };
    paint(common, &gpu, &network, job)
}
