//! Pacing of sends from one WhatsApp number that a whole fleet shares.
//!
//! Meta limits a number's throughput (80 messages a second by default; error 130429) and each
//! pair of number and recipient (one message in 6 s, with a burst of 45 borrowed from the future;
//! error 131056). Both are leaky buckets in Redis, in one slot, asked in one call per batch. When
//! Redis is away each bot keeps its share of the limits by itself.

mod local;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;

use self::local::LocalBuckets;
use crate::Coordination;
use crate::cluster::slot::slot_of;
use crate::metrics::Command;
use crate::script::Script;

static PACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../lua/now_us.lua"),
        include_str!("../lua/pace_bucket.lua"),
        include_str!("../lua/pace.lua")
    ))
});
static DELAY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../lua/now_us.lua"),
        include_str!("../lua/pace_bucket.lua"),
        include_str!("../lua/pace_delay.lua")
    ))
});

/// Recipients asked for in one call; a larger batch is asked for in several.
const BATCH_MAX: usize = 256;

/// The limits of one number.
///
/// ```
/// use warung_coordination::PaceLimits;
///
/// // A number that shares its throughput with the WhatsApp Business app.
/// let limits = PaceLimits { per_second: 20, ..PaceLimits::default() };
/// assert_eq!(limits.pair_burst, 45);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimits {
    /// Messages of the number in a second; 0 counts as 1.
    pub per_second: u32,
    /// Messages that may leave at once after a pause; 0 counts as 1.
    pub burst: u32,
    /// Time between two messages to one recipient, in the long run.
    pub pair_interval: Duration,
    /// Messages to one recipient that may leave at once; 0 counts as 1.
    pub pair_burst: u32,
}

impl PaceLimits {
    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            per_second: 80,
            burst: 20,
            pair_interval: Duration::from_secs(6),
            pair_burst: 45,
        }
    }
}

/// Whether one message may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendGrant {
    /// Send it now; it is charged.
    Granted,
    /// This recipient has had enough for so long. Nothing is charged; others may go ahead.
    PairDelay(Duration),
    /// The number has sent enough for so long. Nothing is charged; nobody may go ahead.
    NumberDelay(Duration),
}

/// Paces the sends of one number. Cheap to clone; make one per number and keep it, because it
/// also holds the buckets for when Redis is away.
#[derive(Clone)]
pub struct Pace {
    inner: Arc<Inner>,
}

struct Inner {
    coordination: Coordination,
    limits: PaceLimits,
    number_key: String,
    pair_base: String,
    slot: u16,
    fleet_size: AtomicU32,
    local: Mutex<LocalBuckets>,
}

