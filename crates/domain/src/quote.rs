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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Sku;
    use crate::money::Quantity;

    fn rupiah(amount: i64) -> Rupiah {
        Rupiah::new(amount).unwrap()
    }

    fn line(sku: &str, price: i64, units: u32) -> CartLine {
        CartLine {
            sku: Sku::parse(sku).unwrap(),
            name: sku.to_owned(),
            kind: ProductKind::Physical,
            unit_price: rupiah(price),
            quantity: Quantity::new(units).unwrap(),
        }
    }

    fn shipping() -> Shipping {
        Shipping {
            flat_fee: rupiah(15_000),
            free_above: Some(rupiah(200_000)),
        }
    }

    fn build(lines: Vec<CartLine>) -> Result<Quote, QuoteError> {
        Quote::build(lines, &shipping(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn lines_of_one_product_become_one_in_sku_order() {
        let quote = build(vec![
            line("TEH", 8_000, 1),
            line("KOPI", 12_000, 2),
            line("TEH", 8_000, 3),
        ])
        .unwrap();
        let lines: Vec<_> = quote
            .lines
            .iter()
            .map(|line| (line.sku.as_str(), line.quantity.get()))
            .collect();
        assert_eq!(lines, [("KOPI", 2), ("TEH", 4)]);
        assert_eq!(quote.subtotal, rupiah(56_000));
        assert_eq!(quote.shipping, rupiah(15_000));
        assert_eq!(quote.total, rupiah(71_000));
        assert!(quote.needs_address);
    }

    #[test]
    fn shipping_is_free_from_the_amount_on_and_for_digital_goods() {
        assert_eq!(
            build(vec![line("KOPI", 100_000, 2)]).unwrap().shipping,
            Rupiah::ZERO
        );
        assert_eq!(
            build(vec![line("KOPI", 199_999, 1)]).unwrap().shipping,
            rupiah(15_000)
        );
        let digital = CartLine {
            kind: ProductKind::Digital,
            ..line("PULSA", 10_000, 1)
        };
        let quote = build(vec![digital.clone()]).unwrap();
        assert_eq!((quote.shipping, quote.needs_address), (Rupiah::ZERO, false));
        let mixed = build(vec![digital, line("KOPI", 12_000, 1)]).unwrap();
        assert_eq!(
            (mixed.shipping, mixed.needs_address),
            (rupiah(15_000), true)
        );
    }

    #[test]
    fn carts_that_break_a_bound_are_refused() {
        let sku = || Sku::parse("KOPI").unwrap();
        assert_eq!(build(vec![]), Err(QuoteError::Empty));
        let many = vec![line("KOPI", 1, 999), line("KOPI", 1, 1)];
        assert_eq!(
            build(many),
            Err(CartError::TooManyUnits { sku: sku() }.into())
        );
        let two_prices = vec![line("KOPI", 1, 1), line("KOPI", 2, 1)];
        assert_eq!(
            build(two_prices),
            Err(CartError::TwoPrices { sku: sku() }.into())
        );
        let lines = (0..=cart::MAX_LINES)
            .map(|index| line(&format!("P{index}"), 1, 1))
            .collect();
        assert_eq!(build(lines), Err(CartError::TooManyLines.into()));
        assert_eq!(
            build(vec![line("KOPI", 20_000_000, 999)]).map(|_| ()),
            Ok(())
        );
        assert_eq!(
            build(vec![line("KOPI", 20_020_021, 999)]),
            Err(QuoteError::TooLarge)
        );
        assert_eq!(
            build(vec![line("KOPI", 9_000_000_000_000, 999)]),
            Err(QuoteError::TooLarge)
        );
        let free = CartLine {
            kind: ProductKind::Digital,
            ..line("KOPI", 0, 1)
        };
        assert_eq!(build(vec![free]), Err(QuoteError::ZeroTotal));
    }

    #[test]
    fn a_quote_binds_for_a_quarter_of_an_hour() {
        let quote = build(vec![line("KOPI", 12_000, 1)]).unwrap();
        let end = DateTime::UNIX_EPOCH + TimeDelta::minutes(15);
        assert!(!quote.is_expired(end - TimeDelta::nanoseconds(1)));
        assert!(quote.is_expired(end));
    }

    #[test]
    fn only_a_whole_nonce_is_one() {
        let text = QuoteNonce::from_random([0xff; 16]).to_string();
        assert_eq!(text, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        for text in [
            "",
            "7zz",
            "8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        ] {
            assert_eq!(QuoteNonce::parse(text), Err(NotANonce), "{text}");
        }
        assert_eq!(QuoteNonce::parse(&format!("{text} ")), Err(NotANonce));
    }

    proptest! {
        #[test]
        fn a_nonce_is_read_back(bytes in any::<[u8; 16]>()) {
            let nonce = QuoteNonce::from_random(bytes);
            let text = nonce.to_string();
            prop_assert_eq!(text.len(), QuoteNonce::CHARS);
            prop_assert_eq!(QuoteNonce::parse(&text), Ok(nonce));
        }

        #[test]
        fn sums_agree_whatever_the_order(
            lines in prop::collection::vec((0_usize..5, 1_u32..200), 1..8),
            seed in any::<prop::sample::Index>(),
        ) {
            let prices = [0, 1, 999, 12_000, 5_000_000];
            let lines: Vec<CartLine> = lines
                .into_iter()
                .map(|(product, units)| line(&format!("P{product}"), prices[product], units))
                .collect();
            let mut turned = lines.clone();
            turned.rotate_left(seed.index(lines.len()));
            let quote = build(lines.clone());
            prop_assert_eq!(&build(turned), &quote);
            if let Ok(quote) = quote {
                let sum: i64 = lines
                    .iter()
                    .map(|line| line.unit_price.get() * i64::from(line.quantity.get()))
                    .sum();
                prop_assert_eq!(quote.subtotal.get(), sum);
                prop_assert_eq!(quote.total.get(), sum + quote.shipping.get());
                prop_assert!(quote.lines.windows(2).all(|pair| pair[0].sku < pair[1].sku));
            }
        }
    }
}
