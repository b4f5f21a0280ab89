//! `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// How long after the API server last answered the operator still counts as ready.
const HEARD_LATELY: Duration = Duration::from_secs(30);

/// Whether the operator does its work.
pub struct Health {
    begun: Instant,
    /// Milliseconds after `begun` at which the API server last answered, plus one; 0 for never.
    heard: AtomicU64,
}

impl Health {
    /// Nothing was heard yet.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    /// The API server answered.
    pub fn heard(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard.store(now + 1, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        let ago = |heard| {
            self.begun
                .elapsed()
                .saturating_sub(Duration::from_millis(heard))
        };
        heard > 0 && ago(heard) < HEARD_LATELY
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

/// Serves until dropped.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
) -> Result<()> {
    let routes = Router::new()
        // Answering at all is the proof: the runtime's threads are not stuck.
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(render).with_state(metrics));
    axum::serve(listener, routes).await.context("serve metrics")
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, &'static str) {
    if health.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        let silent = "the API server has not answered lately\n";
        (StatusCode::SERVICE_UNAVAILABLE, silent)
    }
}

async fn render(State(metrics): State<Arc<Metrics>>) -> String {
    metrics.render()
}
