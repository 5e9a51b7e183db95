//! Words of others in messages of ours: decoders and parsers quote what they met, which may be a whole damaged file.

/// The most letters that are quoted.
const LONGEST: usize = 200;

/// `words` on one line, without control characters and a full stop, cut where they would fill the screen.
pub fn brief(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    let words = words.join(" ");
    let words = words.trim_end_matches('.');
    let mut letters = words.chars().filter(|letter| !letter.is_control());
    let mut brief: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        brief.push('…');
    }
    brief
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_quoted_in_few_words() {
        assert_eq!(brief(" two\n lines \u{1b}[31m."), "two lines [31m");
        assert_eq!(brief(&"é".repeat(LONGEST)).chars().count(), LONGEST);
        let cut = brief(&"é".repeat(LONGEST + 1));
        assert!(cut.chars().count() == LONGEST + 1 && cut.ends_with('…'));
    }
}
