//! The payment methods the sandbox plays, and the rules that differ between them.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A payment method. In JSON and on the control API it has Snap's name (`bca_va`, `echannel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Method {
    /// A QR code that any Indonesian bank or wallet app can pay.
    #[serde(rename = "qris")]
    Qris,
    /// GoPay, by QR code or by a link into its app.
    #[serde(rename = "gopay")]
    Gopay,
    /// `ShopeePay`, by a link into its app.
    #[serde(rename = "shopeepay")]
    ShopeePay,
    /// BCA virtual account.
    #[serde(rename = "bca_va")]
    BcaVa,
    /// BNI virtual account.
    #[serde(rename = "bni_va")]
    BniVa,
    /// BRI virtual account.
    #[serde(rename = "bri_va")]
    BriVa,
    /// Permata virtual account.
    #[serde(rename = "permata_va")]
    PermataVa,
    /// CIMB Niaga virtual account.
    #[serde(rename = "cimb_va")]
    CimbVa,
    /// Mandiri Bill Payment, Midtrans' `echannel`.
    #[serde(rename = "echannel")]
    MandiriBill,
    /// A payment code for the counter of an Indomaret shop.
    #[serde(rename = "indomaret")]
    Indomaret,
    /// A payment code for the counter of an Alfamart shop.
    #[serde(rename = "alfamart")]
    Alfamart,
}

/// The name is no payment method of this sandbox.
#[derive(Debug, thiserror::Error)]
#[error("no such payment method")]
pub struct UnknownMethod;

impl Method {
    /// Every method, in the order a payment page offers them.
    pub const ALL: [Self; 11] = [
        Self::Qris,
        Self::Gopay,
        Self::ShopeePay,
        Self::BcaVa,
        Self::BniVa,
        Self::BriVa,
        Self::PermataVa,
        Self::CimbVa,
        Self::MandiriBill,
        Self::Indomaret,
        Self::Alfamart,
    ];

    /// Snap's name, as in `enabled_payments`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qris => "qris",
            Self::Gopay => "gopay",
            Self::ShopeePay => "shopeepay",
            Self::BcaVa => "bca_va",
            Self::BniVa => "bni_va",
            Self::BriVa => "bri_va",
            Self::PermataVa => "permata_va",
            Self::CimbVa => "cimb_va",
            Self::MandiriBill => "echannel",
            Self::Indomaret => "indomaret",
            Self::Alfamart => "alfamart",
        }
    }

    /// The name a payer knows it by.
    pub fn label(self) -> &'static str {
        match self {
            Self::Qris => "QRIS",
            Self::Gopay => "GoPay",
            Self::ShopeePay => "ShopeePay",
            Self::BcaVa => "BCA Virtual Account",
            Self::BniVa => "BNI Virtual Account",
            Self::BriVa => "BRI Virtual Account",
            Self::PermataVa => "Permata Virtual Account",
            Self::CimbVa => "CIMB Niaga Virtual Account",
            Self::MandiriBill => "Mandiri Bill Payment",
            Self::Indomaret => "Indomaret",
            Self::Alfamart => "Alfamart",
        }
    }

    /// Core's `payment_type`.
    pub fn payment_type(self) -> &'static str {
        match self {
            Self::Qris => "qris",
            Self::Gopay => "gopay",
            Self::ShopeePay => "shopeepay",
            Self::BcaVa | Self::BniVa | Self::BriVa | Self::PermataVa | Self::CimbVa => {
                "bank_transfer"
            }
            Self::MandiriBill => "echannel",
            Self::Indomaret | Self::Alfamart => "cstore",
        }
    }

    /// The bank behind a virtual account, as Core spells it.
    pub fn bank(self) -> Option<&'static str> {
        match self {
            Self::BcaVa => Some("bca"),
            Self::BniVa => Some("bni"),
            Self::BriVa => Some("bri"),
            Self::PermataVa => Some("permata"),
            Self::CimbVa => Some("cimb"),
            _ => None,
        }
    }

    /// The least and the most rupiah one payment may have.
    pub fn limits(self) -> (i64, i64) {
        match self {
            Self::Qris => (1, 10_000_000),
            Self::Gopay | Self::ShopeePay => (1, 20_000_000),
            Self::BcaVa => (10_000, 999_999_999_999),
            Self::CimbVa => (1, 250_000_000),
            Self::Indomaret => (10_000, 5_000_000),
            Self::Alfamart => (1, 5_000_000),
            Self::BniVa | Self::BriVa | Self::PermataVa | Self::MandiriBill => (1, 999_999_999_999),
        }
    }

    /// How long a payment waits for its payer when the request does not say.
    pub fn default_expiry(self) -> TimeDelta {
        if self.is_wallet() {
            TimeDelta::minutes(15)
        } else {
            TimeDelta::hours(24)
        }
    }

    /// QRIS, `GoPay` and `ShopeePay`: refundable, and bounded to 20 s – 7 d of waiting.
    pub fn is_wallet(self) -> bool {
        matches!(self, Self::Qris | Self::Gopay | Self::ShopeePay)
    }

    /// Whether a settlement may be taken back ("reversal") minutes later.
    pub fn reverses(self) -> bool {
        matches!(self, Self::PermataVa | Self::MandiriBill | Self::Indomaret)
    }

    /// Whether Midtrans honours an `Idempotency-Key` for it.
    pub fn honours_idempotency_key(self) -> bool {
        !matches!(self, Self::PermataVa | Self::Indomaret)
    }

    /// How long after its settlement it can be refunded, if at all.
    pub fn refund_window(self) -> Option<TimeDelta> {
        match self {
            Self::Qris | Self::Gopay => Some(TimeDelta::days(45)),
            Self::ShopeePay => Some(TimeDelta::days(365)),
            _ => None,
        }
    }

    /// The methods one entry of Snap's `enabled_payments` stands for.
    pub fn from_snap(name: &str) -> Vec<Self> {
        match name {
            "other_qris" => vec![Self::Qris],
            "bank_transfer" => Self::ALL
                .into_iter()
                .filter(|method| method.bank().is_some())
                .collect(),
            "cstore" => vec![Self::Indomaret, Self::Alfamart],
            name => name.parse().into_iter().collect(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or(UnknownMethod)
    }
}
