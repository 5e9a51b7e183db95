//! `impasto texture`.

use std::path::Path;

use impasto::image::{Attachments, Picture, Proof, fitted};
use impasto::net::Architecture;
use impasto::objective::StyleTerms;
use impasto::paint::{Sources, Start, StyleRecipe};
use impasto::shape::Border;

use super::arguments::{Common, TextureArguments, Weighted};
use super::checkpoint::Inputs;
use super::failure::Failure;
use super::record::{Draft, Input};
use super::result_size::check_result;
use super::resume::Session;
use super::style::{
    Motif, Remedies, StyleJob, StyleMasks, USUAL_SIZE, check_files, check_side, check_sides,
    closes, keeping, multiple, paint, parts, say_if_mingled, say_if_small, settle_scales, sizes,
    style_scales, with_style,
};
use super::{network, open_gpu, proof, say};

/// Runs the command.
pub fn run(
    common: &Common,
    arguments: &TextureArguments,
    mut session: Session,
) -> Result<(), Failure> {
    let names = arguments.styles.iter().map(|style| Path::new(&style.name));
    let names: Vec<&Path> = names.collect();
    let masks = arguments.style_masks.iter().map(|path| path.as_path());
    let profile = arguments.proof.as_deref().into_iter();
    let inputs: Vec<&Path> = profile.chain(names.iter().copied()).chain(masks).collect();
    let output = check_files(arguments, inputs.clone())?;
    let wanted = wanted_size(arguments)?;
    let scales = style_scales(arguments, names.len())?;
    let mut files = Vec::new();
    let proof = proof::load(arguments, &mut files)?;
    let mut loaded = load_styles(common, arguments, &scales, (proof.as_ref(), files))?;
    let parts = StyleMasks::load(common, arguments, &loaded.styles, &mut loaded.files)?;
    let output = output.with(common, Attachments::default(), arguments.depth)?;
    let network = network::load(common)?;
    let recipe = StyleRecipe::texture(network.architecture, border(arguments));
    let mut terms = terms(arguments, &recipe, network.architecture, &loaded)?;
    terms.regions.in_styles = parts.parts();
    let size = wanted.unwrap_or_else(|| usual_size(common, arguments, &loaded));
    output.check_size(size)?;
    let (files, sources) = (
        loaded.files,
        sources(arguments, size, loaded.styles, &scales),
    );
    let styles = sources.styles.iter().map(|(style, _)| style);
    let fingerprints =
        Inputs::new(&network, styles.chain(parts.all())).seen_through(proof.as_ref());
    // Without these flags a picture that is small is meant to be.
    if arguments.style_size.is_some() || scales.iter().any(|&scale| scale > 1.0) {
        say_if_small(common, names.iter().copied(), &sources, longer(size));
    }
    let of_network = (network.architecture, &terms);
    let sizes = sizes(arguments, &recipe, of_network, (&sources, longer(size)))?;
    check_sides(
        network.architecture,
        &terms,
        (Path::new(&output.name()), names.iter().copied()),
        (&sources, &sizes),
        Remedies {
            content: "a larger --size",
            style: "a larger --style-scale",
        },
    )?;
    say_if_mingled(
        common,
        arguments,
        of_network,
        &sources.sizes(longer(size)).1,
    );
    settle_scales(&mut session, sizes.len());
    let record = Draft::new(
        common,
        arguments.recording,
        &mut session,
        (files, arguments.seed),
        (&fingerprints, &output),
    )?;
    let motif = Motif {
        start: Start::Canvas {
            seed: arguments.seed,
        },
        sources,
        // There is no content.
        detail: 0.0,
        plotted: "a texture".to_string(),
    };
    let (to, of_network) = ((&session, output), (network.architecture, terms));
    let job = StyleJob::new(arguments, to, &recipe, of_network, &sizes, motif)?;
    let record = Some(job.described(record));
    let keeping = keeping(common, arguments, &session, (fingerprints, &inputs), &job)?;
    let gpu = open_gpu(common)?.for_run(arguments.dry_run);
    let job = StyleJob {
        keeping,
        record,
        resumed: session.resumed,
        ..job.on(common, arguments, &gpu)
    };
    paint(common, &gpu, &network, job)
}

/// The size that is asked for, if any is, and one that can be had.
fn wanted_size(arguments: &TextureArguments) -> Result<Option<[usize; 2]>, Failure> {
    let size = arguments.size.map(|size| [size.width, size.height]);
    if let Some(size) = size {
        let flag = |[width, height]: [usize; 2]| format!("{width}x{height}");
        check_result(size, &flag(size), flag)?;
    }
    check_that_it_tiles(arguments, size)?;
    Ok(size)
}

/// What the network sees beyond the picture.
fn border(arguments: &TextureArguments) -> Border {
    if arguments.tileable {
        Border::Wrap
    } else {
        // Zeros would be a frame that no style has.
        Border::Replicate
    }
}

/// The terms of the recipe with what the flags say of the style; refused where a picture is too small for a layer.
fn terms(
    arguments: &TextureArguments,
    recipe: &StyleRecipe,
    architecture: Architecture,
    loaded: &Loaded,
) -> Result<StyleTerms, Failure> {
    let mut terms = with_style(recipe.terms.clone(), arguments, architecture)?;
    terms.parts = parts(arguments, architecture, arguments.styles.len())?;
    let styles = loaded.styles.iter().zip(&loaded.full_sizes);
    for (Weighted { name, .. }, ((style, _), full)) in arguments.styles.iter().zip(styles) {
        let layers = terms.style.iter().map(|term| term.layer);
        let size = [style.width, style.height];
        let remedy = match size == *full {
            true => "a larger picture, or a layer further down",
            false => "a larger --style-size, or a layer further down",
        };
        check_side(architecture, layers, (Path::new(name), size), remedy)?;
    }
    Ok(terms)
}

/// The pictures of a result of `size`.
fn sources(
    arguments: &TextureArguments,
    size: [usize; 2],
    styles: Vec<(Picture, f32)>,
    scales: &[f32],
) -> Sources {
    // As many pixels a stroke as in the style pictures, whatever the size of the result.
    let of_result = |scale: &f32| scale * style_size(arguments) as f32 / longer(size) as f32;
    Sources {
        content: nothing(size),
        style_scales: scales.iter().map(of_result).collect(),
        style_side: None,
        multiple: multiple(border(arguments)),
        styles,
    }
}

fn longer([width, height]: [usize; 2]) -> usize {
    width.max(height)
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

/// Reads the style pictures, through the `proof` if there is one, and notes them among the `files`.
fn load_styles(
    common: &Common,
    arguments: &TextureArguments,
    scales: &[f32],
    (proof, files): (Option<&Proof>, Vec<Input>),
) -> Result<Loaded, Failure> {
    let mut loaded = Loaded {
        styles: Vec::new(),
        files,
        full_sizes: Vec::new(),
    };
    for (Weighted { name, weight }, scale) in arguments.styles.iter().zip(scales) {
        let style = proof::read(common, Path::new(name), proof)?;
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
fn usual_size(common: &Common, arguments: &TextureArguments, loaded: &Loaded) -> [usize; 2] {
    // clap wants at least one style.
    let [width, height] = loaded
        .full_sizes
        .first()
        .map_or([USUAL_SIZE; 2], |full| *full);
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
