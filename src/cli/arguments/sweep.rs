//! Flags of `impasto sweep`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::StyleArguments;

#[derive(Args)]
#[command(mut_arg("styles", |styles| styles.required_unless_present("variations")))]
#[command(mut_arg("content", |content| content.help("Picture to paint").required_unless_present("variations")))]
#[command(mut_arg("output", |output| output.help("Sheet to write: .png, .jpg, .webp, .tiff or .bmp, or `-` for standard output")))]
// What a sheet refuses is not offered.
#[command(mut_args(|flag| match flag.get_id().as_str() {
    "resume" | "from" | "checkpoint" | "checkpoint_every" | "trace" | "plot" | "preview" | "save_every" | "out_dir" | "each_style" => flag.hide(true),
    _ => flag,
}))]
pub struct SweepArguments {
    /// Flag of `style` and the values that it takes in turn; a second one goes down the sheet
    #[arg(long = "vary", required = true, conflicts_with_all = ["resume", "from", "checkpoint", "trace", "plot", "preview", "save_every", "out_dir"], value_parser = Variation::from_str, value_name = "FLAG=V1,V2,…")]
    pub variations: Vec<Variation>,
    /// Folder that also keeps every single picture; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    #[command(flatten)]
    pub style: StyleArguments,
}

/// A flag, without its dashes, and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    pub flag: String,
    /// In the order of the command line, at least one.
    pub values: Vec<String>,
}

impl FromStr for Variation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "write for example content-weight=1,10,100";
        let Some((flag, values)) = text.split_once('=') else {
            return Err(format!("it has no values; {example}"));
        };
        let flag = flag.trim_start_matches("--").to_string();
        let values: Vec<String> = values.split(',').map(String::from).collect();
        if flag.is_empty() || values.iter().any(String::is_empty) {
            return Err(format!("a flag or a value in it is empty; {example}"));
        }
        Ok(Self { flag, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_and_its_values_keep_their_order() {
        let parse = |text: &str| Variation::from_str(text).map(|found| (found.flag, found.values));
        let both = |flag: &str, values: &[&str]| {
            let values = values.iter().map(|value| value.to_string()).collect();
            Ok((flag.to_string(), values))
        };
        assert_eq!(parse("size=64"), both("size", &["64"]));
        assert_eq!(parse("--size=64,32"), both("size", &["64", "32"]));
        assert_eq!(
            parse("style=a.png:2,b=1.png"),
            both("style", &["a.png:2", "b=1.png"])
        );
        for wrong in ["", "size", "=1", "--=1", "size=", "size=1,", "size=,1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
