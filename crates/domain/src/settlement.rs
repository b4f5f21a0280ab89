//! What to do about a payment after reading its status: one pure decision.

use chrono::{DateTime, Utc};

use crate::money::Rupiah;
use crate::order::OrderState;
use crate::payment::{PaymentMethod, PaymentState, REVERSAL_HOLD};
use crate::provider::{ProviderOrderId, ProviderReport, ProviderStatus};

/// What a payment attempt is for, with what the decision needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An order.
    Order {
        /// Where it stands.
        state: OrderState,
        /// What it still needs from outside: its total less the saldo set aside for it.
        due: Rupiah,
    },
    /// Saldo.
    TopUp,
}

/// A payment attempt as stored, read under its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its name at Midtrans.
    pub provider_order_id: ProviderOrderId,
    /// The shop's own `merchant_id`.
    pub merchant_id: String,
    /// Where it stands.
    pub state: PaymentState,
    /// What it is for.
    pub purpose: Purpose,
    /// How it was to be paid.
    pub method: PaymentMethod,
    /// What was asked for.
    pub amount: Rupiah,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
}

/// What to do, in one transaction that holds the payment's lock and then the order's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The report says nothing new.
    Nothing,
    /// No money moved: store the new state.
    Move(PaymentState),
    /// The order's money is in: ledger, order paid, reservation committed, customer told.
    Settle {
        /// Digital goods wait until then.
        hold_until: Option<DateTime<Utc>>,
    },
    /// A top-up's money is in: credit the saldo.
    TopUp {
        /// The saldo cannot be spent until then.
        hold_until: Option<DateTime<Utc>>,
    },
    /// Money came for an order that does not wait for it: settle the attempt, credit the
    /// customer's saldo and tell them. It is never dropped.
    CreditSaldo {
        /// Why it could not pay the order.
        why: LateMoney,
        /// The saldo cannot be spent until then.
        hold_until: Option<DateTime<Utc>>,
    },
    /// The report contradicts what we asked for: book received money in suspense, freeze the
    /// attempt, page an admin. Booking money settles the attempt, so it happens once; without
    /// money the verdict comes again with each such report.
    Suspense {
        /// What contradicts.
        mismatch: Mismatch,
        /// Money to book; `None` when none came or its amount cannot be read.
        received: Option<Rupiah>,
    },
    /// Settled money was taken back: a compensating transaction; where it was spent already,
    /// fulfilment stops and an admin gets a debt case.
    Reverse,
    /// Money went back to the customer; the state is refunded or partially refunded. A partial
    /// refund comes with every report after it: which refunds are new, their own keys say.
    Refund(PaymentState),
    /// The bank took money back: dispute the order.
    ChargeBack {
        /// Whether only a part of it.
        partial: bool,
    },
    /// The provider knows nothing of an attempt that was asked for: ask again with the same key
    /// and order id.
    ChargeAgain,
    /// Change nothing and raise an alert.
    Ignore(Alert),
}

/// Why money could not pay its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateMoney {
    /// The order had expired.
    OrderExpired,
    /// The order had been cancelled.
    OrderCancelled,
    /// The order was paid already.
    AlreadyPaid,
    /// The order was never confirmed.
    NeverConfirmed,
    /// The order waits for another amount: it was asked to be paid in another way since.
    OtherAmountDue,
}

/// What in a report contradicts the attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Another order id: the report is about another payment.
    OrderId,
    /// Another merchant's payment.
    Merchant,
    /// Not rupiah.
    Currency(String),
    /// Another amount, or (`None`) no readable one.
    Amount(Option<Rupiah>),
}

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// The provider went back on a settled payment in a way that has no meaning.
    WentBack {
        /// Our state.
        from: PaymentState,
        /// What the provider says now.
        to: ProviderStatus,
    },
    /// A settled payment is now reported with other facts.
    Contradiction(Mismatch),
    /// A refund or chargeback of money that we never saw come in.
    UnseenMoney(ProviderStatus),
    /// A fraud check stands against the payment: a person decides at Midtrans.
    Challenged,
    /// A status this version does not know.
    UnknownStatus(String),
}

/// Decides what a report means for an attempt.
pub fn decide(current: &Attempt, seen: &ProviderReport) -> Verdict {
    if seen.status == ProviderStatus::Missing {
        return missing(current, seen);
    }
    if let Some(mismatch) = mismatch(current, seen) {
        return contradicted(current, seen, mismatch);
    }
    if seen.is_paid() {
        return paid(current, seen);
    }
    match &seen.status {
        ProviderStatus::Capture | ProviderStatus::Settlement => challenged(current),
        ProviderStatus::Pending | ProviderStatus::Authorize => waiting(current, seen),
        ProviderStatus::Deny | ProviderStatus::Failure => refused(current, seen),
        ProviderStatus::Cancel => cancelled(current, seen),
        ProviderStatus::Expire => ended(current, seen, PaymentState::Expired),
        ProviderStatus::Refund => refunded(current, seen, PaymentState::Refunded),
        ProviderStatus::PartialRefund => refunded(current, seen, PaymentState::PartiallyRefunded),
        ProviderStatus::Chargeback => charged_back(current, seen, false),
        ProviderStatus::PartialChargeback => charged_back(current, seen, true),
        ProviderStatus::Missing => Verdict::Nothing,
        ProviderStatus::Unknown(status) => Verdict::Ignore(Alert::UnknownStatus(status.clone())),
    }
}

