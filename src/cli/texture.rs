//! `impasto texture`.

use std::path::Path;

use impasto::image::{Attachments, Picture};
use impasto::paint::{Start, canvas, texture};
use impasto::shape::Border;

use super::arguments::{Common, TextureArguments, Weighted};
use super::checkpoint::Inputs;
use super::failure::Failure;
use super::resume::Session;
use super::style::{
    StyleJob, USUAL_SIZE, check_files, check_side, closes, keeping, optimiser, paint, with_style,
};
use super::{network, open_gpu, pictures, say, tuning};

/// Runs the command.
pub fn run(common: &Common, arguments: &TextureArguments, session: Session) -> Result<(), Failure> {
    let names = arguments.styles.iter().map(|style| Path::new(&style.name));
    let names: Vec<&Path> = names.collect();
    let output = check_files(arguments, names.clone())?;
    let size = arguments.size.map(|size| [size.width, size.height]);
    check_that_it_tiles(arguments, size)?;
    let styles = load_styles(common, arguments)?;
    let output = output.with(common, Attachments::default(), arguments.depth)?;
    let network = network::load(common)?;
    let border = if arguments.tileable {
        Border::Wrap
    } else {
        // Zeros would be a frame that no style has.
        Border::Replicate
    };
    let terms = texture(network.architecture, border);
    let terms = with_style(terms, arguments, network.architecture)?;
    for (name, (style, _)) in names.iter().zip(&styles) {
        let layers = terms.style.iter().map(|term| term.layer);
        check_side(network.architecture, layers, name, style)?;
    }
    let size = match size {
        Some(size) => size,
        None => size_of_the_first(common, arguments, &styles),
    };
    let inputs = Inputs::new(&network, None, &styles);
    let keeping = keeping(common, arguments, &session, inputs, &names)?;
    let gpu = open_gpu(common)?;
    let resumed = session.resumed.as_ref();
    let job = StyleJob {
        terms,
        optimiser: resumed.map_or(optimiser(arguments), |run| run.optimiser.settings.into()),
        memory: arguments.memory,
        start: Start::Content,
        preference: tuning::preference(common, gpu.profile(), arguments.variant),
        content: canvas(&styles, size, arguments.seed),
        styles,
        iterations: arguments.iterations as usize,
        output,
        save_every: arguments.save_every,
        trace: arguments.trace.as_deref(),
        keeping,
        resumed: session.resumed,
    };
    paint(common, &gpu, &network, job)
}

/// Refuses a size that was asked for and does not wrap around.
fn check_that_it_tiles(
    arguments: &TextureArguments,
    size: Option<[usize; 2]>,
) -> Result<(), Failure> {
    match size {
        Some([width, height])
            if arguments.tileable && [width, height].map(closes) != [width, height] =>
        {
            let [near_width, near_height] = [width, height].map(closes);
            Err(Failure::usage(format!(
                "--size {width}x{height} cannot be --tileable, whose sides are multiples of 16; take {near_width}x{near_height}"
            )))
        }
        _ => Ok(()),
    }
}

fn load_styles(
    common: &Common,
    arguments: &TextureArguments,
) -> Result<Vec<(Picture, f32)>, Failure> {
    let mut styles = Vec::new();
    for Weighted { name, weight } in &arguments.styles {
        let style = pictures::read(common, Path::new(name))?.picture;
        let side = arguments
            .style_size
            .map_or(USUAL_SIZE, |side| side as usize);
        // Enlarging a style would only blur its strokes.
        styles.push((style.fit_longer_side(side, false), *weight));
    }
    Ok(styles)
}

/// The size of the first style, or the nearest that wraps around if it has to.
fn size_of_the_first(
    common: &Common,
    arguments: &TextureArguments,
    styles: &[(Picture, f32)],
) -> [usize; 2] {
    // clap wants at least one.
    let [width, height] = styles
        .first()
        .map_or([USUAL_SIZE; 2], |(style, _)| [style.width, style.height]);
    let [near_width, near_height] = [width, height].map(closes);
    if !arguments.tileable || [width, height] == [near_width, near_height] {
        return [width, height];
    }
    say(
        common,
        format!("note: sides that tile are multiples of 16: {near_width}×{near_height} it is"),
    );
    [near_width, near_height]
}
