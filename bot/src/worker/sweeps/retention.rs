//! Removes what nobody can ask for any more: webhook items once Meta cannot send them again, and
//! messages long sent.

use anyhow::Result;
use chrono::TimeDelta;

use crate::app::App;

/// Meta sends a webhook again for seven days; a repeat must be known that long.
const KEEP_INBOX: TimeDelta = TimeDelta::days(8);
/// A customer may quote an old message; after a month that means nothing.
const KEEP_OUTBOX: TimeDelta = TimeDelta::days(30);
/// Rows that one statement removes, so that none holds locks for long.
const BATCH: i64 = 1_000;

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    loop {
        let inbox = sqlx::query!(
            "DELETE FROM inbox WHERE id IN (
                 SELECT id FROM inbox
                 WHERE state = 'done' AND received_at < $1 ORDER BY id LIMIT $2)",
            now - KEEP_INBOX,
            BATCH,
        )
        .execute(&app.relaxed)
        .await?;
        let outbox = sqlx::query!(
            "DELETE FROM outbox WHERE id IN (
                 SELECT id FROM outbox
                 WHERE state = 'sent' AND created_at < $1 ORDER BY id LIMIT $2)",
            now - KEEP_OUTBOX,
            BATCH,
        )
        .execute(&app.relaxed)
        .await?;
        if inbox.rows_affected() + outbox.rows_affected() == 0 || app.stop.is_cancelled() {
            return Ok(());
        }
    }
}
