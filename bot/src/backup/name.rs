//! Names of backups: `20261124T031200Z-1f0c9a2e`, the time a backup was begun and something random.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// The time in a name.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// A backup's name within its shop. Orders by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupName {
    begun: DateTime<Utc>,
    id: String,
}

impl BackupName {
    /// The name of a backup begun now. `id` tells apart those of one second.
    pub fn new(now: DateTime<Utc>, id: u32) -> Self {
        // What the text does not keep must not be in the name.
        let begun = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        Self {
            begun,
            id: format!("{id:08x}"),
        }
    }

    /// When it was begun, to the second.
    pub fn begun(&self) -> DateTime<Utc> {
        self.begun
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.begun.format(TIME), self.id)
    }
}

impl FromStr for BackupName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no backup's name: like 20261124T031200Z-1f0c9a2e");
        let (time, id) = text.split_once('-').ok_or_else(fault)?;
        let begun = NaiveDateTime::parse_from_str(time, TIME).map_err(|_| fault())?;
        let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        if id.is_empty() || id.len() > 32 || !id.chars().all(plain) {
            return Err(fault());
        }
        let name = Self {
            begun: begun.and_utc(),
            id: id.to_owned(),
        };
        // One backup, one name.
        if name.to_string() == text {
            Ok(name)
        } else {
            Err(fault())
        }
    }
}

impl TryFrom<String> for BackupName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<BackupName> for String {
    fn from(name: BackupName) -> Self {
        name.to_string()
    }
}

/// Whether a shop's name can be a folder's.
pub fn is_shop(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 63 && name.chars().all(plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written(seconds in 0_i64..4_000_000_000, id: u32) {
            let now = DateTime::from_timestamp(seconds, 123).unwrap();
            let name = BackupName::new(now, id);
            prop_assert_eq!(name.to_string().parse::<BackupName>(), Ok(name));
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        for text in [
            "",
            "x",
            "../../etc",
            "20261124T031200Z",
            "20261124T031200Z-",
            "20261124T031200Z-A/b",
        ] {
            assert!(text.parse::<BackupName>().is_err(), "{text}");
        }
        for shop in ["", "..", "a/b", ".hidden", "toko sari"] {
            assert!(!is_shop(shop), "{shop}");
        }
        assert!(is_shop("toko-sari"));
    }
}
