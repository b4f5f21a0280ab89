//! Rupiah and quantities: whole numbers, checked sums, and strict reading of what people type.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money in whole rupiah, from zero to [`Rupiah::MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Rupiah(i64);

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing was written.
    #[error("no amount given")]
    Empty,
    /// Letters, foreign digits, exponents or stray signs.
    #[error("not an amount")]
    NotANumber,
    /// A minus sign in front.
    #[error("a negative amount")]
    Negative,
    /// Parts of a rupiah, as in `0.001`.
    #[error("a fraction of a rupiah")]
    Fraction,
    /// Could be read in two ways, as in `1.500rb`.
    #[error("an amount with two readings")]
    Ambiguous,
    /// Zero rupiah.
    #[error("a zero amount")]
    Zero,
    /// More than [`Rupiah::MAX`].
    #[error("an amount too large")]
    TooLarge,
}

/// A number that is no amount: below zero or over [`Rupiah::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rupiah out of range")]
pub struct RupiahOutOfRange;

impl Rupiah {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: nine trillion rupiah, the bound of a ledger entry.
    pub const MAX: Self = Self(9_000_000_000_000);

    /// An amount of whole rupiah; `None` below zero or over [`Rupiah::MAX`].
    pub const fn new(rupiah: i64) -> Option<Self> {
        if rupiah >= 0 && rupiah <= Self::MAX.0 {
            Some(Self(rupiah))
        } else {
            None
        }
    }

    /// The whole rupiah.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether this is nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, unless it passes [`Rupiah::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// The difference, unless it falls below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::new)
    }

    /// The price of several units, unless it passes [`Rupiah::MAX`].
    pub fn checked_mul(self, quantity: Quantity) -> Option<Self> {
        self.0
            .checked_mul(i64::from(quantity.get()))
            .and_then(Self::new)
    }

    /// The sum of all amounts, unless it passes [`Rupiah::MAX`].
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Reads an amount as people in Indonesia write it: `50000`, `50.000`, `50,000`, `Rp 50.000`,
    /// `Rp50.000,-`, `50rb`, `50 ribu`, `50k`, `1jt`, `1,5 juta`.
    ///
    /// # Errors
    /// Zero, negative amounts, parts of a rupiah, and anything with two readings are refused.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let lower = text.trim().to_ascii_lowercase();
        let bare = lower
            .strip_prefix("rp")
            .or_else(|| lower.strip_prefix("idr"));
        let bare = bare.map_or(lower.as_str(), |rest| {
            rest.strip_prefix('.').unwrap_or(rest)
        });
        let bare = bare.trim();
        let bare = bare
            .strip_suffix(",-")
            .or_else(|| bare.strip_suffix(".-"))
            .unwrap_or(bare);
        if bare.is_empty() {
            return Err(AmountError::Empty);
        }
        if bare.starts_with('-') {
            return Err(AmountError::Negative);
        }
        let (number, unit) = split_unit(bare);
        let rupiah = match unit {
            None => whole_rupiah(number)?,
            Some(unit) => scaled_rupiah(number, unit)?,
        };
        match Self::new(rupiah) {
            Some(Self::ZERO) => Err(AmountError::Zero),
            Some(amount) => Ok(amount),
            None => Err(AmountError::TooLarge),
        }
    }
}

impl TryFrom<i64> for Rupiah {
    type Error = RupiahOutOfRange;

    fn try_from(rupiah: i64) -> Result<Self, Self::Error> {
        Self::new(rupiah).ok_or(RupiahOutOfRange)
    }
}

impl From<Rupiah> for i64 {
    fn from(amount: Rupiah) -> Self {
        amount.0
    }
}

impl fmt::Display for Rupiah {
    /// Writes `Rp12.000`: dots between thousands, no decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 2);
        text.push_str("Rp");
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push('.');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// The number and, when a unit is written behind it, what the unit multiplies by.
fn split_unit(text: &str) -> (&str, Option<i64>) {
    const UNITS: [(&str, i64); 5] = [
        ("ribu", 1_000),
        ("rb", 1_000),
        ("k", 1_000),
        ("juta", 1_000_000),
        ("jt", 1_000_000),
    ];
    for (unit, scale) in UNITS {
        if let Some(number) = text.strip_suffix(unit) {
            return (number.trim_end(), Some(scale));
        }
    }
    (text, None)
}

fn digits(text: &str) -> Result<i64, AmountError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountError::NotANumber);
    }
    text.parse().map_err(|_| AmountError::TooLarge)
}

/// An amount without a unit: digits, or groups of three with one kind of separator.
fn whole_rupiah(text: &str) -> Result<i64, AmountError> {
    let text = strip_zero_cents(text);
    let separator = match (text.contains('.'), text.contains(',')) {
        (false, false) => return digits(text),
        (true, true) => return Err(AmountError::Fraction),
        (true, false) => '.',
        (false, true) => ',',
    };
    let groups: Vec<&str> = text.split(separator).collect();
    if groups
        .iter()
        .any(|group| !group.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(AmountError::NotANumber);
    }
    let (first, rest) = (groups[0], &groups[1..]);
    let thousands = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && rest.iter().all(|group| group.len() == 3);
    if thousands {
        digits(&groups.concat())
    } else {
        Err(AmountError::Fraction)
    }
}

