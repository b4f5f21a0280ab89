//! A steady load: messages leave on schedule, each from a customer who waits for nothing, so that
//! every message has one reply of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use tokio::task::{JoinHandle, JoinSet};
use warung_testkit::console::say;
use warung_testkit::phone::Phone;

use crate::shop::Shop;

/// Customers. At 50 messages a second each speaks every 12 s, within WhatsApp's pair limit, and
/// ten seconds of silence still leave some who wait for nothing.
const CUSTOMERS: usize = 600;
/// How long a reply is waited for before it counts as lost.
const REPLY_LIMIT: Duration = Duration::from_mins(1);
/// Largest latency that is told apart, in milliseconds.
const LONGEST_MS: u64 = 120_000;
/// What customers write, in turn.
const WORDS: [&str; 5] = ["menu", "produk", "cari kopi", "saldo", "pesanan"];

/// Customers of the shop.
pub(crate) struct Crowd {
    idle: Mutex<VecDeque<Member>>,
}

#[derive(Clone)]
struct Member {
    phone: Arc<Phone>,
    /// Messages written so far.
    sent: u64,
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Messages that the sandbox itself did not take; the tool's fault, not the shop's.
    pub(crate) unsent: u64,
    /// From the scheduled moment to the reply, in milliseconds.
    pub(crate) replies: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Self> {
        Ok(Self {
            sent: 0,
            lost: 0,
            doubled: 0,
            unsent: 0,
            replies: Histogram::new_with_bounds(1, LONGEST_MS, 3)?,
        })
    }

    /// Whether nothing was lost, doubled or left unsent.
    pub(crate) fn is_correct(&self) -> bool {
        self.lost + self.doubled + self.unsent == 0
    }
}

/// A load that goes on until it is ended.
pub(crate) struct Load {
    ending: Arc<AtomicBool>,
    task: JoinHandle<Result<Tally>>,
}

impl Crowd {
    /// Makes the customers known, each with a first word to the shop.
    pub(crate) async fn gather(shop: &Shop) -> Result<Arc<Self>> {
        let mut idle = VecDeque::new();
        for number in 0..CUSTOMERS {
            let phone = shop
                .phone(&format!("62813{number:08}"), "Pelanggan")
                .await?;
            let phone = Arc::new(phone);
            idle.push_back(Member { phone, sent: 0 });
        }
        Ok(Arc::new(Self {
            idle: Mutex::new(idle),
        }))
    }

    /// Begins to send `rate` messages a second.
    pub(crate) fn begin(self: &Arc<Self>, rate: u32) -> Load {
        let ending = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(Arc::clone(self).send(rate, Arc::clone(&ending)));
        Load { ending, task }
    }

    async fn send(self: Arc<Self>, rate: u32, ending: Arc<AtomicBool>) -> Result<Tally> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        let mut talks = JoinSet::new();
        let mut tally = Tally::new()?;
        while !ending.load(Ordering::Relaxed) {
            ticks.tick().await;
            let next = self.next();
            ensure!(
                next.is_some(),
                "all {CUSTOMERS} customers wait for an answer"
            );
            if let Some(member) = next {
                talks.spawn(speak(member));
            }
            while let Some(done) = talks.try_join_next() {
                self.take(&mut tally, done?)?;
            }
        }
        while let Some(done) = talks.join_next().await {
            self.take(&mut tally, done?)?;
        }
        tally.doubled = self.doubled().await?;
        Ok(tally)
    }

    fn next(&self) -> Option<Member> {
        self.idle().pop_front()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Member>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, tally: &mut Tally, (member, outcome): (Member, Spoken)) -> Result<()> {
        match outcome {
            Spoken::Answered(after) => {
                tally.sent += 1;
                let millis = u64::try_from(after.as_millis())?.clamp(1, LONGEST_MS);
                tally.replies.saturating_record(millis);
            }
            Spoken::Lost(reason) => {
                say(&format!("  lost: {reason}"));
                tally.sent += 1;
                tally.lost += 1;
            }
            Spoken::Unsent(reason) => {
                say(&format!("  not sent: {reason}"));
                tally.unsent += 1;
            }
        }
        self.idle().push_back(member);
        Ok(())
    }

    /// Replies beyond one for each message, counted when everybody waits for nothing.
    async fn doubled(&self) -> Result<u64> {
        let mut members: Vec<Member> = self.idle().iter().cloned().collect();
        let mut doubled = 0;
        for member in &mut members {
            let received = member.phone.received().await?;
            doubled += received.saturating_sub(member.sent);
            // Each is counted once.
            member.sent = member.sent.max(received);
        }
        *self.idle() = members.into();
        Ok(doubled)
    }
}

impl Load {
    /// Ends it, waits for what is still to be answered and counts.
    pub(crate) async fn end(self) -> Result<Tally> {
        self.ending.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

enum Spoken {
    Answered(Duration),
    Lost(String),
    Unsent(String),
}

async fn speak(mut member: Member) -> (Member, Spoken) {
    let scheduled = Instant::now();
    let words = WORDS[usize::try_from(member.sent).unwrap_or_default() % WORDS.len()];
    if let Err(error) = member.phone.says(words).await {
        return (member, Spoken::Unsent(format!("{error:#}")));
    }
    member.sent += 1;
    let outcome = match member.phone.next_reply_within(REPLY_LIMIT).await {
        Ok(_) => Spoken::Answered(scheduled.elapsed()),
        Err(error) => Spoken::Lost(format!(
            "no answer to message {} ({words:?}) of a customer after {:.1} s: {error:#}",
            member.sent,
            scheduled.elapsed().as_secs_f64()
        )),
    };
    (member, outcome)
}
