//! What charges and Snap pages have in common: items, customer, expiry.

use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;

use crate::amount::Amount;

/// Longest item id and name, in UTF-16 units.
const ITEM_TEXT_UNITS: usize = 50;
/// Longest customer name every bank takes (BCA's), in UTF-16 units.
const NAME_UNITS: usize = 30;
/// Seconds east of Greenwich of the times Midtrans is told (WIB).
const WIB_SECONDS_EAST: i32 = 7 * 3600;

/// A line of what is paid for. Fees and taxes are lines of their own, discounts lines with a
/// negative price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its sku; cut to 50 characters.
    pub id: String,
    /// Its name; cut to 50 characters.
    pub name: String,
    /// The price of one, in whole rupiah.
    pub price: i64,
    /// How many, at least one.
    pub quantity: u32,
}

/// Who pays. Only what is given is sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// A name; cut to the 30 characters BCA takes.
    pub first_name: Option<String>,
    /// A phone number, digits with the country's code; sent with a plus sign, as BNI wants it.
    pub phone: Option<String>,
}

/// Shows no name and no number.
impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Customer").finish_non_exhaustive()
    }
}

/// How long a payment can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// From when it counts.
    pub from: DateTime<Utc>,
    /// For how many minutes; QRIS and GoPay take up to seven days.
    pub minutes: u32,
}

/// A request that Midtrans would refuse, found before it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The items' sum is not the amount.
    #[error("items sum to {sum} but the amount is {amount}")]
    Sum {
        /// Σ price × quantity, in rupiah.
        sum: i64,
        /// The amount, in rupiah.
        amount: i64,
    },
    /// The items' sum is beyond any amount.
    #[error("items sum overflows")]
    Overflow,
    /// An item of none.
    #[error("an item has no quantity")]
    Quantity,
    /// A refund key is 1 to 50 of `A-Z a-z 0-9 - _`.
    #[error("refund key is not made of letters, digits, - and _")]
    RefundKey,
    /// A Snap token is made of letters, digits and dashes.
    #[error("not a snap token")]
    Token,
}

/// Checks that the items sum to the amount. No items at all are well: then none are sent.
pub(crate) fn check_items(items: &[Item], amount: Amount) -> Result<(), InvalidRequest> {
    if items.is_empty() {
        return Ok(());
    }
    let mut sum = 0_i64;
    for item in items {
        if item.quantity == 0 {
            return Err(InvalidRequest::Quantity);
        }
        sum = item
            .price
            .checked_mul(i64::from(item.quantity))
            .and_then(|line| sum.checked_add(line))
            .ok_or(InvalidRequest::Overflow)?;
    }
    if sum == amount.rupiah() {
        Ok(())
    } else {
        Err(InvalidRequest::Sum {
            sum,
            amount: amount.rupiah(),
        })
    }
}

/// `transaction_details` on the wire.
#[derive(Serialize)]
pub(crate) struct WireDetails<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) gross_amount: i64,
}

/// An element of `item_details` on the wire.
#[derive(Serialize)]
pub(crate) struct WireItem {
    id: String,
    price: i64,
    quantity: u32,
    name: String,
}

impl From<&Item> for WireItem {
    fn from(item: &Item) -> Self {
        let id = clean(&item.id, ITEM_TEXT_UNITS);
        let name = clean(&item.name, ITEM_TEXT_UNITS);
        let name = if name.is_empty() { id.clone() } else { name };
        Self {
            id,
            price: item.price,
            quantity: item.quantity,
            name,
        }
    }
}

/// `customer_details` on the wire.
#[derive(Serialize)]
pub(crate) struct WireCustomer {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl From<&Customer> for WireCustomer {
    fn from(customer: &Customer) -> Self {
        let name = customer
            .first_name
            .as_deref()
            .map(|name| clean(name, NAME_UNITS));
        Self {
            first_name: name.filter(|name| !name.is_empty()),
            phone: customer.phone.as_deref().and_then(international),
        }
    }
}

/// `yyyy-MM-dd HH:mm:ss +0700`.
pub(crate) fn wib(at: DateTime<Utc>) -> String {
    let offset = FixedOffset::east_opt(WIB_SECONDS_EAST).expect("seven hours are an offset");
    at.with_timezone(&offset)
        .format("%Y-%m-%d %H:%M:%S %z")
        .to_string()
}

/// A text on one line without `|`, which Alfamart refuses, cut to so many units.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || c == '|');
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut used = 0;
    let cut: String = line
        .chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= limit
        })
        .collect();
    cut.trim_end().to_owned()
}

/// A number with its plus sign; anything but 8 to 15 digits is left out rather than repaired.
fn international(phone: &str) -> Option<String> {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !(8..=15).contains(&digits.len()) {
        return None;
    }
    Some(if digits.starts_with('0') {
        digits.to_owned()
    } else {
        format!("+{digits}")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(price: i64, quantity: u32) -> Item {
        Item {
            id: "SKU".to_owned(),
            name: "Kopi".to_owned(),
            price,
            quantity,
        }
    }

    #[test]
    fn items_must_sum_to_the_amount_with_discounts_and_without_overflow() {
        let amount = Amount::new(45_000).unwrap();
        assert_eq!(check_items(&[], amount), Ok(()));
        assert_eq!(
            check_items(&[item(25_000, 2), item(-5_000, 1)], amount),
            Ok(())
        );
        assert_eq!(
            check_items(&[item(25_000, 2)], amount),
            Err(InvalidRequest::Sum {
                sum: 50_000,
                amount: 45_000
            })
        );
        assert_eq!(
            check_items(&[item(45_000, 0)], amount),
            Err(InvalidRequest::Quantity)
        );
        assert_eq!(
            check_items(&[item(i64::MAX, 2)], amount),
            Err(InvalidRequest::Overflow)
        );
    }

    #[test]
    fn phones_get_a_plus_sign_and_user_ids_are_no_phones() {
        assert_eq!(
            international("6281234567890").as_deref(),
            Some("+6281234567890")
        );
        assert_eq!(
            international("081234567890").as_deref(),
            Some("081234567890")
        );
        assert_eq!(international("ID.6281234567890"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_inside_the_limit(text in any::<String>(), limit in 0_usize..60) {
            let cut = clean(&text, limit);
            prop_assert!(cut.encode_utf16().count() <= limit);
            prop_assert!(!cut.contains(|c: char| c == '|' || c.is_control()));
        }
    }
}
