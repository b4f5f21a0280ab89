//! Order ids that cannot be split another way inside a signature.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest order id Snap takes, in bytes. A payment link takes 36.
const ORDER_ID_BYTES: usize = 50;

/// An order id: 1 to 50 of `A-Z a-z 0-9 - _ ~ .`, ending in a letter.
///
/// The last letter closes a hole: a notification's signature covers `order_id + status_code +
/// gross_amount` without separators, so `A|201|2005000.00` and `A201|200|5000.00` are signed
/// alike. An id that ends in a letter cannot have taken in the digits of a status code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(String);

/// Not an order id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("order id is not 1 to 50 of A-Z a-z 0-9 - _ ~ . ending in a letter")]
pub struct OrderIdError;

impl OrderId {
    /// Takes an id as it is or not at all.
    pub fn parse(text: impl Into<String>) -> Result<Self, OrderIdError> {
        let text = text.into();
        let allowed = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_~.".contains(&b));
        let closed = text
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphabetic());
        if allowed && closed && text.len() <= ORDER_ID_BYTES {
            Ok(Self(text))
        } else {
            Err(OrderIdError)
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OrderId {
    type Error = OrderIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_end_in_a_letter_and_hold_nothing_that_changes_an_address() {
        for right in ["A", "WRG-20261124-7f3a9c-x", "a.b_c~d"] {
            assert!(OrderId::parse(right).is_ok(), "{right}");
        }
        let long = format!("{}x", "1".repeat(50));
        for wrong in [
            "",
            "A1",
            "a/b",
            "a b",
            "é",
            "../x",
            "a%2fb",
            long.as_str(),
            "A-",
        ] {
            assert_eq!(OrderId::parse(wrong), Err(OrderIdError), "{wrong}");
        }
    }
}
