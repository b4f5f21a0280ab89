//! The life of a payment attempt, as a table, and the ways to pay.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::money::Rupiah;
use crate::quote::MAX_TOTAL;

/// How long money by a reversible method waits before digital goods or saldo are given for it.
/// Midtrans takes such payments back 1 to 5 minutes after settlement.
pub const REVERSAL_HOLD: TimeDelta = TimeDelta::minutes(10);

/// Where a payment attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Written down; the provider not yet asked, or its answer not yet read.
    Creating,
    /// The provider was asked and did not answer in time: read its status before anything else.
    Unknown,
    /// The customer has a way to pay and has not paid.
    Pending,
    /// The money is in.
    Settled,
    /// The provider took settled money back.
    Reversed,
    /// Refused.
    Failed,
    /// Not paid in time.
    Expired,
    /// Called off.
    Cancelled,
    /// All of the money went back.
    Refunded,
    /// Some of the money went back.
    PartiallyRefunded,
    /// The bank took the money back.
    ChargedBack,
}

/// A move that a payment attempt does not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {from} cannot become {to}")]
pub struct InvalidPaymentTransition {
    /// The state the attempt is in.
    pub from: PaymentState,
    /// The state asked for.
    pub to: PaymentState,
}

impl PaymentState {
    /// Every state, as the database's check lists them.
    pub const ALL: [Self; 11] = [
        Self::Creating,
        Self::Unknown,
        Self::Pending,
        Self::Settled,
        Self::Reversed,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Refunded,
        Self::PartiallyRefunded,
        Self::ChargedBack,
    ];

    /// Every move an attempt can make. Failed, expired and cancelled attempts may still settle:
    /// that is late money.
    pub const TRANSITIONS: [(Self, Self); 25] = [
        (Self::Creating, Self::Pending),
        (Self::Creating, Self::Unknown),
        (Self::Creating, Self::Settled),
        (Self::Creating, Self::Failed),
        (Self::Creating, Self::Expired),
        (Self::Creating, Self::Cancelled),
        (Self::Unknown, Self::Pending),
        (Self::Unknown, Self::Settled),
        (Self::Unknown, Self::Failed),
        (Self::Unknown, Self::Expired),
        (Self::Unknown, Self::Cancelled),
        (Self::Pending, Self::Settled),
        (Self::Pending, Self::Failed),
        (Self::Pending, Self::Expired),
        (Self::Pending, Self::Cancelled),
        (Self::Failed, Self::Settled),
        (Self::Expired, Self::Settled),
        (Self::Cancelled, Self::Settled),
        (Self::Settled, Self::Reversed),
        (Self::Settled, Self::PartiallyRefunded),
        (Self::Settled, Self::Refunded),
        (Self::Settled, Self::ChargedBack),
        (Self::PartiallyRefunded, Self::PartiallyRefunded),
        (Self::PartiallyRefunded, Self::Refunded),
        (Self::PartiallyRefunded, Self::ChargedBack),
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Reversed => "reversed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially_refunded",
            Self::ChargedBack => "charged_back",
        }
    }

    /// The state with a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the attempt may still be paid in the ordinary way; an order has one such at most.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Creating | Self::Unknown | Self::Pending)
    }

    /// Whether money came in for the attempt, whatever became of it, so that it has its credit.
    pub const fn has_credit(self) -> bool {
        matches!(
            self,
            Self::Settled
                | Self::Reversed
                | Self::Refunded
                | Self::PartiallyRefunded
                | Self::ChargedBack
        )
    }

    /// Whether nothing but late money can happen to the attempt any more.
    pub fn is_terminal(self) -> bool {
        let leaves = |(from, to): &(Self, Self)| *from == self && *to != Self::Settled;
        !self.is_live() && !Self::TRANSITIONS.iter().any(leaves)
    }

    /// Moves to another state.
    ///
    /// # Errors
    /// [`InvalidPaymentTransition`] when [`PaymentState::TRANSITIONS`] has no such move.
    pub fn transition(self, to: Self) -> Result<Self, InvalidPaymentTransition> {
        if Self::TRANSITIONS.contains(&(self, to)) {
            Ok(to)
        } else {
            Err(InvalidPaymentTransition { from: self, to })
        }
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A way to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// The national QR code.
    Qris,
    /// Virtual account at BCA.
    VaBca,
    /// Virtual account at BNI.
    VaBni,
    /// Virtual account at BRI.
    VaBri,
    /// Virtual account at Permata.
    VaPermata,
    /// Mandiri's bill payment.
    MandiriBill,
    /// Cash at an Indomaret shop.
    Indomaret,
    /// Midtrans's own page, where the customer chooses.
    Snap,
    /// The customer's balance with the shop.
    Saldo,
}

