//! The inbound loop: claims conversations with waiting messages and runs their turns.
//!
//! One customer, one message in flight, in arrival order, on any bot.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use chrono::TimeDelta;
use futures_util::FutureExt;
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

/// Turns under way in one bot at most. Fewer where the pool is small: a turn that holds a
/// transaction may ask for a second connection, and some must be left for it.
const MAX_TURNS: u32 = 32;
/// Connections that turns leave to everybody else.
const SPARE_CONNECTIONS: u32 = 4;
/// How long a lost hint can delay a message.
const POLL: Duration = Duration::from_millis(250);
/// How often a claim looks at the whole queue; between, it begins near the lowest row that waits.
const WHOLE_LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rows may become visible in another order than that of their ids: claims begin this many rows
/// before the lowest that waits, more than all batches on their way to a commit hold.
const LATE_ROWS: i64 = 4_096;
/// Pause after a fault of the database, so that a restart is not met by a storm.
const FAULT_PAUSE: Duration = Duration::from_millis(200);
/// Longest a claim may take: the server's own time-out does not help on a dead connection.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(6);
/// Longest a turn may take before its conversation is given up.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
/// First pause of an item that failed; doubles with every attempt.
const RETRY_BASE: TimeDelta = TimeDelta::milliseconds(500);

/// Claims and works until told to stop; returns when every turn it began has ended.
pub async fn run(app: App) {
    let connections = app.config.database_connections;
    let turns = connections
        .saturating_sub(SPARE_CONNECTIONS)
        .clamp(1, MAX_TURNS);
    let mut desk = Desk {
        app,
        head: Head::default(),
        permits: Arc::new(Semaphore::new(turns as usize)),
        held: Held::default(),
        turns: TaskTracker::new(),
    };
    while let Some(permit) = desk.free_permit().await {
        match timeout(CLAIM_TIMEOUT, desk.claim_and_spawn(permit)).await {
            // A full claim means that more may wait; look again at once.
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => desk.wait().await,
            Ok(Err(error)) => desk.pause(&format!("{error:#}")).await,
            Err(_) => desk.pause("it took too long").await,
        }
    }
    desk.turns.close();
    desk.turns.wait().await;
}

/// The customers whose turns this bot works on.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<HashSet<i64>>>);

impl Held {
    fn customers(&self) -> Vec<i64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect()
    }

    fn add(&self, customer: i64) -> Hold {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(customer);
        Hold {
            held: self.clone(),
            customer,
        }
    }
}

/// Ends with the turn, however that ends.
struct Hold {
    held: Held,
    customer: i64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.customer);
    }
}

/// Where the queue begins.
#[derive(Default)]
struct Head {
    from: i64,
    whole_look: Option<Instant>,
}

impl Head {
    /// The row from which a claim looks: now and then the first of all.
    fn from(&mut self, now: Instant) -> i64 {
        let is_fresh = self
            .whole_look
            .is_some_and(|last| now - last < WHOLE_LOOK_EVERY);
        if !is_fresh {
            self.whole_look = Some(now);
            self.from = 0;
        }
        self.from
    }

    fn learn(&mut self, lowest: Option<i64>) {
        if let Some(lowest) = lowest {
            self.from = lowest - LATE_ROWS;
        }
    }
}

struct Desk {
    app: App,
    head: Head,
    permits: Arc<Semaphore>,
    held: Held,
    turns: TaskTracker,
}

impl Desk {
    /// A permit for one turn, or none once the process stops.
    async fn free_permit(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.app.stop.cancelled() => None,
            permit = Arc::clone(&self.permits).acquire_owned() => permit.ok(),
        }
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.app.signals.inbound.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = self.app.stop.cancelled() => {}
        }
    }

    async fn pause(&self, reason: &str) {
        tracing::warn!(reason, "claiming failed");
        let _ = timeout(FAULT_PAUSE, self.app.stop.cancelled()).await;
    }

    /// Claims as many conversations as there are free turns and begins them. Returns whether more
    /// may wait.
    async fn claim_and_spawn(&mut self, first: OwnedSemaphorePermit) -> Result<bool> {
        let from = self.head.from(Instant::now());
        let app = &self.app;
        let free_turns = self.permits.available_permits() + 1;
        app.signals.free_turns.store(free_turns, Ordering::Relaxed);
        let mut ready = vec![first];
        while let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            ready.push(permit);
        }
        let limit = i64::try_from(ready.len())?;
        let (language, now) = (app.config.shop.language, app.clock.now());
        let held = self.held.customers();
        let mut connection = app.relaxed_at_hand.lend().await?;
        let claimed = inbox::claim(
            &mut connection,
            app.bot_id,
            limit,
            now,
            language,
            &held,
            from,
        );
        let inbox::Claimed { claims, lowest } = claimed.await?;
        self.head.learn(lowest);
        if claims.is_empty() {
            connection.done();
            return Ok(false);
        }
        let customers: Vec<i64> = claims.iter().map(|claim| claim.customer.id).collect();
        crash_point!("inbox.claimed");
        let waiting = inbox::waiting(&mut connection, &customers).await?;
        connection.done();
        let mut of_customer: HashMap<i64, Vec<Item>> = HashMap::with_capacity(claims.len());
        for item in waiting {
            of_customer.entry(item.customer_id).or_default().push(item);
        }
        let more = claims.len() == ready.len();
        app.signals
            .free_turns
            .store(ready.len() - claims.len(), Ordering::Relaxed);
        for (claim, permit) in claims.into_iter().zip(ready) {
            let items = of_customer.remove(&claim.customer.id).unwrap_or_default();
            let in_hand = self.held.add(claim.customer.id);
            let app = app.clone();
            self.turns.spawn(async move {
                let (_permit, _in_hand) = (permit, in_hand);
                app.metrics.turns_in_flight.inc();
                work(&app, claim, items).await;
                app.metrics.turns_in_flight.dec();
                app.signals.free_turns.fetch_add(1, Ordering::Relaxed);
            });
        }
        Ok(more)
    }
}

