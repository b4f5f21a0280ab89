//! Advances the payments that are due: to be charged, read, called off.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{app::App, flows::payment, store::payments::queue};

/// Payments that one bot works on at a time; each waits for Midtrans most of its time.
const AT_ONCE: usize = 16;
/// How often due payments are looked for while others are worked on.
const LOOK: Duration = Duration::from_secs(1);

/// Goes on while anything is worked on, so that one slow call keeps nobody else's payment waiting.
pub(super) async fn run(app: App) -> Result<()> {
    let mut working = JoinSet::new();
    loop {
        let claimed = if app.stop.is_cancelled() {
            Ok(())
        } else {
            claim(&app, &mut working).await
        };
        if working.is_empty() {
            return claimed;
        }
        // Leaving now would drop what is under way in the middle of a call.
        if let Err(error) = claimed {
            tracing::warn!(
                error = format!("{error:#}"),
                "no due payments could be claimed"
            );
        }
        tokio::select! {
            Some(ended) = working.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "advancing a payment panicked");
                }
            }
            () = app.signals.payments.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn claim(app: &App, working: &mut JoinSet<()>) -> Result<()> {
    let room = AT_ONCE.saturating_sub(working.len());
    if room == 0 {
        return Ok(());
    }
    let limit = i64::try_from(room).unwrap_or(1);
    let now = app.clock.now();
    for claim in queue::claim_due(&app.pool, app.bot_id, limit, now).await? {
        let app = app.clone();
        working.spawn(async move { payment::advance(&app, claim).await });
    }
    Ok(())
}
