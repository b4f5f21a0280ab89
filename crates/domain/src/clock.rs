//! The shop's time zone, and dates and times as customers read them.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Offset, Timelike, Utc};
use chrono_tz::Tz;

use crate::language::Language;

/// The time zone a shop lives in, by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShopTimezone(Tz);

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {0:?}")]
pub struct UnknownTimezone(pub String);

impl ShopTimezone {
    /// Western Indonesia, WIB.
    pub const JAKARTA: Self = Self(Tz::Asia__Jakarta);
    /// Central Indonesia, WITA.
    pub const MAKASSAR: Self = Self(Tz::Asia__Makassar);
    /// Eastern Indonesia, WIT.
    pub const JAYAPURA: Self = Self(Tz::Asia__Jayapura);

    /// Reads an IANA name such as `Asia/Jakarta`, or one of `WIB`, `WITA`, `WIT`.
    pub fn parse(text: &str) -> Result<Self, UnknownTimezone> {
        match text.trim() {
            "WIB" => Ok(Self::JAKARTA),
            "WITA" => Ok(Self::MAKASSAR),
            "WIT" => Ok(Self::JAYAPURA),
            name => name
                .parse()
                .map(Self)
                .map_err(|_| UnknownTimezone(name.to_owned())),
        }
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The shop's calendar date at an instant.
    pub fn date(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// The short name of the zone at an instant: `WIB`, `WITA`, `WIT`, or as in `GMT+8`.
    pub fn abbreviation(self, at: DateTime<Utc>) -> String {
        match self.0 {
            Tz::Asia__Jakarta | Tz::Asia__Pontianak => return "WIB".to_owned(),
            Tz::Asia__Makassar | Tz::Asia__Ujung_Pandang => return "WITA".to_owned(),
            Tz::Asia__Jayapura => return "WIT".to_owned(),
            _ => {}
        }
        let minutes = at.with_timezone(&self.0).offset().fix().local_minus_utc() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        match (hours, rest) {
            (0, 0) => "GMT".to_owned(),
            (hours, 0) => format!("GMT{sign}{hours}"),
            (hours, rest) => format!("GMT{sign}{hours}:{rest:02}"),
        }
    }

    /// Date and time as people write them: `24 Nov 2026 11.13 WIB`, in English
    /// `24 Nov 2026 11:13 WIB`.
    pub fn format(self, at: DateTime<Utc>, language: Language) -> String {
        format!(
            "{} {}",
            self.format_date(at, language),
            self.format_time(at, language)
        )
    }

    /// The date alone: `24 Nov 2026`.
    pub fn format_date(self, at: DateTime<Utc>, language: Language) -> String {
        let date = self.date(at);
        let month = month_name(date.month0(), language);
        format!("{} {month} {}", date.day(), date.year())
    }

    /// The time alone: `11.13 WIB`, in English `11:13 WIB`.
    pub fn format_time(self, at: DateTime<Utc>, language: Language) -> String {
        let local = at.with_timezone(&self.0);
        let separator = match language {
            Language::Id => '.',
            Language::En => ':',
        };
        let (hour, minute) = (local.hour(), local.minute());
        format!("{hour:02}{separator}{minute:02} {}", self.abbreviation(at))
    }
}

impl fmt::Display for ShopTimezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn month_name(month0: u32, language: Language) -> &'static str {
    const INDONESIAN: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des",
    ];
    const ENGLISH: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let names = match language {
        Language::Id => INDONESIAN,
        Language::En => ENGLISH,
    };
    names[month0 as usize % names.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_told_in_the_shop_s_zone() {
        let noon = at("2026-11-24T04:13:00Z");
        let told = |zone: &str, language| ShopTimezone::parse(zone).unwrap().format(noon, language);
        assert_eq!(told("Asia/Jakarta", Language::Id), "24 Nov 2026 11.13 WIB");
        assert_eq!(told("Asia/Jakarta", Language::En), "24 Nov 2026 11:13 WIB");
        assert_eq!(
            told("Asia/Makassar", Language::Id),
            "24 Nov 2026 12.13 WITA"
        );
        assert_eq!(told("WIT", Language::Id), "24 Nov 2026 13.13 WIT");
        assert_eq!(
            told("Asia/Singapore", Language::En),
            "24 Nov 2026 12:13 GMT+8"
        );
        assert_eq!(
            told("Asia/Kolkata", Language::En),
            "24 Nov 2026 09:43 GMT+5:30"
        );
        assert_eq!(told("UTC", Language::En), "24 Nov 2026 04:13 GMT");
    }

    #[test]
    fn the_day_changes_at_the_shop_s_midnight() {
        let evening = at("2026-08-16T17:30:00Z");
        let told = |language| ShopTimezone::JAKARTA.format_date(evening, language);
        assert_eq!(told(Language::Id), "17 Agu 2026");
        assert_eq!(told(Language::En), "17 Aug 2026");
        assert_eq!(
            ShopTimezone::JAKARTA.format_time(evening, Language::Id),
            "00.30 WIB"
        );
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let error = ShopTimezone::parse("Asia/Bandung").unwrap_err();
        assert_eq!(error.to_string(), "unknown time zone \"Asia/Bandung\"");
    }
}
