//! What flags take: sizes, names with weights, numbers within bounds.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::pool2::Pooling;
use impasto::shape::Border;

/// `WxH`, or one number for a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        let side = |text: &str| {
            let side = text.trim().parse().ok();
            side.filter(|side| (1..=65_536).contains(side))
        };
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            _ => Err("it is no size; write for example 1024x768".to_string()),
        }
    }
}

/// `NAME` or `NAME:WEIGHT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    pub name: String,
    /// 1 if none is given.
    pub weight: f32,
}

impl FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |name: &str| Self {
            name: name.to_string(),
            weight: 1.0,
        };
        match text.rsplit_once(':') {
            // What follows the last colon is a weight only if it looks like a number: file names and
            // Windows drives have colons too.
            Some((name, weight)) if !name.is_empty() && weight.trim().parse::<f32>().is_ok() => {
                Ok(Self {
                    name: name.to_string(),
                    weight: positive(weight.trim())
                        .map_err(|_| "its weight must be a finite number above 0")?,
                })
            }
            _ if text.is_empty() => Err("the name is empty".to_string()),
            _ => Ok(plain(text)),
        }
    }
}

/// Reads what names a file in text; a name that is none is refused by the flag that it stands at.
pub(super) fn in_text<T: Clone + Send + Sync + 'static>(
    read: impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T> {
    OsStringValueParser::new().try_map(move |value| match value.to_str() {
        Some(text) => read(text),
        None => Err("it is no UTF-8, and is taken apart as text here; rename the file".to_string()),
    })
}

/// The text as it is, for [`in_text`].
pub(super) fn whole(text: &str) -> Result<String, String> {
    Ok(text.to_string())
}

pub(super) fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("plots are written as SVG; give a name that ends in .svg".to_string()),
    }
}

pub(super) fn finite(text: &str) -> Result<f32, String> {
    text.parse::<f32>()
        .ok()
        .filter(|value| value.is_finite())
        .ok_or_else(|| format!("`{text}` is not a finite number"))
}

/// Help of `--variant`.
pub(super) fn variants() -> String {
    let names = Variant::ALL.map(Variant::name).join(", ");
    format!("Variant of the convolutions that can run it: {names}")
}

pub(super) fn positive(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value > 0.0 {
        Ok(value)
    } else {
        Err("it must be above 0".to_string())
    }
}

pub(super) fn not_negative(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value >= 0.0 {
        Ok(value)
    } else {
        Err("it must not be below 0".to_string())
    }
}

/// `A..B`, both included and counted from 1, or one number.
pub(super) fn range(text: &str) -> Result<RangeInclusive<usize>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err("it is no range; write for example 11..20, counted from 1".to_string()),
    }
}

/// A number above 1.
pub(super) fn above_one(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value > 1.0 {
        Ok(value)
    } else {
        Err("it must be above 1".to_string())
    }
}

/// A number from 0 to 1.
pub(super) fn unit(text: &str) -> Result<f32, String> {
    let value = not_negative(text)?;
    if value <= 1.0 {
        Ok(value)
    } else {
        Err("it must not be above 1".to_string())
    }
}

/// A number from 0 to below 1.
pub(super) fn share(text: &str) -> Result<f32, String> {
    let value = not_negative(text)?;
    if value < 1.0 {
        Ok(value)
    } else {
        Err("it must be below 1".to_string())
    }
}

/// ` (did you mean max?)` if `text` is nearly one of `choices`, or nothing.
pub fn hint(text: &str, choices: &[&str]) -> String {
    let distance = |choice: &&&str| strsim::damerau_levenshtein(&text.to_lowercase(), choice);
    let nearest = choices.iter().min_by_key(distance);
    // Half of a short word is another word.
    let is_near = |choice: &&&str| distance(choice) <= (choice.len() / 3).max(1);
    match nearest.filter(is_near) {
        Some(choice) => format!(" (did you mean {choice}?)"),
        None => String::new(),
    }
}

pub(super) fn pooling(text: &str) -> Result<Pooling, String> {
    match text {
        "max" => Ok(Pooling::Max),
        "avg" | "average" => Ok(Pooling::Average),
        "l2" => Ok(Pooling::L2),
        other => Err(format!(
            "`{other}` is not a pooling{}; choose max, avg or l2",
            hint(other, &["max", "avg", "average", "l2"])
        )),
    }
}

/// The word that [`pooling`] reads as `pooling`.
pub fn pooling_name(pooling: Pooling) -> &'static str {
    match pooling {
        Pooling::Max => "max",
        Pooling::Average => "avg",
        Pooling::L2 => "l2",
    }
}

pub(super) fn border(text: &str) -> Result<Border, String> {
    match text {
        "zero" => Ok(Border::Zero),
        "replicate" => Ok(Border::Replicate),
        "wrap" => Ok(Border::Wrap),
        other => Err(format!(
            "`{other}` is not a border{}; choose zero, replicate or wrap",
            hint(other, &["zero", "replicate", "wrap"])
        )),
    }
}

/// The word that [`border`] reads as `border`.
pub fn border_name(border: Border) -> &'static str {
    match border {
        Border::Zero => "zero",
        Border::Replicate => "replicate",
        Border::Wrap => "wrap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_what_they_name() {
        for value in Pooling::ALL {
            assert_eq!(pooling(pooling_name(value)), Ok(value));
        }
        for value in [Border::Zero, Border::Replicate, Border::Wrap] {
            assert_eq!(border(border_name(value)), Ok(value));
        }
    }

    #[test]
    fn a_weight_follows_the_last_colon_only_if_it_is_a_number() {
        let parse = |text: &str| Weighted::from_str(text).map(|w| (w.name, w.weight));
        assert_eq!(parse("a.png"), Ok(("a.png".into(), 1.0)));
        assert_eq!(parse("a.png:2.5"), Ok(("a.png".into(), 2.5)));
        assert_eq!(parse("C:\\a.png"), Ok(("C:\\a.png".into(), 1.0)));
        assert_eq!(parse("C:\\a.png:3"), Ok(("C:\\a.png".into(), 3.0)));
        assert!(parse("a.png:0").is_err());
        assert!(parse("a.png:-1").is_err());
        assert!(parse("a.png:nan").is_err());
        assert!(parse("a.png:inf").is_err());
        assert!(parse("").is_err());
    }
}
