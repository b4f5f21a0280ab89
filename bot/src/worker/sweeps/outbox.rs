//! Takes up sends that a dead bot left behind, and settles those whose answer was lost.

use anyhow::Result;

use crate::{app::App, outbox};

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    // After an outage everybody looks dead until they could say that they live.
    let recovered = if app.pulse.is_steady() {
        let (rows, coming_since) = app.sender.in_hand();
        let mut connection = app.relaxed_at_hand.lend().await?;
        let recovered =
            outbox::recover(&mut connection, app.bot_id, &rows, coming_since, now).await?;
        connection.done();
        recovered
    } else {
        0
    };
    let mut connection = app.at_hand.lend().await?;
    let settled = outbox::settle_overdue_unknown(&mut connection, now).await?;
    connection.done();
    if recovered + settled > 0 {
        tracing::info!(recovered, settled, "sends were taken up again");
        app.signals.outbound.notify_one();
    }
    Ok(())
}