/// Words before a way to pay: `pakai qris`.
const BY: &[&str] = &[
    "by", "dengan", "lewat", "pakai", "pake", "using", "via", "with",
];
/// Words before the bank of a virtual account: `va bca`.
const KINDS: &[&str] = &["bank", "transfer", "va"];

/// The smallest and largest payment a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The smallest payment.
    pub least: Rupiah,
    /// The largest payment.
    pub most: Rupiah,
}

impl Limits {
    /// Whether an amount can be paid.
    pub fn contains(&self, amount: Rupiah) -> bool {
        self.least <= amount && amount <= self.most
    }
}

impl PaymentMethod {
    /// Every method, in the order customers see them.
    pub const ALL: [Self; 9] = [
        Self::Qris,
        Self::VaBca,
        Self::VaBni,
        Self::VaBri,
        Self::VaPermata,
        Self::MandiriBill,
        Self::Indomaret,
        Self::Snap,
        Self::Saldo,
    ];

    /// The stored name, also used in settings and button ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qris => "qris",
            Self::VaBca => "va_bca",
            Self::VaBni => "va_bni",
            Self::VaBri => "va_bri",
            Self::VaPermata => "va_permata",
            Self::MandiriBill => "mandiri_bill",
            Self::Indomaret => "indomaret",
            Self::Snap => "snap",
            Self::Saldo => "saldo",
        }
    }

    /// The method with a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// The method a customer names, in any case: `QRIS`, `bca`, `va bri`, `mandiri`.
    pub fn from_words(text: &str) -> Option<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut words = words.as_slice();
        for skipped in [BY, KINDS] {
            if let [first, rest @ ..] = words
                && !rest.is_empty()
                && skipped.contains(first)
            {
                words = rest;
            }
        }
        match words {
            ["qris" | "qr"] => Some(Self::Qris),
            ["bca"] => Some(Self::VaBca),
            ["bni"] => Some(Self::VaBni),
            ["bri"] => Some(Self::VaBri),
            ["permata"] => Some(Self::VaPermata),
            ["mandiri"] => Some(Self::MandiriBill),
            ["indomaret"] => Some(Self::Indomaret),
            ["snap" | "midtrans"] => Some(Self::Snap),
            ["saldo" | "balance"] => Some(Self::Saldo),
            [other] => Self::parse(other),
            _ => None,
        }
    }

    /// What the method takes (Midtrans, payment method limits). Where Midtrans names no bound, a
    /// payment's own bound stands.
    pub const fn limits(self) -> Limits {
        const ONE: Rupiah = rupiah(1);
        const TEN_THOUSAND: Rupiah = rupiah(10_000);
        match self {
            Self::Qris => Limits {
                least: ONE,
                most: rupiah(10_000_000),
            },
            Self::VaBca => Limits {
                least: TEN_THOUSAND,
                most: MAX_TOTAL,
            },
            Self::Indomaret => Limits {
                least: TEN_THOUSAND,
                most: rupiah(5_000_000),
            },
            Self::VaBni
            | Self::VaBri
            | Self::VaPermata
            | Self::MandiriBill
            | Self::Snap
            | Self::Saldo => Limits {
                least: ONE,
                most: MAX_TOTAL,
            },
        }
    }

    /// How long the customer may take to pay; `None` for saldo, which is paid at once.
    pub const fn expiry(self) -> Option<TimeDelta> {
        match self {
            Self::Qris => Some(TimeDelta::minutes(15)),
            Self::Saldo => None,
            Self::VaBca
            | Self::VaBni
            | Self::VaBri
            | Self::VaPermata
            | Self::MandiriBill
            | Self::Indomaret
            | Self::Snap => Some(TimeDelta::hours(24)),
        }
    }

    /// Whether Midtrans may take the money back within minutes of settlement, so that digital
    /// goods and saldo wait for [`REVERSAL_HOLD`]. On Midtrans's own page the customer may choose
    /// such a method, so it counts until the report says what was chosen.
    pub const fn needs_reversal_hold(self) -> bool {
        matches!(
            self,
            Self::VaPermata | Self::MandiriBill | Self::Indomaret | Self::Snap
        )
    }
}

