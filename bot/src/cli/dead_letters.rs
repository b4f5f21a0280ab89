//! `warung-bot dead-letters`: what could not be worked on or sent, and another try.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sqlx::PgPool;

use super::say;

/// Rows shown of each queue.
const SHOWN: i64 = 200;

pub(super) async fn list(pool: &PgPool) -> Result<ExitCode> {
    let inbox = sqlx::query!(
        "SELECT id, kind, attempts, received_at, coalesce(error, '') AS \"error!\" FROM inbox
         WHERE state = 'dead' ORDER BY id LIMIT $1",
        SHOWN
    )
    .fetch_all(pool)
    .await?;
    for row in &inbox {
        say(&format!(
            "inbox:{}  {}  {}  attempts {}  {}",
            row.id, row.received_at, row.kind, row.attempts, row.error
        ));
    }
    let outbox = sqlx::query!(
        "SELECT id, attempts, created_at, coalesce(error, '') AS \"error!\" FROM outbox
         WHERE state = 'dead' ORDER BY id LIMIT $1",
        SHOWN
    )
    .fetch_all(pool)
    .await?;
    for row in &outbox {
        say(&format!(
            "outbox:{}  {}  attempts {}  {}",
            row.id, row.created_at, row.attempts, row.error
        ));
    }
    say(&format!(
        "{} dead in the inbox, {} in the outbox",
        inbox.len(),
        outbox.len()
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn retry(pool: &PgPool, which: &str) -> Result<ExitCode> {
    let (queue, id) = match which.split_once(':') {
        _ if which == "all" => ("all", None),
        Some((queue @ ("inbox" | "outbox"), id)) => (
            queue,
            Some(
                id.parse::<i64>()
                    .with_context(|| format!("{id} is no row number"))?,
            ),
        ),
        _ => bail!("name one as inbox:ID or outbox:ID, or say all"),
    };
    let mut retried = 0;
    if queue != "outbox" {
        // A malformed item stays malformed: only messages can do better.
        retried += sqlx::query!(
            "UPDATE inbox SET state = 'pending', attempts = 0, run_at = now()
             WHERE state = 'dead' AND kind = 'message' AND ($1::bigint IS NULL OR id = $1)",
            id
        )
        .execute(pool)
        .await?
        .rows_affected();
    }
    if queue != "inbox" {
        retried += sqlx::query!(
            "UPDATE outbox SET state = 'pending', attempts = 0, run_at = now()
             WHERE state = 'dead' AND ($1::bigint IS NULL OR id = $1)",
            id
        )
        .execute(pool)
        .await?
        .rows_affected();
    }
    say(&format!("{retried} will be tried again"));
    Ok(if retried > 0 || id.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
