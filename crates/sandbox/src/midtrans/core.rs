//! The Core API: `/v2/charge` and what can be done to a payment afterwards.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::answer::{self, Answer};
use super::call;
use super::fault::{Call, Fault};
use super::life::{self, NoRefund, Refused};
use super::method::Method;
use super::payment::{Payment, RefundRefused, Status, wib_minute_of_day};
use super::qr;
use super::request;
use super::shared::Shared;
use super::world::NewPayment;

/// 06:00 and 23:55 in GMT+7, between which `ShopeePay` takes direct refunds, in minutes of the day.
const SHOPEEPAY_REFUND_MINUTES: std::ops::Range<u32> = 360..1435;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v2/charge", post(charge))
        .route("/v2/{id}/status", get(status))
        .route("/v2/{id}/cancel", post(cancel))
        .route("/v2/{id}/expire", post(expire))
        .route("/v2/{id}/refund", post(refund))
        .route("/v2/{id}/refund/online/direct", post(direct_refund))
        .route("/v2/qris/{id}/qr-code", get(qr_code))
}

async fn charge(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    call::core(&shared, Call::Charge, &headers, |turn| {
        let Ok(body) = serde_json::from_slice::<Value>(&body) else {
            return shared.error(
                413,
                "The request cannot be processed due to malformed syntax",
            );
        };
        let method = request::method(&body);
        let honours = method.is_none_or(Method::honours_idempotency_key);
        let turn = if honours { turn } else { turn.without_key() };
        call::once(&shared, turn, || charge_once(&shared, &body, method))
    })
    .await
}

fn charge_once(shared: &Arc<Shared>, body: &Value, method: Option<Method>) -> Answer {
    let Some(method) = method else {
        let known = [
            "qris",
            "gopay",
            "shopeepay",
            "bank_transfer",
            "echannel",
            "cstore",
        ];
        let kind = body.get("payment_type").and_then(Value::as_str);
        return match kind {
            Some(kind) if !known.contains(&kind) => {
                shared.error(402, "Payment channel is not activated.")
            }
            _ => shared.invalid(vec!["payment_type is not valid".into()]),
        };
    };
    let now = shared.now();
    let charge = match request::charge(body, method, now) {
        Ok(charge) => charge,
        Err(faults) => return shared.invalid(faults),
    };
    if method.bank().is_some() && shared.faults.strikes(Fault::NoVirtualAccount, Call::Charge) {
        return shared.error(505, "Unable to create va_number for this transaction");
    }
    let new = NewPayment {
        order_id: charge.order.id,
        method: charge.method,
        amount: charge.order.amount,
        created_at: now,
        expires_at: charge.expires_at,
        snap_token: None,
        details: charge.order.details,
    };
    match life::begin(shared, new) {
        Ok(payment) => answer::charged(&payment, &shared.config, &shared.base),
        Err(life::OrderIdTaken) => shared.error(
            406,
            "The request could not be completed due to a conflict with the current state of the \
             target resource, please try again",
        ),
    }
}

async fn status(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    call::core(&shared, Call::Status, &headers, |_| {
        let found = shared.world().find(&id).cloned();
        found.map_or_else(
            || shared.not_found(),
            |payment| {
                let code = answer::status_code(payment.status);
                let message = "Success, transaction is found";
                answer::state(&payment, &shared.config, code, message)
            },
        )
    })
    .await
}

async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    call::core(&shared, Call::Cancel, &headers, |turn| {
        call::once(&shared, turn, || {
            if shared.faults.strikes(Fault::CannotModify, Call::Cancel) {
                return shared.cannot_modify();
            }
            ended(
                &shared,
                life::cancel(&shared, &id),
                200,
                "Success, transaction is canceled",
            )
        })
    })
    .await
}

async fn expire(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    call::core(&shared, Call::Expire, &headers, |turn| {
        call::once(&shared, turn, || {
            ended(
                &shared,
                life::expire(&shared, &id),
                407,
                "Success, transaction has expired",
            )
        })
    })
    .await
}

fn ended(shared: &Shared, moved: Result<Payment, Refused>, code: u16, message: &str) -> Answer {
    match moved {
        Ok(payment) => answer::state(&payment, &shared.config, code, message),
        Err(Refused::Unknown) => shared.not_found(),
        Err(_) => shared.cannot_modify(),
    }
}

async fn refund(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    call::core(&shared, Call::Refund, &headers, |turn| {
        call::once(&shared, turn, || refund_once(&shared, &id, &body))
    })
    .await
}

async fn direct_refund(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    call::core(&shared, Call::Refund, &headers, |turn| {
        call::once(&shared, turn, || {
            let method = shared.world().find(&id).map(|payment| payment.method);
            let minute = wib_minute_of_day(shared.now());
            if method == Some(Method::ShopeePay) && !SHOPEEPAY_REFUND_MINUTES.contains(&minute) {
                return shared.cannot_modify();
            }
            refund_once(&shared, &id, &body)
        })
    })
    .await
}

fn refund_once(shared: &Arc<Shared>, id: &str, body: &Bytes) -> Answer {
    // Every field is optional, and so is the body.
    let body: Value = if body.is_empty() {
        Value::Null
    } else if let Ok(body) = serde_json::from_slice(body) {
        body
    } else {
        return shared.error(
            413,
            "The request cannot be processed due to malformed syntax",
        );
    };
    let key = match body.get("refund_key") {
        None | Some(Value::Null) => shared.world().uuid(),
        Some(Value::String(key)) if is_refund_key(key) => key.clone(),
        Some(_) => return shared.invalid(vec!["refund_key must be of A-Z a-z 0-9 - _".into()]),
    };
    let amount = match body.get("amount") {
        None | Some(Value::Null) => None,
        Some(amount) => match amount.as_i64() {
            Some(amount) => Some(amount),
            None => return shared.invalid(vec!["amount must be an integer".into()]),
        },
    };
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or("");
    let settled = shared
        .world()
        .find(id)
        .filter(|payment| payment.status == Status::Settlement)
        .cloned();
    if let Some(payment) = settled
        && shared.faults.strikes(Fault::RefundDenied, Call::Refund)
    {
        return answer::state(&payment, &shared.config, 202, "Refund request is denied");
    }
    match life::refund(shared, id, &key, amount, reason) {
        Ok(payment) => answer::refunded(&payment, &shared.config),
        Err(NoRefund::Unknown) => shared.not_found(),
        Err(NoRefund::Refused(RefundRefused::NotRefundable)) => shared.cannot_modify(),
        Err(NoRefund::Refused(RefundRefused::Amount)) => {
            shared.error(414, "Refund amount exceeds what can be refunded")
        }
        Err(NoRefund::Refused(RefundRefused::DuplicateKey)) => {
            shared.error(406, "Duplicate refund_key")
        }
    }
}

fn is_refund_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

async fn qr_code(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let text = shared
        .world()
        .find(&id)
        .and_then(Payment::qr_string)
        .map(str::to_owned);
    let picture = text.and_then(|text| qr::picture(&text));
    picture.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |svg| ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response(),
    )
}
