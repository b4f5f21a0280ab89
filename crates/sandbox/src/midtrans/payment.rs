//! One payment and the moves it may make.
//!
//! Pure: the present time is passed in, and nothing is sent from here.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::method::Method;

/// Midtrans' `transaction_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting for the payer.
    Pending,
    /// Paid.
    Settlement,
    /// Refused, or a settlement that was taken back.
    Deny,
    /// Not paid in time.
    Expire,
    /// Called off by the shop.
    Cancel,
    /// Paid, and paid back wholly.
    Refund,
    /// Paid, and paid back in part.
    PartialRefund,
}

impl Status {
    /// The name on the wire, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settlement => "settlement",
            Self::Deny => "deny",
            Self::Expire => "expire",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::PartialRefund => "partial_refund",
        }
    }

    /// Whether the shop holds money for it.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Settlement | Self::Refund | Self::PartialRefund)
    }

    /// Whether the same `order_id` may be charged again.
    pub fn frees_order_id(self) -> bool {
        matches!(self, Self::Deny | Self::Expire | Self::Cancel)
    }
}

/// What the payer needs in order to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instrument {
    /// A QR code, as the text it encodes (EMV merchant-presented mode).
    Qr {
        /// The text inside the QR code.
        qr_string: String,
    },
    /// A link into a wallet's app.
    Deeplink,
    /// A virtual account number.
    VirtualAccount {
        /// The number typed into the bank's app.
        number: String,
    },
    /// Mandiri's pair of numbers.
    Bill {
        /// Midtrans' company code at the bank.
        biller_code: String,
        /// The number of this bill.
        bill_key: String,
    },
    /// The code read to a shop's cashier.
    PaymentCode {
        /// The code.
        code: String,
    },
}

/// Money that went back to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refund {
    /// The shop's key of this refund.
    pub refund_key: String,
    /// Rupiah.
    pub amount: i64,
    /// Why, in the shop's words.
    pub reason: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the bank confirmed it; the notification that carries this is the final one.
    pub bank_confirmed_at: Option<DateTime<Utc>>,
}

/// What the shop said about a payment, passed back in notifications or shown to the payer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Details {
    /// `item_details`: name, price, quantity.
    pub items: Vec<(String, i64, i64)>,
    /// `custom_field1` to `3`.
    pub custom_fields: [Option<String>; 3],
}

/// One payment, known by Midtrans' `transaction_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// The shop's id. Several payments may share it, one after another.
    pub order_id: String,
    /// Midtrans' id, unique.
    pub transaction_id: String,
    /// How it is paid.
    pub method: Method,
    /// Rupiah.
    pub amount: i64,
    /// Where it stands.
    pub status: Status,
    /// What the payer needs.
    pub instrument: Instrument,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends if nobody pays.
    pub expires_at: DateTime<Utc>,
    /// When it was paid.
    pub settled_at: Option<DateTime<Utc>>,
    /// The Snap page it was made on.
    pub snap_token: Option<String>,
    /// Money paid back.
    pub refunds: Vec<Refund>,
    /// What the shop said about it.
    pub details: Details,
}

/// The move is not possible from the payment's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment is in status {}", .0.name())]
pub struct WrongStatus(pub Status);

/// Why a refund was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundRefused {
    /// 412: not paid, the method has no refunds, or its window is over.
    NotRefundable,
    /// 414: more than is left, or a part where only the whole is possible.
    Amount,
    /// 406: the key was used before.
    DuplicateKey,
}

impl Payment {
    /// The QR code's text, if it is paid by one.
    pub fn qr_string(&self) -> Option<&str> {
        match &self.instrument {
            Instrument::Qr { qr_string } => Some(qr_string),
            _ => None,
        }
    }

    /// The number a payer types or reads out: virtual account, bill key or payment code.
    pub fn number(&self) -> Option<&str> {
        match &self.instrument {
            Instrument::VirtualAccount { number } => Some(number),
            Instrument::Bill { bill_key, .. } => Some(bill_key),
            Instrument::PaymentCode { code } => Some(code),
            Instrument::Qr { .. } | Instrument::Deeplink => None,
        }
    }

    /// Rupiah paid back so far.
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Result<(), WrongStatus> {
        self.leave(Status::Pending, Status::Settlement)?;
        self.settled_at = Some(now);
        Ok(())
    }

    pub(super) fn deny(&mut self) -> Result<(), WrongStatus> {
        self.leave(Status::Pending, Status::Deny)
    }

    pub(super) fn expire(&mut self) -> Result<(), WrongStatus> {
        self.leave(Status::Pending, Status::Expire)
    }

    pub(super) fn cancel(&mut self) -> Result<(), WrongStatus> {
        self.leave(Status::Pending, Status::Cancel)
    }

    /// A settlement taken back by the bank, minutes later.
    pub(super) fn reverse(&mut self) -> Result<(), WrongStatus> {
        if !self.method.reverses() {
            return Err(WrongStatus(self.status));
        }
        self.leave(Status::Settlement, Status::Deny)
    }

    /// Money that arrives although the payment had ended.
    pub(super) fn settle_late(&mut self, now: DateTime<Utc>) -> Result<(), WrongStatus> {
        if !self.status.frees_order_id() || self.settled_at.is_some() {
            return Err(WrongStatus(self.status));
        }
        self.status = Status::Settlement;
        self.settled_at = Some(now);
        Ok(())
    }

    pub(super) fn refund(
        &mut self,
        key: &str,
        amount: Option<i64>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<i64, RefundRefused> {
        if self.refunds.iter().any(|refund| refund.refund_key == key) {
            return Err(RefundRefused::DuplicateKey);
        }
        let window = self.method.refund_window();
        let in_window = self
            .settled_at
            .zip(window)
            .is_some_and(|(settled, window)| now - settled <= window);
        if !in_window || !matches!(self.status, Status::Settlement | Status::PartialRefund) {
            return Err(RefundRefused::NotRefundable);
        }
        let left = self.amount - self.refunded();
        let amount = amount.unwrap_or(left);
        let partly_possible = self.method != Method::ShopeePay;
        if amount < 1 || amount > left || (amount < self.amount && !partly_possible) {
            return Err(RefundRefused::Amount);
        }
        self.refunds.push(Refund {
            refund_key: key.to_owned(),
            amount,
            reason: reason.to_owned(),
            created_at: now,
            bank_confirmed_at: None,
        });
        self.status = if amount == left {
            Status::Refund
        } else {
            Status::PartialRefund
        };
        Ok(amount)
    }

    fn leave(&mut self, from: Status, to: Status) -> Result<(), WrongStatus> {
        if self.status != from {
            return Err(WrongStatus(self.status));
        }
        self.status = to;
        Ok(())
    }
}

/// Indonesia's western time zone, in which Midtrans writes every time.
const WIB_OFFSET: TimeDelta = TimeDelta::hours(7);

/// A time as Midtrans writes it: `2026-01-31 13:05:09`, GMT+7.
pub(super) fn wib(time: DateTime<Utc>) -> String {
    (time + WIB_OFFSET).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The hour and minute of the day in GMT+7.
pub(super) fn wib_minute_of_day(time: DateTime<Utc>) -> u32 {
    use chrono::Timelike;
    let local = time + WIB_OFFSET;
    local.hour() * 60 + local.minute()
}
