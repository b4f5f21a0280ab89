//! A transaction as Midtrans tells it, in status answers and after cancel, expire and refund.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use serde::Deserialize;

use crate::amount::Amount;
use crate::notification::lower_case;

/// Seconds east of Greenwich of every time Midtrans writes without a zone (WIB, GMT+7).
const WIB_SECONDS_EAST: i32 = 7 * 3600;

/// The state of a transaction. For whether it is paid read `transaction_status` (and
/// `fraud_status`) only, never the status code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionStatus {
    /// The shop's order id. One order id may carry several transactions, one after another.
    pub order_id: String,
    /// Midtrans's own id.
    pub transaction_id: Option<String>,
    /// The merchant it belongs to; compare it with your own.
    pub merchant_id: Option<String>,
    /// What is to be paid, in whole rupiah.
    pub gross_amount: i64,
    /// `IDR`; absent in some answers.
    pub currency: Option<String>,
    /// `pending`, `settlement`, `expire`, …, always in lower case.
    pub transaction_status: String,
    /// `accept`, `challenge` or `deny`; often absent.
    pub fraud_status: Option<String>,
    /// `qris`, `bank_transfer`, `echannel`, `cstore`, `gopay`, …
    pub payment_type: Option<String>,
    /// When it was made.
    pub transaction_time: Option<DateTime<Utc>>,
    /// When it was settled.
    pub settlement_time: Option<DateTime<Utc>>,
    /// When it expires.
    pub expiry_time: Option<DateTime<Utc>>,
    /// What was paid back.
    pub refunds: Vec<Refund>,
}

/// One repayment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The key the repayment was asked for with.
    pub refund_key: Option<String>,
    /// In whole rupiah.
    pub amount: i64,
    /// Why.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Option<DateTime<Utc>>,
    /// When the bank confirmed it; until then it is not final.
    pub bank_confirmed_at: Option<DateTime<Utc>>,
}

/// Reads `YYYY-MM-DD HH:MM:SS` in GMT+7.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let wib = FixedOffset::east_opt(WIB_SECONDS_EAST)?;
    local
        .and_local_timezone(wib)
        .single()
        .map(|at| at.with_timezone(&Utc))
}

/// A transaction's fields on the wire.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire {
    order_id: Option<String>,
    transaction_id: Option<String>,
    merchant_id: Option<String>,
    gross_amount: Option<String>,
    currency: Option<String>,
    transaction_status: Option<String>,
    fraud_status: Option<String>,
    payment_type: Option<String>,
    transaction_time: Option<String>,
    settlement_time: Option<String>,
    #[serde(alias = "expire_time")]
    expiry_time: Option<String>,
    refunds: Option<Vec<WireRefund>>,
}

#[derive(Debug, Deserialize)]
struct WireRefund {
    refund_key: Option<String>,
    refund_amount: String,
    reason: Option<String>,
    created_at: Option<String>,
    bank_confirmed_at: Option<String>,
}

impl Wire {
    /// The transaction, or which field it lacks.
    pub(crate) fn into_status(self) -> Result<TransactionStatus, &'static str> {
        let time = |text: Option<String>| text.as_deref().and_then(parse_time);
        let amount = self.gross_amount.ok_or("gross_amount")?;
        let refunds = self.refunds.unwrap_or_default();
        Ok(TransactionStatus {
            order_id: self.order_id.ok_or("order_id")?,
            transaction_id: self.transaction_id,
            merchant_id: self.merchant_id,
            gross_amount: Amount::parse(&amount).map_err(|_| "gross_amount")?.rupiah(),
            currency: self.currency,
            transaction_status: lower_case(&self.transaction_status.ok_or("transaction_status")?),
            fraud_status: self.fraud_status.as_deref().map(lower_case),
            payment_type: self.payment_type,
            transaction_time: time(self.transaction_time),
            settlement_time: time(self.settlement_time),
            expiry_time: time(self.expiry_time),
            refunds: refunds
                .into_iter()
                .map(WireRefund::into_refund)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl WireRefund {
    fn into_refund(self) -> Result<Refund, &'static str> {
        let time = |text: Option<String>| text.as_deref().and_then(parse_time);
        Ok(Refund {
            refund_key: self.refund_key,
            amount: Amount::parse(&self.refund_amount)
                .map_err(|_| "refund_amount")?
                .rupiah(),
            reason: self.reason,
            created_at: time(self.created_at),
            bank_confirmed_at: time(self.bank_confirmed_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_in_jakarta() {
        let at = parse_time("2026-11-24 00:30:00").unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-23T17:30:00+00:00");
        assert_eq!(parse_time("2026-11-24T00:30:00"), None);
        assert_eq!(parse_time(""), None);
    }
}
