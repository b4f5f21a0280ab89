//! Locks over three masters.
//!
//! A lock is three keys, pinned by hash tags to three masters, held by one random nonce. Two
//! votes of three win; the third is filled in behind the caller's back, because a lock that
//! stands on two of three masters is lost when one of them loses its key. The remaining validity
//! is counted on the monotonic clock of this process.
//!
//! A lock of this kind prevents waste, not errors: a paused process can outlive its lock, and
//! Redis can lose keys in a failover. What makes a purchase correct is the **fence**: a token from
//! one Postgres sequence, drawn after the lock is won and checked in the purchase's own
//! transaction. See [`Coordination::acquire_lock`](crate::Coordination::acquire_lock).

mod claim;
mod hold;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::claim::{Claim, Tally, Verdict};
use crate::Coordination;
use crate::cluster::{Cluster, millis, tags::KEYS};

/// Votes that win.
const QUORUM: usize = 2;
/// Attempts to win before giving up, and the bounds of the random wait between two.
const TRIES_MAX: usize = 3;
const RETRY_WAIT_MS: std::ops::Range<u64> = 25..75;
/// Validity a fresh lock must have left, or half its time to live if that is less.
const WORK_BUDGET: Duration = Duration::from_secs(5);
/// Shortest time to live; a shorter one is raised to it.
const TTL_MIN: Duration = Duration::from_millis(100);
/// What clocks may drift apart in one time to live: a hundredth, and two milliseconds for the
/// precision of expiry.
const DRIFT_DIVISOR: u32 = 100;
const DRIFT_FIXED: Duration = Duration::from_millis(2);

/// Why there is no lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Another holder has it.
    #[error("the lock is held by another")]
    Contended {
        /// When the present holder's claim runs out if nothing prolongs it; it may well be freed
        /// earlier.
        retry_after: Duration,
    },
    /// Too few masters answered. Take the database's advisory lock instead.
    #[error("redis cannot grant locks now")]
    Unavailable,
}

/// A held lock. Dropping it frees it, without waiting.
///
/// It is prolonged in the background, three times at most, so it is held for at most twice its
/// time to live. Check [`Lock::valid_for`] before work whose end cannot be fenced.
#[derive(Debug)]
pub struct Lock {
    resource: String,
    state: Arc<State>,
    stop: Option<oneshot::Sender<Option<oneshot::Sender<()>>>>,
}

impl Lock {
    /// The name under which the fence of this lock is kept: `<subject>:<action>`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// How long the lock is certainly held from now, by this process's monotonic clock; zero once
    /// it may be lost. Keep the `statement_timeout` of fenced work below it.
    pub fn valid_for(&self) -> Duration {
        self.state.valid_for()
    }

    /// How many of the three masters granted it so far.
    pub fn votes(&self) -> usize {
        self.state.votes.load(Ordering::Relaxed)
    }

    /// Frees the lock and waits until the masters were told. Dropping does the same unwatched,
    /// and is what a reply path should do.
    pub async fn release(mut self) {
        let (done, told) = oneshot::channel();
        if let Some(stop) = self.stop.take()
            && stop.send(Some(done)).is_ok()
        {
            // An error means that the holding task is gone, and with it the runtime.
            let _ = told.await;
        }
    }
}

/// What the lock and its background task share.
#[derive(Debug)]
struct State {
    zero: Instant,
    /// Microseconds since `zero`.
    valid_until: AtomicU64,
    votes: AtomicUsize,
}

impl State {
    fn new(valid_until: Instant, votes: usize) -> Self {
        let state = Self {
            zero: Instant::now(),
            valid_until: AtomicU64::new(0),
            votes: AtomicUsize::new(votes),
        };
        state.set_valid_until(valid_until);
        state
    }

    fn set_valid_until(&self, at: Instant) {
        let micros = at.saturating_duration_since(self.zero).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.valid_until.store(micros, Ordering::Relaxed);
    }

    fn valid_for(&self) -> Duration {
        let until = Duration::from_micros(self.valid_until.load(Ordering::Relaxed));
        until.saturating_sub(self.zero.elapsed())
    }
}

