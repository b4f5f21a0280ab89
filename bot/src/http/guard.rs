//! Around every request: a panic that becomes a 503, metrics, and (but for probes, which must answer
//! when everything else is busy) a bound on how many run at once.
//!
//! 503 and never 500: Midtrans sends a notification again once after a 500, four times after a 503.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::app::App;

/// Webhooks that are worked on at once; beyond, the answer is 503 at once.
const MAX_WEBHOOKS: usize = 1_024;
/// Other requests that are worked on at once, which wait for room where they ask for pictures.
/// Apart from webhooks, because anybody may make them.
const MAX_OTHERS: usize = 256;

/// What the bound does not hold here. An overloaded bot is not a dead one: an orchestrator's probes
/// are answered. A webhook is counted once its body is there ([`super::webhooks`]), for a client
/// that drips its body is no work.
const UNBOUNDED: [&str; 5] = [
    "/livez",
    "/readyz",
    "/metrics",
    "/webhooks/whatsapp",
    "/webhooks/midtrans",
];

/// The middleware's state.
#[derive(Clone)]
pub(super) struct Guard {
    app: App,
    pub(super) webhooks: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            webhooks: Arc::new(Semaphore::new(MAX_WEBHOOKS)),
            others: Arc::new(Semaphore::new(MAX_OTHERS)),
        }
    }
}

pub(super) async fn watch(
    State(guard): State<Guard>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let metrics = &guard.app.metrics;
    let route = path.as_ref().map_or("unknown", MatchedPath::as_str);
    let is_bounded = !UNBOUNDED.contains(&route);
    let permit = is_bounded.then(|| guard.others.try_acquire());
    if matches!(permit, Some(Err(_))) {
        metrics.shed.with_label_values(&["others"]).inc();
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once").into_response();
    }
    let begun = Instant::now();
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = handled.unwrap_or_else(|_| {
        metrics.panics.with_label_values(&["http"]).inc();
        tracing::error!(http.route = route, "a handler panicked");
        (StatusCode::SERVICE_UNAVAILABLE, "try again").into_response()
    });
    metrics
        .request_seconds
        .with_label_values(&[route])
        .observe(begun.elapsed().as_secs_f64());
    metrics
        .requests
        .with_label_values(&[route, response.status().as_str()])
        .inc();
    response
}
