//! What is painted, from the flags: the objective and its layers.

use std::ops::RangeInclusive;
use std::path::Path;

use impasto::net::Architecture;
use impasto::objective::{LayerWeight, Statistics, StyleTerms};
use impasto::paint::{
    Sources, StyleRecipe, dream_weight, match_grams, match_moments, normalise_gradients,
    style_weight,
};

use crate::cli::arguments::{RunArguments, StyleArguments, StyleLoss, StylePart, Weighted};
use crate::cli::failure::Failure;

/// The terms of `recipe` with what the flags change in them.
pub(super) fn terms(
    arguments: &StyleArguments,
    recipe: &StyleRecipe,
    architecture: Architecture,
) -> Result<StyleTerms, Failure> {
    let mut terms = recipe.terms.clone();
    terms.content_weight = arguments.content_weight.unwrap_or(terms.content_weight);
    terms.border = arguments.border.unwrap_or(terms.border);
    terms.strength = arguments.strength;
    if arguments.strength < 1.0 && !arguments.masks.is_empty() {
        return Err(Failure::usage(format!(
            "--strength {} is for whole pictures, and --mask divides this one; leave one of them out, or use --style-weight",
            arguments.strength
        )));
    }
    if !arguments.content_layers.is_empty() {
        terms.content = layers(&arguments.content_layers, architecture, |_| 1.0)?;
    }
    let mut terms = with_style(terms, arguments, architecture)?;
    let dream = dream_weight(&terms);
    terms.dream = layers(&arguments.dreams, architecture, |_| dream)?;
    Ok(terms)
}

/// `terms` with what the flags change in all but the content.
pub fn with_style(
    mut terms: StyleTerms,
    arguments: &RunArguments,
    architecture: Architecture,
) -> Result<StyleTerms, Failure> {
    terms.style_weight = arguments.style_weight.unwrap_or(terms.style_weight);
    terms.tv_weight = arguments.tv_weight.unwrap_or(terms.tv_weight);
    terms.pooling = arguments.pooling.unwrap_or(terms.pooling);
    if arguments.normalize_gradients {
        normalise_gradients(&mut terms, architecture);
    }
    match (arguments.style_loss, terms.statistics) {
        (Some(StyleLoss::Gram), Statistics::Moments) => match_grams(&mut terms, architecture),
        (Some(StyleLoss::Wasserstein), Statistics::Gram) => {
            match_moments(&mut terms, architecture);
        }
        _ => {}
    }
    if !arguments.style_layers.is_empty() {
        let weight = |layer| style_weight(&terms, architecture, layer);
        terms.style = layers(&arguments.style_layers, architecture, weight)?;
    }
    Ok(terms)
}

/// The first layer of coarse structure: maps of a quarter of the picture's sides, whose positions see 24 pixels and
/// more of it.
const COARSE: &str = "relu3_1";

/// For each style the layers at which it is seen; none if no flag says.
pub fn parts(
    arguments: &RunArguments,
    architecture: Architecture,
    styles: usize,
) -> Result<Vec<RangeInclusive<usize>>, Failure> {
    let parts = &arguments.descent.style_parts;
    check_one_for_each("style-part", parts.len(), styles, "none any")?;
    let coarse = find_layer(architecture, COARSE)?;
    let last = architecture.layers().len() - 1;
    let part = |part: &StylePart| match part {
        StylePart::All => Ok(0..=last),
        StylePart::Fine => Ok(0..=coarse - 1),
        StylePart::Coarse => Ok(coarse..=last),
        StylePart::Between(first, end) => {
            let (from, to) = (
                find_layer(architecture, first)?,
                find_layer(architecture, end)?,
            );
            if to < from {
                return Err(Failure::usage(format!(
                    "--style-part {first}..{end} goes from the deeper layer to the other; write {end}..{first}"
                )));
            }
            Ok(from..=to)
        }
    };
    parts.iter().map(part).collect()
}

/// For each style its scale, from one for all or one for each.
pub fn style_scales(arguments: &RunArguments, styles: usize) -> Result<Vec<f32>, Failure> {
    match arguments.descent.style_scales[..] {
        [all] => Ok(vec![all; styles]),
        ref scales => {
            check_one_for_each("style-scale", scales.len(), styles, "all the same")?;
            Ok(scales.to_vec())
        }
    }
}

