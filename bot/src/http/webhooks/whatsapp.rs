//! `GET|POST /webhooks/whatsapp` (Meta, webhooks).
//!
//! 200 means: every item of the body is durable. Anything that cannot be kept is answered 503, and
//! Meta sends it again for seven days.

use std::time::Instant;

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tracing::Instrument;
use warung_whatsapp::{
    signature::{self, SignatureError},
    webhook,
};

use super::{read, traceparent};
use crate::{http::Ingress, ingest::Refused, telemetry};

/// Largest body in bytes; Meta sends at most 3 MB.
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;

/// The query of the verification request.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct Verification {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// Answers Meta's handshake with its own challenge.
pub(in crate::http) async fn verify(
    State(ingress): State<Ingress>,
    Query(query): Query<Verification>,
) -> Response {
    let expected = ingress.app.config.whatsapp.verify_token.expose_secret();
    let token = query.token.unwrap_or_default();
    let known = bool::from(token.as_bytes().ct_eq(expected.as_bytes()));
    match query.challenge {
        Some(challenge) if known && query.mode.as_deref() == Some("subscribe") => {
            challenge.into_response()
        }
        _ => (StatusCode::FORBIDDEN, "wrong verify token or mode").into_response(),
    }
}

/// Takes a batch of updates.
pub(in crate::http) async fn receive(
    State(ingress): State<Ingress>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let trace = telemetry::begin("webhook.whatsapp", traceparent(&headers));
    async {
        match take(&ingress, &headers, body, &trace.parent).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(refusal) => {
                let refused = &ingress.app.metrics.webhook_refused;
                refused
                    .with_label_values(&["whatsapp", refusal.label])
                    .inc();
                if let Some(untold) = ingress.refusals.tell(Instant::now()) {
                    tracing::info!(
                        http.status = refusal.status.as_u16(),
                        reason = refusal.reason,
                        untold,
                        "webhook refused"
                    );
                }
                (refusal.status, refusal.reason).into_response()
            }
        }
    }
    .instrument(trace.span.clone())
    .await
}

struct Refusal {
    status: StatusCode,
    label: &'static str,
    reason: String,
}

impl Refusal {
    fn new(status: StatusCode, label: &'static str, reason: impl Into<String>) -> Self {
        Self {
            status,
            label,
            reason: reason.into(),
        }
    }
}

async fn take(
    ingress: &Ingress,
    headers: &HeaderMap,
    body: Body,
    trace: &str,
) -> Result<(), Refusal> {
    let unsigned = |error: SignatureError| {
        Refusal::new(StatusCode::UNAUTHORIZED, "signature", error.to_string())
    };
    let header = headers
        .get(signature::HEADER)
        .and_then(|value| value.to_str().ok());
    if header.is_none() {
        // Who signs nothing need not be listened to.
        return Err(unsigned(SignatureError::Missing));
    }
    let body = read(ingress, headers, body, MAX_BODY_BYTES)
        .await
        .map_err(|(status, reason)| {
            let label = if status == StatusCode::PAYLOAD_TOO_LARGE {
                "too_large"
            } else {
                "unread"
            };
            Refusal::new(status, label, reason)
        })?;
    let body = &body.bytes;
    let received = Instant::now();
    signature::verify(&ingress.app.config.whatsapp.app_secrets, header, body).map_err(unsigned)?;
    let items = webhook::walk(body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "malformed", error.to_string()))?;
    ingress
        .ingest
        .store(items, trace)
        .await
        .map_err(|refused| {
            let label = match refused {
                Refused::Full => "full",
                Refused::Database => "database",
            };
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, label, refused.to_string())
        })?;
    ingress
        .app
        .metrics
        .webhook_ack_seconds
        .observe(received.elapsed().as_secs_f64());
    Ok(())
}
