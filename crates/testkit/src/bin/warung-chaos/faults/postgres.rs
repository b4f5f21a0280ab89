//! PostgreSQL goes, stands still, and drops whoever is connected.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
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
/// How long its disk is full, and how long connections are cut.
const FULL: Duration = Duration::from_secs(8);
const CUTTING: Duration = Duration::from_secs(6);
/// Of 1,000 COMMITs, and of 1,000 other requests, those whose answer is lost with the connection.
const COMMITS_CUT: u32 = 150;
const OTHERS_CUT: u32 = 15;
/// How long it may take to recover by itself once there is room again.
const RECOVERS: Duration = Duration::from_secs(5);

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

/// A statement or COMMIT arrives and has its effect, and the connection is gone before its answer.
pub(super) async fn cut_mid_commit(bed: &Bed) -> Result<String> {
    let before = bed.wire.made();
    bed.wire.cut(COMMITS_CUT, OTHERS_CUT);
    lasts(CUTTING).await;
    bed.wire.cut(0, 0);
    Ok(format!(
        "{} connections cut between a statement and its answer",
        bed.wire.made() - before
    ))
}

/// Its volume is full: statements fail, and once the log needs room the server gives up. As a
/// platform does, it is started again where it has ended.
pub(super) async fn disk_full(bed: &Bed) -> Result<String> {
    let volume = bed.volume.as_ref().context("PostgreSQL has no volume")?;
    volume.fill().await?;
    lasts(FULL).await;
    volume.relieve().await?;
    let until = Instant::now() + RECOVERS;
    while Instant::now() < until {
        if bed.database().await.is_ok() {
            return Ok(format!("no room for {FULL:?}"));
        }
        lasts(ROUND_PAUSE).await;
    }
    bed.postgres.kill().await?;
    bed.postgres.start_again().await?;
    Ok(format!("no room for {FULL:?}; ended of it, started again"))
}
