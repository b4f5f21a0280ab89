//! A cart: lines of products, one per product code, in the order of the codes.

use crate::catalog::{ProductKind, Sku};
use crate::money::{Quantity, Rupiah};

/// The most different products in one cart.
pub const MAX_LINES: usize = 50;

/// One product in a cart, at the price its buyer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// The product's code.
    pub sku: Sku,
    /// The product's name in the customer's language.
    pub name: String,
    /// Whether it is shipped or sent in the chat.
    pub kind: ProductKind,
    /// The price of one unit for this customer.
    pub unit_price: Rupiah,
    /// How many units.
    pub quantity: Quantity,
}

/// Why lines do not make a cart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// Lines of one product add up to more than [`Quantity::MAX`].
    #[error("too many units of {sku}")]
    TooManyUnits {
        /// Whose units.
        sku: Sku,
    },
    /// More than [`MAX_LINES`] different products.
    #[error("too many products")]
    TooManyLines,
    /// Two lines of one product carry different prices or kinds.
    #[error("two prices for {sku}")]
    TwoPrices {
        /// Whose prices.
        sku: Sku,
    },
}

impl CartLine {
    /// What the line costs; `None` past [`Rupiah::MAX`].
    pub fn total(&self) -> Option<Rupiah> {
        self.unit_price.checked_mul(self.quantity)
    }
}

/// Merges lines of the same product and sorts by product code, the order in which stock is locked.
///
/// # Errors
/// [`CartError`] when the merged lines break a bound or contradict each other.
pub fn merge(mut lines: Vec<CartLine>) -> Result<Vec<CartLine>, CartError> {
    lines.sort_by(|a, b| a.sku.cmp(&b.sku));
    let mut merged: Vec<CartLine> = Vec::with_capacity(lines.len());
    for line in lines {
        match merged.last_mut() {
            Some(last) if last.sku == line.sku => {
                if (last.unit_price, last.kind) != (line.unit_price, line.kind) {
                    return Err(CartError::TwoPrices { sku: line.sku });
                }
                last.quantity = last
                    .quantity
                    .checked_add(line.quantity)
                    .ok_or(CartError::TooManyUnits { sku: line.sku })?;
            }
            _ => merged.push(line),
        }
    }
    if merged.len() > MAX_LINES {
        Err(CartError::TooManyLines)
    } else {
        Ok(merged)
    }
}