const fn rupiah(amount: i64) -> Rupiah {
    match Rupiah::new(amount) {
        Some(amount) => amount,
        None => Rupiah::MAX,
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stored_names_are_read_back() {
        for state in PaymentState::ALL {
            assert_eq!(PaymentState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for method in PaymentMethod::ALL {
            assert_eq!(PaymentMethod::parse(method.as_str()), Some(method));
            assert_eq!(PaymentMethod::from_words(method.as_str()), Some(method));
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
    }

    #[test]
    fn methods_are_named_as_people_do() {
        for (text, method) in [
            ("QRIS", PaymentMethod::Qris),
            ("va bca", PaymentMethod::VaBca),
            ("transfer BRI", PaymentMethod::VaBri),
            ("via mandiri", PaymentMethod::MandiriBill),
            ("pakai saldo", PaymentMethod::Saldo),
        ] {
            assert_eq!(PaymentMethod::from_words(text), Some(method), "{text}");
        }
        for text in ["", "va", "pakai", "bca bni", "kopi"] {
            assert_eq!(PaymentMethod::from_words(text), None, "{text}");
        }
    }

    #[test]
    fn methods_have_their_bounds() {
        let takes =
            |method: PaymentMethod, amount| method.limits().contains(Rupiah::new(amount).unwrap());
        assert!(takes(PaymentMethod::Qris, 1) && takes(PaymentMethod::Qris, 10_000_000));
        assert!(!takes(PaymentMethod::Qris, 10_000_001) && !takes(PaymentMethod::Qris, 0));
        assert!(!takes(PaymentMethod::VaBca, 9_999) && takes(PaymentMethod::VaBca, 10_000));
        assert!(!takes(PaymentMethod::Indomaret, 5_000_001));
        assert_eq!(PaymentMethod::Qris.expiry(), Some(TimeDelta::minutes(15)));
        assert_eq!(PaymentMethod::Saldo.expiry(), None);
        assert!(!PaymentMethod::Qris.needs_reversal_hold());
        assert!(PaymentMethod::VaPermata.needs_reversal_hold());
    }

    #[test]
    fn late_money_is_the_only_way_back() {
        use PaymentState::{Cancelled, ChargedBack, Expired, Failed, Pending, Refunded, Settled};
        for state in [Failed, Expired, Cancelled] {
            assert!(state.is_terminal());
            assert_eq!(state.transition(Settled), Ok(Settled));
            assert!(state.transition(Pending).is_err());
        }
        for state in [Refunded, ChargedBack, PaymentState::Reversed] {
            assert!(state.is_terminal());
            assert!(
                PaymentState::ALL
                    .into_iter()
                    .all(|to| state.transition(to).is_err())
            );
        }
        assert!(Settled.transition(Pending).is_err());
        assert!(Settled.transition(Expired).is_err());
    }

    proptest! {
        #[test]
        fn random_moves_keep_the_table(
            moves in prop::collection::vec(prop::sample::select(PaymentState::ALL.to_vec()), 0..60),
        ) {
            let mut state = PaymentState::Creating;
            let mut settled = 0;
            for to in moves {
                if let Ok(next) = state.transition(to) {
                    prop_assert!(!state.is_terminal() || next == PaymentState::Settled);
                    settled += u32::from(next == PaymentState::Settled);
                    state = next;
                }
                prop_assert_eq!(state.has_credit(), settled == 1);
                prop_assert!(settled <= 1);
            }
        }
    }
}
