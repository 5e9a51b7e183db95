//! What `--color` does to the pictures of a run, and to its result.

use impasto::image::{ColourSpace, ColourStatistics, Picture, Recolouring};
use impasto::objective::Mask;
use impasto::paint::Sources;

use super::arguments::{ColourControl, StyleArguments};
use super::failure::Failure;

/// Refuses a `--color-space` that would change nothing.
pub fn check(arguments: &StyleArguments) -> Result<(), Failure> {
    match (arguments.color_space, arguments.color) {
        (None, _) | (_, ColourControl::Match(_)) => Ok(()),
        _ => Err(Failure::usage(
            "--color-space says in what colours are matched, and nothing is matched; add --color match or leave it out",
        )),
    }
}

/// Gives the pictures the colours that are to be painted with. `shown` is the content as large as the result, and how
/// much of it is seen, (H,W). Of the styles the colours of the `parts` count that are looked at. The picture is the one whose chroma every result takes, if it is to take any.
///
/// A content of one colour would leave nothing of the styles, and is refused where they are to have its colours.
pub fn prepare(
    arguments: &StyleArguments,
    (sources, parts): (&mut Sources, &[Mask]),
    (shown, opacity): (Picture, Option<&[f32]>),
) -> Result<Option<Picture>, Failure> {
    let statistics = |space| {
        let wanted = ColourStatistics::of(&shown, opacity, space);
        if wanted.is_uniform() {
            return Err(Failure::bad_input(
                "the content has one colour only, which --color match and --color luminance would leave of the styles; leave --color out, or take --color content",
            ));
        }
        Ok(wanted)
    };
    let part = |number: usize, style: &Picture| {
        let part: Option<&Mask> = parts.get(number);
        part.map(|part| part.opacity(style))
    };
    match arguments.color {
        ColourControl::Style => Ok(None),
        ColourControl::Content => Ok(Some(shown)),
        ColourControl::Luminance => {
            let wanted = statistics(ColourSpace::Srgb)?;
            for (number, (style, _)) in sources.styles.iter_mut().enumerate() {
                let part = part(number, style);
                *style = style.in_grey_like(&wanted, part.as_deref());
            }
            sources.content = sources.content.in_grey();
            Ok(Some(shown))
        }
        ColourControl::Match(matching) => {
            let space = arguments.color_space.unwrap_or_default();
            let wanted = statistics(space)?;
            for (number, (style, _)) in sources.styles.iter_mut().enumerate() {
                let part = part(number, style);
                let own = ColourStatistics::of(style, part.as_deref(), space);
                *style = Recolouring::between(&own, &wanted, matching).apply(style);
            }
            Ok(None)
        }
    }
}

/// A picture to start from, as the run knows pictures.
pub fn start(arguments: &StyleArguments, picture: Picture) -> Picture {
    match arguments.color {
        ColourControl::Luminance => picture.in_grey(),
        _ => picture,
    }
}
