//! `--checkpoint-every`: how often a run is kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::cli::duration::minutes;

/// How often a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rhythm {
    /// After every so many steps.
    Steps(usize),
    /// After the first step that ends so long after the last checkpoint.
    Time(Duration),
}

impl Default for Rhythm {
    /// Little enough to lose, and seldom enough that even a large state on a slow disk costs next to nothing.
    fn default() -> Self {
        Self::Time(Duration::from_secs(300))
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(out, "every {steps} steps"),
            Self::Time(time) => write!(out, "every {}", minutes(time.as_secs_f64())),
        }
    }
}

impl FromStr for Rhythm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches(|letter: char| letter.is_alphabetic());
        let number: u32 = match digits.parse() {
            Ok(number) if number > 0 => number,
            _ => {
                return Err(format!(
                    "`{text}` is neither steps (50) nor time (30s, 10m, 1h)"
                ));
            }
        };
        let seconds = match &text[digits.len()..] {
            "" => return Ok(Self::Steps(number as usize)),
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            unit => return Err(format!("the unit `{unit}` is not known; choose s, m or h")),
        };
        Ok(Self::Time(Duration::from_secs(u64::from(number) * seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_times_are_told_apart() {
        let parse = Rhythm::from_str;
        let seconds = |seconds| Ok(Rhythm::Time(Duration::from_secs(seconds)));
        assert_eq!(parse("50"), Ok(Rhythm::Steps(50)));
        assert_eq!(parse("30s"), seconds(30));
        assert_eq!(parse("10m"), seconds(600));
        assert_eq!(parse("2h"), seconds(7200));
        for bad in [
            "",
            "0",
            "0m",
            "-5",
            "1.5m",
            "m",
            "10d",
            "10 m",
            "99999999999",
            "5ü",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
