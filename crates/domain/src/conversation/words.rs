//! Splitting a message into words, without what only decorates them.

use crate::money::{Quantity, QuantityError};

/// How many words of a message are read; the rest of a longer one is left alone.
const MAX_WORDS: usize = 120;
/// The longest text handed to a product search, in characters.
const MAX_QUERY_CHARS: usize = 80;

/// Words that greet, address or ask politely, and mean nothing before a command.
const COURTESIES: &[&str] = &[
    "aku", "bang", "bos", "boss", "bro", "can", "change", "could", "dong", "gan", "ganti", "hai",
    "halo", "hallo", "hello", "hey", "hi", "i", "ingin", "ka", "kak", "kakak", "lihat", "like",
    "malam", "mas", "mau", "mbak", "me", "min", "mimin", "minta", "mohon", "p", "pagi", "permisi",
    "please", "pls", "saya", "see", "selamat", "show", "siang", "sis", "sore", "the", "to",
    "tolong", "ubah", "view", "want", "would", "you", "your",
];

/// Words that may follow a command and mean nothing.
const PARTICLES: &[&str] = &[
    "aja", "bang", "bos", "boss", "bro", "deh", "dong", "gan", "ka", "kak", "kakak", "kasih",
    "makasih", "mbak", "min", "mimin", "nih", "now", "please", "pls", "saja", "sekarang", "sis",
    "terima", "thank", "thanks", "ya", "yah", "you",
];

/// Words that ask about goods and are no part of their names.
const QUESTIONS: &[&str] = &[
    "ada", "any", "apa", "apakah", "berapa", "do", "ga", "gak", "harga", "harganya", "have", "how",
    "is", "jual", "kah", "much", "nggak", "punya", "ready", "there", "what",
];

/// Words that count units and are no part of a product's name.
const UNITS: &[&str] = &[
    "bh", "biji", "buah", "bungkus", "lembar", "pc", "pcs", "porsi", "unit", "units", "x",
];

/// Words that count units behind a number and otherwise are goods.
const CONTAINERS: &[&str] = &[
    "botol", "box", "cup", "dus", "gelas", "kotak", "pack", "pak", "sachet",
];

/// Words that make the number before them part of a product's name: `5 kg`.
const MEASURES: &[&str] = &[
    "cm", "g", "gb", "gr", "gram", "in", "inch", "kg", "l", "liter", "litre", "lt", "m", "mb",
    "ml", "mm", "ons", "rb", "ribu", "tb", "volt", "watt",
];

/// One word of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As written, without decoration around it.
    pub(super) text: String,
    /// In small letters, without anything before the first letter or digit. Empty for a lone sign.
    pub(super) key: String,
    /// Where in the message the word ends, in bytes.
    pub(super) after: usize,
}

/// Splits a message. A first word such as `alamat:Jl.` counts as two, and so does `kopi=2`.
pub(super) fn split(message: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (start, raw) in raw_words(message).take(MAX_WORDS) {
        match joint(raw, words.is_empty()) {
            Some((joint, behind)) => {
                words.extend(word(start, &raw[..joint]));
                words.extend(word(start + behind, &raw[behind..]));
            }
            None => words.extend(word(start, raw)),
        }
    }
    words
}

/// Where a piece without blanks falls into two words: the end of the first and the start of the
/// second, in bytes. What cannot be seen does not count.
fn joint(raw: &str, is_first: bool) -> Option<(usize, usize)> {
    let seen = |c: &char| !is_invisible(*c);
    // Each look ends at the nearest thing to be seen, so that a long run of colons stays cheap.
    let before_number = raw.char_indices().find(|(index, c)| {
        let (before, behind) = (&raw[..*index], &raw[index + c.len_utf8()..]);
        matches!(narrow(*c), ',' | ':' | ';' | '=')
            && before
                .chars()
                .rev()
                .find(seen)
                .is_some_and(char::is_alphabetic)
            && behind.chars().find(seen).is_some_and(char::is_numeric)
    });
    let label = raw.char_indices().find(|(_, c)| narrow(*c) == ':');
    let label = label.filter(|(index, c)| {
        let (label, rest) = (&raw[..*index], &raw[index + c.len_utf8()..]);
        is_first
            && rest.chars().any(|c| seen(&c))
            && label.chars().filter(seen).all(char::is_alphabetic)
    });
    let (index, c) = label.or(before_number)?;
    Some((index, index + c.len_utf8()))
}

/// The pieces between blanks, each with its place in the message.
fn raw_words(message: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = message;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (raw, behind) = rest.split_at(end);
        let start = message.len() - rest.len();
        rest = behind;
        (!raw.is_empty()).then_some((start, raw))
    })
}

fn word(start: usize, raw: &str) -> Option<Word> {
    let plain: String = raw
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(narrow)
        .collect();
    let text = undecorated(&plain);
    let key: String = text
        .to_lowercase()
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .into();
    (!text.is_empty()).then(|| Word {
        text: text.to_owned(),
        key,
        after: start + raw.len(),
    })
}

/// Marks that change how a character looks, or nothing at all.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// The ASCII character that a full-width one stands for, and a plain minus for a typographic one.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2212}' | '\u{2012}' | '\u{2013}' => '-',
        other => other,
    }
}

