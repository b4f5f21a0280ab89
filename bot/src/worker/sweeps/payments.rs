//! Advances the payments that are due: to be charged, read, called off.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use tokio::task::{self, JoinSet};
use uuid::Uuid;

use crate::{app::App, flows::payment, store::payments::queue};

/// Payments that one bot works on at a time; each waits for Midtrans most of its time.
const AT_ONCE: usize = 16;
/// How often due payments are looked for while others are worked on.
const LOOK: Duration = Duration::from_secs(1);

/// The payments that this bot works on.
#[derive(Default)]
struct Working {
    tasks: JoinSet<()>,
    payments: HashMap<task::Id, Uuid>,
}

/// Goes on while anything is worked on, so that one slow call keeps nobody else's payment waiting.
pub(super) async fn run(app: App) -> Result<()> {
    let mut working = Working::default();
    loop {
        let claimed = if app.stop.is_cancelled() {
            Ok(())
        } else {
            claim(&app, &mut working).await
        };
        if working.tasks.is_empty() {
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
            Some(ended) = working.tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "advancing a payment panicked");
                        error.id()
                    }
                };
                working.payments.remove(&id);
            }
            () = app.signals.payments.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn claim(app: &App, working: &mut Working) -> Result<()> {
    let room = AT_ONCE.saturating_sub(working.tasks.len());
    if room == 0 {
        return Ok(());
    }
    let limit = i64::try_from(room).unwrap_or(1);
    let now = app.clock.now();
    let in_hand: Vec<Uuid> = working.payments.values().copied().collect();
    let mut connection = app.at_hand.lend().await?;
    let due = queue::claim_due(&mut connection, app.bot_id, limit, now, &in_hand).await?;
    connection.done();
    for claim in due {
        let app = app.clone();
        let payment = claim.id;
        let task = (working.tasks).spawn(async move { payment::advance(&app, claim).await });
        working.payments.insert(task.id(), payment);
    }
    Ok(())
}
