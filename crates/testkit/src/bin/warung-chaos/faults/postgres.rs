//! PostgreSQL goes, stands still, and drops whoever is connected.

use std::time::Duration;

use anyhow::Result;
use sqlx::Connection;

use super::lasts;
use crate::bed::Bed;

/// How long it stays away, and how long it hangs.
const AWAY: Duration = Duration::from_secs(2);
const HANGS: Duration = Duration::from_secs(5);
/// Longer than the bots' statements may take (4 s).
const LOCKED: Duration = Duration::from_secs(6);
/// How often, and with what pause, all backends are ended.
const ROUNDS: u32 = 6;
const ROUND_PAUSE: Duration = Duration::from_millis(400);

pub(super) async fn restarted(bed: &Bed) -> Result<String> {
    bed.postgres.restart().await?;
    Ok("restarted in order".to_owned())
}

pub(super) async fn killed(bed: &Bed) -> Result<String> {
    bed.postgres.kill().await?;
    lasts(AWAY).await;
    bed.postgres.start_again().await?;
    Ok(format!("killed, away for {AWAY:?}, recovered"))
}

pub(super) async fn hangs(bed: &Bed) -> Result<String> {
    bed.postgres.pause()?;
    lasts(HANGS).await;
    bed.postgres.resume()?;
    Ok(format!("stood still for {HANGS:?}"))
}

pub(super) async fn backends_killed(bed: &Bed) -> Result<String> {
    let mut database = bed.database().await?;
    let mut ended = 0;
    for _ in 0..ROUNDS {
        // Those that work first: many of them are in the middle of a commit.
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = 'warung-bot'",
        )
        .fetch_one(&mut database)
        .await?;
        ended += count;
        lasts(ROUND_PAUSE).await;
    }
    Ok(format!("{ended} connections ended in the middle of things"))
}

pub(super) async fn statements_time_out(bed: &Bed) -> Result<String> {
    let mut database = bed.database().await?;
    let mut holding = database.begin().await?;
    sqlx::query("LOCK TABLE orders, outbox IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *holding)
        .await?;
    lasts(LOCKED).await;
    holding.rollback().await?;
    Ok(format!("orders and outbox locked for {LOCKED:?}"))
}
