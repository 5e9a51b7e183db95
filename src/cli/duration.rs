//! How long something takes, in words.

/// `4.2 s`, `40 s`, `12 min` or `3 h 05 min`.
pub fn minutes(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..=1 => format!("{seconds:.0} s"),
        2..=119 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_suits() {
        assert_eq!(minutes(4.24), "4.2 s");
        assert_eq!(minutes(9.96), "10 s");
        assert_eq!(minutes(40.4), "40 s");
        assert_eq!(minutes(721.0), "12 min");
        assert_eq!(minutes(11_100.0), "3 h 05 min");
    }
}
