//! Tells every bot's cache which version of the catalogue is the oldest that may still be shown.

use anyhow::Result;

use crate::{app::App, outbox};

/// Invalidations that one run takes.
const BATCH: i64 = 100;

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    let mut connection = app.at_hand.lend().await?;
    let due = outbox::invalidations(&mut connection, now, BATCH).await?;
    connection.done();
    let Some(newest) = due.iter().map(|due| due.version).max() else {
        return Ok(());
    };
    // One call for all: versions only rise. While Redis is away the rows wait; caches then ask the
    // database anyway.
    if app
        .coordination
        .cache()
        .invalidate("produk", newest.unsigned_abs())
        .await
        .is_ok()
    {
        let ids: Vec<i64> = due.iter().map(|due| due.id).collect();
        outbox::invalidated(&app.relaxed, &ids, now).await?;
    }
    Ok(())
}
