//! Notifications that Midtrans never sent, as an attacker would make them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Config;
use super::answer::{notification, rupiah, signature};
use super::payment::{Payment, Status};

/// How a notification is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// It claims a settlement; the signature is wrong.
    BadSignature,
    /// The newest genuine one with `transaction_status` edited to `settlement` (to `refund` if it
    /// is settled). The signature is valid: it does not cover that field.
    EditedStatus,
    /// `order_id`, `status_code` and `gross_amount` cut elsewhere: the signature covers them
    /// without separators, so a settlement signed for one order fits another order's name.
    ShiftedBoundary,
    /// Validly signed, about a settlement of another merchant.
    WrongMerchant,
    /// Validly signed settlement over one rupiah less.
    WrongAmount,
    /// Validly signed settlement in another currency.
    WrongCurrency,
    /// Validly signed settlement of an order nobody placed.
    UnknownOrder,
}

/// The forged body. It borrows the genuine payment's ids.
pub(super) fn body(forgery: Forgery, payment: &Payment, config: &Config) -> Value {
    let genuine = || Value::Object(notification(payment, config));
    match forgery {
        Forgery::BadSignature => {
            let mut body = settled(payment, config);
            body["signature_key"] = "0".repeat(128).into();
            body
        }
        Forgery::EditedStatus => {
            let mut body = genuine();
            let claim = if payment.status == Status::Settlement {
                "refund"
            } else {
                "settlement"
            };
            body["transaction_status"] = claim.into();
            body
        }
        Forgery::ShiftedBoundary => shifted(payment, config),
        Forgery::WrongMerchant => {
            let mut body = settled(payment, config);
            body["merchant_id"] = "G000000001".into();
            body
        }
        Forgery::WrongAmount => {
            let mut body = settled(payment, config);
            body["gross_amount"] = rupiah(payment.amount - 1).into();
            resign(&mut body, config);
            body
        }
        Forgery::WrongCurrency => {
            let mut body = settled(payment, config);
            body["currency"] = "USD".into();
            body
        }
        Forgery::UnknownOrder => {
            let mut body = settled(payment, config);
            body["order_id"] = format!("{}-nobody", payment.order_id).into();
            resign(&mut body, config);
            body
        }
    }
}

fn settled(payment: &Payment, config: &Config) -> Value {
    let claimed = Payment {
        status: Status::Settlement,
        settled_at: payment.settled_at.or(Some(payment.created_at)),
        ..payment.clone()
    };
    Value::Object(notification(&claimed, config))
}

/// `A` + `201` + `2005000.00` is signed; it reads as `A201` + `200` + `5000.00` too.
fn shifted(payment: &Payment, config: &Config) -> Value {
    let mut body = settled(payment, config);
    let amount = rupiah(payment.amount);
    body["signature_key"] = signature(
        &payment.order_id,
        "201",
        &format!("200{amount}"),
        &config.server_key,
    )
    .into();
    body["order_id"] = format!("{}201", payment.order_id).into();
    body["status_code"] = "200".into();
    body
}

fn resign(body: &mut Value, config: &Config) {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let key = signature(
        &text("order_id"),
        &text("status_code"),
        &text("gross_amount"),
        &config.server_key,
    );
    body["signature_key"] = json!(key);
}
