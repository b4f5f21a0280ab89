//! Cutting texts to a length without breaking what a reader sees as one character.

use unicode_segmentation::UnicodeSegmentation;

/// What stands for the part that was cut off.
pub(crate) const ELLIPSIS: &str = "…";

/// The length of a text in UTF-16 units (see [`crate::limits`]).
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text itself when it has at most `limit` units, else as many whole graphemes as fit with an
/// ellipsis after them. With a limit of 0 the result is empty.
pub(crate) fn truncate(text: &str, limit: usize) -> String {
    if units(text) <= limit {
        return text.to_owned();
    }
    let mut cut = prefix(text, limit.saturating_sub(units(ELLIPSIS)))
        .trim_end()
        .to_owned();
    if units(&cut) + units(ELLIPSIS) <= limit {
        cut.push_str(ELLIPSIS);
    }
    cut
}

/// The longest run of whole graphemes from the start that has at most `limit` units.
fn prefix(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        used += units(grapheme);
        if used > limit {
            return &text[..start];
        }
    }
    text
}

/// A text on one line: every run of white space and control characters becomes one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A text of several lines without control characters other than line feeds, and without white
/// space at its ends.
pub(crate) fn many_lines(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_inside_the_limit_is_untouched() {
        assert_eq!(truncate("kopi", 4), "kopi");
    }

    #[test]
    fn a_family_emoji_is_kept_or_dropped_whole() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(units(family), 11);
        assert_eq!(
            truncate(&format!("{family}{family}"), 12),
            format!("{family}…")
        );
        assert_eq!(truncate(&format!("{family}{family}"), 11), "…");
        assert_eq!(truncate(family, 0), "");
    }

    #[test]
    fn lines_are_joined_by_single_spaces() {
        assert_eq!(one_line("  kopi\r\n\t susu\u{0}gula "), "kopi susu gula");
        assert_eq!(many_lines("\n kopi\r\nsusu\u{7} "), "kopi\nsusu");
    }
}
