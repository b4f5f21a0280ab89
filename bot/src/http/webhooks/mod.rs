//! What Meta and Midtrans tell us.

pub(super) mod midtrans;
pub(super) mod whatsapp;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
};

/// From the first to the last byte of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body within its bounds.
///
/// # Errors
/// The status and the reason to answer.
async fn read(body: Body, limit: usize) -> Result<Bytes, (StatusCode, &'static str)> {
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let too_large = std::error::Error::source(&error)
                .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
            if too_large {
                Err((StatusCode::PAYLOAD_TOO_LARGE, "body is too large"))
            } else {
                Err((StatusCode::BAD_REQUEST, "body broke off"))
            }
        }
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "body took too long")),
    }
}

/// Whether the sender already says that the body is over the limit: then it need not be read.
fn announces_more_than(headers: &HeaderMap, limit: usize) -> bool {
    headers
        .get(axum::http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .is_some_and(|length| length > limit)
}

/// The trace that the sender wants continued (W3C Trace Context).
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
}
