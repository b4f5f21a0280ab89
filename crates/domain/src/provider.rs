//! What Midtrans says about a payment, and the names we give payments at Midtrans.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::money::Rupiah;

/// Midtrans's `transaction_status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderStatus {
    /// Waiting for the customer.
    Pending,
    /// Card money reserved, not taken.
    Authorize,
    /// Card money taken.
    Capture,
    /// The money is in.
    Settlement,
    /// Refused; after settlement: taken back.
    Deny,
    /// Called off.
    Cancel,
    /// Not paid in time.
    Expire,
    /// Midtrans failed to process it.
    Failure,
    /// All of the money went back.
    Refund,
    /// Some of the money went back.
    PartialRefund,
    /// The bank took the money back.
    Chargeback,
    /// The bank took some of the money back.
    PartialChargeback,
    /// Midtrans knows no such transaction: HTTP or body status 404. A Snap page whose customer has
    /// not chosen a method yet looks like this too.
    Missing,
    /// A status this version does not know, in small letters.
    Unknown(String),
}

/// Midtrans's `fraud_status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FraudStatus {
    /// Nothing found.
    Accept,
    /// A person must look.
    Challenge,
    /// Refused.
    Deny,
    /// A status this version does not know, in small letters.
    Unknown(String),
}

/// What one answer of Midtrans's status call says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReport {
    /// `order_id`.
    pub order_id: String,
    /// `merchant_id`; `None` when the answer has none.
    pub merchant_id: Option<String>,
    /// `transaction_status`, or [`ProviderStatus::Missing`].
    pub status: ProviderStatus,
    /// `fraud_status`, which some methods leave out.
    pub fraud: Option<FraudStatus>,
    /// `gross_amount`; `None` when it is absent or no whole number of rupiah.
    pub gross_amount: Option<Rupiah>,
    /// `currency`; `None` when the answer has none, which stands for rupiah.
    pub currency: Option<String>,
    /// `payment_type`, such as `qris`, `bank_transfer`, `echannel`, `cstore`.
    pub payment_type: Option<String>,
    /// The bank of a `bank_transfer` in small letters; `permata` when `permata_va_number` is set.
    pub bank: Option<String>,
    /// The store of a `cstore` in small letters.
    pub store: Option<String>,
    /// When the answer was read.
    pub observed_at: DateTime<Utc>,
}

impl ProviderStatus {
    /// Reads a status in any case: some methods report `"PENDING"`.
    pub fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "authorize" => Self::Authorize,
            "capture" => Self::Capture,
            "settlement" => Self::Settlement,
            "deny" => Self::Deny,
            "cancel" => Self::Cancel,
            "expire" => Self::Expire,
            "failure" => Self::Failure,
            "refund" => Self::Refund,
            "partial_refund" => Self::PartialRefund,
            "chargeback" => Self::Chargeback,
            "partial_chargeback" => Self::PartialChargeback,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The status in Midtrans's words; `missing` for [`ProviderStatus::Missing`].
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Settlement => "settlement",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Failure => "failure",
            Self::Refund => "refund",
            Self::PartialRefund => "partial_refund",
            Self::Chargeback => "chargeback",
            Self::PartialChargeback => "partial_chargeback",
            Self::Missing => "missing",
            Self::Unknown(other) => other,
        }
    }
}

impl FraudStatus {
    /// Reads a fraud status in any case.
    pub fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "accept" => Self::Accept,
            "challenge" => Self::Challenge,
            "deny" => Self::Deny,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The status in Midtrans's words.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Accept => "accept",
            Self::Challenge => "challenge",
            Self::Deny => "deny",
            Self::Unknown(other) => other,
        }
    }
}

impl ProviderReport {
    /// Whether the money is in: settled or captured, and no fraud check stands against it
    /// (Midtrans, transaction status cycle).
    pub fn is_paid(&self) -> bool {
        is_paid(&self.status, self.fraud.as_ref())
    }

    /// Whether Midtrans may take this payment back within minutes; `None` when the report does not
    /// say how it was paid.
    pub fn is_reversible(&self) -> Option<bool> {
        let is = |field: &Option<String>, name: &str| field.as_deref() == Some(name);
        match self.payment_type.as_deref()? {
            "bank_transfer" => Some(is(&self.bank, "permata")),
            "permata" | "echannel" => Some(true),
            "cstore" => Some(!is(&self.store, "alfamart")),
            _ => Some(false),
        }
    }
}

/// Whether a status and fraud status together mean that the money is in.
pub fn is_paid(status: &ProviderStatus, fraud: Option<&FraudStatus>) -> bool {
    matches!(status, ProviderStatus::Settlement | ProviderStatus::Capture)
        && matches!(fraud, None | Some(FraudStatus::Accept))
}