impl Coordination {
    /// Takes the lock of one subject and action, such as a customer's purchase, for `ttl`.
    ///
    /// Waits at most for three rounds of votes (50 ms each, by default) with up to 75 ms between
    /// them; a lock that another holder has is refused at once. Keep personal data out of
    /// `subject` if Redis may not see it.
    ///
    /// # Errors
    /// [`LockError::Contended`] when another holds it, [`LockError::Unavailable`] when fewer than
    /// two of its three masters answer: then `pg_try_advisory_xact_lock` takes its place.
    ///
    /// # The fence
    /// The caller draws a token **after** this call returns, and the commit must check it:
    ///
    /// ```no_run
    /// # async fn example(
    /// #     coordination: warung_coordination::Coordination,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use warung_coordination::LockError;
    ///
    /// let ttl = Duration::from_secs(30);
    /// let lock = match coordination.acquire_lock("6281200001", "buy", ttl).await {
    ///     Ok(lock) => Some(lock),
    ///     Err(LockError::Contended { retry_after }) => {
    ///         println!("sedang diproses, coba lagi paling lama {retry_after:?} lagi");
    ///         return Ok(());
    ///     }
    ///     // Correctness does not need Redis: take an advisory lock in the transaction below.
    ///     Err(LockError::Unavailable) => None,
    /// };
    /// let resource = lock.as_ref().map_or("6281200001:buy", |lock| lock.resource());
    /// // 1. SELECT nextval('fence_seq')              -> token; drop it when the connection breaks
    /// // 2. BEGIN; SET LOCAL statement_timeout       -> below lock.valid_for()
    /// // 3. INSERT INTO lock_fence (resource, token) VALUES ($1, $2)
    /// //    ON CONFLICT (resource) DO UPDATE SET token = excluded.token
    /// //    WHERE lock_fence.token <= excluded.token -> no row: a later holder was here, ROLLBACK
    /// // 4. the purchase itself, as further statements; COMMIT
    /// println!("fenced by {resource}");
    /// drop(lock); // freed off the reply path
    /// # Ok(())
    /// # }
    /// ```
    pub async fn acquire_lock(
        &self,
        subject: &str,
        action: &str,
        ttl: Duration,
    ) -> Result<Lock, LockError> {
        let cluster = self.cluster();
        let started = Instant::now();
        let result = acquire(cluster, format!("{subject}:{action}"), ttl.max(TTL_MIN)).await;
        let histogram = match result {
            Ok(_) => &cluster.metrics.lock_acquired,
            Err(LockError::Contended { .. }) => &cluster.metrics.lock_contended,
            Err(LockError::Unavailable) => &cluster.metrics.lock_unavailable,
        };
        histogram.observe(started.elapsed().as_secs_f64());
        result
    }
}

async fn acquire(
    cluster: &Arc<Cluster>,
    resource: String,
    ttl: Duration,
) -> Result<Lock, LockError> {
    let mut held_for = None;
    for attempt in 0..TRIES_MAX {
        if attempt > 0 {
            let wait = rand::random_range(RETRY_WAIT_MS);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        // A nonce of its own, so that freeing the last try cannot free this one.
        let claim = Arc::new(Claim::new(Arc::clone(cluster), &resource, ttl));
        let started = Instant::now();
        let mut votes = claim.call_for_votes();
        let tally = Tally::count(&mut votes).await;
        let verdict = tally.verdict();
        if verdict == Verdict::Won {
            let valid_until = started + claim.validity();
            let state = Arc::new(State::new(valid_until, tally.granted()));
            if state.valid_for() >= WORK_BUDGET.min(ttl / 2) {
                return Ok(hold::begin(claim, resource, state, tally, votes));
            }
        }
        drop(votes);
        claim.give_back(&tally);
        held_for = tally.held_for();
        match verdict {
            Verdict::Held => break,
            Verdict::Away => return Err(LockError::Unavailable),
            Verdict::Won | Verdict::Split => {}
        }
    }
    match held_for {
        Some(retry_after) => Err(LockError::Contended { retry_after }),
        None => Err(LockError::Unavailable),
    }
}