impl Pace {
    /// Asks for one message to each recipient, in order; the answers are in the same order.
    ///
    /// A repeated name is a second message to the same recipient. A call that Redis executed but
    /// whose answer was lost charges for nothing; the buckets fill again by themselves.
    ///
    /// ```no_run
    /// # async fn example(pace: warung_coordination::Pace) {
    /// use warung_coordination::SendGrant;
    ///
    /// let recipients = ["6281200001", "6281200002"];
    /// for (recipient, grant) in recipients.iter().zip(pace.grant(&recipients).await) {
    ///     match grant {
    ///         SendGrant::Granted => println!("send to {recipient}"),
    ///         SendGrant::PairDelay(wait) => println!("{recipient} again in {wait:?}"),
    ///         SendGrant::NumberDelay(wait) => println!("nobody before {wait:?}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn grant(&self, recipients: &[&str]) -> Vec<SendGrant> {
        let mut grants = Vec::with_capacity(recipients.len());
        for batch in recipients.chunks(BATCH_MAX) {
            if let Some(granted) = self.grant_by_redis(batch).await {
                grants.extend(granted);
            } else {
                let local = self.local().grant(batch, self.fleet_size(), Instant::now());
                grants.extend(local);
            }
        }
        grants
    }

    /// Holds back everything to one recipient for a while (Meta, error 131056).
    ///
    /// ```no_run
    /// # async fn example(pace: warung_coordination::Pace) {
    /// // The third refusal in a row: 4^3 s.
    /// pace.penalize_pair("6281200001", std::time::Duration::from_secs(64)).await;
    /// # }
    /// ```
    pub async fn penalize_pair(&self, recipient: &str, delay: Duration) {
        self.local()
            .delay_pair(recipient, delay, self.fleet_size(), Instant::now());
        let inner = &*self.inner;
        let key = format!("{}{recipient}", inner.pair_base);
        let tolerance = tolerance(inner.limits.pair_interval, inner.limits.pair_burst);
        self.delay(&key, delay, tolerance).await;
    }

    /// Holds back everything from the number for a while (Meta, errors 130429 and 131057).
    ///
    /// ```no_run
    /// # async fn example(pace: warung_coordination::Pace) {
    /// pace.pause_number(std::time::Duration::from_secs(30)).await;
    /// # }
    /// ```
    pub async fn pause_number(&self, delay: Duration) {
        self.local()
            .delay_number(delay, self.fleet_size(), Instant::now());
        let inner = &*self.inner;
        let tolerance = tolerance(inner.limits.interval(), inner.limits.burst);
        self.delay(&inner.number_key, delay, tolerance).await;
    }

    /// Tells how many bots share the number, so that each takes its part when Redis is away.
    ///
    /// ```no_run
    /// # fn example(pace: warung_coordination::Pace) {
    /// pace.set_fleet_size(3);
    /// # }
    /// ```
    pub fn set_fleet_size(&self, bots: u32) {
        self.inner.fleet_size.store(bots.max(1), Ordering::Relaxed);
    }

    async fn grant_by_redis(&self, recipients: &[&str]) -> Option<Vec<SendGrant>> {
        let inner = &*self.inner;
        let limits = &inner.limits;
        let response = inner.coordination.cluster().timeouts.response;
        let reply = inner
            .coordination
            .cluster()
            .eval(Command::Pace, inner.slot, &PACE, response, |cmd| {
                cmd.arg(recipients.len() + 1).arg(&inner.number_key);
                let mut key = inner.pair_base.clone();
                for recipient in recipients {
                    key.truncate(inner.pair_base.len());
                    key.push_str(recipient);
                    cmd.arg(&key);
                }
                cmd.arg(micros(limits.interval()))
                    .arg(tolerance(limits.interval(), limits.burst))
                    .arg(micros(limits.pair_interval))
                    .arg(tolerance(limits.pair_interval, limits.pair_burst));
            })
            .await
            .ok()?;
        let Value::Array(fields) = reply else {
            return None;
        };
        let grants: Vec<_> = fields.chunks_exact(2).filter_map(parse_grant).collect();
        (grants.len() == recipients.len()).then_some(grants)
    }

    /// The local buckets know already; Redis is told if it listens.
    async fn delay(&self, key: &str, delay: Duration, tolerance: u64) {
        let inner = &*self.inner;
        let response = inner.coordination.cluster().timeouts.response;
        let told = inner
            .coordination
            .cluster()
            .eval(Command::PaceAdjust, inner.slot, &DELAY, response, |cmd| {
                cmd.arg(1).arg(key).arg(micros(delay)).arg(tolerance);
            })
            .await;
        if told.is_err() {
            tracing::debug!("a delay of sends is known to this bot only");
        }
    }

    fn local(&self) -> MutexGuard<'_, LocalBuckets> {
        self.inner
            .local
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn fleet_size(&self) -> u32 {
        self.inner.fleet_size.load(Ordering::Relaxed)
    }
}

impl Coordination {
    /// The pacing of one number, shared by a fleet of so many bots.
    ///
    /// ```no_run
    /// # fn example(coordination: warung_coordination::Coordination) {
    /// use warung_coordination::PaceLimits;
    ///
    /// let pace = coordination.pace("106540352242922", PaceLimits::default(), 2);
    /// # let _ = pace;
    /// # }
    /// ```
    pub fn pace(&self, number: &str, limits: PaceLimits, fleet_size: u32) -> Pace {
        let base = format!("{0}pace:{{{0}{number}}}:", self.cluster().prefix);
        let inner = Inner {
            slot: slot_of(base.as_bytes()),
            number_key: format!("{base}number"),
            pair_base: format!("{base}pair:"),
            fleet_size: AtomicU32::new(fleet_size.max(1)),
            local: Mutex::new(LocalBuckets::new(limits)),
            coordination: self.clone(),
            limits,
        };
        Pace {
            inner: Arc::new(inner),
        }
    }
}

fn parse_grant(fields: &[Value]) -> Option<SendGrant> {
    let [Value::Int(kind), Value::Int(ms)] = fields else {
        return None;
    };
    let wait = Duration::from_millis(u64::try_from(*ms).ok()?);
    match kind {
        0 => Some(SendGrant::Granted),
        1 => Some(SendGrant::PairDelay(wait)),
        2 => Some(SendGrant::NumberDelay(wait)),
        _ => None,
    }
}

/// How far ahead of its time a bucket may be spent, in µs.
fn tolerance(interval: Duration, burst: u32) -> u64 {
    micros(interval * (burst.max(1) - 1))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
