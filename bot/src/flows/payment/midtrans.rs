//! One call to Midtrans, and what was heard.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use warung_domain::{
    money::Rupiah,
    payment::PaymentMethod,
    provider::{FraudStatus, ProviderReport, ProviderStatus},
};
use warung_midtrans::{
    amount::Amount,
    client::CallError,
    core::{ChargeRequest, Method},
    instructions,
    order_id::OrderId,
    request::{Expiry, Item},
    snap::{SnapPage, SnapRequest},
    transaction::{Refund, TransactionStatus},
};

use crate::{
    app::App,
    store::payments::{Attempt, Instructions},
};

/// What Midtrans can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// To make the payment, or its page.
    Charge,
    /// Where the payment stands.
    Status,
    /// To call it off.
    Cancel,
    /// To let it expire now.
    Expire,
    /// To close its page.
    ClosePage,
}

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// How the payment stands.
    Report(Box<Report>),
    /// The page was made.
    Page(SnapPage),
    /// The page is closed: nobody can begin to pay there.
    PageClosed,
    /// The payment will not be made.
    Refused(String),
    /// The payment stands otherwise than the call supposed: read it.
    ReadIt,
    /// Nothing of use.
    Silence {
        /// Whether the call may have had its effect.
        sent: bool,
        /// How long Midtrans wants to be left alone.
        wait: Option<Duration>,
    },
    /// There was nothing to ask.
    NothingToAsk,
}

/// How a payment stands at Midtrans.
#[derive(Debug)]
pub(super) struct Report {
    /// What decides.
    pub(super) seen: ProviderReport,
    /// How to pay it, where the answer tells.
    pub(super) instructions: Option<Instructions>,
    /// Midtrans' own id.
    pub(super) transaction_id: Option<String>,
    /// Money that went back.
    pub(super) refunds: Vec<Refund>,
}

/// Makes one call. The attempt is as it was when the call was decided on.
pub(super) async fn ask(app: &App, attempt: &Attempt, call: Call) -> Heard {
    let Some(caller) = Caller::new(app, attempt) else {
        return Heard::Refused("it cannot be named to Midtrans".to_owned());
    };
    let begun = Instant::now();
    let answer = match call {
        Call::Charge if attempt.method == PaymentMethod::Snap => caller.open_page().await,
        Call::Charge => caller.charge().await,
        Call::Status => caller.status().await,
        Call::Cancel => caller.cancel().await,
        Call::Expire => caller.expire().await,
        Call::ClosePage => caller.close_page().await,
    };
    let name = name(call);
    let outcome = answer.as_ref().map_or_else(outcome, |_| "ok");
    let metrics = &app.metrics;
    metrics
        .midtrans_calls
        .with_label_values(&[name, outcome])
        .inc();
    metrics
        .midtrans_call_seconds
        .with_label_values(&[name])
        .observe(begun.elapsed().as_secs_f64());
    match answer {
        Ok(heard) => heard,
        Err(error) => {
            // That there is no payment yet is what the status of an unused page says.
            if error != CallError::NotFound {
                tracing::warn!(payment.id = %attempt.id, call = name, %error, "a call failed");
            }
            understand(call, attempt, &error, app.clock.now())
        }
    }
}

fn name(call: Call) -> &'static str {
    match call {
        Call::Charge => "charge",
        Call::Status => "status",
        Call::Cancel => "cancel",
        Call::Expire => "expire",
        Call::ClosePage => "close_page",
    }
}

fn outcome(error: &CallError) -> &'static str {
    match error {
        CallError::NotSent(_) => "not_sent",
        CallError::Unknown(_) => "unknown",
        CallError::Rejected { .. } => "rejected",
        CallError::NotFound => "not_found",
        CallError::Duplicate => "duplicate",
        CallError::CannotModify => "cannot_modify",
        CallError::RateLimited { .. } => "rate_limited",
        CallError::Unauthorized => "unauthorized",
        CallError::Invalid(_) => "invalid",
    }
}

