//! What a shop sells: product codes, categories, kinds and role prices.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::Rupiah;
use crate::role::Role;

/// A product code: 1 to 32 capital letters, digits and dashes, not beginning with a dash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

/// A category's short name: 1 to 32 small letters, digits and dashes, not beginning with a dash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CategorySlug(String);

/// A text that is no product code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a product code")]
pub struct NotASku;

/// A text that is no category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a category")]
pub struct NotACategory;

/// The longest product code or category, in characters.
pub const MAX_CODE_CHARS: usize = 32;

/// Whether a product is sent by courier or as a secret in the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// Shipped to an address.
    Physical,
    /// Serial numbers, vouchers: one row, one buyer.
    Digital,
}

impl Sku {
    /// Reads a product code, in any case.
    ///
    /// # Errors
    /// [`NotASku`] when a character or the length does not fit.
    pub fn parse(text: &str) -> Result<Self, NotASku> {
        let code = text.trim().to_ascii_uppercase();
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        if is_code(&code, fits) {
            Ok(Self(code))
        } else {
            Err(NotASku)
        }
    }

    /// The code in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CategorySlug {
    /// Reads a category as stored, in any case; blanks between words count as dashes.
    ///
    /// # Errors
    /// [`NotACategory`] when a character or the length does not fit.
    pub fn parse(text: &str) -> Result<Self, NotACategory> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let slug = words.join("-").to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if is_code(&slug, fits) {
            Ok(Self(slug))
        } else {
            Err(NotACategory)
        }
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_code(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_CODE_CHARS).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-')
}

impl ProductKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Physical, Self::Digital];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Digital => "digital",
        }
    }

    /// The kind with a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The price somebody pays for one unit: resellers have their own where the product has one.
pub fn price_for(role: Role, price: Rupiah, reseller_price: Option<Rupiah>) -> Rupiah {
    match role {
        Role::Reseller => reseller_price.unwrap_or(price),
        Role::Customer | Role::Staff | Role::Admin | Role::Owner => price,
    }
}

impl TryFrom<String> for Sku {
    type Error = NotASku;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl TryFrom<String> for CategorySlug {
    type Error = NotACategory;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CategorySlug> for String {
    fn from(slug: CategorySlug) -> Self {
        slug.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for CategorySlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_any_case_and_kept_strict() {
        assert_eq!(Sku::parse("kopi-01").unwrap().as_str(), "KOPI-01");
        assert_eq!(
            CategorySlug::parse("Minuman Dingin").unwrap().as_str(),
            "minuman-dingin"
        );
        let too_long = "A".repeat(MAX_CODE_CHARS + 1);
        for text in [
            "", "-KOPI", "KOPI 01", "KOPI_01", "KÖPI", "KOPI|1", &too_long,
        ] {
            assert_eq!(Sku::parse(text), Err(NotASku), "{text}");
        }
        for text in ["", "-minuman", "kopi & teh", "teh_manis"] {
            assert_eq!(CategorySlug::parse(text), Err(NotACategory), "{text}");
        }
        assert!(serde_json::from_value::<Sku>("A B".into()).is_err());
    }

    #[test]
    fn resellers_pay_their_price_where_there_is_one() {
        let (price, reseller) = (Rupiah::new(12_000).unwrap(), Rupiah::new(10_000));
        assert_eq!(price_for(Role::Customer, price, reseller), price);
        assert_eq!(price_for(Role::Owner, price, reseller), price);
        assert_eq!(Some(price_for(Role::Reseller, price, reseller)), reseller);
        assert_eq!(price_for(Role::Reseller, price, None), price);
    }

    #[test]
    fn kinds_are_read_back() {
        for kind in ProductKind::ALL {
            assert_eq!(ProductKind::parse(kind.as_str()), Some(kind));
        }
    }
}