/// `50.000,00` and `50,000.00` are whole amounts; `50.00` is not read as one.
fn strip_zero_cents(text: &str) -> &str {
    for (cents, grouping) in [(",00", '.'), (".00", ',')] {
        if let Some(whole) = text.strip_suffix(cents)
            && whole.contains(grouping)
            && !whole.contains(cents.as_bytes()[0] as char)
        {
            return whole;
        }
    }
    text
}

/// An amount with a unit: `50`, `1,5` or `1.5` times the unit, with at most two decimals.
fn scaled_rupiah(text: &str, scale: i64) -> Result<i64, AmountError> {
    let Some(position) = text.find(['.', ',']) else {
        return digits(text)?
            .checked_mul(scale)
            .ok_or(AmountError::TooLarge);
    };
    let (whole, decimals) = (&text[..position], &text[position + 1..]);
    let hundredths = match decimals.len() {
        1 => digits(decimals)? * 10,
        2 => digits(decimals)?,
        3 if decimals.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(AmountError::Ambiguous);
        }
        _ => return Err(AmountError::NotANumber),
    };
    let whole = digits(whole)?
        .checked_mul(scale)
        .ok_or(AmountError::TooLarge)?;
    whole
        .checked_add(hundredths * (scale / 100))
        .ok_or(AmountError::TooLarge)
}

/// How many units of one product: 1 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// Why a text or number is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Nothing was written.
    #[error("no quantity given")]
    Empty,
    /// No number at all.
    #[error("not a quantity")]
    NotANumber,
    /// Digits of another script, which look like a number and are not taken for one.
    #[error("digits other than 0 to 9")]
    ForeignDigits,
    /// An exponent, as in `1e-9`.
    #[error("a quantity with an exponent")]
    Exponent,
    /// Part of a unit, as in `0.001` or `1/2`.
    #[error("a fraction of a unit")]
    Fraction,
    /// A minus sign in front.
    #[error("a negative quantity")]
    Negative,
    /// Zero units.
    #[error("a zero quantity")]
    Zero,
    /// More than [`Quantity::MAX`].
    #[error("a quantity too large")]
    TooLarge,
}

impl Quantity {
    /// One unit.
    pub const ONE: Self = Self(1);
    /// The most units of one product in one cart.
    pub const MAX: Self = Self(999);

    /// A quantity from a number.
    ///
    /// # Errors
    /// [`QuantityError::Zero`] and [`QuantityError::TooLarge`].
    pub const fn new(units: u32) -> Result<Self, QuantityError> {
        match units {
            0 => Err(QuantityError::Zero),
            1..=999 => Ok(Self(units)),
            _ => Err(QuantityError::TooLarge),
        }
    }

    /// The number of units.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The sum, unless it passes [`Quantity::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0).ok()
    }

    /// What is left after taking some away; `None` when nothing is.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0
            .checked_sub(other.0)
            .and_then(|units| Self::new(units).ok())
    }

    /// Reads a quantity: the digits 0 to 9 and nothing else.
    ///
    /// # Errors
    /// Every other text is refused, and the error says what kind of text it was, so that the
    /// customer can be told what to write instead.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(QuantityError::Empty);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let significant = text.trim_start_matches('0');
            return match significant.len() {
                0 => Err(QuantityError::Zero),
                1..=3 => significant
                    .parse()
                    .map_err(|_| QuantityError::TooLarge)
                    .and_then(Self::new),
                _ => Err(QuantityError::TooLarge),
            };
        }
        Err(fault_of(text))
    }
}

/// Names what is wrong with a text that is not plain digits.
fn fault_of(text: &str) -> QuantityError {
    let Some(unsigned) = text.strip_prefix(['-', '\u{2212}']) else {
        return unsigned_fault_of(text);
    };
    match unsigned_fault_of(unsigned) {
        QuantityError::NotANumber if !unsigned.starts_with(|c: char| c.is_ascii_digit()) => {
            QuantityError::NotANumber
        }
        _ => QuantityError::Negative,
    }
}

fn unsigned_fault_of(text: &str) -> QuantityError {
    let is_vulgar_fraction = |c: char| matches!(c, '\u{bc}'..='\u{be}' | '\u{2150}'..='\u{215f}');
    if text.chars().any(is_vulgar_fraction) {
        return QuantityError::Fraction;
    }
    if text.chars().any(|c| c.is_numeric() && !c.is_ascii_digit()) {
        return QuantityError::ForeignDigits;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',')
        || !text.bytes().any(|byte| byte.is_ascii_digit())
    {
        return QuantityError::NotANumber;
    }
    let is_number = |part: &str, extra: &[char]| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_digit() || extra.contains(&c))
    };
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if is_number(mantissa, &['.', ',']) && is_number(exponent, &[]) {
            return QuantityError::Exponent;
        }
    }
    if is_number(text, &['.', ',', '/']) {
        QuantityError::Fraction
    } else {
        QuantityError::NotANumber
    }
}

impl TryFrom<u32> for Quantity {
    type Error = QuantityError;

    fn try_from(units: u32) -> Result<Self, Self::Error> {
        Self::new(units)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
