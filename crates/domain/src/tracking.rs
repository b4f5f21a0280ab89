//! Who carries a parcel and the number it is followed by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A courier's name as staff write it, in capitals: `JNE`, `J&T`, `SICEPAT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Courier(String);

/// A tracking number (*nomor resi*): 5 to 40 capitals, digits and dashes, with a digit in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resi(String);

/// A text that is no courier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a courier")]
pub struct NotACourier;

/// A text that is no tracking number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tracking number")]
pub struct NotAResi;

impl Courier {
    /// Reads 2 to 20 letters, digits, `&`, `-` and single blanks, beginning with a letter.
    ///
    /// # Errors
    /// [`NotACourier`] for every other text.
    pub fn parse(text: &str) -> Result<Self, NotACourier> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let name = words.join(" ").to_ascii_uppercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"&- ".contains(&byte);
        let begins = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic());
        if (2..=20).contains(&name.len()) && begins && name.bytes().all(fits) {
            Ok(Self(name))
        } else {
            Err(NotACourier)
        }
    }

    /// The name in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Resi {
    /// Reads a tracking number, in any case.
    ///
    /// # Errors
    /// [`NotAResi`] when a character or the length does not fit, or no digit is in it.
    pub fn parse(text: &str) -> Result<Self, NotAResi> {
        let number = text.trim().to_ascii_uppercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let has_digit = number.bytes().any(|byte| byte.is_ascii_digit());
        if (5..=40).contains(&number.len()) && number.bytes().all(fits) && has_digit {
            Ok(Self(number))
        } else {
            Err(NotAResi)
        }
    }

    /// The number in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Courier {
    type Error = NotACourier;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Courier> for String {
    fn from(courier: Courier) -> Self {
        courier.0
    }
}

impl TryFrom<String> for Resi {
    type Error = NotAResi;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Resi> for String {
    fn from(resi: Resi) -> Self {
        resi.0
    }
}

impl fmt::Display for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Resi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn couriers_and_numbers_are_read_in_any_case() {
        assert_eq!(
            Courier::parse("j&t  express").unwrap().as_str(),
            "J&T EXPRESS"
        );
        assert_eq!(
            Resi::parse("jp0123456789").unwrap().as_str(),
            "JP0123456789"
        );
        for text in ["", "J", "1ST", "JNE!", "A VERY LONG COURIER NAME"] {
            assert_eq!(Courier::parse(text), Err(NotACourier), "{text}");
        }
        for text in ["", "1234", "RESINYA", "JP 0123456", "JP_01234"] {
            assert_eq!(Resi::parse(text), Err(NotAResi), "{text}");
        }
    }
}
