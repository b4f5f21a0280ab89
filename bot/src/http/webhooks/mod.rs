//! What Meta and Midtrans tell us.

pub(super) mod midtrans;
pub(super) mod whatsapp;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// From the first to the last byte of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory that bodies on their way in may take together, in units of [`BUDGET_UNIT_BYTES`]: 64 MiB.
const BUDGET_UNITS: usize = 16_384;
/// The unit of the budget in bytes.
const BUDGET_UNIT_BYTES: usize = 4_096;

static BUDGET: Semaphore = Semaphore::const_new(BUDGET_UNITS);

/// A body within its bounds, and its share of the budget while it is worked on.
struct Received {
    bytes: Bytes,
    _share: SemaphorePermit<'static>,
}

/// Reads a body of at most `limit` bytes. One that does not say its length is counted as the
/// longest.
///
/// # Errors
/// The status and the reason to answer.
async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Received, (StatusCode, &'static str)> {
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "body is too large");
    let length = headers
        .get(axum::http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(limit);
    if length > limit {
        return Err(too_large);
    }
    let units = u32::try_from(length.div_ceil(BUDGET_UNIT_BYTES)).unwrap_or(u32::MAX);
    let Ok(share) = BUDGET.try_acquire_many(units) else {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "too many bodies at once"));
    };
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(Received {
            bytes,
            _share: share,
        }),
        Ok(Err(error)) => {
            let over = std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
            Err(if over {
                too_large
            } else {
                (StatusCode::BAD_REQUEST, "body broke off")
            })
        }
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "body took too long")),
    }
}

/// The trace that the sender wants continued (W3C Trace Context).
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
}