/// What a call's failure means.
fn understand(call: Call, attempt: &Attempt, error: &CallError, now: DateTime<Utc>) -> Heard {
    let silence = |sent| Heard::Silence { sent, wait: None };
    match (error, call) {
        (CallError::NotSent(_), _) => silence(false),
        (CallError::Unknown(_), _) => silence(true),
        (CallError::RateLimited { retry_after }, _) => Heard::Silence {
            sent: false,
            wait: *retry_after,
        },
        (CallError::Unauthorized, _) => {
            tracing::error!("Midtrans refuses the server key: a person must act");
            silence(false)
        }
        (CallError::Duplicate | CallError::CannotModify, _) => Heard::ReadIt,
        (CallError::NotFound, Call::Status) => Heard::Report(Box::new(missing(attempt, now))),
        (CallError::NotFound, Call::ClosePage) => Heard::PageClosed,
        (
            CallError::Rejected { .. } | CallError::Invalid(_) | CallError::NotFound,
            Call::Charge,
        ) => Heard::Refused(error.to_string()),
        (CallError::Rejected { .. } | CallError::Invalid(_) | CallError::NotFound, _) => {
            silence(true)
        }
    }
}

/// An attempt as Midtrans' API wants it named.
struct Caller<'a> {
    app: &'a App,
    attempt: &'a Attempt,
    order_id: OrderId,
    amount: Amount,
}

impl<'a> Caller<'a> {
    fn new(app: &'a App, attempt: &'a Attempt) -> Option<Self> {
        Some(Self {
            app,
            attempt,
            order_id: OrderId::parse(attempt.provider_order_id.as_str()).ok()?,
            amount: Amount::new(attempt.amount.get()).ok()?,
        })
    }

    async fn charge(&self) -> Result<Heard, CallError> {
        let Some(method) = method(self.attempt) else {
            return Ok(Heard::Refused("the method is not charged".to_owned()));
        };
        let request = ChargeRequest {
            order_id: self.order_id.clone(),
            amount: self.amount,
            method,
            items: items(self.attempt),
            customer: None,
            expiry: Some(expiry(self.attempt)),
        };
        let key = self.attempt.idem_key;
        let charged = self.app.midtrans.charge(&request, key).await?;
        Ok(self.report(charged.transaction, Some(charged.instructions)))
    }

    async fn open_page(&self) -> Result<Heard, CallError> {
        let request = SnapRequest {
            order_id: self.order_id.clone(),
            amount: self.amount,
            items: items(self.attempt),
            customer: None,
            enabled_payments: Vec::new(),
            expiry: Some(expiry(self.attempt)),
            finish_url: None,
        };
        self.app
            .midtrans
            .create_snap(&request)
            .await
            .map(Heard::Page)
    }

    async fn status(&self) -> Result<Heard, CallError> {
        #[cfg(feature = "chaos")]
        if let Some(claimed) = crate::chaos::believed(self.app, self.attempt).await {
            return Ok(self.report(claimed, None));
        }
        let answer = self.app.midtrans.status(&self.order_id).await?;
        Ok(self.report(answer.transaction, answer.instructions))
    }

    async fn cancel(&self) -> Result<Heard, CallError> {
        let transaction = self.app.midtrans.cancel(&self.order_id).await?;
        Ok(self.report(transaction, None))
    }

    async fn expire(&self) -> Result<Heard, CallError> {
        let transaction = self.app.midtrans.expire(&self.order_id).await?;
        Ok(self.report(transaction, None))
    }

    async fn close_page(&self) -> Result<Heard, CallError> {
        if let Some(Instructions::Link { token, .. }) = &self.attempt.instructions {
            self.app.midtrans.cancel_snap(token).await?;
        }
        Ok(Heard::PageClosed)
    }

    fn report(
        &self,
        transaction: TransactionStatus,
        instructions: Option<instructions::Instructions>,
    ) -> Heard {
        let now = self.app.clock.now();
        Heard::Report(Box::new(report(transaction, instructions, now)))
    }
}

