//! The background life of a held lock: filling the third vote, prolonging, freeing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;

use super::claim::{Claim, Tally, Vote, Votes};
use super::{Lock, QUORUM, State};
use crate::cluster::tags::KEYS;

/// Times a lock is prolonged, each at a third of its time to live.
const EXTENSIONS_MAX: u32 = 3;
/// Times a master that gave no vote is asked again, and the wait before each: for ten seconds, or until
/// the lock is prolonged, which begins the count anew.
const FILLS_MAX: u32 = 40;
const FILL_WAIT: Duration = Duration::from_millis(250);

type Stop = oneshot::Receiver<Option<oneshot::Sender<()>>>;

/// Hands out the lock and starts the task that cares for it.
pub(super) fn begin(
    claim: Arc<Claim>,
    resource: String,
    state: Arc<State>,
    tally: Tally,
    votes: Votes,
) -> Lock {
    let cluster = Arc::clone(&claim.cluster);
    let (stop, stopped) = oneshot::channel();
    let care = Care {
        claim,
        state: Arc::clone(&state),
        votes,
        fills: 0,
    };
    cluster.tasks.spawn(care.run(tally, stopped));
    Lock {
        resource,
        state,
        stop: Some(stop),
    }
}

struct Care {
    claim: Arc<Claim>,
    state: Arc<State>,
    votes: Votes,
    fills: u32,
}

impl Care {
    async fn run(mut self, tally: Tally, mut stopped: Stop) {
        for index in tally.missing() {
            self.ask_again(index);
        }
        let third = self.claim.ttl / 3;
        let mut extend_at = Instant::now() + third;
        let mut extensions = 0;
        let told = loop {
            tokio::select! {
                biased;
                told = &mut stopped => break told.ok().flatten(),
                Some((index, vote)) = self.votes.next() => self.note(index, vote),
                () = tokio::time::sleep_until(extend_at.into()), if extensions < EXTENSIONS_MAX => {
                    extensions += 1;
                    extend_at += third;
                    self.extend().await;
                }
            }
        };
        drop(self.votes);
        let granted = u32::try_from(self.state.votes.load(Ordering::Relaxed)).unwrap_or(0);
        self.claim
            .cluster
            .metrics
            .lock_votes
            .observe(f64::from(granted));
        let kept = self.claim.release().await;
        if let Some(told) = told {
            // The one who waits may have gone.
            let _ = told.send(());
        }
        self.claim.release_later(kept).await;
    }

    fn note(&mut self, index: usize, vote: Vote) {
        match vote {
            Vote::Granted => {
                self.state.votes.fetch_add(1, Ordering::Relaxed);
            }
            // Whoever has one key has no lock, and gives it back or lets it expire.
            Vote::Away | Vote::Silent | Vote::Held { .. } => self.ask_again(index),
        }
    }

    /// Prolongs the lock; one whose validity has passed may be another's already and is left alone. A
    /// master that does not answer is asked again, as for its first vote: the lock must not stand on
    /// two from here on.
    async fn extend(&mut self) {
        if self.state.valid_for().is_zero() {
            return;
        }
        let started = Instant::now();
        let extended = self.claim.extend().await;
        let votes = extended.iter().filter(|extended| **extended).count();
        if votes < QUORUM {
            return;
        }
        self.state.votes.store(votes, Ordering::Relaxed);
        self.state.set_valid_until(started + self.claim.validity());
        // Votes still out would be counted twice.
        self.votes = Votes::new();
        self.fills = 0;
        for index in (0..KEYS).filter(|index| !extended[*index]) {
            self.ask_again(index);
        }
    }

    fn ask_again(&mut self, index: usize) {
        if self.fills == FILLS_MAX || without!("fill") {
            return;
        }
        self.fills += 1;
        let claim = Arc::clone(&self.claim);
        let ask = async move {
            tokio::time::sleep(FILL_WAIT).await;
            claim.vote(index).await
        };
        self.votes.push(ask.boxed());
    }
}
