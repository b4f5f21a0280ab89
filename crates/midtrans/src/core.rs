//! The Core API: a payment by one method, without a page of Midtrans's.

use reqwest::Method as HttpMethod;
use serde::Serialize;
use uuid::Uuid;

use crate::amount::Amount;
use crate::answer::Answer;
use crate::client::{CallError, Client, call};
use crate::instructions::{self, Instructions};
use crate::order_id::OrderId;
use crate::request::{
    Customer, Expiry, InvalidRequest, Item, WireCustomer, WireDetails, WireItem, check_items,
    clean, wib,
};
use crate::transaction::{self, TransactionStatus};

/// The header that makes a repeated charge answer as the first did, for five minutes.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Longest first and second line of a Mandiri bill, in UTF-16 units.
const BILL_INFO_UNITS: (usize, usize) = (10, 30);
/// Longest message on an Indomaret receipt, in UTF-16 units.
const STORE_MESSAGE_UNITS: usize = 20;
/// Longest reason of a refund, in UTF-16 units.
const REASON_UNITS: usize = 255;
/// Longest refund key, in bytes.
const REFUND_KEY_BYTES: usize = 50;

/// How to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A QR code every Indonesian bank and wallet can pay.
    Qris,
    /// A virtual account at BCA.
    VaBca,
    /// A virtual account at BNI.
    VaBni,
    /// A virtual account at BRI.
    VaBri,
    /// A virtual account at Permata.
    VaPermata,
    /// A bill at Bank Mandiri, with two lines the customer sees there.
    MandiriBill {
        /// Cut to 10 characters.
        info1: String,
        /// Cut to 30 characters.
        info2: String,
    },
    /// A code for the till of an Indomaret.
    Indomaret {
        /// What the receipt says; cut to 20 characters.
        message: String,
    },
    /// The GoPay app.
    Gopay {
        /// Where the app returns to.
        callback_url: Option<String>,
    },
    /// The ShopeePay app.
    ShopeePay {
        /// Where the app returns to.
        callback_url: String,
    },
}

impl Method {
    /// Whether an idempotency key means anything: Midtrans ignores it for Permata and Indomaret,
    /// so that a repeated charge of those is a second charge.
    pub fn takes_idempotency_key(&self) -> bool {
        !matches!(self, Self::VaPermata | Self::Indomaret { .. })
    }
}

/// A payment to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The order's id.
    pub order_id: OrderId,
    /// What is to be paid.
    pub amount: Amount,
    /// How.
    pub method: Method,
    /// What for; when there are any they sum to the amount.
    pub items: Vec<Item>,
    /// By whom.
    pub customer: Option<Customer>,
    /// Until when; without it the method's own default holds.
    pub expiry: Option<Expiry>,
}

/// A payment that waits to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The transaction, usually `pending`.
    pub transaction: TransactionStatus,
    /// What the customer needs in order to pay.
    pub instructions: Instructions,
}

/// A transaction and, while it can be paid by account, bill or till, how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAnswer {
    /// The transaction.
    pub transaction: TransactionStatus,
    /// How to pay it, which settles a charge whose answer was lost. Of a QR code Midtrans does not
    /// tell it again.
    pub instructions: Option<Instructions>,
}

/// Money to give back. Virtual accounts, bills and tills cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The same key for every attempt of one refund, for at most seven days.
    pub refund_key: String,
    /// How much.
    pub amount: Amount,
    /// Why; cut to 255 characters.
    pub reason: String,
}

impl Client {
    /// Asks for a payment.
    ///
    /// The key makes a repetition within five minutes harmless where the method takes it; Midtrans
    /// answers a known key without looking at the body, so a key belongs to one charge only.
    ///
    /// # Errors
    /// After [`CallError::Unknown`] read the status: 404 there allows another try with the same
    /// key.
    /// [`CallError::Duplicate`] says that the order id is taken: read it.
    pub async fn charge(
        &self,
        request: &ChargeRequest,
        idempotency_key: Uuid,
    ) -> Result<Charged, CallError> {
        let body = charge_body(request)?;
        let mut http = self.core(HttpMethod::POST, "charge").json(&body);
        if request.method.takes_idempotency_key() {
            http = http.header(IDEMPOTENCY_KEY, idempotency_key.to_string());
        }
        read_charge(call(http).await?)
    }

    /// Reads a transaction: the only truth about a payment.
    pub async fn status(&self, order_id: &OrderId) -> Result<StatusAnswer, CallError> {
        let path = format!("{order_id}/status");
        read_status(call(self.core(HttpMethod::GET, &path)).await?)
    }

    /// Cancels a payment that is not settled.
    pub async fn cancel(&self, order_id: &OrderId) -> Result<TransactionStatus, CallError> {
        let path = format!("{order_id}/cancel");
        read_change(call(self.core(HttpMethod::POST, &path)).await?, &[200])
    }

    /// Lets a pending payment expire now.
    pub async fn expire(&self, order_id: &OrderId) -> Result<TransactionStatus, CallError> {
        let path = format!("{order_id}/expire");
        // 407, "expired", is the code of success here.
        read_change(call(self.core(HttpMethod::POST, &path)).await?, &[407, 200])
    }

    /// Gives money back.
    ///
    /// # Errors
    /// After [`CallError::Unknown`] read the status and look for the key among its refunds; never
    /// try with another key. [`CallError::Rejected`] with 202 is a denial by the bank.
    pub async fn refund(
        &self,
        order_id: &OrderId,
        refund: &RefundRequest,
    ) -> Result<TransactionStatus, CallError> {
        let body = refund_body(refund)?;
        let path = format!("{order_id}/refund");
        read_change(
            call(self.core(HttpMethod::POST, &path).json(&body)).await?,
            &[200, 201],
        )
    }
}

