//! Liveness, readiness, metrics.

use std::time::{Duration, Instant};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::app::App;

/// How long a dependency may take to say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long its answer holds, so that whoever asks often takes no connections from customers.
const PROBE_HOLDS: Duration = Duration::from_millis(200);

/// Whether PostgreSQL was there when it was asked last. Who holds this asks it for all others.
static POSTGRES: Mutex<Option<(Instant, bool)>> = Mutex::const_new(None);

/// The process answers: that is all. A dependency's absence is no reason to kill it.
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// Whether webhooks should come here: yes while PostgreSQL answers and the process is not stopping.
/// Redis is reported but not required: sales survive it.
pub(super) async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let postgres = probe_postgres(&app).await;
    let redis = app.coordination.health();
    let stopping = app.stop.is_cancelled();
    let ready = postgres && !stopping;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = |good: bool| if good { "ok" } else { "unavailable" };
    let body = json!({
        "ready": ready,
        "stopping": stopping,
        "postgres": word(postgres),
        "redis": word(redis.is_up),
    });
    (status, Json(body))
}

async fn probe_postgres(app: &App) -> bool {
    let mut last = POSTGRES.lock().await;
    if let Some((at, is_there)) = *last
        && at.elapsed() < PROBE_HOLDS
    {
        return is_there;
    }
    let probe = sqlx::query_scalar!(r#"SELECT count(*) AS "rows!" FROM catalog_version"#)
        .fetch_one(&app.pool);
    let is_there = matches!(tokio::time::timeout(PROBE_TIMEOUT, probe).await, Ok(Ok(_)));
    *last = Some((Instant::now(), is_there));
    is_there
}

/// What Prometheus scrapes.
pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let states = [
        ("idle", app.pool.num_idle() + app.at_hand.num_idle()),
        ("open", app.pool.size() as usize),
    ];
    for (state, connections) in states {
        let connections = i64::try_from(connections).unwrap_or(0);
        app.metrics
            .pool_connections
            .with_label_values(&[state])
            .set(connections);
    }
    (
        [(CONTENT_TYPE, prometheus::TEXT_FORMAT)],
        app.metrics.text(),
    )
}
