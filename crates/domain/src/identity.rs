//! How WhatsApp names a person: by business-scoped user ids or by a phone number.
//!
//! An identity is taken as it came or refused. It is never cleaned: dropping the letters and the
//! dot of `ID.2026…` would leave a plausible Indonesian phone number that belongs to a stranger.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One name of a person on WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ChannelIdentity {
    /// Business-scoped user id: `CC.` and 1 to 128 letters or digits (Meta, business-scoped user
    /// ids).
    Bsuid(Name),
    /// The same for a parent business: `CC.ENT.` and 1 to 128 letters or digits.
    ParentBsuid(Name),
    /// A phone number in international form without `+`: 5 to 15 digits (ITU-T E.164).
    WaId(Name),
}

/// The text of an identity. Only [`ChannelIdentity::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Which kind of name an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// See [`ChannelIdentity::Bsuid`].
    Bsuid,
    /// See [`ChannelIdentity::ParentBsuid`].
    ParentBsuid,
    /// See [`ChannelIdentity::WaId`].
    WaId,
}

/// A text that is no identity of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a channel identity")]
pub struct NotAnIdentity;

impl IdentityKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Bsuid, Self::ParentBsuid, Self::WaId];

    /// The stored name: `bsuid`, `parent_bsuid` or `wa_id`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bsuid => "bsuid",
            Self::ParentBsuid => "parent_bsuid",
            Self::WaId => "wa_id",
        }
    }
}

impl ChannelIdentity {
    /// Reads an identity exactly as WhatsApp sends it. The three forms exclude each other.
    ///
    /// # Errors
    /// [`NotAnIdentity`] for every other text, including one with blanks around it.
    pub fn parse(text: &str) -> Result<Self, NotAnIdentity> {
        if is_wa_id(text) {
            return Ok(Self::WaId(Name(text.to_owned())));
        }
        let (country, rest) = text.split_at_checked(3).ok_or(NotAnIdentity)?;
        let country = country.as_bytes();
        if !country[..2].iter().all(u8::is_ascii_uppercase) || country[2] != b'.' {
            return Err(NotAnIdentity);
        }
        if let Some(scoped) = rest.strip_prefix("ENT.") {
            return if is_scoped(scoped) {
                Ok(Self::ParentBsuid(Name(text.to_owned())))
            } else {
                Err(NotAnIdentity)
            };
        }
        if is_scoped(rest) {
            Ok(Self::Bsuid(Name(text.to_owned())))
        } else {
            Err(NotAnIdentity)
        }
    }

    /// Which kind it is.
    pub const fn kind(&self) -> IdentityKind {
        match self {
            Self::Bsuid(_) => IdentityKind::Bsuid,
            Self::ParentBsuid(_) => IdentityKind::ParentBsuid,
            Self::WaId(_) => IdentityKind::WaId,
        }
    }

    /// The text as WhatsApp sent it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Bsuid(name) | Self::ParentBsuid(name) | Self::WaId(name) => &name.0,
        }
    }

    /// A form for people to look at: the last four characters, and the country of a user id.
    pub fn masked(&self) -> String {
        let text = self.as_str();
        let visible = if text.len() >= 10 { 4 } else { 1 };
        let tail = &text[text.len() - visible..];
        match self {
            Self::WaId(_) => format!("…{tail}"),
            Self::Bsuid(_) | Self::ParentBsuid(_) => format!("{}…{tail}", &text[..3]),
        }
    }
}

fn is_wa_id(text: &str) -> bool {
    (5..=15).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
}

fn is_scoped(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl TryFrom<String> for ChannelIdentity {
    type Error = NotAnIdentity;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ChannelIdentity> for String {
    fn from(identity: ChannelIdentity) -> Self {
        identity.as_str().to_owned()
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> Option<IdentityKind> {
        ChannelIdentity::parse(text)
            .ok()
            .map(|identity| identity.kind())
    }

    #[test]
    fn each_form_is_its_own_kind() {
        assert_eq!(kind("6281234567890"), Some(IdentityKind::WaId));
        assert_eq!(kind("12345"), Some(IdentityKind::WaId));
        assert_eq!(kind("ID.2026aBc"), Some(IdentityKind::Bsuid));
        assert_eq!(kind("ID.ENT.2026aBc"), Some(IdentityKind::ParentBsuid));
        assert_eq!(kind("ID.ENT"), Some(IdentityKind::Bsuid));
        assert_eq!(
            kind(&format!("ID.{}", "a".repeat(128))),
            Some(IdentityKind::Bsuid)
        );
    }

    #[test]
    fn a_user_id_never_becomes_a_phone_number() {
        let identity = ChannelIdentity::parse("ID.2026081234567").unwrap();
        assert_eq!(identity.kind(), IdentityKind::Bsuid);
        assert_eq!(identity.as_str(), "ID.2026081234567");
    }

    #[test]
    fn everything_else_is_refused_as_it_came() {
        let too_long = format!("ID.{}", "a".repeat(129));
        for text in [
            "",
            "1234",
            "1234567890123456",
            "0812345678",
            "+6281234567890",
            "62 812 345 678",
            " 6281234567890",
            "6281234567890\n",
            "id.2026",
            "ID.",
            "ID.ENT.",
            "ID.20 26",
            "ID.20.26",
            "IDN.2026",
            "ID-2026",
            "ID.ENT.20.26",
            "6281234567890:12@s.whatsapp.net",
            "ID.é",
            "é",
            "١٢٣٤٥٦",
            &too_long,
        ] {
            assert_eq!(kind(text), None, "{text:?}");
            assert!(serde_json::from_value::<ChannelIdentity>(text.into()).is_err());
        }
    }

    #[test]
    fn people_see_only_the_end() {
        let masked = |text: &str| ChannelIdentity::parse(text).unwrap().masked();
        assert_eq!(masked("6281234567890"), "…7890");
        assert_eq!(masked("12345"), "…5");
        assert_eq!(masked("ID.2026aBcDeF"), "ID.…cDeF");
        assert_eq!(masked("ID.2"), "ID.…2");
    }

    proptest! {
        #[test]
        fn an_identity_is_kept_to_the_letter(
            text in "([A-Z]{2}\\.)?(ENT\\.)?[a-zA-Z0-9]{0,20}|\\PC*",
        ) {
            if let Ok(identity) = ChannelIdentity::parse(&text) {
                prop_assert_eq!(identity.as_str(), &text);
                prop_assert!(!identity.masked().is_empty());
                let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
                prop_assert_eq!(identity.kind() == IdentityKind::WaId, only_digits);
            }
        }
    }
}
