//! The open loop: messages leave on schedule, replies are matched as they reach the sandbox.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use warung_sandbox::whatsapp::{Customer, Observed, Sandbox};

use crate::bed::Bed;
use crate::browse::REPEATED_ONE_IN;
use crate::purchase::onward;
use crate::usage::{Shares, Used};

/// How long after the last message replies are waited for.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);
/// How long further replies are listened for, to catch doubled ones.
const AFTERMATH: Duration = Duration::from_millis(300);
/// How often a webhook that was not answered 200 is posted again, as Meta would.
const ATTEMPTS: usize = 4;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Largest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// One message of a schedule.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) after: Duration,
    pub(crate) customer: Customer,
    pub(crate) content: Value,
    pub(crate) answered: bool,
    /// Posted a second time to the other bot, as Meta sometimes does.
    pub(crate) repeated: bool,
    /// Begins a purchase: what its reply offers is tapped at once, until the receipt.
    pub(crate) buys: bool,
}

/// What came of a schedule.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) seconds: f64,
    /// From the scheduled moment to the call at the sandbox, in microseconds.
    pub(crate) replies: Histogram<u64>,
    /// From the scheduled moment to the 200 of the webhook, in microseconds.
    pub(crate) acknowledged: Histogram<u64>,
    /// Messages after which their customer heard nothing any more.
    pub(crate) lost: u64,
    /// Messages answered together with another one of the same customer: bots that fall behind
    /// give one reply to what waits.
    pub(crate) merged: u64,
    pub(crate) doubled: u64,
    /// Webhooks that were not answered 200 at first.
    pub(crate) refused: u64,
    /// Purchases whose receipt came.
    pub(crate) bought: u64,
    /// Purchases begun without a receipt.
    pub(crate) unbought: u64,
    /// Seconds of processor time by who used them.
    pub(crate) used: Used,
}

/// Matches replies to messages.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    current: Arc<Mutex<Current>>,
}

#[derive(Debug)]
struct Current {
    /// Scheduled moments of messages without a reply, by customer, oldest first.
    waiting: HashMap<String, VecDeque<Instant>>,
    /// When each customer heard last.
    heard: HashMap<String, Instant>,
    last_reply: Option<Instant>,
    replies: Histogram<u64>,
    acknowledged: Histogram<u64>,
    doubled: u64,
    refused: u64,
    /// Gets every reply, for conversations of several turns.
    follower: Option<mpsc::UnboundedSender<Observed>>,
}

