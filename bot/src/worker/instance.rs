//! The bot's own row: it lives as long as it says so, and what it held is free once it does not.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::app::App;

/// How often a bot says that it lives.
pub const HEARTBEAT: Duration = Duration::from_millis(500);
/// Silence after which its work is taken over. Four heartbeats: one lost statement is no death.
pub const LIFETIME: Duration = Duration::from_secs(2);
/// Longest a heartbeat may take: a silent connection must not outlive the bot's own life.
const BEAT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Rows of bots that died this long ago are removed.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// Since when the bot's heartbeats have reached PostgreSQL without a gap.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    /// Whether PostgreSQL has heard this bot without a gap for longer than a bot's life. Until then
    /// other bots may only look dead, because nobody could say that they live.
    pub fn is_steady(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > LIFETIME + HEARTBEAT)
    }

    fn beaten(&self, reached: bool) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = reached.then(|| since.unwrap_or_else(Instant::now));
    }
}

/// Says "alive" until the process stops. A bot that cannot reach PostgreSQL falls silent, which is
/// right: it cannot commit anything either.
pub async fn keep_alive(app: App) {
    let mut tick = tokio::time::interval(HEARTBEAT);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let reached = match tokio::time::timeout(BEAT_TIMEOUT, beat(&app)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "heartbeat failed");
                false
            }
            Err(_) => {
                tracing::warn!("heartbeat took too long");
                false
            }
        };
        app.pulse.beaten(reached);
    }
}

/// One heartbeat.
pub async fn beat(app: &App) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO bot_instance (id, address, started_at, alive_until)
         VALUES ($1, $2, now(), now() + make_interval(secs => $3))
         ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
        app.bot_id,
        app.config.listen.to_string(),
        LIFETIME.as_secs_f64(),
    )
    .execute(&app.heart)
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
    sqlx::query!(
        "DELETE FROM bot_instance WHERE alive_until < now() - make_interval(secs => $1)",
        FORGET_AFTER.as_secs_f64(),
    )
    .execute(&app.relaxed)
    .await?;
    let alive = sqlx::query_scalar!(
        r#"SELECT count(*) AS "alive!" FROM bot_instance WHERE alive_until > now()"#
    )
    .fetch_one(&app.relaxed)
    .await?;
    Ok(u32::try_from(alive).unwrap_or(1).max(1))
}
