//! A quote: what a cart costs right now, binding for a quarter of an hour, confirmed once.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::cart::{self, CartError, CartLine};
use crate::catalog::ProductKind;
use crate::money::Rupiah;
use crate::shipping::Shipping;

/// How long a quote binds the shop: 15 minutes.
pub const QUOTE_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// The largest total of one order: the bound of a payment, 20 billion rupiah.
pub const MAX_TOTAL: Rupiah = match Rupiah::new(20_000_000_000) {
    Some(amount) => amount,
    None => Rupiah::MAX,
};

/// Prices and sums of a cart at one moment. [`Quote::build`] makes it; its sums always agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// One line per product, in the order of the product codes.
    pub lines: Vec<CartLine>,
    /// The price of all goods.
    pub subtotal: Rupiah,
    /// The price of sending them.
    pub shipping: Rupiah,
    /// What the customer pays: `subtotal + shipping`.
    pub total: Rupiah,
    /// Whether something in it is shipped.
    pub needs_address: bool,
    /// From this moment on the quote no longer binds.
    pub expires_at: DateTime<Utc>,
}

/// Why a cart cannot be quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// Nothing in the cart.
    #[error("the cart is empty")]
    Empty,
    /// The lines break a bound.
    #[error("the lines do not make a cart")]
    Cart(#[from] CartError),
    /// All of it costs nothing; there is no payment of zero.
    #[error("the total is zero")]
    ZeroTotal,
    /// The total passes [`MAX_TOTAL`].
    #[error("the total is too large")]
    TooLarge,
}

impl Quote {
    /// Merges the lines per product and adds everything up, checked.
    ///
    /// # Errors
    /// [`QuoteError`] for an empty cart or one whose sums break a bound.
    pub fn build(
        lines: Vec<CartLine>,
        shipping: &Shipping,
        now: DateTime<Utc>,
    ) -> Result<Self, QuoteError> {
        let lines = cart::merge(lines)?;
        if lines.is_empty() {
            return Err(QuoteError::Empty);
        }
        let needs_address = lines.iter().any(|line| line.kind == ProductKind::Physical);
        let totals: Option<Vec<Rupiah>> = lines.iter().map(CartLine::total).collect();
        let subtotal = totals
            .and_then(Rupiah::checked_sum)
            .ok_or(QuoteError::TooLarge)?;
        let shipping = shipping.fee(subtotal, needs_address);
        let total = subtotal.checked_add(shipping).ok_or(QuoteError::TooLarge)?;
        if total.is_zero() {
            return Err(QuoteError::ZeroTotal);
        }
        if total > MAX_TOTAL {
            return Err(QuoteError::TooLarge);
        }
        let expires_at = now + QUOTE_LIFETIME;
        Ok(Self {
            lines,
            subtotal,
            shipping,
            total,
            needs_address,
            expires_at,
        })
    }

    /// Whether the quote no longer binds.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires_at
    }
}

/// What a customer sends back to confirm a quote: 128 random bits, written as 26 small letters and
/// digits (Crockford's base 32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuoteNonce([u8; 16]);

/// A text that is no nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a nonce")]
pub struct NotANonce;

impl QuoteNonce {
    /// Length of the text, in characters.
    pub const CHARS: usize = 26;
    const ALPHABET: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// A nonce of 16 random bytes.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads exactly what `Display` writes.
    ///
    /// # Errors
    /// [`NotANonce`] for any other text: nothing is forgiven, since no person types one.
    pub fn parse(text: &str) -> Result<Self, NotANonce> {
        if text.len() != Self::CHARS {
            return Err(NotANonce);
        }
        let mut bits = 0_u128;
        for (index, byte) in text.bytes().enumerate() {
            let digit = Self::ALPHABET.iter().position(|&letter| letter == byte);
            let digit = digit.ok_or(NotANonce)?;
            // 26 digits hold 130 bits: the first may only use its lower three.
            if index == 0 && digit > 7 {
                return Err(NotANonce);
            }
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for QuoteNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for index in (0..Self::CHARS).rev() {
            let digit = (bits >> (5 * index)) & 31;
            let letter = Self::ALPHABET[usize::try_from(digit).unwrap_or_default()];
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl TryFrom<String> for QuoteNonce {
    type Error = NotANonce;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<QuoteNonce> for String {
    fn from(nonce: QuoteNonce) -> Self {
        nonce.to_string()
    }
}
