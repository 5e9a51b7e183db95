//! Numbers of bytes in words: `2GiB`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes as users write and read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    /// `2GiB`, `1500MiB`, `800MB`, `2G` (short for GiB), or bytes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.starts_with('-') {
            return Err("it must be above 0".to_string());
        }
        if text.parse::<f64>().is_ok() && text.contains(['e', 'E']) {
            return Err("it has an exponent; write its digits or a unit, as in 2GiB".to_string());
        }
        let unit_at = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let unit: f64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kib" => 1024.0,
            "m" | "mib" => 1024.0 * 1024.0,
            "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
            "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            _ => return Err(
                "it has a unit that is not known; write GiB, MiB, GB or MB, or bytes without any"
                    .to_string(),
            ),
        };
        let number: f64 = number
            .parse()
            .map_err(|_| "it is no size; write for example 2GiB or 1500MiB".to_string())?;
        let bytes = number * unit;
        if bytes < 1.0 {
            return Err("it must be above 0".to_string());
        }
        if bytes > i64::MAX as f64 {
            return Err("it is more than any machine has".to_string());
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1024 => write!(out, "{} B", self.0),
            1024..0x10_0000 => write!(out, "{:.1} KiB", bytes / 1024.0),
            0x10_0000..0x4000_0000 => write!(out, "{:.1} MiB", bytes / f64::from(1 << 20)),
            _ => write!(out, "{:.2} GiB", bytes / f64::from(1 << 30)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_usual_spelling() {
        for (text, bytes) in [
            ("2GiB", 2 << 30),
            ("2G", 2 << 30),
            ("1500MiB", 1500 << 20),
            ("1500 mib", 1500 << 20),
            ("800MB", 800_000_000),
            ("1.5GiB", 3 << 29),
            ("64k", 64 << 10),
            ("123456", 123_456),
            ("7B", 7),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for (wrong, fault) in [
            ("-1", "above 0"),
            ("-2GiB", "above 0"),
            ("1e9", "exponent"),
            ("1.5E9", "exponent"),
            ("2 GiBs", "unit"),
        ] {
            let found = Bytes::from_str(wrong).unwrap_err();
            assert!(found.contains(fault), "{wrong}: {found}");
        }
        for wrong in [
            "", "GiB", "2 GiBs", "-1G", "0", "1e9", "1.2.3M", "9999999T", "2G2", "é",
        ] {
            let fault = Bytes::from_str(wrong).unwrap_err();
            assert!(fault.starts_with("it "), "{wrong}: {fault}");
        }
    }

    #[test]
    fn sizes_are_written_in_the_unit_that_suits() {
        for (bytes, text) in [
            (12, "12 B"),
            (2048, "2.0 KiB"),
            (3 << 19, "1.5 MiB"),
            (5 << 29, "2.50 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
