//! The bot's own row: it lives as long as it says so, and what it held is free once it does not.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;

use crate::app::App;

/// How often a bot says that it lives.
pub const HEARTBEAT: Duration = Duration::from_millis(500);
/// Silence after which its work is taken over. Four heartbeats: one lost statement is no death.
pub const LIFETIME: TimeDelta = TimeDelta::seconds(2);
/// Rows of bots that died this long ago are removed.
const FORGET_AFTER: TimeDelta = TimeDelta::hours(1);

/// Says "alive" until the process stops. A bot that cannot reach PostgreSQL falls silent, which is
/// right: it cannot commit anything either.
pub async fn keep_alive(app: App) {
    let mut tick = tokio::time::interval(HEARTBEAT);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = beat(&app).await {
            tracing::warn!(%error, "heartbeat failed");
        }
    }
}

/// One heartbeat.
pub async fn beat(app: &App) -> sqlx::Result<()> {
    let now = app.clock.now();
    sqlx::query!(
        "INSERT INTO bot_instance (id, address, started_at, alive_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
        app.bot_id,
        app.config.listen.to_string(),
        now,
        now + LIFETIME,
    )
    .execute(&app.relaxed)
    .await?;
    Ok(())
}

/// The last thing a bot does: everything it may still hold is free at once.
pub async fn retire(app: &App) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM bot_instance WHERE id = $1", app.bot_id)
        .execute(&app.pool)
        .await?;
    Ok(())
}

/// Bots alive now, at least one; removes the rows of the long dead.
pub async fn fleet_size(app: &App) -> sqlx::Result<u32> {
    let now = app.clock.now();
    sqlx::query!(
        "DELETE FROM bot_instance WHERE alive_until < $1",
        now - FORGET_AFTER
    )
    .execute(&app.relaxed)
    .await?;
    count_alive(&app.relaxed, now).await
}

async fn count_alive(pool: &PgPool, now: chrono::DateTime<chrono::Utc>) -> sqlx::Result<u32> {
    let alive = sqlx::query_scalar!(
        r#"SELECT count(*) AS "alive!" FROM bot_instance WHERE alive_until > $1"#,
        now
    )
    .fetch_one(pool)
    .await?;
    Ok(u32::try_from(alive).unwrap_or(1).max(1))
}
