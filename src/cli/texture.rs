//! `impasto texture`.

use std::path::Path;

use impasto::image::{Attachments, Picture, fitted};
use impasto::kernels::conv3x3::Preference;
use impasto::paint::{Sources, Start, StyleRecipe};
use impasto::shape::Border;

use super::arguments::{Common, TextureArguments, Weighted};
use super::checkpoint::Inputs;
use super::failure::Failure;
use super::loss_plot::LossPlot;
use super::record::{Draft, Input};
use super::result_size::check_result;
use super::resume::Session;
use super::style::{
    Remedies, StyleJob, USUAL_SIZE, check_files, check_side, check_sides, closes, keeping,
    multiple, optimiser, paint, parts, resumed_wishes, say_if_small, settle_scales, sizes, stages,
    style_scales, with_style,
};
use super::{network, open_gpu, pictures, say, tuning};

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &TextureArguments,
    mut session: Session,
) -> Result<(), Failure> {
    let names = arguments.styles.iter().map(|style| Path::new(&style.name));
    let names: Vec<&Path> = names.collect();
    let output = check_files(arguments, names.clone())?;
    let size = arguments.size.map(|size| [size.width, size.height]);
    if let Some([width, height]) = size {
        let flag = |[width, height]: [usize; 2]| format!("{width}x{height}");
        check_result([width, height], &flag([width, height]), flag)?;
    }
    check_that_it_tiles(arguments, size)?;
    let style_scales = style_scales(arguments, names.len())?;
    let Loaded {
        styles,
        files,
        full_sizes,
    } = load_styles(common, arguments, &style_scales)?;
    let output = output.with(common, Attachments::default(), arguments.depth)?;
    let network = network::load(common)?;
    let border = if arguments.tileable {
        Border::Wrap
    } else {
        // Zeros would be a frame that no style has.
        Border::Replicate
    };
    let recipe = StyleRecipe::texture(network.architecture, border);
    let wish = optimiser(arguments, &recipe)?;
    let mut terms = with_style(recipe.terms.clone(), arguments, network.architecture)?;
    terms.parts = parts(arguments, network.architecture, names.len())?;
    for ((name, (style, _)), full) in names.iter().zip(&styles).zip(&full_sizes) {
        let layers = terms.style.iter().map(|term| term.layer);
        let size = [style.width, style.height];
        let remedy = match size == *full {
            true => "a larger picture, or a layer further down",
            false => "a larger --style-size, or a layer further down",
        };
        check_side(network.architecture, layers, (name, size), remedy)?;
    }
    let size = match size {
        Some(size) => size,
        // clap wants at least one.
        None => usual_size(
            common,
            arguments,
            full_sizes.first().copied().unwrap_or([USUAL_SIZE; 2]),
        ),
    };
    output.check_size(size)?;
    let inputs = Inputs::new(&network, styles.iter().map(|(style, _)| style));
    let longer = size[0].max(size[1]);
    let sources = Sources {
        content: nothing(size),
        // As many pixels a stroke as in the style pictures, whatever the size of the result.
        style_scales: style_scales
            .iter()
            .map(|scale| scale * style_size(arguments) as f32 / longer as f32)
            .collect(),
        multiple: multiple(border),
        styles,
    };
    // Without these flags a picture that is small is meant to be.
    if arguments.style_size.is_some() || style_scales.iter().any(|&scale| scale > 1.0) {
        say_if_small(common, names.iter().copied(), &sources, longer);
    }
    let of_network = (network.architecture, &terms);
    let sizes = sizes(arguments, &recipe, of_network, (&sources, longer))?;
    let canvas_name = output.name();
    check_sides(
        network.architecture,
        &terms,
        (Path::new(&canvas_name), names.iter().copied()),
        (&sources, &sizes),
        Remedies {
            content: "a larger --size",
            style: "a larger --style-scale",
        },
    )?;
    settle_scales(&mut session, sizes.len());
    let (of_files, to_files) = ((files, arguments.seed), (&inputs, &output));
    let record = Draft::new(
        common,
        arguments.recording,
        &mut session,
        of_files,
        to_files,
    )?;
    let (scales, finish) = stages(arguments, &recipe, of_network, &sizes)?;
    let resumed = (session.resumed.as_ref(), scales.len());
    let (optimiser, finish) = resumed_wishes(wish, finish, resumed);
    let plot = arguments.plot.as_deref().map(|path| {
        let ([width, height], name) = (size, output.name());
        LossPlot::new(path, format!("{name}, {width}×{height}, a texture"))
    });
    let job = StyleJob {
        optimiser,
        finish,
        memory: arguments.memory,
        start: Start::Canvas {
            seed: arguments.seed,
        },
        preference: Preference::default(),
        scales,
        average: arguments.descent.average.unwrap_or(recipe.average),
        // There is no content.
        detail: 0.0,
        tolerance: arguments.descent.tolerance.unwrap_or(recipe.tolerance),
        terms,
        sources,
        output,
        save_every: arguments.save_every,
        trace: arguments.trace.as_deref(),
        plot,
        preview: arguments.preview.as_deref(),
        keeping: None,
        record: None,
        resumed: None,
        is_dry: arguments.dry_run,
        reckoned: None,
    };
    let record = Some(job.described(record));
    let keeping = keeping(common, arguments, &session, (inputs, &names), &job)?;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let job = StyleJob {
        preference: tuning::preference(common, gpu.profile(), arguments.variant),
        keeping,
        record,
        resumed: session.resumed,
        ..job
    };
    paint(common, &gpu, &network, job)
}

/// What stands in for the content: no term looks at more than its size.
fn nothing([width, height]: [usize; 2]) -> Picture {
    Picture {
        width,
        height,
        rgb: vec![0.0; 3 * width * height],
    }
}

/// The longer side of the style pictures, if they are as large.
fn style_size(arguments: &TextureArguments) -> usize {
    arguments
        .style_size
        .map_or(USUAL_SIZE, |side| side as usize)
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

/// The style pictures of the command line.
struct Loaded {
    /// As large as they are looked at, with their shares.
    styles: Vec<(Picture, f32)>,
    /// Where they came from.
    files: Vec<Input>,
    /// The sizes that they have there.
    full_sizes: Vec<[usize; 2]>,
}

/// Reads the style pictures.
fn load_styles(
    common: &Common,
    arguments: &TextureArguments,
    scales: &[f32],
) -> Result<Loaded, Failure> {
    let mut loaded = Loaded {
        styles: Vec::new(),
        files: Vec::new(),
        full_sizes: Vec::new(),
    };
    for (Weighted { name, weight }, scale) in arguments.styles.iter().zip(scales) {
        let style = pictures::read(common, Path::new(name))?;
        let files = &mut loaded.files;
        files.push(Input::new("styles", Path::new(name), &style.sha256));
        let longer = style_size(arguments) as f32 * scale.max(1.0);
        // Enlarging a style would only blur its strokes.
        let seen = style
            .picture
            .fit_longer_side(longer.round() as usize, false);
        let full = [style.picture.width, style.picture.height];
        loaded.full_sizes.push(full);
        loaded.styles.push((seen, *weight));
    }
    Ok(loaded)
}

/// The size of the result where none is asked for: that of the first style, or the nearest that wraps around if it has to.
fn usual_size(
    common: &Common,
    arguments: &TextureArguments,
    [width, height]: [usize; 2],
) -> [usize; 2] {
    let (width, height) = fitted(width, height, width.max(height).min(USUAL_SIZE));
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
