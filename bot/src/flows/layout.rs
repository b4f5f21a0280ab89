//! Making texts fit a message.

use warung_whatsapp::limits;

/// Room for what must stand in a body with options, in UTF-16 units.
pub(crate) const BODY_UNITS: usize = limits::INTERACTIVE_BODY_UNITS;

/// The parts that say something, a blank line between.
pub(crate) fn paragraphs<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// The length of a text as the API counts it at most.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// As many lines as fit into `room` units; where some do not, the last line says how many are left
/// out.
pub(crate) fn fitting(lines: &[String], room: usize, rest: impl Fn(usize) -> String) -> String {
    let all = lines.join("\n");
    if units(&all) <= room {
        return all;
    }
    let mut shown = Vec::new();
    let mut used = 0;
    for (index, line) in lines.iter().enumerate() {
        let tail = rest(lines.len() - index);
        let with_line = used + units(line) + 1;
        let next_tail = rest(lines.len() - index - 1);
        if with_line + units(&next_tail) > room {
            shown.push(tail);
            break;
        }
        used = with_line;
        shown.push(line.clone());
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_counted_not_cut() {
        let lines: Vec<String> = (1..=50).map(|n| format!("{n} × Kopi Gayo")).collect();
        let rest = |count| format!("… +{count}");
        assert_eq!(fitting(&lines, 10_000, rest), lines.join("\n"));
        for room in [20, 60, 200, 500] {
            let text = fitting(&lines, room, rest);
            assert!(units(&text) <= room, "{room}: {text}");
            let shown = text.lines().count() - 1;
            assert!(text.ends_with(&format!("… +{}", 50 - shown)), "{text}");
        }
    }

    #[test]
    fn empty_parts_leave_no_gap() {
        let parts = ["a".to_owned(), String::new(), "b".to_owned()];
        assert_eq!(paragraphs(parts), "a\n\nb");
    }
}
