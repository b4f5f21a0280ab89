//! What Core answers and what notifications say: the JSON shapes, per payment method.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use super::Config;
use super::method::Method;
use super::payment::{Instrument, Payment, Status, wib};

/// An answer of the Core API. The body's `status_code` is the answer; HTTP is often just 200.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    http: StatusCode,
    code: u16,
    body: Value,
}

impl Answer {
    /// A body whose code HTTP does not repeat.
    pub(super) fn quiet(code: u16, body: Map<String, Value>) -> Self {
        Self::with_http(StatusCode::OK, code, body)
    }

    /// An error. Codes that describe a payment's state come with HTTP 200, the others with their
    /// own.
    pub(super) fn error(code: u16, message: &str, id: String) -> Self {
        let http = match code {
            404 | 406 | 407 | 412 | 414 => StatusCode::OK,
            code => StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let mut body = Map::new();
        body.insert("status_message".into(), message.into());
        body.insert("id".into(), id.into());
        Self::with_http(http, code, body)
    }

    /// 400 with everything that is wrong.
    pub(super) fn invalid(faults: Vec<String>, id: String) -> Self {
        let mut answer = Self::error(400, "One or more parameters in the payload is invalid.", id);
        answer.body["validation_messages"] = faults.into();
        answer
    }

    /// 202 on HTTP and in the body: the first call with this key has not been answered.
    pub(super) fn in_flight() -> Self {
        let mut body = Map::new();
        body.insert(
            "status_message".into(),
            "The request with the same Idempotency-Key is still being processed".into(),
        );
        Self::with_http(StatusCode::ACCEPTED, 202, body)
    }

    /// Whether the call did what it asked for; /expire's success is 407.
    pub(super) fn is_success(&self) -> bool {
        let expired = self.code == 407 && self.body.get("transaction_status").is_some();
        matches!(self.code, 200 | 201) || expired
    }

    fn with_http(http: StatusCode, code: u16, mut body: Map<String, Value>) -> Self {
        body.insert("status_code".into(), code.to_string().into());
        Self {
            http,
            code,
            body: Value::Object(body),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.http, Json(self.body)).into_response()
    }
}

/// `signature_key`: hex SHA-512 of the raw strings, one after another, without separators.
pub(super) fn signature(
    order_id: &str,
    status_code: &str,
    gross_amount: &str,
    server_key: &str,
) -> String {
    let mut hash = Sha512::new();
    for part in [order_id, status_code, gross_amount, server_key] {
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Rupiah as Midtrans writes them: "10000.00".
pub(super) fn rupiah(amount: i64) -> String {
    format!("{amount}.00")
}

/// The success of /v2/charge.
pub(super) fn charged(payment: &Payment, config: &Config, base: &str) -> Answer {
    let mut body = common(payment, config);
    set(&mut body, "status_message", charged_message(payment.method));
    instrument(payment, &mut body);
    if let Some(qr_string) = payment.qr_string() {
        set(&mut body, "qr_string", qr_string);
    }
    let actions = actions(payment, base);
    if !actions.is_empty() {
        body.insert("actions".into(), actions.into());
    }
    Answer::quiet(201, body)
}

/// The success of /status, /cancel, /expire and /refund.
pub(super) fn state(payment: &Payment, config: &Config, code: u16, message: &str) -> Answer {
    let mut body = common(payment, config);
    set(&mut body, "status_message", message);
    instrument(payment, &mut body);
    outcome(payment, &mut body);
    sign(&mut body, payment, config, code);
    Answer::quiet(code, body)
}

/// The success of /refund: the state, and the newest refund at the top of the body.
pub(super) fn refunded(payment: &Payment, config: &Config) -> Answer {
    let message = "Success, refund request is approved";
    let mut answer = state(payment, config, 200, message);
    if let Some(newest) = payment.refunds.last() {
        answer.body["refund_key"] = newest.refund_key.as_str().into();
        answer.body["refund_amount"] = rupiah(newest.amount).into();
        answer.body["refund_chargeback_id"] = newest.created_at.timestamp_millis().into();
    }
    answer
}

/// The code /status gives a payment.
pub(super) fn status_code(status: Status) -> u16 {
    match status {
        Status::Pending => 201,
        Status::Settlement | Status::Cancel | Status::Refund | Status::PartialRefund => 200,
        Status::Deny => 202,
        Status::Expire => 407,
    }
}

/// A notification's body.
pub(super) fn notification(payment: &Payment, config: &Config) -> Map<String, Value> {
    let code = match payment.status {
        Status::Pending => 201,
        Status::Settlement | Status::Refund | Status::PartialRefund => 200,
        Status::Deny | Status::Cancel | Status::Expire => 202,
    };
    let mut body = common(payment, config);
    set(&mut body, "status_message", "midtrans payment notification");
    instrument(payment, &mut body);
    outcome(payment, &mut body);
    if payment.method == Method::ShopeePay {
        // Midtrans' own sample of this method has the status in upper case.
        let upper = payment.status.name().to_uppercase();
        set(&mut body, "transaction_status", upper);
    }
    sign(&mut body, payment, config, code);
    set(&mut body, "status_code", code.to_string());
    body
}

fn set(body: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    body.insert(name.to_owned(), value.into());
}

fn sign(body: &mut Map<String, Value>, payment: &Payment, config: &Config, code: u16) {
    let signature = signature(
        &payment.order_id,
        &code.to_string(),
        &rupiah(payment.amount),
        &config.server_key,
    );
    set(body, "signature_key", signature);
}

fn common(payment: &Payment, config: &Config) -> Map<String, Value> {
    let mut body = Map::new();
    set(&mut body, "transaction_id", payment.transaction_id.as_str());
    set(&mut body, "order_id", payment.order_id.as_str());
    set(&mut body, "merchant_id", config.merchant_id.as_str());
    set(&mut body, "gross_amount", rupiah(payment.amount));
    set(&mut body, "currency", "IDR");
    set(&mut body, "payment_type", payment.method.payment_type());
    set(&mut body, "transaction_time", wib(payment.created_at));
    set(&mut body, "transaction_status", payment.status.name());
    set(&mut body, "expiry_time", wib(payment.expires_at));
    // Midtrans leaves the field out for some methods, and a client must not need it.
    if !matches!(
        payment.method,
        Method::ShopeePay | Method::Indomaret | Method::Alfamart
    ) {
        let fraud = if payment.status == Status::Deny && payment.settled_at.is_none() {
            "deny"
        } else {
            "accept"
        };
        set(&mut body, "fraud_status", fraud);
    }
    for (number, field) in payment.details.custom_fields.iter().enumerate() {
        if let Some(field) = field {
            set(
                &mut body,
                &format!("custom_field{}", number + 1),
                field.as_str(),
            );
        }
    }
    body
}

fn instrument(payment: &Payment, body: &mut Map<String, Value>) {
    match &payment.instrument {
        Instrument::VirtualAccount { number } => match payment.method.bank() {
            Some("permata") | None => set(body, "permata_va_number", number.as_str()),
            Some(bank) => set(
                body,
                "va_numbers",
                json!([{ "bank": bank, "va_number": number }]),
            ),
        },
        Instrument::Bill {
            biller_code,
            bill_key,
        } => {
            set(body, "biller_code", biller_code.as_str());
            set(body, "bill_key", bill_key.as_str());
        }
        Instrument::PaymentCode { code } => {
            set(body, "payment_code", code.as_str());
            set(body, "store", payment.method.name());
        }
        Instrument::Qr { .. } if payment.method == Method::Qris => {
            set(body, "acquirer", "gopay");
        }
        Instrument::Qr { .. } | Instrument::Deeplink => {}
    }
}

/// What only a payment that was paid has.
fn outcome(payment: &Payment, body: &mut Map<String, Value>) {
    let Some(settled_at) = payment.settled_at else {
        return;
    };
    set(body, "settlement_time", wib(settled_at));
    match payment.method {
        Method::Qris => {
            set(body, "issuer", "gopay");
            set(body, "transaction_type", "on-us");
        }
        Method::Indomaret | Method::Alfamart => {
            let approval: String = payment.transaction_id.chars().take(8).collect();
            set(body, "approval_code", approval);
        }
        method if method.bank().is_some_and(|bank| bank != "permata") => {
            let paid = json!([{ "paid_at": wib(settled_at), "amount": rupiah(payment.amount) }]);
            set(body, "payment_amounts", paid);
        }
        _ => {}
    }
    if !payment.refunds.is_empty() {
        let refunds: Vec<Value> = payment.refunds.iter().map(refund).collect();
        set(body, "refunds", refunds);
        set(body, "refund_amount", rupiah(payment.refunded()));
    }
}

fn refund(refund: &super::payment::Refund) -> Value {
    let mut body = json!({
        "refund_chargeback_id": refund.created_at.timestamp_millis(),
        "refund_chargeback_uuid": refund.refund_key,
        "refund_amount": rupiah(refund.amount),
        "created_at": wib(refund.created_at),
        "reason": refund.reason,
        "refund_key": refund.refund_key,
        "refund_method": "refund",
    });
    if let Some(confirmed) = refund.bank_confirmed_at {
        body["bank_confirmed_at"] = wib(confirmed).into();
    }
    body
}

fn charged_message(method: Method) -> &'static str {
    match method {
        Method::Qris => "QRIS transaction is created",
        Method::Gopay => "GoPay transaction is created",
        Method::ShopeePay => "ShopeePay transaction is created",
        Method::PermataVa => "Success, PERMATA VA transaction is successful",
        Method::MandiriBill => "OK, Mandiri Bill transaction is successful",
        Method::Indomaret | Method::Alfamart => "Success, cstore transaction is successful",
        Method::BcaVa | Method::BniVa | Method::BriVa | Method::CimbVa => {
            "Success, Bank Transfer transaction is created"
        }
    }
}

fn actions(payment: &Payment, base: &str) -> Vec<Value> {
    let id = &payment.transaction_id;
    let action = |name: &str, method: &str, path: String| {
        let url = format!("{base}{path}");
        json!({ "name": name, "method": method, "url": url })
    };
    let qr = |name| action(name, "GET", format!("/v2/qris/{id}/qr-code"));
    let deeplink = || {
        action(
            "deeplink-redirect",
            "GET",
            format!("/pay/{}", payment.order_id),
        )
    };
    match payment.method {
        Method::Qris => vec![qr("generate-qr-code"), qr("generate-qr-code-v2")],
        Method::Gopay => vec![
            qr("generate-qr-code"),
            deeplink(),
            action("get-status", "GET", format!("/v2/{id}/status")),
            action("cancel", "POST", format!("/v2/{id}/cancel")),
        ],
        Method::ShopeePay => vec![deeplink()],
        _ => Vec::new(),
    }
}
