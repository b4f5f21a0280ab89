//! `POST /webhooks/midtrans`: a notification is stored and never believed.
//!
//! The signature only filters: it leaves out the status, so that a signed refund can be edited into
//! a settlement. What a payment's state is, `GET status` decides ([`crate::flows::payment`]).
//! Answers follow Midtrans' retries: 404 for an unknown order (two more tries cover a race), 403 for
//! a bad signature (five cover a rotated key), 503 when it could not be kept.

use std::time::Instant;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use warung_midtrans::notification::{BODY_BYTES as MAX_BODY_BYTES, Notification};

use super::{read, traceparent};
use crate::{
    app::App,
    http::Ingress,
    store::{
        self,
        payments::notifications::{self, NewNotification, Notified},
    },
    telemetry,
};

/// Takes a notification.
pub(in crate::http) async fn receive(
    State(ingress): State<Ingress>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let trace = telemetry::begin("webhook.midtrans", traceparent(&headers));
    async {
        let (status, outcome) = take(&ingress, &headers, body).await;
        ingress
            .app
            .metrics
            .notifications
            .with_label_values(&[outcome])
            .inc();
        if !status.is_success()
            && let Some(untold) = ingress.refusals.tell(Instant::now())
        {
            tracing::info!(
                http.status = status.as_u16(),
                outcome,
                untold,
                "notification refused"
            );
        }
        (status, outcome).into_response()
    }
    .instrument(trace.span)
    .await
}

async fn take(ingress: &Ingress, headers: &HeaderMap, body: Body) -> (StatusCode, &'static str) {
    let app = &ingress.app;
    let body = match read(ingress, headers, body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err((status, _)) => return (status, "unread"),
    };
    let body = &body.bytes;
    let Ok(notification) = Notification::parse(body) else {
        return (StatusCode::BAD_REQUEST, "malformed");
    };
    if notification
        .verify_signature(&app.config.midtrans.server_key)
        .is_err()
    {
        return (StatusCode::FORBIDDEN, "bad_signature");
    }
    let kept = keep(app, &notification, body).await;
    crash_point!("notification.kept");
    match kept {
        Ok(Notified::New) => {
            app.signals.payments.notify_one();
            (StatusCode::OK, "stored")
        }
        Ok(Notified::Repeated) => (StatusCode::OK, "repeated"),
        Ok(Notified::UnknownOrder) => (StatusCode::NOT_FOUND, "unknown_order"),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "a notification was not stored"
            );
            (StatusCode::SERVICE_UNAVAILABLE, "database")
        }
    }
}

async fn keep(app: &App, notification: &Notification, body: &[u8]) -> anyhow::Result<Notified> {
    let mut tx = store::begin(&app.pool).await?;
    let notified = notifications::notified(
        &mut tx,
        &NewNotification {
            body_sha256: &Sha256::digest(body),
            provider_order_id: &notification.order_id,
            transaction_status: &notification.transaction_status,
            raw: body,
        },
        app.clock.now(),
    )
    .await?;
    tx.commit().await?;
    Ok(notified)
}