async fn work(app: &App, claim: Claim, items: Vec<Item>) {
    let trace = items.first().and_then(|item| item.trace.clone());
    let span = telemetry::begin("turn", trace.as_deref()).span;
    let (customer_id, epoch) = (claim.customer.id, claim.epoch);
    let first = items.first().map(|item| (item.id, item.attempts));
    // A panic in a flow is that message's fault, not the fleet's: it counts as a failed attempt.
    let turn = timeout(
        TURN_TIMEOUT,
        // In a box, for every wrapper around it copies it.
        AssertUnwindSafe(Box::pin(lane::run(app, claim, items))).catch_unwind(),
    );
    let error = match turn.instrument(span.clone()).await {
        Ok(Ok(Ok(outcome))) => return app.metrics.turns.with_label_values(&[outcome]).inc(),
        Ok(Ok(Err(error))) => error,
        Ok(Err(_)) => {
            app.metrics.panics.with_label_values(&["turn"]).inc();
            anyhow::anyhow!("a flow panicked")
        }
        Err(_) => anyhow::anyhow!(sqlx::Error::PoolTimedOut).context("the turn took too long"),
    };
    if error.is::<LeaseLost>() {
        app.metrics.turns.with_label_values(&["lease_lost"]).inc();
        return;
    }
    app.metrics.turns.with_label_values(&["failed"]).inc();
    span.in_scope(|| tracing::warn!(error = format!("{error:#}"), "turn failed"));
    if let Err(error) = put_back(app, customer_id, first, &error).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "a failed turn could not be put back"
        );
    }
    // Where this fails too, the next claim finds the conversation leased to this bot and not held.
    if let Err(error) = inbox::release(&app.pool, app.bot_id, customer_id, epoch).await {
        tracing::warn!(%error, "a conversation could not be released");
    }
}

/// Counts the failure against the first item. A turn of several items says nothing about which of
/// them is at fault: [`lane`] works on one at a time once the first has failed before.
async fn put_back(
    app: &App,
    customer_id: i64,
    first: Option<(i64, i32)>,
    error: &anyhow::Error,
) -> Result<()> {
    let mut pause = RETRY_BASE;
    if let Some((id, attempts)) = first {
        pause = pause * (1 << attempts.clamp(0, 6));
        // The database being away is nobody's fault, and no message dies of it.
        if !is_databases_fault(error)
            && inbox::fail(&app.pool, app.bot_id, id, &format!("{error:#}")).await?
        {
            tracing::error!(inbox.id = id, "message is dead after its last attempt");
        }
    }
    inbox::postpone(&app.pool, app.bot_id, customer_id, app.clock.now() + pause).await?;
    Ok(())
}

/// Whether the database was away, overloaded, restarting or in a conflict between transactions:
/// SQLSTATE classes 08, 40, 53, 57, 58 and two of class 25 and 55 (PostgreSQL, appendix A).
fn is_databases_fault(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| match cause.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57", "58"]
                    .iter()
                    .any(|class| code.starts_with(class))
                    || matches!(&*code, "25P03" | "55P03")
            }),
            Some(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_begins_near_the_lowest_row_and_now_and_then_at_the_first() {
        let begun = Instant::now();
        let mut head = Head::default();
        assert_eq!(head.from(begun), 0);
        head.learn(Some(100_000));
        head.learn(None);
        assert_eq!(head.from(begun + WHOLE_LOOK_EVERY / 2), 100_000 - LATE_ROWS);
        assert_eq!(head.from(begun + WHOLE_LOOK_EVERY), 0);
    }
}