/// Refuses a flag that is given so often, if that is neither never nor once for each style.
pub(super) fn check_one_for_each(
    flag: &str,
    times: usize,
    styles: usize,
    otherwise: &str,
) -> Result<(), Failure> {
    if times == 0 || times == styles {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--{flag} is given {times} times for {styles} times --style; give each style one, in the same order, or {otherwise}"
    )))
}

fn layers(
    chosen: &[Weighted],
    architecture: Architecture,
    recipe_weight: impl Fn(usize) -> f32,
) -> Result<Vec<LayerWeight>, Failure> {
    let mut layers: Vec<LayerWeight> = Vec::new();
    for Weighted { name, weight } in chosen {
        let layer = find_layer(architecture, name)?;
        if layers.iter().any(|other| other.layer == layer) {
            return Err(Failure::usage(format!(
                "layer `{name}` is named twice; name it once"
            )));
        }
        layers.push(LayerWeight {
            layer,
            weight: weight * recipe_weight(layer),
        });
    }
    Ok(layers)
}

/// Refuses a picture, by its name and size (W, H), of which nothing would be left at one of `layers`. The `remedy` is
/// what would leave something.
pub fn check_side(
    architecture: Architecture,
    layers: impl IntoIterator<Item = usize>,
    (name, [width, height]): (&Path, [usize; 2]),
    remedy: &str,
) -> Result<(), Failure> {
    let least = |layer: &usize| architecture.downscale(*layer);
    let Some(deepest) = layers.into_iter().max_by_key(least) else {
        return Ok(());
    };
    if width.min(height) >= least(&deepest) {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "`{}` is too small at {width}×{height}: {} needs {} pixels a side; use {remedy}",
        name.display(),
        architecture.layers()[deepest].name,
        least(&deepest),
    )))
}

/// What makes the content and the styles of a run larger than they are looked at with.
pub struct Remedies {
    pub content: &'static str,
    /// Of a style that has more pixels; no style is enlarged.
    pub style: &'static str,
}

/// As [`check_side`] for the pictures of a run by their names, at its coarsest scale. These are the longer `sides` of all
/// its scales.
pub fn check_sides<'a>(
    architecture: Architecture,
    terms: &StyleTerms,
    (content, styles): (&Path, impl Iterator<Item = &'a Path>),
    (sources, sides): (&Sources, &[usize]),
    remedies: Remedies,
) -> Result<(), Failure> {
    let (Some(&coarsest), Some(&finest)) = (sides.first(), sides.last()) else {
        return Ok(());
    };
    let (coarse, fine) = (sources.sizes(coarsest), sources.sizes(finest));
    let of_styles = || terms.style.iter().map(|term| term.layer);
    let of_content = terms.content.iter().chain(&terms.dream);
    let of_content: Vec<usize> = of_content
        .map(|term| term.layer)
        .chain(of_styles())
        .collect();
    let check = |layers: &[usize], name, [coarse, fine]: [[usize; 2]; 2], remedy| {
        let layers = || layers.iter().copied();
        let remedy = format!("{remedy}, or a layer further down");
        check_side(architecture, layers(), (name, fine), &remedy)?;
        let remedy = "fewer --scales, or a layer further down";
        check_side(architecture, layers(), (name, coarse), remedy)
    };
    check(&of_content, content, [coarse.0, fine.0], remedies.content)?;
    let of_styles: Vec<usize> = of_styles().collect();
    let sizes = coarse.1.into_iter().zip(fine.1);
    for ((name, (style, _)), (coarse, fine)) in styles.zip(&sources.styles).zip(sizes) {
        let remedy = match fine == [style.width, style.height] {
            true => "a larger picture",
            false => remedies.style,
        };
        check(&of_styles, name, [coarse, fine], remedy)?;
    }
    Ok(())
}

/// The index of a layer that the user names.
pub fn find_layer(architecture: Architecture, name: &str) -> Result<usize, Failure> {
    architecture
        .find_layer(name)
        .map_err(|error| Failure::usage(error.to_string()))
}
