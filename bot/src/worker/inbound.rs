//! The inbound loop: claims conversations with waiting messages and runs their turns.
//!
//! One customer, one message in flight, in arrival order, on any bot.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Result;
use chrono::TimeDelta;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{lane, turn::LeaseLost};
use crate::{
    app::App,
    inbox::{self, Claim, Item},
    telemetry,
};

/// Turns under way in one bot.
pub const MAX_TURNS: usize = 32;
/// How long a lost hint can delay a message.
const POLL: Duration = Duration::from_millis(250);
/// Pause after a fault of the database, so that a restart is not met by a storm.
const FAULT_PAUSE: Duration = Duration::from_millis(200);
/// First pause of an item that failed; doubles with every attempt.
const RETRY_BASE: TimeDelta = TimeDelta::milliseconds(500);

/// Claims and works until told to stop; returns when every turn it began has ended.
pub async fn run(app: App) {
    let turns = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(MAX_TURNS));
    while !app.stop.is_cancelled() {
        let Ok(first) = Arc::clone(&permits).acquire_owned().await else {
            break;
        };
        match claim_and_spawn(&app, &permits, first, &turns).await {
            // A full claim means that more may wait; look again at once.
            Ok(true) => {}
            Ok(false) => wait(&app).await,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "claiming failed");
                let _ = timeout(FAULT_PAUSE, app.stop.cancelled()).await;
            }
        }
    }
    turns.close();
    turns.wait().await;
}

async fn wait(app: &App) {
    tokio::select! {
        () = app.signals.inbound.notified() => {}
        () = tokio::time::sleep(POLL) => {}
        () = app.stop.cancelled() => {}
    }
}

async fn claim_and_spawn(
    app: &App,
    permits: &Arc<Semaphore>,
    first: OwnedSemaphorePermit,
    turns: &TaskTracker,
) -> Result<bool> {
    let mut ready = vec![first];
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        ready.push(permit);
    }
    let limit = i64::try_from(ready.len())?;
    let language = app.config.shop.language;
    let claims = inbox::claim(&app.relaxed, app.bot_id, limit, app.clock.now(), language).await?;
    if claims.is_empty() {
        return Ok(false);
    }
    let full = claims.len() == ready.len();
    let customers: Vec<i64> = claims.iter().map(|claim| claim.customer.id).collect();
    let waiting = inbox::waiting(&app.relaxed, &customers).await?;
    let mut of_customer: HashMap<i64, Vec<Item>> = HashMap::with_capacity(claims.len());
    for item in waiting {
        of_customer.entry(item.customer_id).or_default().push(item);
    }
    for (claim, permit) in claims.into_iter().zip(ready) {
        let items = of_customer.remove(&claim.customer.id).unwrap_or_default();
        let app = app.clone();
        turns.spawn(async move {
            let _permit = permit;
            app.metrics.turns_in_flight.inc();
            work(&app, claim, items).await;
            app.metrics.turns_in_flight.dec();
        });
    }
    Ok(full)
}

async fn work(app: &App, claim: Claim, items: Vec<Item>) {
    let trace = items.first().and_then(|item| item.trace.clone());
    let span = telemetry::begin("turn", trace.as_deref()).span;
    let (customer_id, epoch) = (claim.customer.id, claim.epoch);
    let first = items.first().map(|item| (item.id, item.attempts));
    let single = items.len() <= 1;
    // A panic in a flow is that message's fault, not the fleet's: it counts as a failed attempt.
    let result = tokio::spawn({
        let app = app.clone();
        async move { lane::run(&app, claim, items).await }.instrument(span.clone())
    })
    .await;
    let error = match result {
        Ok(Ok(outcome)) => return app.metrics.turns.with_label_values(&[outcome]).inc(),
        Ok(Err(error)) => error,
        Err(panic) => {
            app.metrics.panics.with_label_values(&["turn"]).inc();
            anyhow::anyhow!("a flow panicked: {panic}")
        }
    };
    if error.is::<LeaseLost>() {
        app.metrics.turns.with_label_values(&["lease_lost"]).inc();
        return;
    }
    app.metrics.turns.with_label_values(&["failed"]).inc();
    span.in_scope(|| tracing::warn!(error = format!("{error:#}"), "turn failed"));
    if let Err(error) = put_back(app, customer_id, epoch, first, single, &error).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "a failed turn could not be put back"
        );
    }
}

/// Counts the failure against the first item. A turn of several items says nothing about which of
/// them is at fault: [`lane`] works on one at a time once the first has failed before.
async fn put_back(
    app: &App,
    customer_id: i64,
    epoch: i64,
    first: Option<(i64, i32)>,
    single: bool,
    error: &anyhow::Error,
) -> Result<()> {
    let mut pause = RETRY_BASE;
    if let Some((id, attempts)) = first {
        pause = pause * (1 << attempts.clamp(0, 6));
        // The database being away is nobody's fault, and no message dies of it.
        let dead =
            !is_database_away(error) && inbox::fail(&app.pool, id, &format!("{error:#}")).await?;
        if dead {
            tracing::error!(
                inbox.id = id,
                single,
                "message is dead after its last attempt"
            );
        }
    }
    inbox::postpone(&app.pool, customer_id, app.clock.now() + pause).await?;
    inbox::release(&app.pool, app.bot_id, customer_id, epoch).await?;
    Ok(())
}

fn is_database_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<sqlx::Error>(),
            Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
        )
    })
}