fn mismatch(current: &Attempt, seen: &ProviderReport) -> Option<Mismatch> {
    if seen.order_id != current.provider_order_id.as_str() {
        return Some(Mismatch::OrderId);
    }
    if seen
        .merchant_id
        .as_ref()
        .is_some_and(|merchant| *merchant != current.merchant_id)
    {
        return Some(Mismatch::Merchant);
    }
    if let Some(currency) = &seen.currency
        && currency != "IDR"
    {
        return Some(Mismatch::Currency(currency.clone()));
    }
    // Without money in it, a report with no readable amount contradicts nothing.
    let comparable = seen.gross_amount.is_some() || seen.is_paid();
    (comparable && seen.gross_amount != Some(current.amount))
        .then_some(Mismatch::Amount(seen.gross_amount))
}

/// The attempt's credit exists once. After it, a contradiction is only worth an alert.
fn contradicted(current: &Attempt, seen: &ProviderReport, mismatch: Mismatch) -> Verdict {
    if current.state.has_credit() {
        return Verdict::Ignore(Alert::Contradiction(mismatch));
    }
    let ours = !matches!(
        mismatch,
        Mismatch::OrderId | Mismatch::Merchant | Mismatch::Currency(_)
    );
    let received = if ours && seen.is_paid() {
        seen.gross_amount
    } else {
        None
    };
    Verdict::Suspense { mismatch, received }
}

fn missing(current: &Attempt, seen: &ProviderReport) -> Verdict {
    match current.state {
        // A Snap page whose customer chose nothing stays unknown to the status call and its end is
        // not reported (Midtrans, Snap page expiry).
        state if state.is_live() && seen.observed_at >= current.expires_at => {
            Verdict::Move(PaymentState::Expired)
        }
        PaymentState::Creating | PaymentState::Unknown => Verdict::ChargeAgain,
        state if state.has_credit() => went_back(current, seen),
        _ => Verdict::Nothing,
    }
}

fn paid(current: &Attempt, seen: &ProviderReport) -> Verdict {
    if current.state == PaymentState::Settled {
        return Verdict::Nothing;
    }
    if current.state.has_credit() {
        return went_back(current, seen);
    }
    let reversible = seen
        .is_reversible()
        .unwrap_or(current.method.needs_reversal_hold());
    let hold_until = reversible.then(|| seen.observed_at + REVERSAL_HOLD);
    let Purpose::Order { state, due } = current.purpose else {
        return Verdict::TopUp { hold_until };
    };
    let why = match state {
        OrderState::AwaitingPayment if due == current.amount => {
            return Verdict::Settle { hold_until };
        }
        OrderState::AwaitingPayment => LateMoney::OtherAmountDue,
        OrderState::Expired => LateMoney::OrderExpired,
        OrderState::Cancelled => LateMoney::OrderCancelled,
        OrderState::Draft => LateMoney::NeverConfirmed,
        OrderState::Paid
        | OrderState::Fulfilling
        | OrderState::Completed
        | OrderState::Refunding
        | OrderState::Refunded
        | OrderState::Disputed => LateMoney::AlreadyPaid,
    };
    Verdict::CreditSaldo { why, hold_until }
}

fn challenged(current: &Attempt) -> Verdict {
    match current.state {
        PaymentState::Creating | PaymentState::Unknown => Verdict::Move(PaymentState::Pending),
        _ => Verdict::Ignore(Alert::Challenged),
    }
}

fn waiting(current: &Attempt, seen: &ProviderReport) -> Verdict {
    match current.state {
        PaymentState::Creating | PaymentState::Unknown => Verdict::Move(PaymentState::Pending),
        state if state.has_credit() => went_back(current, seen),
        _ => Verdict::Nothing,
    }
}

/// `deny` after settlement is a reversal (Midtrans, transaction status cycle).
fn refused(current: &Attempt, seen: &ProviderReport) -> Verdict {
    match current.state {
        PaymentState::Settled if seen.status == ProviderStatus::Deny => Verdict::Reverse,
        PaymentState::Reversed => Verdict::Nothing,
        _ => ended(current, seen, PaymentState::Failed),
    }
}

/// A captured card payment may be cancelled before it settles, and its money goes back. Nothing
/// else is cancelled once it was paid.
fn cancelled(current: &Attempt, seen: &ProviderReport) -> Verdict {
    let is_card = seen.payment_type.as_deref() == Some("credit_card");
    match current.state {
        PaymentState::Settled if is_card => Verdict::Reverse,
        PaymentState::Reversed if is_card => Verdict::Nothing,
        _ => ended(current, seen, PaymentState::Cancelled),
    }
}

fn ended(current: &Attempt, seen: &ProviderReport, to: PaymentState) -> Verdict {
    match current.state {
        state if state.is_live() => Verdict::Move(to),
        state if state.has_credit() => went_back(current, seen),
        // Already over: which way it ended first is kept.
        _ => Verdict::Nothing,
    }
}

fn refunded(current: &Attempt, seen: &ProviderReport, to: PaymentState) -> Verdict {
    match current.state {
        PaymentState::Settled | PaymentState::PartiallyRefunded => Verdict::Refund(to),
        PaymentState::Refunded if to == PaymentState::Refunded => Verdict::Nothing,
        state if state.has_credit() => went_back(current, seen),
        _ => Verdict::Ignore(Alert::UnseenMoney(seen.status.clone())),
    }
}

fn charged_back(current: &Attempt, seen: &ProviderReport, partial: bool) -> Verdict {
    match current.state {
        PaymentState::Settled | PaymentState::PartiallyRefunded => Verdict::ChargeBack { partial },
        PaymentState::ChargedBack => Verdict::Nothing,
        state if state.has_credit() => went_back(current, seen),
        _ => Verdict::Ignore(Alert::UnseenMoney(seen.status.clone())),
    }
}

fn went_back(current: &Attempt, seen: &ProviderReport) -> Verdict {
    Verdict::Ignore(Alert::WentBack {
        from: current.state,
        to: seen.status.clone(),
    })
}

#[cfg(test)]
mod tests;
