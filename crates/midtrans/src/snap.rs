//! Snap: a payment page of Midtrans's, where the customer chooses a method.
//!
//! A page that expires sends no notification, and until a method is chosen there is no transaction
//! to read (404).

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::answer::Answer;
use crate::client::{CallError, Client, call};
use crate::order_id::OrderId;
use crate::request::{
    Customer, Expiry, InvalidRequest, Item, WireCustomer, WireDetails, WireItem, check_items, wib,
};

/// A page to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapRequest {
    /// The order's id. The same id again makes a new page and closes the old one.
    pub order_id: OrderId,
    /// What is to be paid.
    pub amount: Amount,
    /// What for; when there are any they sum to the amount.
    pub items: Vec<Item>,
    /// By whom.
    pub customer: Option<Customer>,
    /// The methods the page offers, by Snap's names (`other_qris`, `bca_va`, …); all when empty.
    pub enabled_payments: Vec<String>,
    /// Until when a payment begun on the page can be made; the page itself closes then too.
    pub expiry: Option<Expiry>,
    /// Where the page leads afterwards. It is display only: it proves nothing.
    pub finish_url: Option<String>,
}

/// A payment page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnapPage {
    /// Its token, which cancels it.
    pub token: String,
    /// Its address.
    pub redirect_url: String,
}

impl Client {
    /// Makes a page. No idempotency key is known to work here; a second call only replaces the
    /// page.
    ///
    /// # Errors
    /// [`CallError::Duplicate`] when the order is paid already, which Snap calls 400.
    pub async fn create_snap(&self, request: &SnapRequest) -> Result<SnapPage, CallError> {
        let body = page_body(request)?;
        read_page(call(self.snap("transactions").json(&body)).await?)
    }

    /// Closes a page.
    ///
    /// # Errors
    /// [`CallError::CannotModify`] when the customer has chosen a method there: then the
    /// transaction is what to cancel. A page that is closed already is no error.
    pub async fn cancel_snap(&self, token: &str) -> Result<(), CallError> {
        if token.is_empty()
            || !token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(InvalidRequest::Token.into());
        }
        read_cancel(call(self.snap(&format!("transactions/{token}/cancel"))).await?)
    }
}

fn read_page(answer: Answer) -> Result<SnapPage, CallError> {
    if answer.code == 201 {
        return serde_json::from_slice(&answer.body).map_err(|_| answer.unreadable("a page"));
    }
    if answer.code == 400 && answer.messages().iter().any(|message| says_taken(message)) {
        return Err(CallError::Duplicate);
    }
    Err(answer.into_error())
}

/// Snap has no code for a used order id, only words, in English or Indonesian.
fn says_taken(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("order_id") && (message.contains("taken") || message.contains("digunakan"))
}

fn read_cancel(answer: Answer) -> Result<(), CallError> {
    let says = |words: &str| {
        answer
            .messages()
            .iter()
            .any(|m| m.to_lowercase().contains(words))
    };
    if says("already cancel") {
        return Ok(());
    }
    if says("on progress") {
        return Err(CallError::CannotModify);
    }
    if says("token not found") {
        return Err(CallError::NotFound);
    }
    let closed: Option<Canceled> = serde_json::from_slice(&answer.body).ok();
    if matches!(answer.code, 200 | 201) && closed.is_some() {
        return Ok(());
    }
    Err(answer.into_error())
}

#[derive(Deserialize)]
struct Canceled {
    #[expect(dead_code, reason = "its presence is what is read")]
    canceled_at: String,
}

#[derive(Serialize)]
struct PageBody<'a> {
    transaction_details: WireDetails<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    item_details: Vec<WireItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_details: Option<WireCustomer>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    enabled_payments: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<PaymentExpiry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_expiry: Option<PageExpiry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<Callbacks<'a>>,
}

#[derive(Serialize)]
struct PaymentExpiry {
    start_time: String,
    unit: &'static str,
    duration: u32,
}

#[derive(Serialize)]
struct PageExpiry {
    unit: &'static str,
    duration: u32,
}

#[derive(Serialize)]
struct Callbacks<'a> {
    finish: &'a str,
}

fn page_body(request: &SnapRequest) -> Result<PageBody<'_>, InvalidRequest> {
    check_items(&request.items, request.amount)?;
    Ok(PageBody {
        transaction_details: WireDetails {
            order_id: request.order_id.as_str(),
            gross_amount: request.amount.rupiah(),
        },
        item_details: request.items.iter().map(WireItem::from).collect(),
        customer_details: request.customer.as_ref().map(WireCustomer::from),
        enabled_payments: &request.enabled_payments,
        expiry: request.expiry.map(|expiry| PaymentExpiry {
            start_time: wib(expiry.from),
            unit: "minutes",
            duration: expiry.minutes,
        }),
        page_expiry: request.expiry.map(|expiry| PageExpiry {
            unit: "minutes",
            duration: expiry.minutes,
        }),
        callbacks: request
            .finish_url
            .as_deref()
            .map(|finish| Callbacks { finish }),
    })
}

#[cfg(test)]
mod tests;
