//! Measures queues and states for `/metrics`.

use anyhow::Result;

use crate::{app::App, worker::instance};

pub(super) async fn run(app: App) -> Result<()> {
    let fleet = instance::fleet_size(&app).await?;
    app.pace.set_fleet_size(fleet);
    queues(&app).await?;
    payments(&app).await
}

async fn queues(app: &App) -> Result<()> {
    let row = sqlx::query!(
        r#"
        SELECT
            (SELECT count(*) FROM inbox WHERE state = 'pending') AS "inbox!",
            (SELECT extract(epoch FROM $1 - min(received_at))::float8 FROM inbox
                WHERE state = 'pending') AS inbox_age,
            (SELECT count(*) FROM inbox WHERE state = 'dead') AS "inbox_dead!",
            (SELECT count(*) FROM outbox WHERE state = 'pending' AND topic = 'whatsapp') AS "outbox!",
            (SELECT extract(epoch FROM $1 - min(created_at))::float8 FROM outbox
                WHERE state = 'pending' AND topic = 'whatsapp') AS outbox_age,
            (SELECT count(*) FROM outbox WHERE state = 'unknown') AS "unknown!",
            (SELECT count(*) FROM outbox WHERE state = 'dead') AS "outbox_dead!"
        "#,
        app.clock.now(),
    )
    .fetch_one(&app.relaxed)
    .await?;
    let metrics = &app.metrics;
    metrics.inbox_pending.set(row.inbox);
    metrics
        .inbox_oldest_seconds
        .set(row.inbox_age.unwrap_or(0.0).max(0.0));
    metrics.outbox_pending.set(row.outbox);
    metrics
        .outbox_oldest_seconds
        .set(row.outbox_age.unwrap_or(0.0).max(0.0));
    metrics.outbox_unknown.set(row.unknown);
    metrics
        .dead_letters
        .with_label_values(&["inbox"])
        .set(row.inbox_dead);
    metrics
        .dead_letters
        .with_label_values(&["outbox"])
        .set(row.outbox_dead);
    Ok(())
}

async fn payments(app: &App) -> Result<()> {
    let now = app.clock.now();
    let states = sqlx::query!(
        r#"SELECT state, count(*) AS "attempts!" FROM payment_attempt GROUP BY state"#
    )
    .fetch_all(&app.relaxed)
    .await?;
    app.metrics.payments.reset();
    for row in states {
        app.metrics
            .payments
            .with_label_values(&[&row.state])
            .set(row.attempts);
    }
    let due = sqlx::query_scalar!(
        "SELECT extract(epoch FROM $1 - min(act_at))::float8 FROM payment_attempt
         WHERE act_at <= $1",
        now,
    )
    .fetch_one(&app.relaxed)
    .await?;
    app.metrics
        .payment_oldest_seconds
        .set(due.unwrap_or(0.0).max(0.0));
    Ok(())
}
