//! Takes up sends that a dead bot left behind, and settles those whose answer was lost.

use anyhow::Result;

use crate::{app::App, outbox};

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    let recovered = outbox::recover(&app.relaxed, now).await?;
    let settled = outbox::settle_overdue_unknown(&app.pool, now).await?;
    if recovered + settled > 0 {
        tracing::info!(recovered, settled, "sends were taken up again");
        app.signals.outbound.notify_one();
    }
    Ok(())
}
