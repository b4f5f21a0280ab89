//! The number of an order that people read out: `WRG-241126-7K3QX`.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::ShopTimezone;

/// An order's number: the shop's prefix, the day in the shop's zone as `ddmmyy`, and five random
/// characters of Crockford's base 32.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderNumber(String);

/// The letters in front of a shop's order numbers: 2 to 5 capitals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPrefix(String);

/// A text that is no order number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an order number")]
pub struct NotAnOrderNumber;

/// A text that is no prefix of order numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an order prefix")]
pub struct NotAnOrderPrefix;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RANDOM_CHARS: usize = 5;

impl OrderPrefix {
    /// Reads 2 to 5 letters, in any case.
    ///
    /// # Errors
    /// [`NotAnOrderPrefix`] for every other text.
    pub fn parse(text: &str) -> Result<Self, NotAnOrderPrefix> {
        let text = text.to_ascii_uppercase();
        if is_prefix(&text) {
            Ok(Self(text))
        } else {
            Err(NotAnOrderPrefix)
        }
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OrderPrefix {
    /// `WRG`, for a shop that chose none.
    fn default() -> Self {
        Self("WRG".to_owned())
    }
}

impl OrderNumber {
    /// Makes a number. `random` gives 25 random bits; the rest of it is not used.
    pub fn compose(
        prefix: &OrderPrefix,
        at: DateTime<Utc>,
        zone: ShopTimezone,
        random: u32,
    ) -> Self {
        let date = zone.date(at);
        let year = date.year().rem_euclid(100);
        let random: String = (0..RANDOM_CHARS)
            .map(|index| char::from(CROCKFORD[(random >> (5 * index)) as usize % CROCKFORD.len()]))
            .collect();
        let (day, month) = (date.day(), date.month());
        Self(format!("{}-{day:02}{month:02}{year:02}-{random}", prefix.0))
    }

    /// Reads a number as people type it: any case, `#` in front, other kinds of dash, and the
    /// letters Crockford's alphabet leaves out for the digits they look like.
    ///
    /// # Errors
    /// [`NotAnOrderNumber`] for every other text.
    pub fn parse(text: &str) -> Result<Self, NotAnOrderNumber> {
        let text = text.trim();
        let text = text.strip_prefix('#').unwrap_or(text);
        let text = text
            .to_ascii_uppercase()
            .replace(['\u{2010}', '\u{2011}', '\u{2013}'], "-");
        let mut parts = text.split('-');
        let (Some(prefix), Some(day), Some(random), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnOrderNumber);
        };
        let random = random.replace('O', "0").replace(['I', 'L'], "1");
        let is_random =
            random.len() == RANDOM_CHARS && random.bytes().all(|byte| CROCKFORD.contains(&byte));
        if is_prefix(prefix) && is_day(day) && is_random {
            Ok(Self(format!("{prefix}-{day}-{random}")))
        } else {
            Err(NotAnOrderNumber)
        }
    }

    /// The number, in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_prefix(text: &str) -> bool {
    (2..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_day(text: &str) -> bool {
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or_default();
    let year = 2000 + i32::try_from(number(4..6)).unwrap_or_default();
    NaiveDate::from_ymd_opt(year, number(2..4), number(0..2)).is_some()
}

impl TryFrom<String> for OrderNumber {
    type Error = NotAnOrderNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OrderNumber> for String {
    fn from(number: OrderNumber) -> Self {
        number.0
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compose(at: &str, random: u32) -> String {
        let prefix = OrderPrefix::default();
        OrderNumber::compose(&prefix, at.parse().unwrap(), ShopTimezone::JAKARTA, random)
            .to_string()
    }

    #[test]
    fn a_number_carries_the_day_in_the_shop_s_zone() {
        assert_eq!(compose("2026-11-24T04:13:00Z", 0), "WRG-241126-00000");
        assert_eq!(
            compose("2026-11-24T17:00:00Z", u32::MAX),
            "WRG-251126-ZZZZZ"
        );
    }

    #[test]
    fn typed_numbers_are_forgiven_their_looks() {
        for text in [
            "WRG-241126-7K3Q1",
            "wrg-241126-7k3q1",
            " #WRG-241126-7K3QI ",
            "WRG–241126–7K3Ql",
        ] {
            let number = OrderNumber::parse(text).unwrap();
            assert_eq!(number.as_str(), "WRG-241126-7K3Q1", "{text}");
        }
        for text in [
            "",
            "WRG",
            "WRG-241126",
            "WRG-241126-7K3Q",
            "WRG-241126-7K3QXX",
            "WRG-311126-7K3QX",
            "WRG-241326-7K3QX",
            "W-241126-7K3QX",
            "WR1-241126-7K3QX",
            "WRG-241126-7K3QU",
            "WRG-241126-7K3QX-1",
            "WRG 241126 7K3QX",
            "WRG-２４1126-7K3QX",
        ] {
            assert_eq!(OrderNumber::parse(text), Err(NotAnOrderNumber), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_composed_number_is_read_back(seconds in 946_684_800_i64..4_102_444_800, random: u32) {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            let prefix = OrderPrefix::parse("toko").unwrap();
            let number = OrderNumber::compose(&prefix, at, ShopTimezone::JAYAPURA, random);
            prop_assert_eq!(OrderNumber::parse(number.as_str()), Ok(number.clone()));
            prop_assert_eq!(OrderNumber::parse(&number.as_str().to_lowercase()), Ok(number));
        }
    }
}
