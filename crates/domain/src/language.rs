//! The two languages a shop speaks, and a guess at which one a text is in.

use serde::{Deserialize, Serialize};

/// A language of the shop's texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Bahasa Indonesia, the default of a shop.
    #[default]
    Id,
    /// English.
    En,
}

impl Language {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::Id, Self::En];

    /// The ISO 639-1 code, as stored: `id` or `en`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    /// Reads a language as a customer names it, in either language and any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "id" | "ind" | "indo" | "indonesia" | "indonesian" | "bahasa indonesia" => {
                Some(Self::Id)
            }
            "en" | "eng" | "english" | "inggris" | "bahasa inggris" => Some(Self::En),
            _ => None,
        }
    }
}

/// Words that are common in Indonesian chat and mean nothing in English.
const INDONESIAN: &[&str] = &[
    "ada",
    "aku",
    "apa",
    "apakah",
    "atau",
    "bagaimana",
    "bayar",
    "beli",
    "belum",
    "berapa",
    "bisa",
    "boleh",
    "cari",
    "dan",
    "dari",
    "dengan",
    "dong",
    "gak",
    "gan",
    "ga",
    "gimana",
    "halo",
    "harga",
    "ini",
    "itu",
    "iya",
    "jadi",
    "juga",
    "kak",
    "kakak",
    "kalau",
    "kami",
    "kapan",
    "ke",
    "keranjang",
    "kirim",
    "lagi",
    "mana",
    "mau",
    "makasih",
    "masih",
    "min",
    "nggak",
    "pesan",
    "pesanan",
    "saja",
    "sampai",
    "saya",
    "selamat",
    "siang",
    "sore",
    "malam",
    "pagi",
    "sudah",
    "tambah",
    "terima",
    "kasih",
    "tidak",
    "tolong",
    "untuk",
    "ya",
    "yang",
];

/// Words that are common in English chat and mean nothing in Indonesian.
const ENGLISH: &[&str] = &[
    "a", "an", "and", "are", "buy", "can", "could", "delivery", "do", "does", "for", "from",
    "good", "have", "hello", "help", "how", "i", "i'd", "i'm", "is", "like", "me", "much", "my",
    "need", "of", "order", "please", "price", "show", "thank", "thanks", "that", "the", "there",
    "this", "to", "track", "want", "what", "when", "where", "which", "with", "would", "yes", "you",
    "your",
];

/// Guesses the language of a text by its common words; `None` when neither language leads.
pub fn detect(text: &str) -> Option<Language> {
    /// Enough of a message to tell; the rest of a very long one is not read.
    const MAX_WORDS: usize = 200;
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS);
    let (mut indonesian, mut english) = (0_u32, 0_u32);
    for word in words {
        indonesian += u32::from(INDONESIAN.contains(&word));
        english += u32::from(ENGLISH.contains(&word));
    }
    match indonesian.cmp(&english) {
        std::cmp::Ordering::Greater => Some(Language::Id),
        std::cmp::Ordering::Less => Some(Language::En),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_shows_its_language() {
        for text in [
            "mau beli kopi dong kak",
            "pesanan saya sudah sampai mana?",
            "halo",
            "iya",
        ] {
            assert_eq!(detect(text), Some(Language::Id), "{text}");
        }
        for text in ["i want to buy coffee", "where is my order", "hello", "Yes!"] {
            assert_eq!(detect(text), Some(Language::En), "{text}");
        }
        for text in ["", "menu", "KOPI-01", "1", "🙏", "checkout"] {
            assert_eq!(detect(text), None, "{text}");
        }
    }

    #[test]
    fn no_word_counts_for_both_languages() {
        let both: Vec<_> = INDONESIAN
            .iter()
            .filter(|word| ENGLISH.contains(word))
            .collect();
        assert!(both.is_empty(), "{both:?}");
    }

    #[test]
    fn a_language_is_named_in_either() {
        for text in ["id", "Indonesia", " INDO ", "bahasa indonesia"] {
            assert_eq!(Language::parse(text), Some(Language::Id), "{text}");
        }
        for text in ["en", "English", "inggris"] {
            assert_eq!(Language::parse(text), Some(Language::En), "{text}");
        }
        assert_eq!(Language::parse("jawa"), None);
        for language in Language::ALL {
            assert_eq!(Language::parse(language.as_str()), Some(language));
        }
    }
}