impl Tracker {
    /// Watches all that the sandbox accepts from now on.
    pub(crate) fn watch(sandbox: &Sandbox) -> Self {
        let tracker = Self {
            current: Arc::new(Mutex::new(Current::new())),
        };
        let (mut observed, watching) = (sandbox.observe(), tracker.clone());
        tokio::spawn(async move {
            loop {
                match observed.recv().await {
                    Ok(reply) => watching.current().take(reply),
                    // Shown as lost replies.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        tracker
    }

    /// Notes that a customer expects a reply to a message of this moment.
    pub(crate) fn expect(&self, customer: &str, scheduled: Instant) {
        let mut current = self.current();
        current
            .waiting
            .entry(customer.to_owned())
            .or_default()
            .push_back(scheduled);
    }

    /// Hands every reply to a follower from now on.
    pub(crate) fn follow(&self) -> mpsc::UnboundedReceiver<Observed> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.current().follower = Some(sender);
        receiver
    }

    fn begin(&self) {
        *self.current() = Current::new();
    }

    fn end(&self) -> Current {
        std::mem::replace(&mut *self.current(), Current::new())
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn new() -> Self {
        Self {
            waiting: HashMap::new(),
            heard: HashMap::new(),
            last_reply: None,
            replies: histogram(),
            acknowledged: histogram(),
            doubled: 0,
            refused: 0,
            follower: None,
        }
    }

    fn take(&mut self, reply: Observed) {
        let scheduled = self
            .waiting
            .get_mut(&reply.wa_id)
            .and_then(VecDeque::pop_front);
        match scheduled {
            Some(scheduled) => {
                record(
                    &mut self.replies,
                    reply.at.saturating_duration_since(scheduled),
                );
            }
            None => self.doubled += 1,
        }
        self.heard.insert(reply.wa_id.clone(), reply.at);
        self.last_reply = Some(reply.at);
        if let Some(follower) = &self.follower {
            // A follower that has left needs nothing.
            let _ = follower.send(reply);
        }
    }
}

impl Current {
    /// How many messages were lost, and how many merged into the reply to another.
    fn unmatched(&self) -> (u64, u64) {
        let (mut lost, mut merged) = (0, 0);
        for (customer, waiting) in &self.waiting {
            let heard = self.heard.get(customer);
            for scheduled in waiting {
                match heard {
                    Some(heard) if heard > scheduled => merged += 1,
                    _ => lost += 1,
                }
            }
        }
        (lost, merged)
    }
}

/// A count as a float.
pub(crate) fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// An empty histogram of microseconds.
///
/// # Panics
/// Never: the bounds are within what the crate supports.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("constant bounds")
}

/// Records a latency.
pub(crate) fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros())
        .unwrap_or(LONGEST_US)
        .clamp(1, LONGEST_US);
    histogram.saturating_record(micros);
}

/// Sends a schedule and waits for its replies.
pub(crate) async fn play(bed: &Bed, schedule: Vec<Planned>) -> Result<Outcome> {
    bed.tracker.begin();
    let mut database = bed.database().await?;
    let paid_before = bed.fleet.side.paid(&mut database).await?;
    let purchases = Purchases::follow(bed);
    let before = Shares::now(bed)?;
    let begun = Instant::now();
    let mut sent = u64::try_from(schedule.len())?;
    let mut sending = JoinSet::new();
    for planned in schedule {
        let scheduled = begun + planned.after;
        tokio::time::sleep_until(scheduled.into()).await;
        if planned.buys {
            purchases.books().begun += 1;
        }
        let (sandbox, tracker) = (bed.sandbox.clone(), bed.tracker.clone());
        sending.spawn(async move { send(&sandbox, &tracker, planned, scheduled).await });
    }
    while let Some(done) = sending.join_next().await {
        done?;
    }
    purchases.ended(Instant::now() + DRAIN_LIMIT).await;
    let sent_at = Instant::now();
    let idle = bed.sandbox.idle(DRAIN_LIMIT).await;
    ensure!(idle, "not all webhooks were taken within {DRAIN_LIMIT:?}");
    settled(bed, &mut database).await?;
    let used = Shares::now(bed)?.since(before);
    tokio::time::sleep(AFTERMATH).await;
    let current = bed.tracker.end();
    let (lost, merged) = current.unmatched();
    let ended = current
        .last_reply
        .map_or(sent_at, |reply| reply.max(sent_at));
    let (taps, bought, unbought) = purchases.count();
    sent += taps;
    let paid = bed.fleet.side.paid(&mut database).await? - paid_before;
    let paid_twice = u64::try_from(paid)?.saturating_sub(taps);
    Ok(Outcome {
        sent,
        seconds: ended.duration_since(begun).as_secs_f64(),
        replies: current.replies,
        acknowledged: current.acknowledged,
        lost,
        merged,
        doubled: current.doubled + paid_twice,
        refused: current.refused,
        bought,
        unbought,
        used,
    })
}

/// Waits until nothing more is to be done, at most [`DRAIN_LIMIT`]; what is still missing then
/// shows as lost.
async fn settled(bed: &Bed, database: &mut PgConnection) -> Result<()> {
    let deadline = Instant::now() + DRAIN_LIMIT;
    while bed.waiting(database).await? > 0 && Instant::now() < deadline {
        tokio::time::sleep(DRAIN_INTERVAL).await;
    }
    Ok(())
}

/// The purchases under way: taps what is offered, until the receipt.
#[derive(Clone, Debug)]
struct Purchases {
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    begun: u64,
    /// Who has tapped and waits for the receipt.
    tapped: HashSet<String>,
    taps: u64,
    bought: u64,
}

impl Purchases {
    /// Follows the replies until the next schedule begins.
    fn follow(bed: &Bed) -> Self {
        let purchases = Self {
            books: Arc::default(),
        };
        let mut replies = bed.tracker.follow();
        let (following, tracker) = (purchases.clone(), bed.tracker.clone());
        let (sandbox, customers) = (bed.sandbox.clone(), bed.customers.clone());
        tokio::spawn(async move {
            let by_number: HashMap<&str, &Customer> =
                customers.iter().map(|one| (one.wa_id(), one)).collect();
            while let Some(reply) = replies.recv().await {
                let Some(content) = following.next(&reply) else {
                    continue;
                };
                let Some(customer) = by_number.get(reply.wa_id.as_str()) else {
                    continue;
                };
                let tap = Planned {
                    after: Duration::ZERO,
                    customer: (*customer).clone(),
                    content,
                    answered: true,
                    repeated: following.books().taps.is_multiple_of(REPEATED_ONE_IN),
                    buys: false,
                };
                let (sandbox, tracker) = (sandbox.clone(), tracker.clone());
                tokio::spawn(async move { send(&sandbox, &tracker, tap, reply.at).await });
            }
        });
        purchases
    }

    /// The tap that follows a reply, if one does.
    fn next(&self, reply: &Observed) -> Option<Value> {
        let mut books = self.books();
        let Some(content) = onward(&reply.payload) else {
            if books.tapped.remove(&reply.wa_id) {
                books.bought += 1;
            }
            return None;
        };
        books.tapped.insert(reply.wa_id.clone());
        books.taps += 1;
        Some(content)
    }

    async fn ended(&self, deadline: Instant) {
        while self.is_open() && Instant::now() < deadline {
            tokio::time::sleep(DRAIN_INTERVAL).await;
        }
    }

    fn is_open(&self) -> bool {
        let books = self.books();
        books.bought < books.begun
    }

    /// Taps, purchases with a receipt, and those without.
    fn count(&self) -> (u64, u64, u64) {
        let books = self.books();
        let unbought = books.begun.saturating_sub(books.bought);
        (books.taps, books.bought, unbought)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Posts one message as a signed webhook, again if it is not answered 200.
async fn send(sandbox: &Sandbox, tracker: &Tracker, planned: Planned, scheduled: Instant) {
    let item = [planned.customer.composes(&planned.content)];
    if planned.answered {
        tracker.expect(planned.customer.wa_id(), scheduled);
    }
    for _ in 0..ATTEMPTS {
        if sandbox.deliver(&item).await == Some(200) {
            record(&mut tracker.current().acknowledged, scheduled.elapsed());
            break;
        }
        tracker.current().refused += 1;
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    if planned.repeated {
        sandbox.deliver(&item).await;
    }
}
