//! `--color`: whose colours a result has.

use std::str::FromStr;

use impasto::image::Matching;

use super::values::hint;

/// What `--color` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourControl {
    /// Colours are a part of the style.
    Style,
    /// What is written has the chroma of the content.
    Content,
    /// The same, and the run too knows nothing but luminance.
    Luminance,
    /// The styles have the colours of the content before anything is painted.
    Match(Matching),
}

impl FromStr for ColourControl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "style" => Ok(Self::Style),
            "content" => Ok(Self::Content),
            "luminance" => Ok(Self::Luminance),
            "match" => Ok(Self::Match(Matching::default())),
            _ => match text.strip_prefix("match:") {
                Some(matching) => Ok(Self::Match(matching.parse()?)),
                None => Err(format!(
                    "`{text}` is no control of colour{}; choose style, content, luminance or match",
                    hint(text, &["style", "content", "luminance", "match"])
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_told_apart() {
        let parse = ColourControl::from_str;
        assert_eq!(parse("luminance"), Ok(ColourControl::Luminance));
        let transport = ColourControl::Match(Matching::OptimalTransport);
        assert_eq!(parse("match"), Ok(transport));
        assert_eq!(parse("match:ot"), Ok(transport));
        assert_eq!(
            parse("match:chol"),
            Ok(ColourControl::Match(Matching::Cholesky))
        );
        for bad in ["", "match:", "match:x", "Content", "content:pca"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