fn method(attempt: &Attempt) -> Option<Method> {
    Some(match attempt.method {
        PaymentMethod::Qris => Method::Qris,
        PaymentMethod::VaBca => Method::VaBca,
        PaymentMethod::VaBni => Method::VaBni,
        PaymentMethod::VaBri => Method::VaBri,
        PaymentMethod::VaPermata => Method::VaPermata,
        PaymentMethod::MandiriBill => Method::MandiriBill {
            info1: "Order".to_owned(),
            info2: reference(attempt).to_owned(),
        },
        PaymentMethod::Indomaret => Method::Indomaret {
            message: reference(attempt).to_owned(),
        },
        PaymentMethod::Snap | PaymentMethod::Saldo => return None,
    })
}

/// The attempt's name at Midtrans without its random end: the order's number.
fn reference(attempt: &Attempt) -> &str {
    let id = attempt.provider_order_id.as_str();
    id.rsplit_once('-').map_or(id, |(reference, _)| reference)
}

fn items(attempt: &Attempt) -> Vec<Item> {
    let reference = reference(attempt);
    vec![Item {
        id: reference.to_owned(),
        name: reference.to_owned(),
        price: attempt.amount.get(),
        quantity: 1,
    }]
}

/// The time to pay in whole minutes, as Midtrans counts it, from the same beginning in every try.
fn expiry(attempt: &Attempt) -> Expiry {
    let seconds = (attempt.expires_at - attempt.created_at).num_seconds();
    Expiry {
        from: attempt.created_at,
        minutes: u32::try_from((seconds + 59) / 60).unwrap_or(1).max(1),
    }
}

fn report(
    transaction: TransactionStatus,
    instructions: Option<instructions::Instructions>,
    now: DateTime<Utc>,
) -> Report {
    let bank = match &instructions {
        Some(instructions::Instructions::VirtualAccount { bank, .. }) => Some(bank.to_lowercase()),
        _ => None,
    };
    let store = match &instructions {
        Some(instructions::Instructions::StorePayment { store, .. }) => Some(store.to_lowercase()),
        _ => None,
    };
    let fraud = transaction.fraud_status.as_deref().map(FraudStatus::parse);
    Report {
        seen: ProviderReport {
            order_id: transaction.order_id,
            merchant_id: transaction.merchant_id,
            status: ProviderStatus::parse(&transaction.transaction_status),
            fraud,
            gross_amount: Rupiah::new(transaction.gross_amount),
            currency: transaction.currency,
            payment_type: transaction.payment_type,
            bank,
            store,
            observed_at: now,
        },
        instructions: instructions.and_then(ours),
        transaction_id: transaction.transaction_id,
        refunds: transaction.refunds,
    }
}

fn missing(attempt: &Attempt, now: DateTime<Utc>) -> Report {
    Report {
        seen: ProviderReport {
            order_id: attempt.provider_order_id.clone(),
            merchant_id: None,
            status: ProviderStatus::Missing,
            fraud: None,
            gross_amount: None,
            currency: None,
            payment_type: None,
            bank: None,
            store: None,
            observed_at: now,
        },
        instructions: None,
        transaction_id: None,
        refunds: Vec::new(),
    }
}

/// Instructions that can be shown. A picture of a QR code alone cannot: the customer's is drawn
/// from its text.
fn ours(told: instructions::Instructions) -> Option<Instructions> {
    Some(match told {
        instructions::Instructions::Qris { qr_string, .. } => Instructions::Qris {
            qr_string: qr_string?,
        },
        instructions::Instructions::VirtualAccount { bank, number } => {
            Instructions::VirtualAccount {
                bank: bank.to_uppercase(),
                number,
            }
        }
        instructions::Instructions::MandiriBill {
            biller_code,
            bill_key,
        } => Instructions::MandiriBill {
            biller_code,
            bill_key,
        },
        instructions::Instructions::StorePayment { store, code } => {
            Instructions::Store { store, code }
        }
        instructions::Instructions::Deeplink { .. } => return None,
    })
}