/// Our name for a payment at Midtrans: `^[A-Z0-9][A-Za-z0-9._~-]{6,34}[a-z]$`.
///
/// It ends in a small letter because Midtrans's signature joins its fields without separators:
/// an order id that ended in digits could trade them with the status code behind it and keep the
/// same signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderOrderId(String);

/// A text that is no name of ours for a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a payment's order id")]
pub struct NotAProviderOrderId;

impl ProviderOrderId {
    /// How many random letters end an id.
    pub const RANDOM_CHARS: usize = 8;

    /// Joins a prefix, such as the order's number, and eight random letters: `WRG-…-abcdefgh`.
    ///
    /// # Errors
    /// [`NotAProviderOrderId`] when the prefix is too long or has a character that does not fit.
    pub fn compose(
        prefix: &str,
        random: [u8; Self::RANDOM_CHARS],
    ) -> Result<Self, NotAProviderOrderId> {
        let letters: String = random
            .iter()
            .map(|byte| char::from(b'a' + byte % 26))
            .collect();
        Self::parse(&format!("{prefix}-{letters}"))
    }

    /// Reads an id exactly.
    ///
    /// # Errors
    /// [`NotAProviderOrderId`] when a character or the length does not fit.
    pub fn parse(text: &str) -> Result<Self, NotAProviderOrderId> {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~-".contains(byte);
        match text.as_bytes() {
            [first, middle @ .., last]
                if (first.is_ascii_uppercase() || first.is_ascii_digit())
                    && (6..=34).contains(&middle.len())
                    && middle.iter().all(fits)
                    && last.is_ascii_lowercase() =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NotAProviderOrderId),
        }
    }

    /// The id as sent to Midtrans.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProviderOrderId {
    type Error = NotAProviderOrderId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ProviderOrderId> for String {
    fn from(id: ProviderOrderId) -> Self {
        id.0
    }
}

impl fmt::Display for ProviderOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statuses_are_read_in_any_case_and_unknown_ones_kept() {
        assert_eq!(ProviderStatus::parse("PENDING"), ProviderStatus::Pending);
        assert_eq!(
            ProviderStatus::parse("partial_refund"),
            ProviderStatus::PartialRefund
        );
        let unknown = ProviderStatus::parse("Teleported");
        assert_eq!(unknown, ProviderStatus::Unknown("teleported".to_owned()));
        assert_eq!(unknown.as_str(), "teleported");
        // A provider cannot claim in words what only a status call's 404 says.
        assert_eq!(
            ProviderStatus::parse("missing"),
            ProviderStatus::Unknown("missing".to_owned())
        );
        assert_eq!(FraudStatus::parse("ACCEPT"), FraudStatus::Accept);
    }

    #[test]
    fn paid_is_settled_or_captured_without_a_fraud_check_against_it() {
        use ProviderStatus::{Capture, Pending, Settlement};
        assert!(is_paid(&Settlement, None));
        assert!(is_paid(&Capture, Some(&FraudStatus::Accept)));
        assert!(!is_paid(&Capture, Some(&FraudStatus::Challenge)));
        assert!(!is_paid(&Settlement, Some(&FraudStatus::Deny)));
        assert!(!is_paid(&Settlement, Some(&FraudStatus::parse("review"))));
        assert!(!is_paid(&Pending, Some(&FraudStatus::Accept)));
    }

    #[test]
    fn our_ids_end_in_a_small_letter() {
        let id =
            ProviderOrderId::compose("WRG-241126-7K3QX", [0, 25, 26, 51, 200, 3, 4, 5]).unwrap();
        assert_eq!(id.as_str(), "WRG-241126-7K3QX-azazsdef");
        for text in [
            "",
            "WRG-abc",
            "WRG-241126-7",
            "WRG-241126-A",
            "wrg-241126-a",
            "WRG 241126-a",
            "WRG-241126|a",
        ] {
            assert_eq!(
                ProviderOrderId::parse(text),
                Err(NotAProviderOrderId),
                "{text}"
            );
        }
        assert!(ProviderOrderId::parse(&format!("A{}a", "b".repeat(34))).is_ok());
        assert!(ProviderOrderId::parse(&format!("A{}a", "b".repeat(35))).is_err());
        assert!(ProviderOrderId::compose(&"A".repeat(28), [0; 8]).is_err());
    }

    proptest! {
        #[test]
        fn a_composed_id_is_read_back(prefix in "[A-Z0-9][A-Z0-9-]{0,26}", random: [u8; 8]) {
            let id = ProviderOrderId::compose(&prefix, random).unwrap();
            prop_assert_eq!(ProviderOrderId::parse(id.as_str()), Ok(id));
        }
    }
}
