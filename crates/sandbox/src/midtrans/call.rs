//! What surrounds every API call: the key check, the faults before and after the effect, and
//! `Idempotency-Key`.

use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::answer::Answer;
use super::fault::{Call, Fault};
use super::idempotency::{KEY_MAX, Known};
use super::shared::Shared;

/// How long a call that is never answered stays open at most.
const SILENCE: Duration = Duration::from_mins(10);
/// The window of the configured charge limit.
const CHARGE_WINDOW: TimeDelta = TimeDelta::minutes(1);

/// One call's key and the moment from which its answer is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn<'a> {
    call: Call,
    key: Option<&'a str>,
    ready_at: DateTime<Utc>,
}

impl Turn<'_> {
    /// The same without a key, for a method that does not honour one.
    pub(super) fn without_key(self) -> Self {
        Self { key: None, ..self }
    }
}

/// Surrounds a call of the Core API.
pub(super) async fn core(
    shared: &Shared,
    call: Call,
    headers: &HeaderMap,
    effect: impl FnOnce(Turn<'_>) -> Answer,
) -> Response {
    if !is_authorised(headers, &shared.config.server_key) {
        return shared
            .error(401, "Unknown Merchant server_key/id")
            .into_response();
    }
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str().unwrap_or(""));
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_MAX) {
        let fault = format!("Idempotency-Key must have 1 to {KEY_MAX} characters");
        return shared.invalid(vec![fault]).into_response();
    }
    let error = |code, message: &str| shared.error(code, message).into_response();
    surround(shared, call, error, |ready_at| {
        let turn = Turn {
            call,
            key,
            ready_at,
        };
        effect(turn).into_response()
    })
    .await
}

/// Surrounds a call of the Snap API. An `Idempotency-Key` means nothing here: Midtrans documents
/// it for Core, and a repeated request for a page gets a new page.
pub(super) async fn snap(
    shared: &Shared,
    call: Call,
    headers: &HeaderMap,
    effect: impl FnOnce() -> Response,
) -> Response {
    if !is_authorised(headers, &shared.config.server_key) {
        let message = "Access denied due to unauthorized transaction, please check client or \
                       server key";
        return snap_error(401, message);
    }
    surround(shared, call, snap_error, |_| effect()).await
}

/// An error in Snap's shape.
pub(super) fn snap_error(code: u16, message: &str) -> Response {
    snap_errors(code, &[message.to_owned()])
}

/// Several errors in Snap's shape.
pub(super) fn snap_errors(code: u16, messages: &[String]) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "error_messages": messages }))).into_response()
}

/// Carries `act` out unless the turn's key was used in the last five minutes.
pub(super) fn once(shared: &Shared, turn: Turn<'_>, act: impl FnOnce() -> Answer) -> Answer {
    let Some(key) = turn.key else {
        return act();
    };
    let now = shared.now();
    // The lock is held over the act, so that two calls with one key have one effect.
    let mut keys = shared.keys();
    match keys.known(key, now) {
        Known::Answered(answer) => answer,
        Known::InFlight => Answer::in_flight(),
        Known::New => {
            let answer = act();
            if answer.is_success() && shared.faults.strikes(Fault::InFlight, turn.call) {
                keys.remember(key, &answer, now, now + shared.slow());
                return Answer::in_flight();
            }
            keys.remember(key, &answer, now, turn.ready_at);
            answer
        }
    }
}

async fn surround(
    shared: &Shared,
    call: Call,
    error: impl Fn(u16, &str) -> Response,
    effect: impl FnOnce(DateTime<Utc>) -> Response,
) -> Response {
    if let Some((code, message)) = refusal(shared, call) {
        return error(code, message);
    }
    let strikes = |fault| shared.faults.strikes(fault, call);
    let is_slow = strikes(Fault::Slow);
    let wait = if is_slow {
        shared.slow()
    } else {
        TimeDelta::zero()
    };
    let response = effect(shared.now() + wait);
    if strikes(Fault::AnswerLost) {
        return hang_up();
    }
    if strikes(Fault::AnswerNever) {
        stay_silent(shared, SILENCE).await;
        return hang_up();
    }
    if strikes(Fault::ErrorAfterEffect) {
        return error(500, "Sorry, we encountered internal server error.");
    }
    if is_slow {
        stay_silent(shared, wait.to_std().unwrap_or_default()).await;
    }
    response
}

/// The error a call gets before it has any effect, if a fault or the charge limit says so.
fn refusal(shared: &Shared, call: Call) -> Option<(u16, &'static str)> {
    let strikes = |fault| shared.faults.strikes(fault, call);
    let creates = matches!(call, Call::Charge | Call::SnapCreate);
    if creates && (strikes(Fault::RateLimited) || is_over_limit(shared)) {
        return Some((429, "Too many requests, please try again later"));
    }
    [
        (
            Fault::ServerError,
            500,
            "Sorry, we encountered internal server error.",
        ),
        (
            Fault::BadGateway,
            502,
            "Internal Server Error: bank connection problem",
        ),
        (
            Fault::Unavailable,
            503,
            "Payment partner is currently unavailable",
        ),
    ]
    .into_iter()
    .find(|(fault, ..)| strikes(*fault))
    .map(|(_, code, message)| (code, message))
}

fn is_over_limit(shared: &Shared) -> bool {
    let Some(limit) = shared.config.charges_per_minute else {
        return false;
    };
    let now = shared.now();
    let mut times = shared.charge_times();
    while times
        .front()
        .is_some_and(|time| now - *time >= CHARGE_WINDOW)
    {
        times.pop_front();
    }
    let is_over = times.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    if !is_over {
        times.push_back(now);
    }
    is_over
}

async fn stay_silent(shared: &Shared, wait: Duration) {
    tokio::select! {
        () = shared.stopping.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// Closes the connection without an answer: hyper drops it when the body fails before its head
/// has been written.
fn hang_up() -> Response {
    let failure = io::Error::new(io::ErrorKind::ConnectionAborted, "the answer is lost");
    let body = futures_util::stream::iter([Err::<Vec<u8>, _>(failure)]);
    Response::new(Body::from_stream(body))
}

/// Basic auth with the server key as user and no password.
fn is_authorised(headers: &HeaderMap, server_key: &str) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value.trim()).ok());
    let wanted = format!("{server_key}:");
    given.is_some_and(|given| bool::from(given.ct_eq(wanted.as_bytes())))
}