fn read_charge(answer: Answer) -> Result<Charged, CallError> {
    if !matches!(answer.code, 200 | 201) || !answer.has_transaction() {
        return Err(answer.into_error());
    }
    let transaction = transaction_of(&answer)?;
    let instructions = instructions_of(&answer).ok_or_else(|| answer.unreadable("instructions"))?;
    Ok(Charged {
        transaction,
        instructions,
    })
}

/// A transaction's status code says little: an expired one answers 407, a denied one 202.
fn read_status(answer: Answer) -> Result<StatusAnswer, CallError> {
    if !answer.has_transaction() || matches!(answer.code, 401 | 404 | 429 | 500..) {
        return Err(answer.into_error());
    }
    let transaction = transaction_of(&answer)?;
    Ok(StatusAnswer {
        transaction,
        instructions: instructions_of(&answer),
    })
}

fn read_change(answer: Answer, good: &[u16]) -> Result<TransactionStatus, CallError> {
    if !good.contains(&answer.code) || !answer.has_transaction() {
        return Err(answer.into_error());
    }
    transaction_of(&answer)
}

fn transaction_of(answer: &Answer) -> Result<TransactionStatus, CallError> {
    let wire: transaction::Wire =
        serde_json::from_slice(&answer.body).map_err(|_| answer.unreadable("a transaction"))?;
    wire.into_status().map_err(|field| answer.unreadable(field))
}

fn instructions_of(answer: &Answer) -> Option<Instructions> {
    let wire: instructions::Wire = serde_json::from_slice(&answer.body).ok()?;
    wire.into_instructions()
}

#[derive(Serialize)]
struct ChargeBody<'a> {
    payment_type: &'static str,
    transaction_details: WireDetails<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    item_details: Vec<WireItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_details: Option<WireCustomer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_expiry: Option<CustomExpiry>,
    #[serde(flatten)]
    method: MethodBody<'a>,
}

#[derive(Serialize)]
struct CustomExpiry {
    order_time: String,
    expiry_duration: u32,
    unit: &'static str,
}

/// The field of a charge that is named after its method.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum MethodBody<'a> {
    Qris {
        acquirer: &'static str,
    },
    BankTransfer {
        bank: &'static str,
    },
    Echannel {
        bill_info1: String,
        bill_info2: String,
    },
    Cstore {
        store: &'static str,
        message: String,
    },
    Gopay {
        enable_callback: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        callback_url: Option<&'a str>,
    },
    Shopeepay {
        callback_url: &'a str,
    },
}

impl<'a> From<&'a Method> for MethodBody<'a> {
    fn from(method: &'a Method) -> Self {
        match method {
            Method::Qris => Self::Qris { acquirer: "gopay" },
            Method::VaBca => Self::BankTransfer { bank: "bca" },
            Method::VaBni => Self::BankTransfer { bank: "bni" },
            Method::VaBri => Self::BankTransfer { bank: "bri" },
            Method::VaPermata => Self::BankTransfer { bank: "permata" },
            Method::MandiriBill { info1, info2 } => Self::Echannel {
                bill_info1: clean(info1, BILL_INFO_UNITS.0),
                bill_info2: clean(info2, BILL_INFO_UNITS.1),
            },
            Method::Indomaret { message } => Self::Cstore {
                store: "indomaret",
                message: clean(message, STORE_MESSAGE_UNITS),
            },
            Method::Gopay { callback_url } => Self::Gopay {
                enable_callback: callback_url.is_some(),
                callback_url: callback_url.as_deref(),
            },
            Method::ShopeePay { callback_url } => Self::Shopeepay { callback_url },
        }
    }
}

impl MethodBody<'_> {
    fn payment_type(&self) -> &'static str {
        match self {
            Self::Qris { .. } => "qris",
            Self::BankTransfer { .. } => "bank_transfer",
            Self::Echannel { .. } => "echannel",
            Self::Cstore { .. } => "cstore",
            Self::Gopay { .. } => "gopay",
            Self::Shopeepay { .. } => "shopeepay",
        }
    }
}

fn charge_body(request: &ChargeRequest) -> Result<ChargeBody<'_>, InvalidRequest> {
    check_items(&request.items, request.amount)?;
    let method = MethodBody::from(&request.method);
    Ok(ChargeBody {
        payment_type: method.payment_type(),
        transaction_details: WireDetails {
            order_id: request.order_id.as_str(),
            gross_amount: request.amount.rupiah(),
        },
        item_details: request.items.iter().map(WireItem::from).collect(),
        customer_details: request.customer.as_ref().map(WireCustomer::from),
        custom_expiry: request.expiry.map(|expiry| CustomExpiry {
            order_time: wib(expiry.from),
            expiry_duration: expiry.minutes,
            unit: "minute",
        }),
        method,
    })
}

#[derive(Serialize)]
struct RefundBody<'a> {
    refund_key: &'a str,
    amount: i64,
    reason: String,
}

fn refund_body(refund: &RefundRequest) -> Result<RefundBody<'_>, InvalidRequest> {
    let key = refund.refund_key.as_str();
    let allowed = key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !allowed || key.is_empty() || key.len() > REFUND_KEY_BYTES {
        return Err(InvalidRequest::RefundKey);
    }
    Ok(RefundBody {
        refund_key: key,
        amount: refund.amount.rupiah(),
        reason: clean(&refund.reason, REASON_UNITS),
    })
}

#[cfg(test)]
mod tests;
