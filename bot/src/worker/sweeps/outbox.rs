//! Takes up sends that a dead bot left behind, and settles those whose answer was lost.

use anyhow::Result;

use crate::{app::App, outbox};

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    // After an outage everybody looks dead until they could say that they live.
    let recovered = if app.pulse.is_steady() {
        let (rows, coming_since) = app.sender.in_hand();
        outbox::recover(&app.relaxed, app.bot_id, &rows, coming_since, now).await?
    } else {
        0
    };
    let settled = outbox::settle_overdue_unknown(&app.pool, now).await?;
    if recovered + settled > 0 {
        tracing::info!(recovered, settled, "sends were taken up again");
        app.signals.outbound.notify_one();
    }
    Ok(())
}
