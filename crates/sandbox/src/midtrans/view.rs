//! A payment as its page shows it.

use super::method::Method;
use super::payment::{Instrument, Payment, Status};
use super::shared::Shared;
use super::words::{Language, rupiah, time};

/// How many attempts to notify a page lists.
const NOTIFICATIONS_SHOWN: usize = 12;

/// The payment part of a page.
#[derive(Debug)]
pub(super) struct View {
    pub(super) order_id: String,
    pub(super) transaction_id: String,
    pub(super) method: &'static str,
    pub(super) amount: String,
    pub(super) status: &'static str,
    pub(super) status_text: &'static str,
    pub(super) until: String,
    pub(super) is_pending: bool,
    /// The wallet's app, if it is paid there.
    pub(super) app: Option<&'static str>,
    /// The steps of the test tools and their labels.
    pub(super) tools: Vec<(&'static str, &'static str)>,
    pub(super) qr_string: Option<String>,
    /// Label and number, each to be typed at a bank or read to a cashier.
    pub(super) numbers: Vec<(&'static str, String)>,
    /// Name, quantity and sum.
    pub(super) items: Vec<(String, i64, String)>,
    /// Time, claimed status and the shop's answer.
    pub(super) notifications: Vec<(String, String, String)>,
    /// Where its forms post to, without a slash at the end.
    pub(super) base: String,
}

impl View {
    pub(super) fn new(
        shared: &Shared,
        payment: &Payment,
        language: Language,
        base: String,
    ) -> Self {
        let was_paid = payment.settled_at.is_some();
        let items = payment.details.items.iter();
        Self {
            order_id: payment.order_id.clone(),
            transaction_id: payment.transaction_id.clone(),
            method: payment.method.label(),
            amount: rupiah(payment.amount),
            status: payment.status.name(),
            status_text: language.status(payment.status, was_paid),
            until: time(payment.expires_at),
            is_pending: payment.status == Status::Pending,
            app: matches!(payment.method, Method::Gopay | Method::ShopeePay)
                .then_some(payment.method.label()),
            tools: tools(payment, language),
            qr_string: payment.qr_string().map(str::to_owned),
            numbers: numbers(payment, language),
            items: items
                .map(|(name, price, quantity)| {
                    (
                        name.clone(),
                        *quantity,
                        rupiah(price.saturating_mul(*quantity)),
                    )
                })
                .collect(),
            notifications: notifications(shared, &payment.order_id, language),
            base,
        }
    }
}

fn tools(payment: &Payment, language: Language) -> Vec<(&'static str, &'static str)> {
    let words = language.words();
    let can_pay_late = payment.status.frees_order_id() && payment.settled_at.is_none();
    let can_reverse = payment.status == Status::Settlement && payment.method.reverses();
    let late = can_pay_late.then_some(("pay-late", words.pay_late));
    let reverse = can_reverse.then_some(("reverse", words.reverse));
    let resend = Some(("resend", words.resend));
    [late, reverse, resend].into_iter().flatten().collect()
}

fn numbers(payment: &Payment, language: Language) -> Vec<(&'static str, String)> {
    let words = language.words();
    match &payment.instrument {
        Instrument::VirtualAccount { number } => vec![(words.va_number, number.clone())],
        Instrument::Bill {
            biller_code,
            bill_key,
        } => vec![
            (words.biller_code, biller_code.clone()),
            (words.bill_key, bill_key.clone()),
        ],
        Instrument::PaymentCode { code } => vec![(words.payment_code, code.clone())],
        Instrument::Qr { .. } | Instrument::Deeplink => Vec::new(),
    }
}

fn notifications(
    shared: &Shared,
    order_id: &str,
    language: Language,
) -> Vec<(String, String, String)> {
    let log = shared.post.log_of(order_id, NOTIFICATIONS_SHOWN);
    log.into_iter()
        .map(|sent| {
            let claimed = sent.body["transaction_status"].as_str().unwrap_or("?");
            let answer = sent.answer.map_or_else(
                || language.words().no_answer.to_owned(),
                |answer| answer.to_string(),
            );
            (time(sent.at), claimed.to_owned(), answer)
        })
        .collect()
}