/// Drops emoji and punctuation around a word, but keeps what makes a number another number: signs
/// and points in front, a percent sign behind.
fn undecorated(word: &str) -> &str {
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%' && !is_sign(c));
    if word.chars().all(is_sign) {
        return if word.chars().count() == 1 { word } else { "" };
    }
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
    let begins = word.char_indices().find(|(index, c)| {
        let rest = word[index + c.len_utf8()..].trim_start_matches(['.', ',']);
        let before_digit = rest.starts_with(char::is_numeric);
        c.is_alphanumeric() || ((is_sign(*c) || matches!(c, '.' | ',')) && before_digit)
    });
    begins.map_or("", |(index, _)| &word[index..])
}

fn is_sign(c: char) -> bool {
    matches!(c, '+' | '-')
}

/// The words as a text to search by.
pub(super) fn join(words: &[Word]) -> String {
    let mut joined = String::new();
    let mut chars = 0;
    for word in words.iter().filter(|word| !word.key.is_empty()) {
        let gap = usize::from(!joined.is_empty());
        chars += word.text.chars().count() + gap;
        if chars > MAX_QUERY_CHARS {
            break;
        }
        if gap == 1 {
            joined.push(' ');
        }
        joined.push_str(&word.text);
    }
    if joined.is_empty() {
        joined.extend(
            words
                .iter()
                .take(1)
                .flat_map(|w| w.text.chars().take(MAX_QUERY_CHARS)),
        );
    }
    joined
}

/// Without the greetings in front. A message of nothing else stays as it is.
pub(super) fn without_courtesies(words: &[Word]) -> &[Word] {
    let start = words.iter().position(|word| !is_courtesy(word));
    start.map_or(words, |start| &words[start..])
}

/// Without the particles behind.
pub(super) fn without_particles(words: &[Word]) -> &[Word] {
    let end = words
        .iter()
        .rposition(|word| !PARTICLES.contains(&word.key.as_str()));
    end.map_or(&[], |end| &words[..=end])
}

/// Without what only makes a question of a product's name. A question of nothing else stays.
pub(super) fn without_questions(words: &[Word]) -> &[Word] {
    let is_name = |word: &Word| {
        let key = word.key.as_str();
        !QUESTIONS.contains(&key) && !PARTICLES.contains(&key)
    };
    match (
        words.iter().position(is_name),
        words.iter().rposition(is_name),
    ) {
        (Some(start), Some(end)) => &words[start..=end],
        _ => words,
    }
}

/// Whether a word greets, addresses or asks politely.
fn is_courtesy(word: &Word) -> bool {
    let key = word.key.as_str();
    COURTESIES.contains(&key) || key == "assalamualaikum"
}

/// Whether the words say nothing but hello, please or thank you.
pub(super) fn are_courteous(words: &[Word]) -> bool {
    let is_polite = |word: &Word| {
        is_courtesy(word)
            || PARTICLES.contains(&word.key.as_str())
            || matches!(
                word.key.as_str(),
                "" | "banyak" | "banget" | "much" | "sama" | "very"
            )
    };
    !words.is_empty() && words.iter().all(is_polite)
}

/// Whether the words say nothing beyond the command before them.
pub(super) fn are_idle(words: &[Word]) -> bool {
    words.iter().all(|word| {
        let key = word.key.as_str();
        PARTICLES.contains(&key)
            || is_courtesy(word)
            || matches!(key, "" | "apa" | "berapa" | "my" | "the")
    })
}

/// Whether the number before a word is part of a product's name.
pub(super) fn is_measure(word: &Word) -> bool {
    MEASURES.contains(&word.key.as_str())
}

/// Whether a word behind a number counts units, though elsewhere it is goods.
pub(super) fn is_container(word: &Word) -> bool {
    CONTAINERS.contains(&word.key.as_str())
}

/// Whether a word only counts units.
pub(super) fn is_unit(word: &Word) -> bool {
    UNITS.contains(&word.key.as_str())
}

/// The number in a word that stands for a quantity, well formed or not: `2`, `x2`, `2pcs`, `0.001`,
/// `1e-9`, `-5`, `½`. `None` for words that are names, such as `500g`.
pub(super) fn quantity_text(word: &Word) -> Option<&str> {
    let text = word.text.as_str();
    let number = text.strip_prefix(['x', 'X']).unwrap_or(text);
    let digits_end = number.rfind(char::is_numeric)?;
    let last = number[digits_end..].chars().next()?;
    let (number, suffix) = number.split_at(digits_end + last.len_utf8());
    if !suffix.is_empty() && !UNITS.contains(&suffix.to_lowercase().as_str()) {
        return None;
    }
    let is_mark = |c: char| matches!(c, '.' | ',' | '+' | '-' | '/');
    let has_letters = number.chars().any(|c| !c.is_numeric() && !is_mark(c));
    let is_exponent = || Quantity::parse(number) == Err(QuantityError::Exponent);
    let is_negative_exponent = || {
        number
            .strip_prefix('-')
            .is_some_and(|n| Quantity::parse(n) == Err(QuantityError::Exponent))
    };
    (!has_letters || is_exponent() || is_negative_exponent()).then_some(number)
}

/// The number in a word of one to three digits, as people answer a numbered message.
pub(super) fn menu_number(word: &Word) -> Option<u32> {
    let text = word.text.as_str();
    let fits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
